import subprocess
import sys

import pytest

HOLD = (
    "from fraud_assets.platform.run_lock import hold; "
    "hold('r1'); print('held', flush=True); input()"
)


@pytest.fixture
def holder(home):
    """Another process that holds the lock of run r1."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
