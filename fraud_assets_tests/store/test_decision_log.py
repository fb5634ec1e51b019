import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fraud_assets.records.decisions import (
    DecisionEntry,
    ErasureEntry,
    ExpiryEntry,
    ManualPromotionEntry,
    RefusalEntry,
)
from fraud_assets.store.decision_log import (
    append_entry,
    audit,
    decision_of,
    held_version,
    is_decided,
    is_declined,
    last_decision,
    log_hash,
    present_findings,
    read_entries,
    recorded_artifacts,
    recorded_model_hash,
    recorded_run,
    registry_lock,
)
from fraud_assets_tests.registered import decision


@pytest.fixture
def log(tmp_path):
    return tmp_path / "decisions.jsonl"


TIME = "2026-01-01T00:00:00+00:00"


def by_hand(version, before=None, **more):
    hashes = {"model_hash": decision(version).model_hash, "mlflow_run_id": f"run of {version}"}
    about = {"actor": "anna", "reason": "quieter", "champion_before": before}
    return ManualPromotionEntry(
        time=TIME, batch="june", version=version, outcome="promote", **hashes | about | more
    )


def decide(log, version, outcome="promote", before=None):
    return append_entry(log, decision(version, outcome, before))


def test_entries_are_appended_with_their_time_and_never_changed(log):
    assert read_entries(log) == []
    decide(log, "1")
    before = log.read_text()
    decide(log, "2", "reject", before="1")
    assert log.read_text().startswith(before)
    assert [entry.outcome for entry in read_entries(log)] == ["promote", "reject"]
    assert read_entries(log)[0].time.endswith("+00:00")


def test_only_one_at_a_time_may_decide(log):
    inside, most = [], []

    def enter():
        with registry_lock(log):
            inside.append(1)
            most.append(len(inside))
            decide(log, "1", "reject")
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(read_entries(log)) == 8
    assert audit(log, None, {}).findings == ()


def test_the_decision_of_a_version_is_found_when_one_of_the_runs_made_it():
    entries = [
        decision("1", "reject", dagster_run_id="a"),
        decision("1", "promote", dagster_run_id="b"),
        decision("2", "reject", dagster_run_id="a"),
        by_hand("1"),
    ]
    assert decision_of(entries, "1", {"a", "b"}) == entries[1]
    assert decision_of(entries, "1", {"a"}) == entries[0]
    assert decision_of(entries, "1", set()) is None
    assert decision_of(entries, "3", {"a", "b"}) is None


def test_the_first_record_of_a_version_counts_and_only_in_decisions():
    first = {"model_hash": "a" * 64, "mlflow_run_id": "r"}
    later = {"model_hash": "b" * 64, "mlflow_run_id": "s"}
    entries = [
        ExpiryEntry(time=TIME, actor="anna", batch="june", versions_removed=["1"]),
        decision("1", artifacts={"f": "1" * 64}, **first),
        by_hand("1", artifacts={"f": "2" * 64}, **later),
        decision("1", artifacts={"f": "3" * 64, "g": "4" * 64}, **first),
        decision("2", "reject", mlflow_run_id=None),
    ]
    assert recorded_model_hash(entries, "1") == "a" * 64
    assert recorded_run(entries, "1") == "r"
    assert recorded_artifacts(entries, "r") == {"f": "1" * 64, "g": "4" * 64}
    assert recorded_artifacts(entries, "t") is None
    assert recorded_run(entries, "2") is recorded_model_hash(entries, "3") is None
    assert is_decided(entries, "2")
    assert not is_decided(entries, "3")


@pytest.fixture
def three(log):
    """A log of three decisions: 1 is promoted, 2 is rejected, 3 is promoted."""
    decide(log, "1")
    decide(log, "2", "reject", before="1")
    decide(log, "3", before="1")
    return log


def test_a_log_that_nobody_touched_passes_the_audit(three):
    found = audit(three, "3", {log_hash(three): "run x"})
    assert (found.entries, found.chained, found.findings, found.notes) == (3, 3, (), ())
    assert present_findings(three, "3", {log_hash(three): "run x"}) == []


