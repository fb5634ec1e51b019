"""The append-only log of decisions about the champion: who decided what, and on which model file.

One JSON object a line. Every line carries the SHA-256 of all bytes before it, so that a line that
was changed, removed or put in is found. A line that a power loss cut off was never confirmed:
it stays where it is, is passed over, and the next line begins after it. A line that is no entry is
passed over, too, and is a finding.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from fraud_assets.store.decision_lines import BY_HAND, DECISION, Line, Outcome, lines_of, parse_line

PREVIOUS = "previous"
"""Key of the SHA-256 of all bytes before a line."""
PROMOTED: Outcome = "promote"


@contextmanager
def registry_lock(log: Path) -> Iterator[None]:
    """Hold the lock under which champions change, so that two runs cannot both decide.

    Parameters
    ----------
    log : Path
        The log of decisions; the lock file lies next to it.

    Yields
    ------
    None
    """
    with FileLock(log.with_suffix(".lock")):
        yield


def append_entry(log: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Append an entry with the time of day (UTC) and the hash of the log so far, synced to disk.

    The caller holds `registry_lock`.

    Parameters
    ----------
    log : Path
        JSON lines.
    entry : mapping

    Returns
    -------
    dict
        The entry as written.

    Raises
    ------
    ValueError
        When it could not be read again; nothing is written then.
    """
    before = log.read_bytes() if log.exists() else b""
    mend = b"" if not before or before.endswith(b"\n") else b"\n"
    written = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **entry,
        PREVIOUS: hashlib.sha256(before + mend).hexdigest(),
    }
    line = json.dumps(written, sort_keys=True).encode() + b"\n"
    parsed, fault = parse_line(line)
    if parsed is None:
        raise ValueError(f"nothing was written to {log}: what was to be added {fault}")
    with log.open("ab") as file:
        file.write(mend + line)
        file.flush()
        os.fsync(file.fileno())
    return written


def read_entries(log: Path) -> list[dict[str, Any]]:
    """Return all entries, oldest first; none when there is no log yet.

    Parameters
    ----------
    log : Path

    Returns
    -------
    list of dict
        Lines that were cut off or are no entry are left out.
    """
    return [line.entry for line in lines_of(log) if line.entry is not None]


def decision_of(
    entries: Sequence[dict[str, Any]], version: str, dagster_runs: Set[str]
) -> dict[str, Any] | None:
    """Return what one of some runs decided about a version; None when none of them did.

    Parameters
    ----------
    entries : sequence of dict
    version : str
    dagster_runs : set of str

    Returns
    -------
    dict or None
    """
    return next(
        (
            entry
            for entry in reversed(entries)
            if entry.get("version") == version and entry.get("dagster_run_id") in dagster_runs
        ),
        None,
    )


def recorded_model_hash(entries: Sequence[dict[str, Any]], version: str) -> str | None:
    """Return the SHA-256 of a version's model file as it was first decided about.

    What was recorded first counts: an entry that is added later cannot replace it.

    Parameters
    ----------
    entries : sequence of dict
    version : str

    Returns
    -------
    str or None
        In hexadecimal; None when nothing was decided about the version.
    """
    return _first(entries, version, "model_hash")


def recorded_run(entries: Sequence[dict[str, Any]], version: str) -> str | None:
    """Return the MLflow run that trained a version, as it was first decided about.

    Parameters
    ----------
    entries : sequence of dict
    version : str

    Returns
    -------
    str or None
        None when nothing was decided about the version, or by a release that recorded no run.
    """
    return _first(entries, version, "mlflow_run_id")


def is_decided(entries: Sequence[dict[str, Any]], version: str) -> bool:
    """Tell whether anything was decided about a version.

    Parameters
    ----------
    entries : sequence of dict
    version : str

    Returns
    -------
    bool
    """
    return any(entry.get("version") == version and _decides(entry) for entry in entries)


def recorded_artifacts(entries: Sequence[dict[str, Any]], run_id: str) -> dict[str, str] | None:
    """Return the SHA-256 of the artifacts of a model's MLflow run, as they were first recorded.

    Parameters
    ----------
    entries : sequence of dict
    run_id : str
        The MLflow run that trained the model.

    Returns
    -------
    dict of str to str or None
        In hexadecimal, by path in the run; None when no decision recorded any.
    """
    of_run = [
        entry["artifacts"]
        for entry in entries
        if entry.get("mlflow_run_id") == run_id and "artifacts" in entry and _decides(entry)
    ]
    if not of_run:
        return None
    return {name: sha256 for found in reversed(of_run) for name, sha256 in found.items()}


def _first(entries: Sequence[dict[str, Any]], version: str, name: str) -> str | None:
    about = (e for e in entries if e.get("version") == version and _decides(e))
    return next((str(entry[name]) for entry in about if name in entry), None)


