import sys
import threading
from pathlib import Path

from fraud_assets.warm_up import warm_up


def threads_of_any_kind():
    """Threads of Python and of libraries: none of them survives a fork."""
    return len(list(Path("/proc/self/task").iterdir())), threading.active_count()


def test_what_a_first_run_needs_is_loaded_and_no_thread_is_left_that_a_fork_would_lose():
    warm_up()  # the libraries start theirs when they are imported
    before = threads_of_any_kind()
    warm_up()
    assert threads_of_any_kind() == before
    assert {"mlflow.pyfunc", "matplotlib.figure", "skops.io"} <= set(sys.modules)
