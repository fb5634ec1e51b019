"""Files that a reader sees whole: the old content or the new, never a part."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of another once the block has ended well.

    Parameters
    ----------
    path : Path
    """
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