def _decides(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry is a decision about a version; old releases named no event."""
    return entry.get("event", DECISION) in (DECISION, BY_HAND)


def promoted_version(entries: Sequence[dict[str, Any]]) -> str | None:
    """Return the version that was promoted last, None when none ever was.

    Parameters
    ----------
    entries : sequence of dict

    Returns
    -------
    str or None
    """
    promoted = [str(e["version"]) for e in entries if e.get("outcome") == PROMOTED]
    return promoted[-1] if promoted else None


def versions_promoted(entries: Sequence[dict[str, Any]]) -> set[str]:
    """Return every version that was promoted once.

    Parameters
    ----------
    entries : sequence of dict

    Returns
    -------
    set of str
    """
    return {str(e["version"]) for e in entries if e.get("outcome") == PROMOTED}


def log_hash(log: Path) -> str:
    """Return the SHA-256 of the log as it is, in hexadecimal.

    Parameters
    ----------
    log : Path

    Returns
    -------
    str
    """
    return hashlib.sha256(log.read_bytes() if log.exists() else b"").hexdigest()


# --- the audit --------------------------------------------------------------------------


@dataclass(frozen=True)
class Audit:
    """What an audit of the log found.

    Attributes
    ----------
    entries : int
    chained : int
        Entries that carry the hash of what is before them; older releases wrote none.
    findings : tuple of str
        What contradicts the log; empty when it is whole.
    notes : tuple of str
        What is worth knowing and no contradiction, such as a line that was cut off.
    """

    entries: int
    chained: int
    findings: tuple[str, ...]
    notes: tuple[str, ...]


def audit(log: Path, champion: str | None, confirmed: Mapping[str, str]) -> Audit:
    """Check the whole log: its chain, every champion it names, and what was confirmed elsewhere.

    Parameters
    ----------
    log : Path
    champion : str or None
        The version that the registry's alias names now.
    confirmed : mapping of str to str
        Hashes that the log had when runs confirmed their decisions, each with what confirmed it
        (a run, for example), as kept outside the log.

    Returns
    -------
    Audit

    See Also
    --------
    present_findings : what a run can afford to check.
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
    chained = sum(PREVIOUS in entry for entry in entries)
    if chained < len(entries):
        notes.append(f"{len(entries) - chained} entries are from a release that chained none")
    notes += _unconfirmed(lines, confirmed)
    return Audit(len(entries), chained, findings, tuple(notes))


def present_findings(log: Path, champion: str | None, confirmed: Mapping[str, str]) -> list[str]:
    """Check the lines of the log, its last decision, and the champion as it is now.

    Parameters
    ----------
    log : Path
    champion : str or None
        The version that the registry's alias names now.
    confirmed : mapping of str to str
        As for `audit`; the latest is enough, since it vouches for all lines before it.

    Returns
    -------
    list of str
        What contradicts the log, one sentence each with its remedy.
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


def _alias(entries: Sequence[dict[str, Any]], champion: str | None) -> Iterator[str]:
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
                f"line {line.number} {line.fault}: this release did not write it, and passes it "
                "over. Find out who did, and compare the log with a backup"
            )


def _later_records(lines: Sequence[Line]) -> Iterator[str]:
    """Yield where an entry records something else of a version or its files than an earlier one."""
    first: dict[tuple[str, str], str] = {}
    for line in lines:
        if line.entry is None or not _decides(line.entry):
            continue
        recorded = _recorded(line.entry)
        # No `any`: every record is to be kept.
        if [key for key, value in recorded if first.setdefault(key, value) != value]:
            yield (
                f"line {line.number} records another run, model file or artifact of version "
                f"{line.entry['version']} than an earlier line, which is believed. Find out who "
                "wrote it"
            )


def _recorded(entry: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what an entry records, each with what it is of: a version, or an artifact of a run."""
    run_id = entry.get("mlflow_run_id")
    if run_id is not None:
        yield ("run of", entry["version"]), run_id
        for name, sha256 in entry.get("artifacts", {}).items():
            yield (run_id, name), sha256
    yield ("model file of", entry["version"]), entry["model_hash"]


def _lost(lines: Sequence[Line], confirmed: Mapping[str, str]) -> Iterator[str]:
    known = {line.hash_after for line in lines}
    for sha256, what in confirmed.items():
        if sha256 not in known:
            yield (
                f"{what} confirmed a decision when the log's SHA-256 was {sha256}; the log never "
                "had it: it was rewritten or lost. Compare it with a backup"
            )


def _unconfirmed(lines: Sequence[Line], confirmed: Mapping[str, str]) -> Iterator[str]:
    """Yield what follows the last line that a run confirmed, and with it all before it."""
    last = max((line.number for line in lines if line.hash_after in confirmed), default=0)
    for line in lines[last:]:
        if line.entry is not None:
            yield (
                f"line {line.number} ({line.entry.get('event', DECISION)}) is confirmed by no run "
                "yet: if it is removed or changed before the next decision of a run, nobody sees it"
            )


def _broken_links(lines: Sequence[Line]) -> Iterator[str]:
    chained = False
    for line in lines:
        if line.entry is None:
            continue
        previous = line.entry.get(PREVIOUS)
        if previous is None and chained:
            yield f"line {line.number} carries no hash of what is before it: it was put in"
        if previous is not None and previous != line.hash_before:
            yield (
                f"line {line.number} carries another hash than that of what is before it: a line "
                "above it was changed, removed or put in"
            )
        chained = chained or previous is not None
    if lines and lines[-1].is_cut_off and lines[-1].is_ended:
        yield f"line {lines[-1].number} was written whole and cannot be read: it was changed"


def _unlogged_changes(lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Yield where a decision met another champion than the one promoted last, and what to say."""
    promoted: str | None = None
    for line in lines:
        entry = line.entry
        if entry is None or "champion_before" not in entry:
            continue
        found = entry["champion_before"]
        if found != promoted:
            met = f"line {line.number} met {_named(found)} as champion"
            yield (
                line.number,
                f"{met}, but {_named(promoted)} was promoted last: the alias was changed outside "
                "the decision log",
            )
        if entry.get("outcome") == PROMOTED:
            promoted = str(entry["version"])
