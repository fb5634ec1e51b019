"""Processes are killed while files land; `make ordeal` repeats it with many seeds."""

import os
import signal

from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.ordeal import count, endure
from fraud_assets_tests.integration.servers import dagster, wait_for


def test_each_file_comes_through_once_and_in_order_whatever_is_killed(tmp_path):
    tally = endure(tmp_path, seed=7, files=4)
    assert tally.is_exact([f"drop{number:02}" for number in range(4)]), tally
    assert sorted(tally.killed) == ["code_server", "daemon", "run"]


def test_after_a_power_cut_the_run_is_found_dead_and_taken_up_again(tmp_path):
    with dagster(tmp_path) as stack:
        cards(0, transactions=1500, fraud_rate=0.1).to_csv(tmp_path / "data/june.csv", index=False)
        locks = tmp_path / "var" / "runs"
        wait_for("the run to begin", lambda: [*locks.glob("*.lock")] if locks.exists() else None)
        (daemon,) = stack.processes()["daemon"]
        os.killpg(os.getpgid(daemon.pid), signal.SIGKILL)
    with dagster(tmp_path) as stack:
        stack.wait_for_outcome(june="done")
        tally = count(stack, [], ["june"])
    assert tally.is_exact(["june"]), tally
    assert tally.runs == 2
