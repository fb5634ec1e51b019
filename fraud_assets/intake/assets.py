"""`simulated_transactions` and `raw_transactions`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from fraud_assets import config, storage
from fraud_assets.config import IntakeSettings, SimulationSettings
from fraud_assets.intake import landing
from fraud_assets.intake.contract import IntakeError, draw_contract
from fraud_assets.intake.ingest import (
    Intake,
    empty_column_problems,
    ingest,
    rejected_csv,
    require_rows,
    sha256,
)
from fraud_assets.intake.resources import CONTENT_TAG, OWNERS, SOURCE_TAG, batches

GROUP = "intake"


class SimulationConfig(SimulationSettings, dg.Config):
    """Launchpad configuration of `simulated_transactions`."""


class IntakeConfig(IntakeSettings, dg.Config):
    """Launchpad configuration of `raw_transactions`."""


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"python", "csv"}, code_version="1")
def simulated_transactions(
    context: dg.AssetExecutionContext, config: SimulationConfig
) -> dg.MaterializeResult[Any]:
    """A simulated CSV in the drop folder, for those who have no data yet.

    The sensor takes it from there. Writes nothing when the drop folder already holds a CSV.
    """
    try:
        path = write_first_csv(config)
    except FileExistsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(f"wrote {path} ({path.stat().st_size:,} bytes)")
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(path),
            "dagster/row_count": config.transactions,
            "frauds": round(config.transactions * config.fraud_rate),
            "settings": dg.MetadataValue.json(config.model_dump(mode="json")),
        }
    )


def write_first_csv(settings: SimulationSettings) -> Path:
    """Simulate a CSV into the drop folder.

    Raises
    ------
    FileExistsError
        When the folder holds a CSV: simulated rows are never mixed with those of a person.
    """
    from fraud_assets.intake.simulator import simulate, write_csv

    folder = config.drop_folder()
    folder.mkdir(parents=True, exist_ok=True)
    present = sorted(landing.look(folder))
    if present:
        raise FileExistsError(
            f"{folder} already holds {present[0]}, so nothing was simulated; "
            "materialize that batch, or empty the folder first"
        )
    path = folder / f"simulated_{settings.shape}_{settings.seed}.csv"
    write_csv(simulate(settings), path)
    return path


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    code_version="1",
    io_manager_key="tables",
)
def raw_transactions(
    context: dg.AssetExecutionContext, config: IntakeConfig, engine: storage.Engine
) -> dg.MaterializeResult[storage.Table]:
    """The accepted rows of a CSV, typed. Rejected rows are kept beside, with the reason."""
    batch = context.partition_key
    rows = storage.new_rows_file("raw_transactions", batch)
    with engine.connect() as connection:
        try:
            source = source_of(batch, context.run.tags.get(SOURCE_TAG))
            table = take_in(connection, source, batch, config, rows, context.log.info)
        except IntakeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        metadata = storage.table_metadata(connection, rows)
    context.instance.add_run_tags(context.run_id, {CONTENT_TAG: table.facts["content_hash"]})
    return dg.MaterializeResult(value=table, metadata=metadata | _metadata(source, table.facts))


def source_of(batch: str, name: str | None) -> Path:
    """Return the file in the drop folder that a batch is made of.

    Parameters
    ----------
    batch : str
    name : str or None
        The file that the run was asked for; default: the one whose name means the batch.

    Raises
    ------
    IntakeError
        When there is no such file, or it cannot be read.
    """
    folder = config.drop_folder()
    if name is not None and (folder / name).exists() and landing.batch_of(name) == batch:
        return folder / name
    file = landing.file_of(folder, batch)
    if file is None:
        raise IntakeError(
            f"{batch}.csv is not in the drop folder {folder}; put the file back there "
            "and materialize the batch again"
        )
    if file.problem:
        raise IntakeError(file.problem)
    return folder / file.name


def take_in(
    engine: duckdb.DuckDBPyConnection,
    source: Path,
    batch: str,
    settings: IntakeSettings,
    rows: Path,
    log: Callable[[str], Any],
) -> storage.Table:
    """Write a landed CSV's accepted rows to Parquet and its rejected rows to a CSV.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    source : Path
        The CSV.
    batch : str
    settings : IntakeSettings
    rows : Path
        The Parquet file to write.
    log : callable
        Is told of the progress.

    Returns
    -------
    storage.Table

    Raises
    ------
    IntakeError
        When no batch can be made of the file.
    """
    state = landing.state_of(source)
    if state is None:
        raise IntakeError(f"{source.name} is gone; drop it again")
    content_hash = sha256(source)
    contract = draw_contract(engine, source, settings)
    log(f"reading {source} ({state[0]:,} bytes, {len(contract.kinds)} columns)")
    intake = ingest(engine, source, contract, rows)
    _write_rejected(storage.rejected_path(batch), intake)
    require_rows(source, intake)
    if landing.state_of(source) != state:
        raise IntakeError(f"{source.name} changed while it was read; materialize the batch again")
    log(f"{intake.rows:,} rows accepted, {len(intake.rejected):,} rejected")
    return storage.Table(
        rows,
        {
            "batch": batch,
            "content_hash": content_hash,
            "source_file": source.name,
            "source_bytes": state[0],
            "rows": intake.rows,
            "frauds": intake.frauds,
            "rejected": len(intake.rejected),
            "rejected_lines": [row.line for row in intake.rejected],
            "rejected_examples": [f"line {row.line}: {row.reason}" for row in intake.rejected[:3]],
            "kinds": contract.kinds,
            "roles": contract.roles.model_dump(),
            "problems": [*contract.problems, *empty_column_problems(source, intake)],
        },
    )


def _write_rejected(path: Path, intake: Intake) -> None:
    if intake.rejected:
        storage.write_atomically(path, rejected_csv(intake.rejected))
    else:
        path.unlink(missing_ok=True)


def _metadata(source: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "source_file": dg.MetadataValue.path(source),
        "content_hash": facts["content_hash"],
        "source_bytes": facts["source_bytes"],
        "rows_accepted": facts["rows"],
        "rows_rejected": facts["rejected"],
        "frauds": facts["frauds"],
        "fraud_prevalence": facts["frauds"] / facts["rows"],
        "roles": dg.MetadataValue.json(facts["roles"]),
    }
    if facts["rejected"]:
        metadata["rejected_rows"] = dg.MetadataValue.path(storage.rejected_path(facts["batch"]))
    return metadata
