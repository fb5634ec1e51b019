import json

import pytest

from fraud_assets.store.decision_lines import MAX_LINE, parse_line
from fraud_assets_tests.registered import decision

TIME = {"time": "2026-01-01T00:00:00+00:00"}
FIGURES = {"a": 1.5e-7, "b": True, "c": None, "d": [1, -2], "e": float("nan"), "f": -0.0}


def written(entry):
    return json.dumps(entry, sort_keys=True).encode() + b"\n"


@pytest.mark.parametrize(
    "entry",
    [
        decision("1", figures={"a": 0.5}, artifacts={"facts.json": "a" * 64}),
        {**decision("1"), "event": "by_hand"},
        {"event": "forgotten", "actor": "anna", "card": "…1111 #3", "rows_removed": {"june": 1}},
        {"event": "expired", "actor": "anna", "batch": "june", "versions_removed": ["1"]},
    ],
)
def test_an_entry_comes_back_as_it_was_written(entry):
    entry = {**entry, **TIME, "previous": "a" * 64}
    if entry["event"] == "by_hand":
        entry = {name: entry[name] for name in entry if name not in NOT_BY_HAND}
    assert parse_line(written(entry)) == (entry, None)


NOT_BY_HAND = {
    *("dagster_run_id", "data_hash", "configuration_hash", "passed", "failed", "figures"),
    "thresholds",
}


def test_an_entry_without_an_event_is_a_decision():
    entry = {**decision("1"), **TIME}
    del entry["event"]
    assert parse_line(written(entry)) == (entry, None)


def test_what_a_later_release_adds_is_left_out():
    entry = {**decision("1"), **TIME}
    assert parse_line(written({**entry, "added": 1})) == (entry, None)


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_that_was_cut_off_anywhere_is_neither_an_entry_nor_a_fault(ending):
    line = written({**decision("1", reason='é😀 \n"', figures=FIGURES), **TIME})
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
    entry, fault = parse_line(written({**decision("1"), **TIME, **other}))
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
    line = written({**decision("1", reason="a" * MAX_LINE), **TIME})
    assert parse_line(line) == (None, "is longer than 4,194,304 bytes")


def test_a_fault_repeats_nothing_of_the_line():
    entry = {**decision("1"), **TIME, "artifacts": {"SECRET": "SECRET"}, "figures": "SECRET"}
    _, fault = parse_line(written(entry))
    assert "SECRET" not in fault
