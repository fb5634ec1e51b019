import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import LOST_RUN_SECONDS
from fraud_assets.intake.landing.drop_folder import list_files
from fraud_assets.intake.landing.ledger import FileState, LedgerEntry
from fraud_assets.intake.landing.planner import (
    FilePlan,
    RecordedRun,
    RunState,
    new_run_key,
    plan_running,
    plan_waiting,
    scan,
)
from fraud_assets_tests.intake.conftest import put

A, B = "a" * 64, "b" * 64


@pytest.fixture
def see(folder, ledger):
    """Looks once; returns what is new as name to outcome."""

    def look_once(limit=50, during_the_wait=lambda _: None):
        scanned = scan(folder, ledger, 1.0, limit, during_the_wait)
        return {entry.name: entry.state.value for entry in scanned.entries}

    return look_once


def settle_as(ledger, state, **changes):
    ledger.put([replace(e, state=state, **changes) for e in ledger.entries().values()])


def test_a_new_file_waits_for_its_turn_and_is_news_once(folder, see):
    put(folder, "a.csv")
    assert see() == {"a.csv": "waiting"}
    assert see() == {}


def test_an_old_date_makes_no_difference(folder, see):
    put(folder, "new.csv", "n", modified=2_000_000_000)
    see()
    put(folder, "old.csv", "o", modified=1)
    assert see() == {"old.csv": "waiting"}


def test_what_is_beyond_the_limit_is_noticed_the_next_time_oldest_first(folder, see):
    for number in range(5):
        put(folder, f"{number}.csv", str(number), modified=100 - number)
    assert list(see(limit=3)) == ["4.csv", "3.csv", "2.csv"]
    assert list(see(limit=3)) == ["1.csv", "0.csv"]


def test_a_file_that_grows_or_is_held_open_is_left_until_it_holds_still(folder, ledger, see):
    path = put(folder, "a.csv")
    assert see(during_the_wait=lambda _: path.write_text("longer than before")) == {}
    with path.open("a"):
        assert scan(folder, ledger, 0, 50).unsettled == ["a.csv"]
    assert see() == {"a.csv": "waiting"}


def test_a_file_that_vanishes_while_watched_is_left(folder, see):
    path = put(folder, "a.csv")
    assert see(during_the_wait=lambda _: path.unlink()) == {}


def test_the_same_content_under_another_name_is_a_duplicate(folder, ledger, see):
    put(folder, "a.csv")
    see()
    put(folder, "b.csv")
    assert see() == {"b.csv": "duplicate"}
    detail = ledger.entries()["b.csv"].detail
    assert detail == "b.csv has the same content as batch 'a' (a.csv)"


def test_a_file_that_was_moved_is_a_duplicate_of_the_batch_it_was(folder, ledger, see):
    put(folder, "a.csv")
    see()
    settle_as(ledger, FileState.done)
    (folder / "a.csv").rename(folder / "b.csv")
    assert see() == {"b.csv": "duplicate"}
    assert ledger.entries()["a.csv"].state is FileState.done


def test_content_that_failed_may_come_under_another_name(folder, ledger, see):
    put(folder, "a.csv")
    see()
    settle_as(ledger, FileState.failed)
    put(folder, "b.csv")
    assert see() == {"b.csv": "waiting"}


def test_two_names_that_mean_one_batch_are_told_until_one_is_gone(folder, ledger, see):
    put(folder, "june.csv", "1", modified=100)
    put(folder, "june.csv.gz", "2", modified=200)
    assert see() == {"june.csv": "waiting", "june.csv.gz": "refused"}
    assert ledger.entries()["june.csv.gz"].detail == (
        "june.csv.gz would become batch 'june', which june.csv already is; "
        "rename one of the two files"
    )
    assert see() == {}
    ledger.put([replace(ledger.entries()["june.csv"], state=FileState.done)])
    (folder / "june.csv").unlink()
    assert see() == {"june.csv.gz": "waiting"}


def test_accents_that_look_alike_are_one_name(folder, see):
    put(folder, "é.csv", "1", modified=100)
    put(folder, "e\u0301.csv", "2", modified=200)
    assert list(see().values()) == ["waiting", "refused"]


