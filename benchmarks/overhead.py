"""The pipeline on 284,807 x 30 rows, beside the same functions called in a plain script.

Both count from the first step to the last, in fresh processes, with the first use of each
library and the making of MLflow's database on both sides; the best of three runs each.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row
from fraud_assets.config.settings import SimulationSettings, SimulationShape
from fraud_assets.intake.simulator import simulate, write_csv

NEEDS_DATA = False
TIMES = 3
CREDITCARD = SimulationSettings(
    shape=SimulationShape.creditcard, transactions=284_807, fraud_rate=492 / 284_807
)

PIPELINE = """
sys.modules["shap"] = None  # as in an installation without the extra `explain`
import dagster as dg
from fraud_assets.definitions import defs
config = {"trained_model": {"config": {"estimator": sys.argv[1]}}}
with dg.DagsterInstance.get() as instance:
    instance.add_dynamic_partitions("batch", ["creditcard"])
    job = defs.resolve_job_def("fraud_pipeline")
    begin()
    result = job.execute_in_process(
        instance=instance, partition_key="creditcard", run_config={"ops": config,
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
done(success=result.success)
"""

PLAIN = """
sys.modules["shap"] = None
import logging
from types import SimpleNamespace
import numpy as np, pandas as pd
from fraud_assets.platform.masking import masking
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import Features, Provenance, Splits
from fraud_assets.store import files, paths, tables
from fraud_assets.store.resources import Engine
from fraud_assets.config.environment import *
from fraud_assets.config.settings import *
from fraud_assets.drift.profile import make_profile, watched_columns
from fraud_assets.evaluation.evaluate import evaluate, segment_figures
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.evaluation.plots import all_plots
from fraud_assets.evaluation.explain import explain
from fraud_assets.evaluation.segments import segment_rows
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets.features.compute import own_features, write_features
from fraud_assets.intake.ingest import LandedCsv, ingest_file
from fraud_assets.monitoring.exposition import to_openmetrics, to_registry
from fraud_assets.tracking import Tracking
from fraud_assets.training import splits, window
from fraud_assets.training.model_facts import model_facts, model_source
from fraud_assets.training.train import example_of, fraud_scores, losses_of, train

begin()
tracking, batch = Tracking(), "creditcard"
context = SimpleNamespace(
    run_id="plain", log=logging.getLogger("plain"), run=SimpleNamespace(job_name="plain", tags={}),
    instance=None)
settings = TrainingSettings(estimator=sys.argv[1])
with Engine().connect("raw_transactions", "features", "splits") as engine:
    rows = tables.new_rows_file("raw_transactions", batch)
    taken = LandedCsv(drop_folder() / f"{batch}.csv", batch, rows, paths.rejected_path(batch))
    facts = ingest_file(engine, taken, IntakeSettings(), lambda _: None, print)
    raw = tables.save_table(tables.RawTable(rows, facts))
    roles, kinds = facts.roles, facts.kinds
    rows = tables.new_rows_file("features", batch)
    derived, own = features_for(roles, kinds), AcceptedRows(raw.path, roles)
    with open_engine("duckdb", engine) as backend:
        span = span_of(backend, own, 7)
        write_features(backend, engine, own, [], span, derived, 7, rows)
    columns = own_features(kinds, roles) + [f.name for f in derived]
    features = tables.save_table(tables.FeatureTable(rows, Features(
        batch=batch, content_hash=facts.content_hash, source=Provenance.of(facts), kinds=kinds,
        roles=roles, features=columns, label_delay_days=7, span=span, warm_up_days={})))
    rows = tables.new_rows_file("splits", batch)
    cuts = splits.plan_cuts(engine, features.path, roles, 7, SplitSettings())
    splits.write_splits(engine, features.path, raw.path, list(kinds), roles,
        SplitSettings(), cuts, [], rows)
    members = [window.Member(batch, features.path, rows, roles, kinds)]
    assigned = tables.save_table(tables.SplitTable(rows, Splits(
        batch=batch, content_hash=facts.content_hash, hash_key_id=masking().key_id,
        settings=SplitSettings(), mode=cuts.mode, validation_start=cuts.validation_start,
        test_start=cuts.test_start, window=[(batch, facts.content_hash)],
        counts=window.count_rows(engine, members, None),
        straddling_contents=window.straddling_contents(engine, members),
        unassigned_rows=window.unassigned_rows(engine, members[0]))))
    members = [window.Member(batch, features.path, assigned.path, roles, kinds)]
    fitting, validation, test = (
        window.load_rows(engine, members, name, columns)
        for name in ("train", "validation", "test"))
with tracking.training_run(context, batch, {}) as run_id:
    model = train(fitting, validation, columns, settings)
    about = model_facts(model_source(features.facts, assigned.facts, settings, None), model)
    tracking.log_parameters(run_id, {"estimator": settings.estimator})
    tracking.log_figures(run_id, model.validation_figures)
    tracking.log_json(run_id, "model_facts.json", about.model_dump(mode="json"))
    tracking.log_training_keys(
        run_id, pd.concat([fitting["content_key_"], validation["content_key_"]]))
    version, model_hash = tracking.register(
        run_id, model.model, example_of(fitting[model.features]), {})
columns = model.features
loaded, costs = tracking.load(version, model_hash), settings.costs
scores, labels = fraud_scores(loaded, test, columns), test["fraud_"].to_numpy()
losses, threshold = losses_of(test, costs), model.decision_threshold
scored = ScoredRows(labels, scores, losses, threshold, costs)
evaluation = evaluate(scored, EvaluationSettings())
folder = paths.report_folder(batch)
parts = segment_rows(test, EvaluationSettings().segments, roles.real_time)
slices = segment_figures(scored, parts)
report = evaluation.model_dump(mode="json") | {"slices": [s.model_dump() for s in slices]}
found = explain(loaded, test.head(1000), columns)
importance = found.importance().head(30).to_dict() if found else {}
plots = all_plots(scored, evaluation.reliability, importance)
for name, image in plots.items():
    files.write_atomically(folder / f"{name}.png", image)
test[["source_line_"]].assign(score=scores).to_parquet(folder / "test_predictions.parquet")
files.write_atomically(folder / "report.json", to_json(report))
tracking.log_figures(run_id, report["metrics"])
tracking.log_files(run_id, sorted(folder.iterdir()), "evaluation")
of_validation = fraud_scores(loaded, validation, columns)
profile = make_profile(
    fitting, watched_columns(columns, kinds, roles), {}, of_validation)
tracking.log_frame(run_id, "reference_sample.parquet", profile.sample)
tracking.log_json(run_id, "reference_profile.json", profile.facts().model_dump(mode="json"))
tracking.model_hash(version)
tracking.make_champion(version)
tracking.tag_version(version, {"fraud.decision": "promote", "fraud.reason": "first"})
files.write_atomically(paths.metrics_folder() / "m.prom", to_openmetrics(
    to_registry("m", report["metrics"], {"batch": batch})))
done()
"""


def run(_: Path | None) -> list[Row]:
    seconds: dict[str, list[float]] = {PIPELINE: [], PLAIN: []}
    with TemporaryDirectory() as folder:
        write_csv(simulate(CREDITCARD), Path(folder) / "creditcard.csv")
        for _time in range(TIMES):
            for code, found in seconds.items():
                found.append(in_fresh_process(code, Path(folder), "mlp")["seconds"])
    ours, other = min(seconds[PIPELINE]), min(seconds[PLAIN])
    more = ours - other
    met = more < 3 and more < 0.15 * other
    goal = f"under 3 s and under 15% more (here {more:.1f} s, {more / other:.0%})"
    return [row("pipeline against a plain script, MLP", ours, other, "s", goal, met)]
