"""Ingest a file into a batch: a CSV, or a repaired file of rejected rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.contract import Contract, infer_contract
from fraud_assets.intake.csv.conversion import (
    ConversionResult,
    convert,
    empty_column_problems,
    require_rows,
)
from fraud_assets.intake.csv.decoding import CsvStream, IntakeError, open_csv, sha256
from fraud_assets.intake.csv.parsing import LINE
from fraud_assets.intake.header import read_header
from fraud_assets.intake.landing.drop_folder import stat_of
from fraud_assets.intake.quality import constant_columns
from fraud_assets.intake.quarantine import (
    Origin,
    collect_rejected,
    is_repair,
    publish_rejected,
    read_repair,
)
from fraud_assets.intake.schema import schema_fingerprint
from fraud_assets.records.batches import RawTransactions
from fraud_assets.store.sql import literal, parquet

Log = Callable[[str], Any]
"""Called with progress messages."""


class KeptTable(Protocol):
    """Accepted rows of an earlier ingestion."""

    @property
    def path(self) -> Path:
        """The Parquet file."""

    @property
    def facts(self) -> RawTransactions:
        """What `ingest_file` returned."""


@dataclass(frozen=True)
class LandedCsv:
    """A CSV in the drop folder, and where its rows are written.

    Attributes
    ----------
    path : Path
        The CSV.
    batch : str
        The batch that it becomes.
    rows : Path
        The Parquet file to write. Temporary files are written next to it.
    rejected : Path
        The file of rejected rows to write; an older one is deleted when no row is rejected.
    """

    path: Path
    batch: str
    rows: Path
    rejected: Path


def ingest_file(
    engine: duckdb.DuckDBPyConnection,
    csv: LandedCsv,
    settings: IntakeSettings,
    find_kept: Callable[[str], KeptTable | None],
    log: Log,
) -> RawTransactions:
    r"""Write the accepted rows of a CSV to Parquet, and the rejected ones to another CSV.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Merges repaired rows with the accepted ones.
    csv : LandedCsv
        The CSV and the files to write.
    settings : IntakeSettings
        Column roles, spellings of the labels and format.
    find_kept : callable
        Returns the accepted rows of the batch for a content hash; None if they are not kept.
    log : callable
        Called with progress messages.

    Returns
    -------
    RawTransactions
        Facts about the accepted and rejected rows.

    Raises
    ------
    IntakeError
        When the file cannot be ingested.

    See Also
    --------
    fraud_assets.intake.csv.conversion.convert : Converts the CSV.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     path = folder / "june.csv"
    ...     _ = path.write_text("amount,fraud\n" + "9.5,0\n" * 98 + "7,1\n?,0\n")
    ...     csv = LandedCsv(path, "june", folder / "rows.parquet", folder / "rejected.csv")
    ...     facts = ingest_file(duckdb.connect(), csv, IntakeSettings(), lambda _: None, print)
    reading june.csv: 609 bytes, utf-8
    99 rows accepted, 1 rejected
    >>> facts.rows, facts.faults
    (99, ["line 101, column 'amount': not a number"])
    """
    path = csv.path
    stat = stat_of(path)
    if stat is None:
        raise IntakeError(f"{path.name} was deleted before it was read; drop it again")
    with open_csv(path, settings.encoding) as stream:
        log(f"reading {path.name}: {stream.size:,} bytes, {stream.encoding}")
        if is_repair(stream):
            facts = _ingest_repair(engine, csv, stream, settings, find_kept, log)
        else:
            contract = infer_contract(stream, settings)
            result = _convert(stream, contract, csv, log)
            facts = _publish(csv, contract, result, stream.content_hash)
        encoding = stream.encoding
    if stat_of(path) != stat:
        raise IntakeError(f"{path.name} changed while it was read; materialize the batch again")
    log(f"{facts['rows']:,} rows accepted, {facts['rejected']:,} rejected")
    return RawTransactions(
        **facts,
        batch=csv.batch,
        source_file=path.name,
        source_bytes=stat[0],
        encoding=encoding,
        schema_fingerprint=schema_fingerprint(facts["kinds"]),
        constant_columns=constant_columns(csv.rows, list(facts["kinds"])),
        rows_hash=sha256(csv.rows),
    )


def _convert(
    stream: CsvStream,
    contract: Contract,
    csv: LandedCsv,
    log: Log,
    lines: NDArray[np.int64] | None = None,
) -> ConversionResult:
    with collect_rejected(_temporary(csv, ".rejected")) as rejected:
        return convert(stream, contract, csv.rows, rejected, log, lines)


def _temporary(csv: LandedCsv, suffix: str) -> Path:
    return csv.rows.with_suffix(suffix)


def _publish(
    csv: LandedCsv, contract: Contract, result: ConversionResult, content_hash: str
) -> dict[str, Any]:
    """Write the file of rejected rows; return facts about all rows."""
    header = contract.header.decode("utf-8", "replace").strip("\r\n")
    origin = Origin(result.rows, content_hash, csv.batch)
    publish_rejected(_temporary(csv, ".rejected"), csv.rejected, header, origin)
    require_rows(csv.path.name, result)
    facts = contract.to_facts()
    return {
        **facts,
        "content_hash": content_hash,
        "rows": result.rows,
        "frauds": result.frauds,
        "rejected": result.rejected,
        "faults": [row.place_and_reason() for row in result.examples],
        "problems": [*facts["problems"], *empty_column_problems(csv.path.name, result)],
    }


def _ingest_repair(
    engine: duckdb.DuckDBPyConnection,
    csv: LandedCsv,
    stream: CsvStream,
    settings: IntakeSettings,
    find_kept: Callable[[str], KeptTable | None],
    log: Log,
) -> dict[str, Any]:
    """Ingest repaired rows: merged with the rows accepted before, or as a new batch."""
    repair = read_repair(stream, _temporary(csv, ".repair.csv"))
    origin, base = repair.origin, None
    if origin.batch == csv.batch and origin.rows:
        base = find_kept(origin.content_hash)
        if base is None:
            raise IntakeError(
                f"{csv.path.name}: line 2: it repairs a file whose {origin.rows} accepted rows "
                f"({origin.content_hash[:16]}…) are no longer kept; drop the whole file again"
            )
    with open_csv(repair.text, "utf-8") as text:
        if base is None:
            contract = infer_contract(text, settings)
        else:
            given = settings.model_copy(update={"delimiter": base.facts.delimiter})
            contract = Contract.of(base.facts, read_header(text, given).text)
        result = _convert(text, contract, csv, log, repair.lines)
    if base is not None:
        log(f"merging {result.rows:,} repaired rows with {base.facts.rows:,} accepted before")
        _merge(engine, base.path, csv.rows, _temporary(csv, ".merged"))
        result.rows += base.facts.rows
        result.frauds += base.facts.frauds
        result.filled = {}
    facts = _publish(csv, contract, result, stream.content_hash)
    return {**facts, "repairs": origin.content_hash}


def _merge(engine: duckdb.DuckDBPyConnection, base: Path, rows: Path, merged: Path) -> None:
    """Merge repaired rows with those accepted before, in the order of their line numbers."""
    engine.execute(
        f"COPY (SELECT * FROM {parquet(base)} UNION ALL BY NAME SELECT * FROM {parquet(rows)} "
        f"ORDER BY {LINE}) TO {literal(merged)} (FORMAT parquet)"
    )
    merged.replace(rows)
