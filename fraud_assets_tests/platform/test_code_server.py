import os
import random
import sys
from importlib.util import find_spec

import pytest

from fraud_assets.platform import code_server


@pytest.mark.parametrize("name", code_server.PRELOADED)
def test_what_is_imported_ahead_exists(name):
    # The fork server passes over what it cannot import.
    assert find_spec(name) is not None


def test_a_change_of_any_module_of_the_package_is_noticed(tmp_path, monkeypatch):
    assert (code_server.PACKAGE / "definitions.py").exists()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "module.py").touch()
    os.utime(tmp_path / "folder" / "module.py", ns=(5, 5))
    monkeypatch.setattr(code_server, "PACKAGE", tmp_path)
    assert code_server.newest_change() == 5


@pytest.mark.integration
def test_processes_are_forked_until_the_code_changes(monkeypatch):
    starter = code_server.Starter()
    assert starter.context().get_start_method() == "forkserver"
    changed = code_server.newest_change() + 1
    monkeypatch.setattr(code_server, "newest_change", lambda: changed)
    assert starter.context().get_start_method() == "spawn"


@pytest.mark.integration
def test_a_process_that_is_forked_has_imported_all_and_shares_no_random_numbers():
    context = code_server.Starter().context()
    answers = context.Queue()
    for _ in range(2):
        process = context.Process(target=look_around, args=[answers])
        process.start()
        process.join(60)
        assert process.exitcode == 0
    (one, first), (other, second) = answers.get(timeout=10), answers.get(timeout=10)
    assert one == other == []
    assert first != second


def look_around(answers):
    """What is not imported yet, and a random number."""
    missing = [name for name in code_server.PRELOADED if name not in sys.modules]
    answers.put((missing, random.random()))
