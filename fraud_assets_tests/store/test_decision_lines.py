import json

import pytest

from fraud_assets.records.decisions import DecisionEntry
from fraud_assets.store.decision_lines import MAX_LINE, parse_line
from fraud_assets_tests.registered import decision

TIME = {"time": "2026-01-01T00:00:00+00:00"}
FIGURES = {"a": 1.5e-7, "b": True, "c": None, "d": [1, -2], "e": float("nan"), "f": -0.0}


ENTRY = decision("1", **TIME).model_dump(exclude_unset=True) | {"event": "decision"}


def written(entry):
    return json.dumps(entry, sort_keys=True).encode() + b"\n"


def parsed(entry):
    """Return what comes back of an entry that was written."""
    read, fault = parse_line(written(entry))
    assert fault is None
    return read.model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    "entry",
    [
        {**ENTRY, "figures": {"a": 0.5}, "artifacts": {"facts.json": "a" * 64}},
        {**ENTRY, "event": "by_hand"},
        {**ENTRY, "event": "by_hand", "forced": "version 1 was rejected: why"},
        {**ENTRY, "event": "approved"},
        {**ENTRY, "event": "declined", "outcome": "reject"},
        *({**ENTRY, "outcome": outcome} for outcome in ("held", "proposed")),
        {**ENTRY, "confirms": "7"},
        {"event": "forgotten", "actor": "anna", "card": "…1111 #3", "rows_removed": {"june": 1}},
        {"event": "expired", "actor": "anna", "batch": "june", "versions_removed": ["1"]},
    ],
)
def test_an_entry_comes_back_as_it_was_written(entry):
    entry = {**entry, **TIME, "previous": "a" * 64}
    if entry["event"] in ("by_hand", "approved", "declined"):
        entry = {name: entry[name] for name in entry if name not in NOT_BY_HAND}
    assert parsed(entry) == entry


NOT_BY_HAND = {
    *("dagster_run_id", "data_hash", "configuration_hash", "passed", "failed", "figures"),
    "thresholds",
}


def test_an_entry_without_an_event_is_a_decision():
    entry = {name: value for name, value in ENTRY.items() if name != "event"}
    assert parsed(entry) == entry
    assert isinstance(parse_line(written(entry))[0], DecisionEntry)


def test_what_a_later_release_adds_is_left_out():
    assert parsed({**ENTRY, "added": 1}) == ENTRY


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_that_was_cut_off_anywhere_is_neither_an_entry_nor_a_fault(ending):
    line = written({**ENTRY, "reason": 'é😀 \n"', "figures": FIGURES})
    for end in range(len(line) - 1):
        assert parse_line(line[:end] + ending) == (None, None), line[:end]


@pytest.mark.parametrize(
    "other",
    [
        *({"time": "2026-01-01T00:00:00"}, {"time": "yesterday"}, {"time": 1}, {"version": 1}),
        *({"version": "0"}, {"version": "1\n"}, {"version": None}, {"champion_before": "none"}),
        *({"outcome": "Promote"}, {"model_hash": "A" * 64}, {"artifacts": {"a": "b"}}),
        *({"artifacts": []}, {"figures": []}, {"event": None}, {"event": {}}, {"event": "other"}),
        *({"previous": ""}, {"previous": 1}, {"dagster_run_id": None}),
    ],
)
def test_a_value_of_another_type_or_form_is_a_fault(other):
    entry, fault = parse_line(written({**ENTRY, **other}))
    assert entry is None
    assert fault.startswith("is no entry (")


@pytest.mark.parametrize(
    "line",
    [
        *(b"null", b"[]", b"1", b"{}", b"\x00", b"\xff", b'"\\ud800"', b'{"time": tru}'),
        *(b"[" * 1_000_000, b'{"a":' * 100_000, b"9" * 1_000_000, b"{}{}"),
    ],
)
def test_what_is_no_object_or_no_json_is_a_fault_and_stops_nothing(line):
    entry, fault = parse_line(line)
    assert entry is None
    assert fault.startswith("is no entry (")


def test_a_line_that_is_too_long_is_not_parsed():
    line = written({**ENTRY, "reason": "a" * MAX_LINE})
    assert parse_line(line) == (None, "is longer than 4,194,304 bytes")


def test_a_fault_repeats_nothing_of_the_line():
    entry = {**ENTRY, "artifacts": {"SECRET": "SECRET"}, "figures": "SECRET"}
    _, fault = parse_line(written(entry))
    assert "SECRET" not in fault