@given(data=st.data())
def test_any_change_to_a_line_but_the_last_is_found(tmp_path_factory, data):
    log = tmp_path_factory.mktemp("log") / "decisions.jsonl"
    for version in "123":
        decide(log, version, "reject")
    lines = log.read_bytes().splitlines(True)
    place = data.draw(st.integers(0, len(b"".join(lines[:2])) - 1))
    byte = data.draw(st.integers(0, 255))
    content = bytearray(log.read_bytes())
    changed = content[place] != byte
    content[place] = byte
    log.write_bytes(content)
    assert bool(audit(log, None, {}).findings) == changed


@pytest.mark.parametrize("lines", [[1, 2], [0, 2], [0, 0, 1, 2], [1, 0, 2]])
def test_lines_that_were_removed_doubled_or_swapped_are_found(three, lines):
    written = three.read_bytes().splitlines(True)
    three.write_bytes(b"".join(written[line] for line in lines))
    assert any("hash" in finding for finding in audit(three, "3", {}).findings)


def test_a_line_without_a_hash_after_one_with_it_is_found(three):
    with three.open("a") as file:
        file.write(decision("3", "reject", "3").model_dump_json(exclude_unset=True) + "\n")
    assert any("it was inserted" in finding for finding in audit(three, "3", {}).findings)


def test_a_log_that_was_rewritten_whole_is_found_by_what_runs_confirmed(three):
    confirmed = {log_hash(three): "run x of batch 'june'"}
    three.unlink()
    decide(three, "3")
    (finding,) = audit(three, "3", confirmed).findings
    assert finding.startswith("run x of batch 'june' confirmed a decision")
    assert present_findings(three, "3", confirmed) == [finding]
    assert audit(three, "3", {}).findings == ()


def test_what_no_run_has_confirmed_yet_is_named_and_a_later_confirmation_vouches_for_it(three):
    first = {log_hash(three): "run x"}
    append_entry(three, by_hand("1", before="3"))
    card = {"card": "…1111 #3f9a0c2e", "rows_removed": {"june": 1}}
    append_entry(three, ErasureEntry(time=TIME, actor="anna", **card))
    append_entry(three, ExpiryEntry(time=TIME, actor="anna", batch="june", versions_removed=["2"]))
    found = audit(three, "1", first)
    assert found.findings == ()
    assert [note.split(" is ")[0] for note in found.notes] == [
        "line 4 (by_hand)",
        "line 5 (forgotten)",
        "line 6 (expired)",
    ]
    decide(three, "4", "reject", before="1")
    assert audit(three, "1", first | {log_hash(three): "run y"}).notes == ()
    assert len(audit(three, "1", {}).notes) == 7


def test_a_later_line_that_records_something_else_of_a_version_is_found(three):
    ours = {"artifacts": {"facts.json": "a" * 64}}
    for outcome in ("reject", "shadow_only"):
        append_entry(three, decision("4", outcome, "3", **ours))
    assert audit(three, "3", {}).findings == ()
    for other in (
        {"model_hash": "b" * 64},
        {"mlflow_run_id": "another"},
        {"artifacts": {"facts.json": "b" * 64}},
    ):
        append_entry(three, decision("4", "reject", "3", **ours | other))
    assert [finding.split(" than ")[0] for finding in audit(three, "3", {}).findings] == [
        f"line {n} records another run, model file or artifact of version 4" for n in (6, 7, 8)
    ]
    assert len(present_findings(three, "3", {})) == 3


def test_a_line_that_is_no_entry_is_passed_over_and_found(three):
    for line in (
        *(b'{"event": "decision"}\n', b"[" * 100_000 + b"\n", b'"\\ud800"\n', b"\xff\n"),
        b'{"time": ' + b"9" * 10_000 + b"}\n",
    ):
        with three.open("ab") as file:
            file.write(line)
    assert [entry.version for entry in read_entries(three)] == ["1", "2", "3"]
    decide(three, "4", "reject", before="3")
    findings = audit(three, "3", {}).findings
    assert [finding.split(":")[0].split(" is ")[0] for finding in findings] == [
        f"line {n}" for n in (4, 5, 6, 7, 8)
    ]
    assert tuple(present_findings(three, "3", {})) == findings
    assert [entry.version for entry in read_entries(three)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "unreadable", [{"actor": "\ud800"}, {"reason": "a" * (4 << 20)}], ids=["surrogate", "too long"]
)
def test_an_entry_that_could_not_be_read_back_is_not_written(log, unreadable):
    with pytest.raises(ValueError, match="nothing was written to"):
        append_entry(log, decision("1", **unreadable))
    assert not log.exists()


