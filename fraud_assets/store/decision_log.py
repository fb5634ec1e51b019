"""The append-only log of decisions about the champion: who decided what, and on which model file.

One JSON object a line. Every line carries the SHA-256 of all bytes before it, so that a line that
was changed, removed or inserted is detected. A line that a power loss cut off was never confirmed:
it stays where it is and is skipped, and the next line begins after it. A line that is no entry is
skipped, too, and is a finding.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from fraud_assets.records.decisions import (
    DecisionEntry,
    DecisionOutcome,
    LogEntry,
    RefusalEntry,
    VersionEntry,
)
from fraud_assets.store.decision_lines import Line, lines_of, parse_line

E = TypeVar("E", bound=LogEntry)

PROMOTED: DecisionOutcome = "promote"
HELD: DecisionOutcome = "held"
WAITING: tuple[DecisionOutcome, ...] = (HELD, "proposed")
"""Outcomes after which a version waits for a person."""


@contextmanager
def registry_lock(log: Path) -> Iterator[None]:
    """Hold the lock under which champions change, so that two runs cannot both decide.

    Parameters
    ----------
    log : Path
        The decision log; the lock file is next to it.

    Yields
    ------
    None

    See Also
    --------
    append_entry : appends to the log while this lock is held.
    """
    with FileLock(log.with_suffix(".lock")):
        yield


def append_entry(log: Path, entry: E) -> E:
    """Append an entry with the hash of the log before it, synced to disk.

    The caller holds `registry_lock`.

    Parameters
    ----------
    log : Path
        The decision log, JSON lines; created if it is missing.
    entry : LogEntry
        The new entry; its `previous` is set here.

    Returns
    -------
    LogEntry
        The entry as written, with `previous`.

    Raises
    ------
    ValueError
        When it could not be read back; nothing is written then.

    See Also
    --------
    read_entries
    """
    before = log.read_bytes() if log.exists() else b""
    missing_end = b"" if not before or before.endswith(b"\n") else b"\n"
    chained = entry.model_copy(
        update={"previous": hashlib.sha256(before + missing_end).hexdigest()}
    )
    # Only what was set: a key that is not known is left out of the line.
    values = chained.model_dump(exclude_unset=True) | {"event": chained.event}
    line = json.dumps(values, sort_keys=True).encode() + b"\n"
    parsed, fault = parse_line(line)
    if parsed is None:
        raise ValueError(f"nothing was written to {log}: the new entry {fault}")
    with log.open("ab") as file:
        file.write(missing_end + line)
        file.flush()
        os.fsync(file.fileno())
    return chained


def read_entries(log: Path) -> list[LogEntry]:
    """Return all entries, oldest first; none when there is no log yet.

    Parameters
    ----------
    log : Path
        The decision log, JSON lines; it may be missing.

    Returns
    -------
    list of LogEntry
        Lines that were cut off or are no entry are left out.

    See Also
    --------
    audit : tells which lines those are.
    """
    return [line.entry for line in lines_of(log) if line.entry is not None]


def decision_of(
    entries: Sequence[LogEntry], version: str, dagster_runs: Set[str]
) -> DecisionEntry | None:
    """Return what one of some runs decided about a version; None when none of them did.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.
    dagster_runs : set of str
        Ids of Dagster runs.

    Returns
    -------
    DecisionEntry or None
        The latest one.

    See Also
    --------
    recorded_model_hash : what the first decision about a version recorded.
    """
    decisions = (entry for entry in reversed(entries) if isinstance(entry, DecisionEntry))
    return next(
        (d for d in decisions if d.version == version and d.dagster_run_id in dagster_runs), None
    )


def recorded_model_hash(entries: Sequence[LogEntry], version: str) -> str | None:
    """Return the SHA-256 of a version's model file, as its first decision recorded it.

    The first record counts: an entry that is added later cannot replace it.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.

    Returns
    -------
    str or None
        In hexadecimal; None when nothing was decided about the version.

    See Also
    --------
    recorded_run : the MLflow run of the version.
    recorded_artifacts : the artifacts of that run.
    """
    return next((entry.model_hash for entry in _about(entries, version)), None)


def recorded_run(entries: Sequence[LogEntry], version: str) -> str | None:
    """Return the MLflow run that trained a version, as its first decision recorded it.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.

    Returns
    -------
    str or None
        None when nothing was decided about the version, or by a release that recorded no run.

    See Also
    --------
    recorded_model_hash : the model file of the version.
    """
    runs = (entry.mlflow_run_id for entry in _about(entries, version))
    return next((run_id for run_id in runs if run_id is not None), None)


def is_decided(entries: Sequence[LogEntry], version: str) -> bool:
    """Tell whether anything was decided about a version.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.

    Returns
    -------
    bool
        True also when the version was promoted by hand.
    """
    return any(_about(entries, version))


def recorded_artifacts(entries: Sequence[LogEntry], run_id: str) -> dict[str, str] | None:
    """Return the SHA-256 of the artifacts of a model's MLflow run, as they were first recorded.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    run_id : str
        The MLflow run that trained the model.

    Returns
    -------
    dict of str to str or None
        In hexadecimal, by path in the run; None when no decision recorded any.

    See Also
    --------
    recorded_model_hash : the model file of a version.
    """
    of_run = [
        entry.artifacts
        for entry in entries
        if isinstance(entry, VersionEntry)
        and entry.mlflow_run_id == run_id
        and entry.artifacts is not None
    ]
    if not of_run:
        return None
    return {name: sha256 for artifacts in reversed(of_run) for name, sha256 in artifacts.items()}


def _about(entries: Sequence[LogEntry], version: str) -> Iterator[VersionEntry]:
    """Yield the decisions about a version, in the order of the entries."""
    for entry in entries:
        if isinstance(entry, VersionEntry) and entry.version == version:
            yield entry


def last_decision(entries: Sequence[LogEntry], version: str) -> VersionEntry | None:
    """Return what was decided last about a version, by a run or by a person.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.

    Returns
    -------
    VersionEntry or None
        None when nothing was decided about it.

    See Also
    --------
    is_decided : tells whether there is one.
    """
    return next(_about(entries[::-1], version), None)


def is_declined(entries: Sequence[LogEntry], version: str) -> bool:
    """Tell whether a person turned a version down, and nobody has promoted it since.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the version in the registry, such as `3`.

    Returns
    -------
    bool

    See Also
    --------
    last_decision : decisions of runs, too.
    """
    final = (
        entry
        for entry in _about(entries[::-1], version)
        if isinstance(entry, RefusalEntry) or entry.outcome == PROMOTED
    )
    return isinstance(next(final, None), RefusalEntry)


def held_version(entries: Sequence[LogEntry]) -> DecisionEntry | None:
    """Return the decision about the version that was held last, while it still waits.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.

    Returns
    -------
    DecisionEntry or None
        None when no version is held, a person has decided, or the champion has changed since.

    See Also
    --------
    fraud_assets.registry.promotion.decide : holds versions.
    """
    held = (e for e in reversed(entries) if isinstance(e, DecisionEntry) and e.outcome == HELD)
    last = next(held, None)
    if last is None or last_decision(entries, last.version) is not last:
        return None
    return last if last.champion_before == promoted_version(entries) else None


def promotions(entries: Sequence[LogEntry]) -> list[VersionEntry]:
    """Return the decisions that made a version the champion, oldest first.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.

    Returns
    -------
    list of VersionEntry
        Decisions of runs and promotions by hand.
    """
    return [e for e in entries if isinstance(e, VersionEntry) and e.outcome == PROMOTED]


def promoted_version(entries: Sequence[LogEntry]) -> str | None:
    """Return the version that was promoted last, None when none ever was.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.

    Returns
    -------
    str or None
        The version that should be the champion now.

    See Also
    --------
    versions_promoted : all of them.

    Examples
    --------
    >>> from fraud_assets.records.decisions import ManualPromotionEntry
    >>> entry = ManualPromotionEntry(
    ...     time="2026-01-01T00:00:00+00:00",
    ...     batch="june",
    ...     version="3",
    ...     champion_before=None,
    ...     outcome="promote",
    ...     reason="first model",
    ...     model_hash="0" * 64,
    ... )
    >>> promoted_version([entry]), promoted_version([])
    ('3', None)
    """
    promoted = promotions(entries)
    return promoted[-1].version if promoted else None


def versions_promoted(entries: Sequence[LogEntry]) -> set[str]:
    """Return every version that has ever been promoted.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.

    Returns
    -------
    set of str
        Former champions and the current one.

    See Also
    --------
    promoted_version : the last one.
    """
    return {entry.version for entry in promotions(entries)}


def log_hash(log: Path) -> str:
    """Return the SHA-256 of the log as it is, in hexadecimal.

    Parameters
    ----------
    log : Path
        The decision log, JSON lines; it may be missing.

    Returns
    -------
    str
        The hash of no bytes when there is no log yet.
    """
    return hashlib.sha256(log.read_bytes() if log.exists() else b"").hexdigest()


# --- the audit --------------------------------------------------------------------------


@dataclass(frozen=True)
class Audit:
    """The result of an audit of the log.

    Attributes
    ----------
    entries : int
    chained : int
        Entries that carry the hash of the bytes before them; older releases wrote none.
    findings : tuple of str
        What contradicts the log; empty when it is intact.
    notes : tuple of str
        What is worth knowing but no contradiction, such as a line that was cut off.
    """

    entries: int
    chained: int
    findings: tuple[str, ...]
    notes: tuple[str, ...]


def audit(log: Path, champion: str | None, confirmed: Mapping[str, str]) -> Audit:
    """Check the whole log: its chain, every champion it names, and its confirmed hashes.

    Parameters
    ----------
    log : Path
        The decision log, JSON lines; it may be missing.
    champion : str or None
        The version that the registry's alias names now.
    confirmed : mapping of str to str
        Hashes that the log had when runs confirmed their decisions, kept outside the log; each
        with what confirmed it, such as a run.

    Returns
    -------
    Audit

    See Also
    --------
    present_findings : fast enough for every run.
    """
    lines = list(lines_of(log))
    entries = [line.entry for line in lines if line.entry is not None]
    findings = (
        *_faults_of_lines(lines),
        *dict(_unlogged_changes(lines)).values(),
        *_alias(entries, champion),
        *_lost(lines, confirmed),
    )
    torn = [line.number for line in lines if line.is_cut_off]
    notes = [f"line {n} was cut off when it was written, and never confirmed" for n in torn]
    chained = sum(entry.previous is not None for entry in entries)
    if chained < len(entries):
        notes.append(f"{len(entries) - chained} entries are from a release that did not chain them")
    notes += _unconfirmed(lines, confirmed)
    return Audit(len(entries), chained, findings, tuple(notes))


def present_findings(log: Path, champion: str | None, confirmed: Mapping[str, str]) -> list[str]:
    """Check the lines of the log, its last decision, and the current champion.

    Parameters
    ----------
    log : Path
        The decision log, JSON lines; it may be missing.
    champion : str or None
        The version that the registry's alias names now.
    confirmed : mapping of str to str
        As for `audit`; the latest is enough, since it covers all lines before it.

    Returns
    -------
    list of str
        What contradicts the log, one sentence each with its remedy.

    See Also
    --------
    audit : checks every decision, too.
    """
    lines = list(lines_of(log))
    entries = [line.entry for line in lines if line.entry is not None]
    last = [text for number, text in _unlogged_changes(lines) if number == len(lines)]
    return [
        *_faults_of_lines(lines),
        *last,
        *_alias(entries, champion),
        *_lost(lines, confirmed),
    ]


def _alias(entries: Sequence[LogEntry], champion: str | None) -> Iterator[str]:
    decided = promoted_version(entries)
    if decided != champion:
        yield (
            f"the alias champion names {_named(champion)}, but the last decision promoted "
            f"{_named(decided)}: it was changed outside the decision log. Find out who did; then "
            "decide with `fraud-assets champion VERSION --reason ...`"
        )


def _named(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"


def _faults_of_lines(lines: Sequence[Line]) -> Iterator[str]:
    yield from _broken_links(lines)
    yield from _no_entries(lines)
    yield from _later_records(lines)


def _no_entries(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.fault is not None:
            yield (
                f"line {line.number} {line.fault}: this release did not write it, and skips it. "
                "Find out who wrote it, and compare the log with a backup"
            )


def _later_records(lines: Sequence[Line]) -> Iterator[str]:
    """Yield where an entry contradicts what an earlier one recorded of a version or its files."""
    first: dict[tuple[str, str], str] = {}
    for line in lines:
        if not isinstance(line.entry, VersionEntry):
            continue
        recorded = _recorded(line.entry)
        # No `any`: every record has to be kept.
        if [key for key, value in recorded if first.setdefault(key, value) != value]:
            yield (
                f"line {line.number} records another run, model file or artifact of version "
                f"{line.entry.version} than an earlier line, which is trusted. Find out who wrote "
                "it"
            )


def _recorded(entry: VersionEntry) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what an entry records, by what it is about: a version, or an artifact of a run."""
    run_id = entry.mlflow_run_id
    if run_id is not None:
        yield ("run of", entry.version), run_id
        for name, sha256 in (entry.artifacts or {}).items():
            yield (run_id, name), sha256
    yield ("model file of", entry.version), entry.model_hash


