"""Dagster's daemon, which looks for due sensors every two seconds instead of five.

A dropped file waits for the sensor twice: until it is noticed, and until its outcome is. How often
each sensor runs is still its own `minimum_interval_seconds`.
"""

from collections.abc import Sequence

from fraud_assets.platform.dagster_private import daemon_run

SECONDS_BETWEEN_LOOPS = 2
"""Each look costs the daemon and the databases some 50 ms of processor time."""


def run_daemon(arguments: Sequence[str]) -> None:
    """Run Dagster's daemon until it is stopped.

    Parameters
    ----------
    arguments : sequence of str
        Command-line arguments of `dagster-daemon run`.

    See Also
    --------
    fraud_assets.platform.code_server.run_code_server : starts the runs that the daemon launches.
    """
    command, sensors = daemon_run()
    # The loop reads the constant each time; a test covers that.
    sensors.MIN_INTERVAL_LOOP_TIME = SECONDS_BETWEEN_LOOPS  # type: ignore[attr-defined]
    command(list(arguments))
