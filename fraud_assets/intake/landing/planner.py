"""Scan the drop folder into the ledger, and decide which run to request next.

Files are ingested one at a time, in order of arrival: the next run is requested once the previous
one has finished, including Dagster's retries of it. What has run is read from Dagster's run
storage, so that a crash between any two steps is made up for by the next tick.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from fraud_assets.config import settings
from fraud_assets.intake.csv.decoding import sha256
from fraud_assets.intake.landing.drop_folder import (
    LandedFile,
    is_being_written,
    list_files,
    printable,
)
from fraud_assets.intake.landing.ledger import OWNING_STATES, FileState, Ledger, LedgerEntry
from fraud_assets.text import inert, named

READ_SECONDS = 20.0
"""A scan starts to read no further file after this long: Dagster ends a tick after a minute."""


MAX_ATTEMPTS = 3
"""After this many runs whose processes died, each with its retries, a content has failed."""


class RunState(StrEnum):
    """State of a run, as far as planning needs it.

    `created`: recorded but not launched yet; `active`: queued, running, or about to be retried by
    Dagster; `succeeded`; `failed`; `died`: its process died, and Dagster will not retry it.
    """

    created = "created"
    active = "active"
    succeeded = "succeeded"
    failed = "failed"
    died = "died"


@dataclass(frozen=True)
class RecordedRun:
    """A run of a batch in Dagster's run storage.

    Attributes
    ----------
    content_hash : str
        SHA-256 of the file that the run reads; empty when its tags do not say.
    state : RunState
        State of the run.
    run_key : str
        Key that it was requested by; shared by its retries. Empty when it has none.
    run_id : str
        Dagster's id of the run.
    retry : bool
        Whether Dagster started it as a retry of another run.
    """

    content_hash: str
    state: RunState
    run_key: str
    run_id: str
    retry: bool = False


@dataclass(frozen=True)
class Scan:
    """Result of a scan of the drop folder.

    Attributes
    ----------
    entries : list of LedgerEntry
        Ledger entries that were added or changed.
    gone : list of str
        Names of waiting or refused files that are no longer in the folder.
    unsettled : list of str
        Names of files that are still being written.
    """

    entries: list[LedgerEntry]
    gone: list[str]
    unsettled: list[str]


def scan(
    folder: Path,
    ledger: Ledger,
    settle_seconds: float,
    limit: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Scan:
    """Record new and changed files of the drop folder in the ledger, oldest first.

    An entry that another process changes during the scan is left to that process.

    Parameters
    ----------
    folder : Path
        The drop folder.
    ledger : Ledger
        Updated in place.
    settle_seconds : float
        A file is read when it has not changed for this long and no process is writing to it.
    limit : int
        Maximum number of files to read; the rest are left to the next scan.
    sleep : callable, optional
        Waits for a number of seconds.

    Returns
    -------
    Scan
        What has changed.

    See Also
    --------
    plan_waiting : Decides about the files that a scan leaves waiting.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from fraud_assets.intake.landing.ledger import open_ledger
    >>> with TemporaryDirectory() as folder, open_ledger(":memory:") as ledger:
    ...     for name in ("june.csv", "copy.csv"):
    ...         _ = Path(folder, name).write_text("amount,fraud")
    ...         first = scan(Path(folder), ledger, settle_seconds=0, limit=50)
    ...     states = {entry.name: str(entry.state) for entry in ledger.entries().values()}
    >>> states
    {'june.csv': 'waiting', 'copy.csv': 'duplicate'}
    """
    known, files = ledger.entries(), list_files(folder)
    gone = _delete_missing(ledger, known, set(map(printable, files)))
    changed = [file for file in files.values() if _has_changed(file, known.get(file.name))]
    checked = _with_problems(changed, files, known)
    refused = [_refused(file, problem) for file, problem in checked if problem]
    readable = [file for file, problem in checked if problem is None]
    entries: list[LedgerEntry] = []
    unsettled: list[str] = []
    read_count = 0
    if readable:
        sleep(settle_seconds)
        files_now, start = list_files(folder), time.monotonic()
        for file in readable:
            if file.name not in files_now:
                continue
            if files_now[file.name] != file or is_being_written(folder / file.name):
                unsettled.append(file.name)
            elif read_count < limit and time.monotonic() - start < READ_SECONDS:
                read_count += 1
                entry = _read(folder, file, ledger, known.get(file.name))
                if _record(ledger, known, entry):
                    entries.append(entry)
    entries += [entry for entry in refused if _record(ledger, known, entry)]
    return Scan(entries, gone, sorted(unsettled))


def _delete_missing(
    ledger: Ledger, known: Mapping[str, LedgerEntry], present: set[str]
) -> list[str]:
    """Delete the entries of missing files that were never ingested; return their names."""
    return [
        entry.name
        for entry in known.values()
        if entry.name not in present
        and entry.state in (FileState.waiting, FileState.refused)
        and ledger.replace_unchanged(entry, None)
    ]


def _record(ledger: Ledger, known: Mapping[str, LedgerEntry], entry: LedgerEntry) -> bool:
    """Write an entry if it differs from the known one and no other process has written it."""
    before = known.get(entry.name)
    return before != entry and ledger.replace_unchanged(before, entry)


def _has_changed(file: LandedFile, known: LedgerEntry | None) -> bool:
    if known is None or known.stat != file.stat:
        return True
    return known.state is FileState.refused or file.problem is not None


def _with_problems(
    changed: Sequence[LandedFile],
    present: Mapping[str, LandedFile],
    known: Mapping[str, LedgerEntry],
) -> list[tuple[LandedFile, str | None]]:
    """Return changed files, oldest first, each with the reason why it cannot be ingested or None.

    If several files would become the same batch, the first one ingested keeps it while it exists.
    """
    owners = {
        entry.batch: entry.name
        for entry in known.values()
        if entry.name in present and entry.state is not FileState.refused
    }
    checked = []
    for file in sorted(changed, key=lambda file: file.age):
        problem = file.problem
        if problem is None:
            owner = owners.setdefault(file.batch, file.name)
            if owner != file.name:
                problem = (
                    f"{inert(file.name)} would become batch {named(file.batch)}, which "
                    f"{inert(owner)} already is; rename one of the two files"
                )
        checked.append((file, problem))
    return checked


def _refused(file: LandedFile, problem: str) -> LedgerEntry:
    name, batch = printable(file.name), printable(file.batch)
    return LedgerEntry(name, batch, *file.stat, "", FileState.refused, problem)


def _read(
    folder: Path, file: LandedFile, ledger: Ledger, before: LedgerEntry | None
) -> LedgerEntry:
    """Hash a settled file and return its new entry, given the previous one."""
    try:
        content = sha256(folder / file.name)
    except OSError as error:
        return _refused(
            file,
            f"{inert(file.name)} could not be read ({error.strerror}); the next tick tries again",
        )
    same = before is not None and before.content_hash == content
    if before is not None and same and before.state in (*OWNING_STATES, FileState.duplicate):
        return replace(before, size=file.stat[0], modified_ns=file.stat[1], inode=file.stat[2])
    owner = ledger.owner_of(content, file.batch)
    if owner is not None:
        detail = (
            f"{inert(file.name)} has the same content as batch {named(owner.batch)} "
            f"({inert(owner.name)})"
        )
        return LedgerEntry(file.name, file.batch, *file.stat, content, FileState.duplicate, detail)
    failed_key = before.run_key if before is not None and same else ""
    return LedgerEntry(
        file.name, file.batch, *file.stat, content, FileState.waiting, "", failed_key
    )


@dataclass(frozen=True)
class FilePlan:
    """What to do about a file.

    Attributes
    ----------
    state : FileState
        The file's new state.
    run_key : str
        Key of its run.
    run_id : str
        Id of the run that the state follows from; empty while there is none.
    request : bool
        Whether to request the run with this key now.
    """

    state: FileState
    run_key: str
    run_id: str = ""
    request: bool = False


_FILE_STATES = {
    RunState.created: FileState.running,
    RunState.active: FileState.running,
    RunState.succeeded: FileState.done,
    RunState.failed: FileState.failed,
}


def plan_waiting(entry: LedgerEntry, runs: Sequence[RecordedRun]) -> FilePlan:
    """Decide about a waiting file.

    Parameters
    ----------
    entry : LedgerEntry
        In the state `waiting`. If it has a run key, that run failed and the same content was
        dropped again.
    runs : sequence of RecordedRun
        Runs of its batch, newest first.

    Returns
    -------
    FilePlan
        Requests a run unless the last run of the batch has read the same content; then the file
        takes the state of that run. The key of a new run contains the number of the attempt, so
        that content A, then B, then A again gets three runs.

    See Also
    --------
    plan_running : Decides about a file whose run was requested.

    Examples
    --------
    >>> entry = LedgerEntry("june.csv", "june", 8, 100, 5, "ab" * 32, FileState.waiting)
    >>> plan = plan_waiting(entry, [])
    >>> plan.request, plan.run_key
    (True, 'june:abababababababab:1')
    >>> ran = RecordedRun("ab" * 32, RunState.succeeded, plan.run_key, "id-of-the-run")
    >>> plan = plan_waiting(entry, [ran])
    >>> plan.request, str(plan.state)
    (False, 'done')
    """
    last = runs[0] if runs else None
    if last is None or last.content_hash != entry.content_hash:
        return _new_attempt(entry, runs)
    if last.state is RunState.failed and entry.run_key == last.run_key:
        return _new_attempt(entry, runs)
    return _plan_from(last, entry, runs, is_lost=True)


def _new_attempt(entry: LedgerEntry, runs: Sequence[RecordedRun]) -> FilePlan:
    run_key = new_run_key(entry.batch, entry.content_hash, runs)
    return FilePlan(FileState.running, run_key, request=True)


def new_run_key(batch: str, content_hash: str, runs: Sequence[RecordedRun]) -> str:
    """Return the key of the next run of a content.

    Parameters
    ----------
    batch : str
        Batch (partition key).
    content_hash : str
        SHA-256 in hexadecimal.
    runs : sequence of RecordedRun
        Runs of the batch.

    Returns
    -------
    str
        Batch, beginning of the hash, and number of the attempt; retries by Dagster are not
        counted.

    Examples
    --------
    >>> new_run_key("june", "ab" * 32, [])
    'june:abababababababab:1'
    """
    attempts = sum(run.content_hash == content_hash and not run.retry for run in runs)
    return f"{batch}:{content_hash[:16]}:{attempts + 1}"


def plan_running(entry: LedgerEntry, runs: Sequence[RecordedRun], now: float) -> FilePlan:
    """Decide about a file whose run was requested.

    Parameters
    ----------
    entry : LedgerEntry
        With the key of the run.
    runs : sequence of RecordedRun
        Runs of its batch, newest first.
    now : float
        Current time, in seconds since 1970.

    Returns
    -------
    FilePlan
        The state of the newest run with that key. Requests the same run again when it is lost,
        that is, not launched `LOST_RUN_SECONDS` after the request, and a new attempt when its
        process died.

    See Also
    --------
    plan_waiting : Decides about a file that has no run yet.

    Examples
    --------
    >>> entry = LedgerEntry(
    ...     "june.csv", "june", 8, 100, 5, "ab" * 32, FileState.running, "", "june:1", 1000.0
    ... )
    >>> plan_running(entry, [], now=1010.0).request, plan_running(entry, [], now=1060.0).request
    (False, True)
    """
    last = next((run for run in runs if run.run_key == entry.run_key), None)
    # The difference is negative after the clock was set back, or with clocks of two machines.
    is_lost = abs(now - entry.requested_at) >= settings.LOST_RUN_SECONDS
    if last is None:
        return FilePlan(FileState.running, entry.run_key, request=is_lost)
    return _plan_from(last, entry, runs, is_lost)


def _plan_from(
    run: RecordedRun, entry: LedgerEntry, runs: Sequence[RecordedRun], is_lost: bool
) -> FilePlan:
    if run.state is RunState.died:
        attempts = [r for r in runs if r.content_hash == entry.content_hash and not r.retry]
        if len(attempts) >= MAX_ATTEMPTS:
            return FilePlan(FileState.failed, run.run_key, run.run_id)
        return _new_attempt(entry, runs)
    # When a run was created but never launched, Dagster launches it on a request with its key.
    request = run.state is RunState.created and is_lost
    return FilePlan(_FILE_STATES[run.state], run.run_key, run.run_id, request)
