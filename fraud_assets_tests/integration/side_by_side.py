"""Which tests run in one process, and which begin first: `pytest -p` with this module's name.

`--dist loadgroup` would be for that; pytest-xdist 3.8 finds no group of a test with pytest 9.2.
"""

from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "test_compose": "full_stack",
    "test_faults": "full_stack",
    "test_graph": "homes",
    "test_older_home": "homes",
    "test_computed_once": "homes",
    "test_pushgateway": "homes",
}
"""Modules that share what takes long to make. The tests of any other module run in one process,
too, since they share their fixtures, and go where there is room."""
LONGEST = (
    "full_stack", "test_alerting", "homes", "test_landing", "test_daemon", "test_ordeal",
    "test_docs", "test_dev", "test_history", "test_browser",
)  # fmt: skip
"""What begins first, so that at the end no process works on alone."""


def group_of(nodeid: str) -> str:
    """The name of the tests that run in one process with a test."""
    module = PurePath(nodeid.partition("::")[0]).stem
    return TOGETHER.get(module, module)


def place_of(item: pytest.Item) -> int:
    """Where a test stands in the order in which groups begin."""
    group = group_of(item.nodeid)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


class Groups(LoadScopeScheduling):
    """Hands out the tests of a group together."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place_of)