@pytest.mark.parametrize("wrong", [{"version": "one"}, {"model_hash": "a"}, {"outcome": "perhaps"}])
def test_an_entry_that_breaks_the_format_cannot_be_made(wrong):
    with pytest.raises(ValidationError):
        DecisionEntry(**dict(decision("1")) | wrong)


def test_a_line_has_the_keys_of_its_entry_in_order_and_nothing_that_is_unknown(log):
    append_entry(log, by_hand("1"))
    line = log.read_text()
    assert line == json.dumps(json.loads(line), sort_keys=True) + "\n"
    assert set(json.loads(line)) == {
        *("actor", "batch", "champion_before", "event", "mlflow_run_id", "model_hash", "outcome"),
        *("previous", "reason", "time", "version"),
    }
    assert json.loads(line)["champion_before"] is None


def test_an_alias_that_was_set_by_hand_is_found_now_and_after_the_next_decision(three):
    (finding,) = present_findings(three, "2", {})
    assert "names version 2, but the last decision promoted version 3" in finding
    decide(three, "4", before="2")
    (finding,) = present_findings(three, "4", {})
    assert "line 4 met version 2 as champion, but version 3 was promoted last" in finding
    decide(three, "5", "reject", before="4")
    assert present_findings(three, "4", {}) == []
    assert audit(three, "4", {}).findings == (finding,)


def test_a_champion_without_a_log_and_a_log_without_its_champion_are_found(three, tmp_path):
    assert "promoted no version" in present_findings(tmp_path / "none", "1", {})[0]
    assert "names no version" in present_findings(three, None, {})[0]


def test_a_line_that_a_power_loss_cut_off_is_passed_over_and_what_follows_is_whole(three):
    three.write_bytes(three.read_bytes()[:-20])
    assert [entry.version for entry in read_entries(three)] == ["1", "2"]
    decide(three, "4", before="1")
    assert [entry.version for entry in read_entries(three)] == ["1", "2", "4"]
    found = audit(three, "4", {})
    assert found.findings == ()
    assert found.notes[0] == "line 3 was cut off when it was written, and never confirmed"


def test_a_log_of_a_release_without_chain_goes_on_and_its_old_lines_are_protected_from_now_on(log):
    old = decision("1", time=TIME).model_dump(exclude_unset=True)
    for later in ("actor", "mlflow_run_id"):
        del old[later]
    log.write_text(json.dumps(old) + "\n")
    decide(log, "2", before="1")
    found = audit(log, "2", {})
    assert (found.entries, found.chained, found.findings) == (2, 1, ())
    log.write_bytes(log.read_bytes().replace(b'"promote"', b'"reject" ', 1))
    assert audit(log, "2", {}).findings


def declined(version, before=None):
    about = by_hand(version, before).model_dump(exclude={"event", "outcome", "forced"})
    return RefusalEntry(**about, outcome="reject")


def test_the_last_decision_about_a_version_is_that_of_a_run_or_a_person():
    entries = [decision("1"), decision("2", "held", "1"), declined("2", "1")]
    assert last_decision(entries, "1") is entries[0]
    assert last_decision(entries, "2") is entries[2]
    assert last_decision(entries, "3") is None


def test_a_version_is_declined_until_somebody_promotes_it():
    entries = [decision("2", "held"), declined("2")]
    assert not is_declined(entries[:1], "2")
    assert is_declined(entries, "2")
    assert is_declined([*entries, decision("2", "reject")], "2")
    assert not is_declined([*entries, by_hand("2")], "2")


def test_the_held_version_is_the_last_one_until_a_person_decides_or_the_champion_changes():
    champion, first = decision("1"), decision("2", "held", "1")
    assert held_version([champion]) is None
    assert held_version([champion, first]) is first
    between = [champion, first, decision("3", "shadow_only", "1")]
    assert held_version(between) is first
    second = decision("4", "held", "1")
    assert held_version([*between, second]) is second
    assert held_version([champion, first, declined("2", "1")]) is None
    assert held_version([champion, first, by_hand("2", "1")]) is None
    assert held_version([*between, decision("5", "promote", "1")]) is None
