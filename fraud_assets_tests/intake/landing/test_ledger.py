import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.intake.landing.ledger import EXPIRED, FileState, LedgerEntry, open_ledger

ENTRY = LedgerEntry(
    "june.csv", "june", 8, 100, 5, "hash", FileState.waiting, "why", "june:hash:1", 7.25
)


def test_entries_come_back_as_they_were_put_also_after_opening_again(ledger, tmp_path):
    ledger.put([ENTRY])
    with open_ledger(tmp_path / "files.sqlite") as again:
        assert again.entries() == {"june.csv": ENTRY}
    assert ENTRY.stat == (8, 100, 5)


def test_an_entry_takes_the_place_of_the_one_of_the_same_name(ledger):
    ledger.put([ENTRY])
    done = replace(ENTRY, state=FileState.done)
    ledger.put([done])
    assert ledger.entries() == {"june.csv": done}


def test_entries_of_an_outcome_come_oldest_first_and_ties_by_name(ledger):
    for name, modified in (("c", 100), ("a", 200), ("b", 200), ("d", 50)):
        ledger.put([replace(ENTRY, name=name, modified_ns=modified)])
    ledger.put([replace(ENTRY, name="e", state=FileState.done)])
    assert [entry.name for entry in ledger.in_state(FileState.waiting)] == ["d", "c", "a", "b"]


def test_entries_are_found_by_content_and_can_be_forgotten(ledger):
    ledger.put([ENTRY, replace(ENTRY, name="july.csv", content_hash="other")])
    assert ledger.with_content("hash") == [ENTRY]
    ledger.delete(["june.csv"])
    assert list(ledger.entries()) == ["july.csv"]


def test_of_a_batch_that_expired_the_files_that_are_there_stay_known_and_are_not_run_again(ledger):
    running = replace(ENTRY, state=FileState.running)
    other = replace(ENTRY, name="july.csv", batch="july")
    ledger.put([running, replace(ENTRY, name="june.csv.gz"), other])
    assert ledger.expire("june", {"june.csv"}) == ["june.csv"]
    kept = replace(ENTRY, state=FileState.done, detail=EXPIRED, run_key="")
    assert ledger.entries() == {"june.csv": kept, "july.csv": other}
    assert ledger.expire("june", set()) == []
    assert ledger.entries() == {"july.csv": other}


def test_a_content_belongs_to_the_batch_that_took_it_and_not_to_duplicates(ledger):
    duplicate = replace(ENTRY, name="copy.csv", batch="copy", state=FileState.duplicate)
    ledger.put([ENTRY, duplicate])
    assert ledger.owner_of("hash", "copy") == ENTRY
    assert ledger.owner_of("hash", "june") is None
    assert ledger.owner_of("other", "copy") is None


OLDER_TABLE = """
CREATE TABLE files (
    name TEXT PRIMARY KEY, batch TEXT NOT NULL, size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, inode INTEGER NOT NULL, content_hash TEXT NOT NULL,
    outcome TEXT NOT NULL, detail TEXT NOT NULL, run_key TEXT NOT NULL
);
INSERT INTO files VALUES ('june.csv', 'june', 8, 100, 5, 'hash', 'waiting', 'why', 'june:hash:1');
"""


def test_a_ledger_of_an_older_release_opens_and_its_runs_were_requested_long_ago(tmp_path):
    path = tmp_path / "older.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLDER_TABLE)
    for _ in range(2):
        with open_ledger(path) as ledger:
            assert ledger.entries() == {"june.csv": replace(ENTRY, requested_at=0.0)}
    with open_ledger(path) as ledger:
        ledger.put([ENTRY])
        assert ledger.entries() == {"june.csv": ENTRY}


def test_an_older_release_can_still_write_to_the_ledger(ledger, tmp_path):
    with closing(sqlite3.connect(tmp_path / "files.sqlite")) as connection, connection:
        connection.execute(
            "INSERT OR REPLACE INTO files (name, batch, size, modified_ns, inode, content_hash, "
            "outcome, detail, run_key) VALUES ('june.csv', 'june', 8, 100, 5, 'hash', 'waiting', "
            "'why', 'june:hash:1')"
        )
    assert ledger.entries() == {"june.csv": replace(ENTRY, requested_at=0.0)}


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (None, ENTRY),
        (ENTRY, replace(ENTRY, state=FileState.running, requested_at=8.5)),
        (ENTRY, replace(ENTRY, requested_at=8.5)),
        (ENTRY, None),
    ],
)
def test_of_two_processes_that_read_the_same_entry_one_replaces_it(
    ledger, tmp_path, before, change
):
    ledger.put([before] if before else [])
    with open_ledger(tmp_path / "files.sqlite") as other:
        assert other.entries() == ledger.entries()
        assert other.replace_unchanged(before, change)
        assert not ledger.replace_unchanged(before, replace(ENTRY, detail="too late"))
        assert ledger.entries() == other.entries() == ({"june.csv": change} if change else {})


ENTRIES = st.none() | st.builds(
    LedgerEntry,
    name=st.just("june.csv"),
    batch=st.sampled_from(["june", "juin"]),
    size=st.integers(0, 1),
    modified_ns=st.integers(0, 1),
    inode=st.integers(0, 1),
    content_hash=st.sampled_from(["", "hash"]),
    state=st.sampled_from(FileState),
    requested_at=st.floats(0, 4e9),
)


@given(current=ENTRIES, before=ENTRIES, after=ENTRIES)
def test_an_entry_is_replaced_if_and_only_if_it_is_the_one_that_was_read(current, before, after):
    with open_ledger(":memory:") as ledger:
        ledger.put([current] if current else [])
        replaced = ledger.replace_unchanged(before, after)
        assert replaced == (current == before and (before, after) != (None, None))
        expected = after if replaced else current
        assert ledger.entries() == ({"june.csv": expected} if expected else {})