def test_a_refused_file_is_told_once_and_taken_when_its_trouble_is_over(
    folder, ledger, see, monkeypatch
):
    put(folder, "a.csv")
    put(folder, "b.csv", "other")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, _: not path.endswith("a.csv"))
        assert see() == {"b.csv": "waiting", "a.csv": "refused"}
        assert see() == {}
    assert see() == {"a.csv": "waiting"}


def test_a_file_that_cannot_be_read_in_the_end_is_refused_and_tried_again(folder, see, monkeypatch):
    put(folder, "a.csv")
    with monkeypatch.context() as patch:

        def fail(path):
            raise OSError(5, "Input/output error")

        patch.setattr("fraud_assets.intake.landing.planner.sha256", fail)
        assert see() == {"a.csv": "refused"}
        assert see() == {}
    assert see() == {"a.csv": "waiting"}


def test_refused_and_waiting_files_that_are_gone_are_forgotten_others_are_remembered(
    folder, ledger, see
):
    (folder / "folder.csv").mkdir()
    put(folder, "a.csv", "1")
    see()
    put(folder, "b.csv", "2")
    settle_as(ledger, FileState.done)
    see()
    for path in (folder / "a.csv", folder / "b.csv"):
        path.unlink()
    (folder / "folder.csv").rmdir()
    ledger.put([replace(e, state=FileState.refused) for e in ledger.entries().values()
                if e.name == "folder.csv"])  # fmt: skip
    see()
    assert list(ledger.entries()) == ["a.csv"]


def test_a_file_that_reappears_as_it_was_is_no_news_when_it_was_done(folder, ledger, see):
    path = put(folder, "a.csv")
    see()
    settle_as(ledger, FileState.done, run_key="a:1")
    path.unlink()
    see()
    put(folder, "a.csv", modified=123)
    see()
    assert ledger.entries()["a.csv"].state is FileState.done
    assert ledger.entries()["a.csv"].modified_ns == 123_000_000_000


def test_a_failed_file_that_is_dropped_again_waits_with_the_key_of_the_run_that_failed(
    folder, ledger, see
):
    put(folder, "a.csv", modified=1)
    see()
    settle_as(ledger, FileState.failed, run_key="a:1")
    put(folder, "a.csv", modified=2)
    assert see() == {"a.csv": "waiting"}
    assert ledger.entries()["a.csv"].run_key == "a:1"


def test_what_another_process_has_entered_meanwhile_is_left_as_it_is(folder, ledger, see):
    put(folder, "a.csv")
    put(folder, "b.csv", "2")
    (folder / "folder.csv").mkdir()

    def other_process(_):
        see(limit=1)
        settle_as(ledger, FileState.running, run_key="k", requested_at=7.0)

    assert see(during_the_wait=other_process) == {"b.csv": "waiting"}
    found = ledger.entries()
    assert (found["a.csv"].state, found["a.csv"].requested_at) == (FileState.running, 7.0)
    assert found["folder.csv"].state is FileState.running


def test_a_waiting_file_that_is_gone_is_remembered_when_its_run_was_requested_meanwhile(
    folder, ledger, see, monkeypatch
):
    path = put(folder, "a.csv")
    see()
    path.unlink()

    def list_after_the_request(folder):
        settle_as(ledger, FileState.running)
        return list_files(folder)

    monkeypatch.setattr("fraud_assets.intake.landing.planner.list_files", list_after_the_request)
    assert scan(folder, ledger, 0, 50).gone == []
    assert ledger.entries()["a.csv"].state is FileState.running


def test_names_that_no_text_can_hold_are_printable_in_the_ledger(folder, ledger, see):
    put(folder, os.fsdecode(b"caf\xe9.csv"))
    assert see() == {"caf\\xe9.csv": "refused"}
    assert see() == {}
    assert len(list_files(folder)) == len(ledger.entries()) == 1


# --- what to do -------------------------------------------------------------------------


def entry(content=A, state=FileState.waiting, run_key="", requested_at=0.0):
    return LedgerEntry("j.csv", "j", 1, 1, 1, content, state, "", run_key, requested_at)


def past(content=A, state=RunState.succeeded, attempt=1, retry=False):
    return RecordedRun(content, state, f"j:{content[:16]}:{attempt}", f"run-{attempt}", retry)


def test_a_content_that_was_never_run_is_asked_for():
    plan = plan_waiting(entry(), [])
    assert plan == FilePlan(FileState.running, f"j:{A[:16]}:1", request=True)


