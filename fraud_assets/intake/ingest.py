"""From a landed file to a batch's rows: a CSV, or rejected rows that were repaired."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.contract import Contract, draw_contract, read_header, schema_fingerprint
from fraud_assets.intake.csv.conversion import Intake, empty_column_problems, ingest, require_rows
from fraud_assets.intake.csv.decoding import IntakeError, Source, open_source, sha256
from fraud_assets.intake.csv.parsing import LINE
from fraud_assets.intake.landing.drop_folder import stat_of
from fraud_assets.intake.quality import constant_columns
from fraud_assets.intake.quarantine import (
    Origin,
    collect_rejected,
    is_repair,
    publish_rejected,
    unwrap,
)
from fraud_assets.records.batches import RawTransactions
from fraud_assets.store.sql import literal, parquet

Log = Callable[[str], Any]


class KeptTable(Protocol):
    """Rows that were accepted before, and what is known of them."""

    @property
    def path(self) -> Path:
        """A Parquet file."""

    @property
    def facts(self) -> RawTransactions:
        """What `take_in` returned of it."""


@dataclass(frozen=True)
class Taken:
    """What is taken in, and where to.

    Attributes
    ----------
    path : Path
        The landed file.
    batch : str
    rows : Path
        The Parquet file to write. What else is written meanwhile lies beside it.
    rejected : Path
        The CSV of rejected rows to write; an old one goes when none is rejected.
    """

    path: Path
    batch: str
    rows: Path
    rejected: Path


def take_in(
    engine: duckdb.DuckDBPyConnection,
    taken: Taken,
    settings: IntakeSettings,
    kept: Callable[[str], KeptTable | None],
    log: Log,
) -> RawTransactions:
    """Write a landed file's accepted rows to Parquet and its rejected rows to a CSV.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    taken : Taken
    settings : IntakeSettings
    kept : callable
        Returns the rows of the batch that were accepted of a content before, if they are kept.
    log : callable
        Is told of the progress.

    Returns
    -------
    RawTransactions
        What is known of the rows.

    Raises
    ------
    IntakeError
        When no batch can be made of the file.
    """
    path = taken.path
    state = stat_of(path)
    if state is None:
        raise IntakeError(f"{path.name} is gone; drop it again")
    with open_source(path, settings.encoding) as source:
        log(f"reading {path.name}: {source.size:,} bytes, {source.encoding}")
        if is_repair(source):
            facts = _take_in_repair(engine, taken, source, settings, kept, log)
        else:
            contract = draw_contract(source, settings)
            intake = _read(source, contract, taken, log)
            facts = _publish(taken, contract, intake, source.content_hash)
        encoding = source.encoding
    if stat_of(path) != state:
        raise IntakeError(f"{path.name} changed while it was read; materialize the batch again")
    log(f"{facts['rows']:,} rows accepted, {facts['rejected']:,} rejected")
    return RawTransactions(
        **facts,
        batch=taken.batch,
        source_file=path.name,
        source_bytes=state[0],
        encoding=encoding,
        schema_fingerprint=schema_fingerprint(facts["kinds"]),
        constant_columns=constant_columns(taken.rows, list(facts["kinds"])),
        rows_hash=sha256(taken.rows),
    )


def _read(
    source: Source,
    contract: Contract,
    taken: Taken,
    log: Log,
    lines: NDArray[np.int64] | None = None,
) -> Intake:
    with collect_rejected(_beside(taken, ".rejected")) as rejected:
        return ingest(source, contract, taken.rows, rejected, log, lines)


def _beside(taken: Taken, suffix: str) -> Path:
    return taken.rows.with_suffix(suffix)


def _publish(taken: Taken, contract: Contract, intake: Intake, content_hash: str) -> dict[str, Any]:
    """Put the rejected rows where a person finds them; return what is known of all rows."""
    header = contract.header.decode("utf-8", "replace").strip("\r\n")
    origin = Origin(intake.rows, content_hash, taken.batch)
    publish_rejected(_beside(taken, ".rejected"), taken.rejected, header, origin)
    require_rows(taken.path.name, intake)
    facts = contract.to_facts()
    return {
        **facts,
        "content_hash": content_hash,
        "rows": intake.rows,
        "frauds": intake.frauds,
        "rejected": intake.rejected,
        "faults": [row.place_and_reason() for row in intake.examples],
        "problems": [*facts["problems"], *empty_column_problems(taken.path.name, intake)],
    }


def _take_in_repair(
    engine: duckdb.DuckDBPyConnection,
    taken: Taken,
    source: Source,
    settings: IntakeSettings,
    kept: Callable[[str], KeptTable | None],
    log: Log,
) -> dict[str, Any]:
    """Take in repaired rows: with the rows accepted before, or as a batch of their own."""
    repair = unwrap(source, _beside(taken, ".repair.csv"))
    origin, base = repair.origin, None
    if origin.batch == taken.batch and origin.rows:
        base = kept(origin.content_hash)
        if base is None:
            raise IntakeError(
                f"{taken.path.name}: line 2: it repairs a file whose {origin.rows} accepted rows "
                f"({origin.content_hash[:16]}…) are no longer kept; drop the whole file again"
            )
    with open_source(repair.text, "utf-8") as text:
        if base is None:
            contract = draw_contract(text, settings)
        else:
            given = settings.model_copy(update={"delimiter": base.facts.delimiter})
            contract = Contract.of(base.facts, read_header(text, given)[1])
        intake = _read(text, contract, taken, log, repair.lines)
    if base is not None:
        log(f"joining {intake.rows:,} repaired rows with {base.facts.rows:,} accepted before")
        _join(engine, base.path, taken.rows, _beside(taken, ".joined"))
        intake.rows += base.facts.rows
        intake.frauds += base.facts.frauds
        intake.filled = {}
    facts = _publish(taken, contract, intake, source.content_hash)
    return {**facts, "repairs": origin.content_hash}


def _join(engine: duckdb.DuckDBPyConnection, base: Path, rows: Path, joined: Path) -> None:
    """Put repaired rows among those accepted before, each in its old place."""
    engine.execute(
        f"COPY (SELECT * FROM {parquet(base)} UNION ALL BY NAME SELECT * FROM {parquet(rows)} "
        f"ORDER BY {LINE}) TO {literal(joined)} (FORMAT parquet)"
    )
    joined.replace(rows)
