"""In CI, a test that is left out fails, unless it stands here why it may be.

`FRAUD_REQUIRE_SERVERS=1` says that this is CI: a server that is not installed would otherwise take
its tests along without anybody noticing.
"""

import os
from collections.abc import Generator, Mapping

import pytest

CANNOT_RUN = {
    "a small tmpfs cannot be mounted here": "mounting takes a right that most containers lack",
    "services are plain processes here": "so do namespaces and other users",
    "not protected here": "so does a file that can only be appended to; not every disk has them",
    "takes minutes": "`make faults` runs them, with the faults that CI has",
}
"""How reasons begin for which CI may leave a test out, and why it cannot do otherwise."""


def may_be_left_out(reason: str, environment: Mapping[str, str]) -> bool:
    """Whether a test may be left out for a reason, here.

    Parameters
    ----------
    reason : str
    environment : mapping of str to str
    """
    if environment.get("FRAUD_REQUIRE_SERVERS") != "1":
        return True
    return reason.removeprefix("Skipped: ").startswith(tuple(CANNOT_RUN))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what may not be left out into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not may_be_left_out(reason, os.environ):
            report.outcome = "failed"
            report.longrepr = f"left out, and FRAUD_REQUIRE_SERVERS is 1: {reason}"
    return report
