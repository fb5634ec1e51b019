"""Processes are killed while files land; `make ordeal` repeats it with many seeds."""

from fraud_assets_tests.integration.ordeal import endure


def test_each_file_comes_through_once_and_in_order_whatever_is_killed(tmp_path):
    tally = endure(tmp_path, seed=7, files=3)
    assert tally.is_exact([f"drop{number:02}" for number in range(3)]), tally
    assert sorted(tally.killed) == ["code_server", "daemon", "run"]