def test_content_a_then_b_then_a_again_runs_three_times():
    runs = []
    for content in (A, B, A):
        plan = plan_waiting(entry(content), runs)
        assert plan.request
        runs.insert(0, RecordedRun(content, RunState.succeeded, plan.run_key, "r"))
    assert len({run.run_key for run in runs}) == 3


@pytest.mark.parametrize(
    ("state", "file_state"),
    [
        (RunState.succeeded, FileState.done),
        (RunState.active, FileState.running),
        (RunState.failed, FileState.failed),
    ],
)
def test_a_content_that_was_run_last_takes_the_state_of_that_run(state, file_state):
    plan = FilePlan(file_state, f"j:{A[:16]}:1", "run-1")
    assert plan_waiting(entry(), [past(state=state), past(B)]) == plan
    assert plan_waiting(entry(), [past(state=state)]) == plan


def test_a_run_that_was_created_and_never_launched_is_requested_by_its_own_key():
    plan = plan_waiting(entry(), [past(state=RunState.created)])
    assert plan == FilePlan(FileState.running, f"j:{A[:16]}:1", "run-1", request=True)


def test_a_failed_content_that_was_dropped_again_is_another_attempt():
    failed = past(state=RunState.failed)
    plan = plan_waiting(entry(run_key=failed.run_key), [failed])
    assert plan == FilePlan(FileState.running, f"j:{A[:16]}:2", request=True)


def test_retries_by_dagster_are_no_attempts_of_their_own():
    runs = [past(attempt=1, retry=True), past(attempt=1, state=RunState.failed)]
    assert new_run_key("j", A, runs) == f"j:{A[:16]}:2"


def test_the_run_of_a_file_is_followed_through_its_retries():
    running = entry(state=FileState.running, run_key=f"j:{A[:16]}:1")
    dead = past(state=RunState.failed)
    assert plan_running(running, [past(retry=True), dead], 9.0).state is FileState.done
    assert plan_running(running, [dead], 9.0).state is FileState.failed
    assert plan_running(running, [past(B), dead], 9.0).state is FileState.failed


SECONDS = st.floats(0, 4e9)
NOT_LAUNCHED = st.sampled_from([[], [past(B)], [past(state=RunState.created)]])


@given(requested_at=SECONDS, now=SECONDS, runs=NOT_LAUNCHED)
def test_a_run_that_is_not_launched_is_requested_again_only_when_the_request_is_old(
    requested_at, now, runs
):
    running = entry(A, FileState.running, f"j:{A[:16]}:1", requested_at)
    plan = plan_running(running, runs, now)
    assert (plan.state, plan.run_key) == (FileState.running, running.run_key)
    assert plan.request == (abs(now - requested_at) >= LOST_RUN_SECONDS)


@pytest.mark.parametrize(
    ("age", "request_again"),
    [(0, False), (LOST_RUN_SECONDS - 1, False), (LOST_RUN_SECONDS, True), (-5, False), (-90, True)],
)
def test_a_request_is_old_after_a_minute_and_one_of_a_clock_that_was_ahead_too(age, request_again):
    running = entry(A, FileState.running, "k", requested_at=1000.0)
    assert plan_running(running, [], 1000.0 + age).request is request_again


@given(requested_at=SECONDS, now=SECONDS, state=st.sampled_from(["active", "succeeded", "failed"]))
def test_a_run_that_was_launched_is_never_requested_again(requested_at, now, state):
    running = entry(A, FileState.running, f"j:{A[:16]}:1", requested_at)
    assert not plan_running(running, [past(state=RunState(state))], now).request


def test_a_run_that_died_for_good_is_followed_by_another_attempt():
    died = past(state=RunState.died)
    for plan in (
        plan_waiting(entry(), [died]),
        plan_running(entry(state=FileState.running, run_key=died.run_key), [died], 0.0),
    ):
        assert plan == FilePlan(FileState.running, f"j:{A[:16]}:2", request=True)


def test_a_content_whose_runs_die_again_and_again_is_given_up():
    runs = [past(state=RunState.died, attempt=n) for n in (3, 2, 1)]
    runs.insert(1, past(state=RunState.died, attempt=2, retry=True))
    assert plan_waiting(entry(), runs).state is FileState.failed
    assert plan_waiting(entry(), runs[1:]).run_key.endswith(":3")
