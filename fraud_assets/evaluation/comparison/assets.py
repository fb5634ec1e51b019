"""`comparison_report`: several challengers on the test rows of past batches."""

import dagster as dg
import pandas as pd
from pydantic import Field

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import ChallengerSettings, ComparisonSettings, Costs
from fraud_assets.evaluation.comparison.challengers import (
    choose_batches,
    choose_reference,
    train_challenger,
)
from fraud_assets.evaluation.comparison.side_by_side import BatchResult, side_by_side, to_markdown
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.metrics import Floats
from fraud_assets.records.evaluation import ComparisonReport
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.text import named
from fraud_assets.tracking import ModelVersion, Tracking
from fraud_assets.training.members import window_of
from fraud_assets.training.splits import TEST
from fraud_assets.training.train import fraud_scores, losses_of
from fraud_assets.training.window import load_rows


class ChallengerConfig(ChallengerSettings, dg.Config):
    """A challenger in the launchpad."""


class ComparisonConfig(ComparisonSettings, dg.Config):
    """Launchpad configuration of `comparison_report`."""

    challengers: dict[str, ChallengerConfig] = Field(
        description="Challengers by a name of your choice: how each is trained, or which "
        "registered version it is."
    )


@dg.asset(kinds={"mlflow", "json"}, code_version="1", deps=["splits"])
def comparison_report(
    context: dg.AssetExecutionContext,
    config: ComparisonConfig,
    engine: resources.Engine,
    catalog: BatchCatalog,
    tracking: Tracking,
) -> dg.MaterializeResult[None]:
    """Challengers side by side on past batches: an A/B test, or the backtest of a change.

    Materialized by hand when needed. Each challenger is trained for each batch on what was
    known then, or is a registered version; money is counted at the costs of the reference.
    """
    settings = ComparisonSettings(**config.model_dump(exclude={"challengers"}))
    entrants = {n: ChallengerSettings(**c.model_dump()) for n, c in config.challengers.items()}
    reference = choose_reference(entrants, settings.reference)
    results: dict[str, list[BatchResult]] = {name: [] for name in entrants}
    for batch, content_hash in choose_batches(_batches_with_splits(catalog), settings.batches):
        context.log.info(f"batch {batch}: {', '.join(entrants)}")
        costs = entrants[reference].costs
        of_batch = _evaluate(batch, content_hash, entrants, costs, engine, tracking)
        for name, result in of_batch.items():
            results[name].append(result)
    report = ComparisonReport(
        challengers=entrants,
        settings=settings,
        table=side_by_side(results, reference, settings),
    )
    text = to_markdown(report.table, settings.promotion_confidence)
    folder = paths.comparison_folder()
    files.write_atomically(folder / "comparison_report.json", report.to_json())
    files.write_atomically(folder / "comparison_report.md", text)
    return dg.MaterializeResult(
        metadata={
            "table": dg.MetadataValue.md(text),
            "reference": reference,
            "mlflow_run": tracking.run_link(_log(context, tracking, report, text)),
            "report": dg.MetadataValue.path(folder / "comparison_report.json"),
        }
    )


def _batches_with_splits(catalog: BatchCatalog) -> dict[str, str]:
    """Return the content hashes of the batches in use that have splits, in order of arrival."""
    return {
        accepted.batch: accepted.content_hash
        for accepted in catalog.accepted().values()
        if accepted.excluded is None
        and tables.has_table("splits", accepted.batch, accepted.content_hash)
    }


def _evaluate(
    batch: str,
    content_hash: str,
    entrants: dict[str, ChallengerSettings],
    costs: Costs,
    engine: resources.Engine,
    tracking: Tracking,
) -> dict[str, BatchResult]:
    """Evaluate all challengers on the test rows that no registered one among them has seen."""
    columns = tables.load_table(tables.FeatureTable, batch, content_hash).facts.features
    batch_splits = tables.load_table(tables.SplitTable, batch, content_hash)
    versions = {n: tracking.version(e.version) for n, e in entrants.items() if e.version}
    members, results = window_of(batch_splits), {}
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, members[-1:], TEST, columns)
        for version in versions.values():
            rows = rows[~rows["content_key_"].isin(tracking.training_keys(version.run_id))]
        labels, losses = rows["fraud_"].to_numpy(), losses_of(rows, costs)
        if not labels.any():
            raise ValueError(f"batch {named(batch)} has no test fraud that no challenger has seen")
        for name, entrant in entrants.items():
            if name in versions:
                scores, threshold = _registered(tracking, versions[name], rows)
            else:
                fitted = train_challenger(entrant, batch_splits.facts, members, columns, connection)
                scores = fraud_scores(fitted.model, rows, fitted.features)
                threshold = fitted.decision_threshold
            scored = ScoredRows(labels, scores, losses, threshold, costs)
            results[name] = BatchResult.of(batch, scored)
    return results


def _registered(
    tracking: Tracking, version: ModelVersion, rows: pd.DataFrame
) -> tuple[Floats, float]:
    """Return a registered version's scores of some rows, and its threshold."""
    model = tracking.load(version.version)
    return fraud_scores(model, rows, version.features), version.decision_threshold


def _log(
    context: dg.AssetExecutionContext, tracking: Tracking, report: ComparisonReport, text: str
) -> str:
    """Log the report to an MLflow run, with a child run for each challenger; return its id."""
    as_json = report.model_dump(mode="json")
    with tracking.group_run(context, "comparison", {}) as parent:
        tracking.log_text(parent, "comparison_report.md", text)
        tracking.log_json(parent, "comparison_report.json", as_json)
        for row in report.table[: len(report.challengers)]:
            figures = {n: v for n, v in row.model_dump().items() if isinstance(v, int | float)}
            parameters = as_json["challengers"][row.challenger]
            tags = {"fraud.verdict": row.verdict}
            tracking.log_child(parent, row.challenger, parameters, figures, tags)
    return parent
