import pytest

from fraud_assets.platform import daemon
from fraud_assets.platform.dagster_private import daemon_run


def test_dagsters_own_command_runs_with_shorter_pauses(monkeypatch):
    _, sensors = daemon_run()
    monkeypatch.setattr(sensors, "MIN_INTERVAL_LOOP_TIME", 5)
    with pytest.raises(SystemExit) as ended:
        daemon.run_daemon(["--help"])
    assert ended.value.code == 0
    assert sensors.MIN_INTERVAL_LOOP_TIME == 2