def _lost(lines: Sequence[Line], confirmed: Mapping[str, str]) -> Iterator[str]:
    known = {line.hash_after for line in lines}
    for sha256, what in confirmed.items():
        if sha256 not in known:
            yield (
                f"{what} confirmed a decision when the log's SHA-256 was {sha256}; the log never "
                "had it: it was rewritten or lost. Compare it with a backup"
            )


def _unconfirmed(lines: Sequence[Line], confirmed: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines after the last one that a run confirmed, which covers all before it."""
    last = max((line.number for line in lines if line.hash_after in confirmed), default=0)
    for line in lines[last:]:
        if line.entry is not None:
            yield (
                f"line {line.number} ({line.entry.event}) is confirmed by no run yet: if it is "
                "removed or changed before the next decision of a run, that is not detected"
            )


def _broken_links(lines: Sequence[Line]) -> Iterator[str]:
    chained = False
    for line in lines:
        if line.entry is None:
            continue
        previous = line.entry.previous
        if previous is None and chained:
            yield f"line {line.number} carries no hash of the lines before it: it was inserted"
        if previous is not None and previous != line.hash_before:
            yield (
                f"line {line.number} carries another hash than that of the lines before it: a line "
                "above it was changed, removed or inserted"
            )
        chained = chained or previous is not None
    if lines and lines[-1].is_cut_off and lines[-1].is_ended:
        yield f"line {lines[-1].number} was written whole but cannot be read: it was changed"


def _unlogged_changes(lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Yield the lines before which the champion was changed without an entry, and the finding."""
    promoted: str | None = None
    for line in lines:
        entry = line.entry
        if not isinstance(entry, VersionEntry):
            continue
        if entry.champion_before != promoted:
            yield (
                line.number,
                f"line {line.number} met {_named(entry.champion_before)} as champion, but "
                f"{_named(promoted)} was promoted last: the alias was changed outside the decision "
                "log",
            )
        if entry.outcome == PROMOTED:
            promoted = entry.version
