from dataclasses import replace

from fraud_assets.intake.landing.ledger import EXPIRED, Entry, Outcome, open_ledger

ENTRY = Entry("june.csv", "june", 8, 100, 5, "hash", Outcome.waiting, "why", "june:hash:1")


def test_entries_come_back_as_they_were_put_also_after_opening_again(ledger, tmp_path):
    ledger.put([ENTRY])
    with open_ledger(tmp_path / "files.sqlite") as again:
        assert again.entries() == {"june.csv": ENTRY}
    assert ENTRY.state == (8, 100, 5)


def test_an_entry_takes_the_place_of_the_one_of_the_same_name(ledger):
    ledger.put([ENTRY])
    done = replace(ENTRY, outcome=Outcome.done)
    ledger.put([done])
    assert ledger.entries() == {"june.csv": done}


def test_entries_of_an_outcome_come_oldest_first_and_ties_by_name(ledger):
    for name, modified in (("c", 100), ("a", 200), ("b", 200), ("d", 50)):
        ledger.put([replace(ENTRY, name=name, modified_ns=modified)])
    ledger.put([replace(ENTRY, name="e", outcome=Outcome.done)])
    assert [entry.name for entry in ledger.with_outcome(Outcome.waiting)] == ["d", "c", "a", "b"]


def test_entries_are_found_by_content_and_can_be_forgotten(ledger):
    ledger.put([ENTRY, replace(ENTRY, name="july.csv", content_hash="other")])
    assert ledger.with_content("hash") == [ENTRY]
    ledger.forget(["june.csv"])
    assert list(ledger.entries()) == ["july.csv"]


def test_of_a_batch_that_expired_the_files_that_are_there_stay_known_and_are_not_run_again(ledger):
    running = replace(ENTRY, outcome=Outcome.running)
    other = replace(ENTRY, name="july.csv", batch="july")
    ledger.put([running, replace(ENTRY, name="june.csv.gz"), other])
    assert ledger.expire("june", {"june.csv"}) == ["june.csv"]
    kept = replace(ENTRY, outcome=Outcome.done, detail=EXPIRED, run_key="")
    assert ledger.entries() == {"june.csv": kept, "july.csv": other}
    assert ledger.expire("june", set()) == []
    assert ledger.entries() == {"july.csv": other}


def test_a_content_belongs_to_the_batch_that_took_it_and_not_to_duplicates(ledger):
    duplicate = replace(ENTRY, name="copy.csv", batch="copy", outcome=Outcome.duplicate)
    ledger.put([ENTRY, duplicate])
    assert ledger.owner_of("hash", "copy") == ENTRY
    assert ledger.owner_of("hash", "june") is None
    assert ledger.owner_of("other", "copy") is None
