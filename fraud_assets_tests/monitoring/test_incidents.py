import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.monitoring.incidents import (
    KEPT_RUNS,
    AlertState,
    CheckEvent,
    RunEvent,
    messages_for,
    standing_messages,
)


def check(event, result, batch="june", blocking=False, run_id="r1", name="drift_score"):
    text = f"{result} of {batch}"
    return CheckEvent(event, "drift_report", name, batch, run_id, result, blocking, text)


def run(run_id, failed=True, **more):
    return RunEvent(run_id, "fraud_pipeline", "june", failed, **more)


def reported(state, checks=(), runs=()):
    messages, after = messages_for(state, checks, runs)
    return [(m.level, m.title) for m in messages], after


def test_a_failing_check_is_reported_once_and_its_recovery_once():
    first, state = reported(AlertState(), [check(1, "ERROR")])
    assert first == [("failure", "drift_score of drift_report fails")]
    between, state = reported(state, [check(2, "ERROR", "july"), check(3, "ERROR", "august")])
    assert between == []
    over, state = reported(state, [check(4, "passed", "september")])
    assert over == [("success", "drift_score of drift_report passes again")]
    assert reported(state, [check(5, "passed")])[0] == []


def test_a_message_holds_the_batch_and_the_figures():
    (message,), _ = messages_for(AlertState(), [check(1, "ERROR")], [])
    assert message.body == "batch june: ERROR of june"


def test_a_warning_that_becomes_critical_is_reported_again_and_not_the_way_back():
    found, _ = reported(AlertState(), [check(1, "WARN"), check(2, "ERROR"), check(3, "WARN")])
    assert found == [
        ("warning", "drift_score of drift_report warns"),
        ("failure", "drift_score of drift_report fails"),
    ]


def test_a_blocking_check_also_fails_its_run_and_is_one_message():
    found, _ = reported(AlertState(), [check(1, "ERROR", blocking=True)], [run("r1")])
    assert found == [("failure", "drift_score of drift_report fails")]
    later, state = reported(AlertState(), [check(1, "ERROR", blocking=True)])
    assert len(later) == 1
    assert reported(state, [], [run("r1")])[0] == []


def test_a_check_that_crashes_has_no_evaluation_and_its_run_is_reported():
    found, state = reported(AlertState(), [check(1, "ERROR")], [run("r1")])
    assert ("failure", "A run of fraud_pipeline failed") in found
    assert reported(state, [], [run("r2")])[0] == []
    assert reported(state, [], [run("r3", failed=False)])[0] == [
        ("success", "fraud_pipeline succeeds again")
    ]


def test_a_run_that_dagster_retries_is_not_reported():
    assert reported(AlertState(), [], [run("r1", will_retry=True)])[0] == []


def test_a_run_is_reported_once_though_it_is_read_twice():
    _, state = reported(AlertState(), [], [run("r1"), run("r2", failed=False)])
    assert reported(state, [], [run("r1"), run("r2", failed=False)])[0] == []


def test_the_state_survives_its_json_and_stays_small():
    events = [check(n, "ERROR", blocking=True, run_id=f"r{n}") for n in range(3 * KEPT_RUNS)]
    _, state = messages_for(AlertState(), events, [run(f"r{n}") for n in range(3 * KEPT_RUNS)])
    assert AlertState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
    assert len(state.runs) == len(state.blocked) == KEPT_RUNS


@given(st.lists(st.sampled_from(["passed", "WARN", "ERROR"]), max_size=30), st.integers(0, 30))
def test_where_the_log_is_cut_between_two_ticks_changes_no_message(results, cut):
    events = [check(n, result) for n, result in enumerate(results, start=1)]
    whole, _ = messages_for(AlertState(), events, [])
    first, state = messages_for(AlertState(), events[:cut], [])
    second, _ = messages_for(state, events[cut:], [])
    assert whole == first + second


@given(st.lists(st.sampled_from(["passed", "WARN", "ERROR"]), max_size=30))
def test_every_recovery_follows_a_failure_and_none_follows_a_recovery(results):
    messages, _ = messages_for(
        AlertState(), [check(n, r) for n, r in enumerate(results, start=1)], []
    )
    levels = [m.level == "success" for m in messages]
    assert not levels[:1] or not levels[0]
    assert not any(a and b for a, b in pairwise(levels))


@given(st.lists(st.sampled_from(["passed", "WARN", "ERROR"]), max_size=30))
def test_what_stands_is_announced_with_the_key_it_was_or_would_have_been_sent_with(results):
    events = [check(n, result) for n, result in enumerate(results, start=1)]
    messages, state = messages_for(AlertState(), events, [])
    standing = standing_messages(messages, state)
    assert len(standing) == (bool(results) and results[-1] != "passed")
    assert {m.key for m in standing} <= {m.key for m in messages}
    again, later = messages_for(AlertState(), [*events, check(99, (results or ["WARN"])[-1])], [])
    if results and results[-1] != "passed":
        assert standing_messages(again, later) == standing
