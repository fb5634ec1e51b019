"""From files in the drop folder to the one run to ask for next.

One file at a time, in order of arrival: the next run is asked for when the one before has
ended, also when that one died and was tried again. What was run is asked of `Past` runs,
which Dagster recorded; so a crash between any two steps is made good by the next look.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from fraud_assets.config import settings
from fraud_assets.intake.csv.decoding import sha256
from fraud_assets.intake.landing.drop_folder import LandedFile, is_being_written, look, printable
from fraud_assets.intake.landing.ledger import TAKEN, Entry, Ledger, Outcome
from fraud_assets.text import inert, named

READ_SECONDS = 20.0
"""No further file is read in a look that has lasted this long: a tick has a minute."""


MAX_ATTEMPTS = 3
"""A content whose runs died so often, each with its retries, is given up."""


class PastStatus(StrEnum):
    """What became of a run."""

    created = "created"
    active = "active"
    succeeded = "succeeded"
    failed = "failed"
    died = "died"


@dataclass(frozen=True)
class Past:
    """A run of a batch that Dagster has recorded.

    Attributes
    ----------
    content_hash : str
        The content that it read, or was to read.
    status : PastStatus
        `created`: recorded and not handed on yet; `active`: in the queue, running, or about
        to be tried again by Dagster; `died`: its process died, and Dagster does not try again.
    run_key : str
    run_id : str
    retry : bool
        Whether Dagster made it to try another again.
    """

    content_hash: str
    status: PastStatus
    run_key: str
    run_id: str
    retry: bool = False


@dataclass(frozen=True)
class Noticed:
    """What a look at the drop folder brought.

    Attributes
    ----------
    entries : list of Entry
        Entries that are new or have changed.
    gone : list of str
        Files that were waiting or refused, and are no longer there.
    unsettled : list of str
        Files that are still being written.
    """

    entries: list[Entry]
    gone: list[str]
    unsettled: list[str]


def notice(
    folder: Path,
    ledger: Ledger,
    settle_seconds: float,
    limit: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Noticed:
    """Enter new and changed files into the ledger, oldest first.

    A file whose entry another process changes meanwhile is left to that process.

    Parameters
    ----------
    folder : Path
        The drop folder.
    ledger : Ledger
    settle_seconds : float
        A file is taken when its state is the same after this time and nobody writes it.
    limit : int
        Files read at most; the others are noticed the next time.
    sleep : callable, optional

    Returns
    -------
    Noticed
    """
    known, before = ledger.entries(), look(folder)
    present = set(map(printable, before))
    gone = [
        entry.name
        for entry in known.values()
        if entry.name not in present
        and _leaves_no_trace(entry)
        and ledger.replace_unchanged(entry, None)
    ]
    fresh = [file for file in before.values() if _is_news(file, known.get(file.name))]
    problems = _problems(fresh, before, known)
    refused = [_refusal(file, problem) for file, problem in problems if problem]
    readable = [file for file, problem in problems if problem is None]
    entries: list[Entry] = []
    unsettled: list[str] = []
    files_read = 0
    if readable:
        sleep(settle_seconds)
        now, start = look(folder), time.monotonic()
        for file in readable:
            if file.name not in now:
                continue
            if now[file.name] != file or is_being_written(folder / file.name):
                unsettled.append(file.name)
            elif files_read < limit and time.monotonic() - start < READ_SECONDS:
                files_read += 1
                entries += _written(
                    ledger, known, _read(folder, file, ledger, known.get(file.name))
                )
    for entry in refused:
        entries += _written(ledger, known, entry)
    return Noticed(entries, gone, sorted(unsettled))


def _written(ledger: Ledger, known: Mapping[str, Entry], entry: Entry) -> list[Entry]:
    """Write an entry if it is new and no other process was faster; return it if so."""
    before = known.get(entry.name)
    return [entry] if before != entry and ledger.replace_unchanged(before, entry) else []


def _leaves_no_trace(entry: Entry) -> bool:
    """Tell whether nothing came of a file: once it is gone, there is nothing to remember."""
    return entry.outcome in (Outcome.waiting, Outcome.refused)


def _is_news(file: LandedFile, known: Entry | None) -> bool:
    if known is None or known.state != file.state:
        return True
    return known.outcome is Outcome.refused or file.problem is not None


def _problems(
    fresh: Sequence[LandedFile], present: Mapping[str, LandedFile], known: Mapping[str, Entry]
) -> list[tuple[LandedFile, str | None]]:
    """Return new files, oldest first, each with why it cannot be taken or None.

    A batch belongs to the file that was taken for it first, as long as that is there.
    """
    owners = {
        entry.batch: entry.name
        for entry in known.values()
        if entry.name in present and entry.outcome is not Outcome.refused
    }
    found = []
    for file in sorted(fresh, key=lambda file: file.age):
        problem = file.problem
        if problem is None:
            owner = owners.setdefault(file.batch, file.name)
            if owner != file.name:
                problem = (
                    f"{inert(file.name)} would be batch {named(file.batch)}, as {inert(owner)} is; "
                    "rename one"
                )
        found.append((file, problem))
    return found


def _refusal(file: LandedFile, problem: str) -> Entry:
    name, batch = printable(file.name), printable(file.batch)
    return Entry(name, batch, *file.state, "", Outcome.refused, problem)


def _read(folder: Path, file: LandedFile, ledger: Ledger, before: Entry | None) -> Entry:
    """Return the entry of a settled file, of which an older one may be known."""
    try:
        content = sha256(folder / file.name)
    except OSError as error:
        return _refusal(
            file, f"{inert(file.name)} could not be read ({error.strerror}); it is tried again"
        )
    same = before is not None and before.content_hash == content
    if before is not None and same and before.outcome in (*TAKEN, Outcome.duplicate):
        return replace(before, size=file.state[0], modified_ns=file.state[1], inode=file.state[2])
    owner = ledger.owner_of(content, file.batch)
    if owner is not None:
        detail = (
            f"{inert(file.name)} has the same content as batch {named(owner.batch)} "
            f"({inert(owner.name)})"
        )
        return Entry(file.name, file.batch, *file.state, content, Outcome.duplicate, detail)
    again = before.run_key if before is not None and same else ""
    return Entry(file.name, file.batch, *file.state, content, Outcome.waiting, "", again)


@dataclass(frozen=True)
class Step:
    """What is to be done about a file.

    Attributes
    ----------
    outcome : Outcome
    run_key : str
    run_id : str
        The run that the outcome is from; empty while there is none.
    request : bool
        Whether to request the run of this key now.
    """

    outcome: Outcome
    run_key: str
    run_id: str = ""
    request: bool = False


_OUTCOMES = {
    PastStatus.created: Outcome.running,
    PastStatus.active: Outcome.running,
    PastStatus.succeeded: Outcome.done,
    PastStatus.failed: Outcome.failed,
}


def first_step(entry: Entry, runs: Sequence[Past]) -> Step:
    """Decide what to do about a file that waits, from what was run for its batch.

    Parameters
    ----------
    entry : Entry
        One with a run key was dropped again after that run had failed.
    runs : sequence of Past
        The runs of its batch, newest first.

    Returns
    -------
    Step
        A run is asked for when the batch's last run read other content, or there is none.
        Its key is batch, content and attempt, one more than the runs of this content so far,
        so that content A, then B, then A again runs three times.
    """
    last = runs[0] if runs else None
    if last is None or last.content_hash != entry.content_hash:
        return _fresh(entry, runs)
    dropped_again = last.status is PastStatus.failed and entry.run_key == last.run_key
    return _fresh(entry, runs) if dropped_again else _step(entry, last, runs, is_lost=True)


def _fresh(entry: Entry, runs: Sequence[Past]) -> Step:
    run_key = new_run_key(entry.batch, entry.content_hash, runs)
    return Step(Outcome.running, run_key, request=True)


def new_run_key(batch: str, content_hash: str, runs: Sequence[Past]) -> str:
    """Return the key of the next run of a content: batch, content and attempt."""
    attempts = sum(run.content_hash == content_hash and not run.retry for run in runs)
    return f"{batch}:{content_hash[:16]}:{attempts + 1}"


def following_step(entry: Entry, runs: Sequence[Past], now: float) -> Step:
    """Tell what became of the run of a file, and of its retries.

    Parameters
    ----------
    entry : Entry
        Running.
    runs : sequence of Past
        The runs of its batch, newest first.
    now : float
        Seconds since 1970.

    Returns
    -------
    Step
        The same run once more when it was requested `LOST_RUN_SECONDS` ago and never launched,
        another when it died for good.
    """
    last = next((run for run in runs if run.run_key == entry.run_key), None)
    # A request from the future is one of a clock that was set back, or of another machine's.
    is_lost = abs(now - entry.requested_at) >= settings.LOST_RUN_SECONDS
    if last is None:
        return Step(Outcome.running, entry.run_key, request=is_lost)
    return _step(entry, last, runs, is_lost)


def _step(entry: Entry, run: Past, runs: Sequence[Past], is_lost: bool) -> Step:
    if run.status is PastStatus.died:
        died = [r for r in runs if r.content_hash == entry.content_hash and not r.retry]
        give_up = len(died) >= MAX_ATTEMPTS
        return Step(Outcome.failed, run.run_key, run.run_id) if give_up else _fresh(entry, runs)
    # Requesting a run that was created and never launched makes Dagster launch it.
    request = run.status is PastStatus.created and is_lost
    return Step(_OUTCOMES[run.status], run.run_key, run.run_id, request)
