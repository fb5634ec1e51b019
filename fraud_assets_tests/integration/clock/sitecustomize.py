"""Lets a process's clock be off by the seconds in the file FRAUD_CLOCK, which may change."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import time_machine


def follow(path: Path) -> None:
    """Shift the clock whenever the file says another number of seconds."""
    offset, traveller = 0.0, None
    while True:
        with suppress(OSError, ValueError):
            wanted = float(path.read_text())
            if wanted != offset:
                if traveller is not None:
                    traveller.stop()
                traveller, offset = time_machine.travel(time.time() + wanted, tick=True), wanted
                traveller.start()
        time.sleep(0.2)


if "FRAUD_CLOCK" in os.environ:
    threading.Thread(target=follow, args=(Path(os.environ["FRAUD_CLOCK"]),), daemon=True).start()
