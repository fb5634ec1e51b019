"""Files that no other account reads, whatever library writes them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def private_files() -> Iterator[None]:
    """Hide the files that this process creates in the block from all other accounts.

    Sets the umask, which holds for the whole process.

    Yields
    ------
    None

    See Also
    --------
    fraud_assets.store.files.whole_file : sets the permissions of a single file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder, private_files():
    ...     file = Path(folder) / "a"
    ...     file.touch()
    ...     oct(file.stat().st_mode)
    '0o100600'
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
