"""`simulated_transactions` and `raw_transactions`."""

import os
from pathlib import Path
from typing import Any

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config import environment
from fraud_assets.config.names import CONTENT_TAG, SOURCE_TAG
from fraud_assets.config.settings import IntakeSettings, SimulationSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.ingest import LandedCsv, ingest_file
from fraud_assets.intake.landing import drop_folder
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import shown, table_metadata
from fraud_assets.records.batches import RawTransactions
from fraud_assets.store import files, paths, resources, tables


class SimulationConfig(SimulationSettings, dg.Config):
    """Launchpad configuration of `simulated_transactions`."""


class IntakeConfig(IntakeSettings, dg.Config):
    """Launchpad configuration of `raw_transactions`."""


@dg.asset(kinds={"python", "csv"}, code_version="1")
def simulated_transactions(
    context: dg.AssetExecutionContext, config: SimulationConfig
) -> dg.MaterializeResult[Any]:
    """A simulated CSV in the drop folder, to try the platform without data.

    The sensor ingests it like any other file. Fails when the drop folder already holds a CSV.
    """
    try:
        path = write_first_csv(config)
    except (FileExistsError, PermissionError) as error:
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
    """Write a simulated CSV into the empty drop folder.

    Parameters
    ----------
    settings : SimulationSettings
        Layout, number of rows, fraud rate, days, drift and seed.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileExistsError
        When the folder already holds a CSV: simulated rows are never mixed with real ones.
    PermissionError
        When the folder is read-only.

    See Also
    --------
    fraud_assets.intake.simulator.simulate : makes the rows.
    """
    from fraud_assets.intake.simulator import simulate, write_csv

    folder = environment.drop_folder()
    folder.mkdir(parents=True, exist_ok=True)
    present = sorted(drop_folder.list_files(folder))
    if present:
        raise FileExistsError(
            f"{folder} already holds {drop_folder.printable(present[0])}, so nothing was "
            "simulated; materialize that batch, or empty the folder first"
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"{folder} is read-only here, as in the full stack, so nothing was simulated; "
            "copy a CSV there from outside: `fraud-assets simulate` writes one"
        )
    path = folder / f"simulated_{settings.shape}_{settings.seed}.csv"
    write_csv(simulate(settings), path)
    return path


@batch_asset(kinds={"arrow", "parquet"}, code_version="2", io_manager_key="tables")
def raw_transactions(
    context: dg.AssetExecutionContext,
    config: IntakeConfig,
    engine: resources.Engine,
    catalog: BatchCatalog,
) -> dg.MaterializeResult[tables.RawTable]:
    """The accepted rows of a CSV, with typed columns.

    Rejected rows are written to a separate CSV, each with its reason.
    """
    batch = context.partition_key
    with (
        tables.incoming("raw_transactions", batch) as rows,
        engine.connect("raw_transactions") as connection,
    ):
        try:
            source = source_of(batch, context.run.tags.get(SOURCE_TAG))
            facts = ingest_file(
                connection,
                LandedCsv(source, batch, rows, paths.rejected_path(batch)),
                config,
                lambda content: tables.find_table(tables.RawTable, batch, content),
                context.log.info,
            )
        except IntakeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        except OSError as error:
            # The UI shows the cause of an error first, where there is one.
            details = {"error": repr(error)}
            raise dg.Failure(files.explain(error), details, allow_retries=False) from None
        metadata = table_metadata(connection, rows)
    context.instance.add_run_tags(context.run_id, {CONTENT_TAG: facts.content_hash})
    context.log_event(catalog.history_version(batch))
    return dg.MaterializeResult(
        value=tables.RawTable(rows, facts), metadata=metadata | _metadata(source, facts)
    )


def source_of(batch: str, name: str | None) -> Path:
    """Return the file in the drop folder that a batch is ingested from.

    Parameters
    ----------
    batch : str
        Name of the batch (partition key).
    name : str or None
        Name of the file that the run was requested for; None: the file named after the batch.

    Returns
    -------
    Path

    Raises
    ------
    IntakeError
        When there is no such file, or it cannot be read.

    See Also
    --------
    fraud_assets.intake.landing.drop_folder.file_of : finds the file.
    """
    folder = environment.drop_folder()
    file = drop_folder.file_of(folder, batch, name)
    if file is None:
        raise IntakeError(
            f"{batch}.csv is not in the drop folder {folder}; put the file back there "
            "and materialize the batch again"
        )
    if file.problem:
        raise IntakeError(file.problem)
    return folder / file.name


def _metadata(source: Path, facts: RawTransactions) -> dict[str, Any]:
    fields = (
        "content_hash",
        "source_bytes",
        "schema_fingerprint",
        "encoding",
        "delimiter",
        "frauds",
    )
    metadata: dict[str, Any] = {
        "source_file": dg.MetadataValue.path(source),
        **{name: getattr(facts, name) for name in fields},
        "rows_accepted": facts.rows,
        "rows_rejected": facts.rejected,
        "fraud_prevalence": shown(facts.frauds / facts.rows),
        "roles": dg.MetadataValue.json(facts.roles.model_dump()),
    }
    if facts.rejected:
        metadata["rejected_rows"] = dg.MetadataValue.path(paths.rejected_path(facts.batch))
    if facts.repairs:
        metadata["repairs"] = facts.repairs
    return metadata
