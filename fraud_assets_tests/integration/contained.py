"""What a container takes from a service: root, rights, and all of the disk that is not its own.

A service runs as the user of the compose file, without capabilities, and may write to `/tmp` and
its own mounts alone. Processes, networks, memory and cores stay those of the machine.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from fraud_assets_tests.integration.servers import ROOT

PROGRAMS = ("unshare", "setpriv", "mount")
IMAGE_UID = 1000
IMAGE_USER = f"fraud:x:{IMAGE_UID}:{IMAGE_UID}::/home/fraud:/bin/bash\n"
"""The line that the Dockerfile's `useradd` leaves in the image."""


def why_not() -> str | None:
    """Why services cannot be contained here; None when they can."""
    if os.geteuid() != 0:
        return "only root may mount and change users"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{missing[0]} is not installed"
    # A container of another kind, or a checkout that is closed to others, may stand in the way.
    python = [sys.executable, "-c", "import dagster"]
    trial = contain(python, IMAGE_UID, (), (), Path("/etc/passwd"))
    found = subprocess.run(trial, cwd="/tmp", capture_output=True, text=True, check=False)
    return " ".join(found.stderr.split()) if found.returncode else None


def write_passwd(path: Path) -> None:
    """Write the users of this machine, with that of the image."""
    lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
    others = [line for line in lines if line.split(":")[2] != str(IMAGE_UID)]
    path.write_text("".join(others) + IMAGE_USER)


def contain(
    command: Sequence[str], uid: int, added: Iterable[str], read_only: Iterable[Path], passwd: Path
) -> list[str]:
    """The command that runs another as a container would; it is the same process in the end.

    Parameters
    ----------
    command : sequence of str
    uid : int
    added : iterable of str
        Capabilities that the program may have, in capitals.
    read_only : iterable of Path
        Mounts below `/tmp` that may only be read.
    passwd : Path
        What stands in the place of `/etc/passwd`.
    """
    lines = ["set -e", *_open_the_way(), f"mount --bind {passwd} /etc/passwd"]
    lines += ["mount --bind /tmp /tmp"]
    for path in read_only:
        lines += [f"mount --bind {path} {path}", f"mount -o remount,bind,ro {path}"]
    rights = ",".join(["-all", *(f"+{name.lower()}" for name in added)])
    lines += [
        "mount -o remount,bind,ro /",
        f"exec setpriv --reuid {uid} --regid {uid} --clear-groups --no-new-privs "
        f"--inh-caps=-all --bounding-set={rights} {shlex.join(command)}",
    ]
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines)]


def _open_the_way() -> list[str]:
    """Let others than root reach Python and this checkout, where they lie below a closed folder."""
    lines = []
    needed = sorted({Path(sys.base_prefix).resolve(), ROOT.resolve()})
    for closed in dict.fromkeys(folder for path in needed if (folder := _closed(path))):
        kept = [path for path in needed if _closed(path) == closed]
        lines += ["mount -t tmpfs -o mode=755 tmpfs /mnt"]
        for n, path in enumerate(kept):
            lines += [f"mkdir /mnt/{n}", f"mount --bind {path} /mnt/{n}"]
        lines += [f"mount -t tmpfs -o mode=755 tmpfs {closed}"]
        for n, path in enumerate(kept):
            lines += [f"mkdir -p {path}", f"mount --move /mnt/{n} {path}"]
        lines += ["umount /mnt"]
    return lines


def _closed(path: Path) -> Path | None:
    """The first folder on the way to a path that only its owner may enter."""
    return next((p for p in reversed([path, *path.parents]) if not p.stat().st_mode & 0o001), None)
