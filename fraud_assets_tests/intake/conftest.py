"""A drop folder and a ledger of the test's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud_assets.intake.landing.ledger import Ledger, open_ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "files.sqlite") as opened:
        yield opened


def put(folder: Path, name: str, text: str = "a,y\n1,0\n", modified: float | None = None) -> Path:
    """Write a file, with a date of its own when asked."""
    path = folder / name
    path.write_text(text)
    if modified is not None:
        os.utime(path, (modified, modified))
    return path
