import dagster as dg
import numpy as np
import pandas as pd
import pytest

from fraud_assets.catalog import AcceptedBatch
from fraud_assets.drift import assets
from fraud_assets.drift.assets import DriftConfig, drift_report, reference_profile
from fraud_assets.drift.profile import make_profile
from fraud_assets.platform.resources import PromotionPolicy
from fraud_assets.records.batches import Roles
from fraud_assets.records.drift import JudgedDrift, ProfileFacts, UnmeasuredDrift
from fraud_assets.store import paths, resources, tables
from fraud_assets.store.decision_log import append_entry
from fraud_assets.tracking import REFERENCE_PROFILE, REFERENCE_SAMPLE, ModelVersion
from fraud_assets_tests import factories
from fraud_assets_tests.drift.conftest import NAMES, frame, watched
from fraud_assets_tests.registered import decision

KINDS = dict.fromkeys(NAMES, "DOUBLE") | {"channel": "VARCHAR"}
ROLES = Roles(target="Class", amount="f2", real_time=True)
ROWS = 800


class Tracking:
    """Holds the artifacts of one run in memory; version 2 is a model of it."""

    def __init__(self, profile=None):
        self.artifacts = {}
        self.figures = {}
        if profile:
            self.log_json("run", REFERENCE_PROFILE, profile.facts().model_dump(mode="json"))
            self.log_frame("run", REFERENCE_SAMPLE, profile.sample)

    def version(self, version):
        return ModelVersion(version, "run", "march", 0.5, tuple(NAMES))

    def version_link(self, version):
        return f"version {version}"

    def log_json(self, _, name, value):
        self.artifacts[name] = value
        return f"hash of {name}"

    log_frame = log_json

    def read_json(self, _, name):
        return self.artifacts.get(name)

    read_frame = read_json

    def log_files(self, _, local, folder):
        self.artifacts |= {f"{folder}/{path.name}": path for path in local}

    def log_figures(self, _, figures, step):
        self.figures[step] = figures


class Catalog:
    """Earlier batches with a report and without scores."""

    def __init__(self, *reports, tables=()):
        self.reports = {report.batch: report for report in reports}
        self.tables = {table.facts.batch: table for table in tables}
        self.excluded = None

    def exclude(self, _, reason, rows):
        assert rows == ROWS
        self.excluded = reason
        return []

    def table(self, _, batch, content_hash):
        assert content_hash == "d"
        return self.tables.get(batch)

    def earlier(self, _):
        return [AcceptedBatch(name, "h", (None, None, None)) for name in self.reports]

    def report(self, _, batch):
        return self.reports[batch]

    def scores(self, *_):
        return None


def written_features(batch="june", seed=1, **moved):
    """Write a batch in which one feature drifted."""
    facts = factories.features(
        batch=batch,
        source=factories.features().source.model_copy(update={"rows": ROWS}),
        kinds=KINDS,
        roles=ROLES,
        features=NAMES,
    )
    path = tables.new_rows_file("features", batch)
    rows = frame(seed, n=ROWS, **moved or {"f3": 1.5}).rename(
        columns={"text_channel_": "channel", "fraud_": "Class", "days_known_": "days_known",
                 "known_us_": "known_us"}
    )  # fmt: skip
    rows.assign(label_known_us=rows["known_us"] + 1).to_parquet(path)
    return tables.FeatureTable(path, facts)


@pytest.fixture
def features(home):
    return written_features()


def scores(home, champion):
    path = home / "scores.parquet"
    columns = {"score": np.linspace(0, 0.9, ROWS), "label": np.arange(ROWS) % 40 == 0}
    pd.DataFrame(columns).assign(known_us=5, label_known_us=6).to_parquet(path)
    return tables.ScoreTable(path, factories.champion_scores(champion=champion))


def measure(home, features, tracking, catalog, champion="2", implausible=None):
    return drift_report(
        dg.build_asset_context(partition_key="june"),
        DriftConfig(folds=2, classifier_rows=600),
        features=features,
        champion_scores=scores(home, champion),
        engine=resources.Engine(),
        catalog=catalog,
        tracking=tracking,
        policy=PromotionPolicy(implausible_batches=implausible),
    )


@pytest.mark.parametrize("champion", [None, "2"])
def test_without_a_reference_profile_nothing_is_measured_and_the_page_says_so(
    home, features, champion
):
    result = measure(home, features, Tracking(), Catalog(), champion)
    assert result.value == UnmeasuredDrift(
        batch="june", champion=champion, not_measured=assets.NO_REFERENCE
    )
    assert result.metadata["not_measured"] == assets.NO_REFERENCE


def test_a_profile_of_another_format_is_no_reference(home, features):
    tracking = Tracking()
    tracking.log_json("run", REFERENCE_PROFILE, {"quantiles": []})
    assert isinstance(measure(home, features, tracking, Catalog()).value, UnmeasuredDrift)


@pytest.fixture(scope="module")
def measured(tmp_path_factory, profile):
    """The result for a batch after two others, the registry, and the files that were written."""
    home, tracking = tmp_path_factory.mktemp("home"), Tracking(profile)
    earlier = [
        factories.drift_report(batch="may", champion="1"),
        factories.unmeasured_drift(batch="march"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(home))
        result = measure(home, written_features(), tracking, Catalog(*earlier))
        return result, tracking, {path.name for path in paths.report_folder("june").iterdir()}


def test_a_batch_is_compared_with_the_champion_s_profile(measured):
    report = measured[0].value
    assert isinstance(report, JudgedDrift)
    assert report.features[0].feature == "f3"
    assert (report.champion, report.reference.batch, report.reference.before) == ("2", "march", "1")
    assert [point.batch for point in report.history] == ["may", "june"]
    assert [performance.batch for performance in report.performance] == ["june"]
    assert (report.settings.folds, report.decision_threshold) == (2, 0.5)
    assert report.scores.distance > 0.1


def test_report_plots_and_curves_are_logged_with_the_champion_s_run(measured):
    result, tracking, written = measured
    plots = {"drift.png", "distributions.png", "drift_over_batches.png"}
    assert plots <= written
    logged = {name.split("/")[-1] for name in tracking.artifacts if name.startswith("drift/june/")}
    assert logged == {*plots, "drift_report.json"}
    assert tracking.artifacts["drift/june/drift_report.json"] == result.value.model_dump(
        mode="json"
    )
    assert tracking.figures == {2: result.value.figures}


def test_the_page_shows_rounded_figures_and_the_record_keeps_all_digits(measured):
    result = measured[0]
    shown = result.metadata
    assert shown["drift_score"] == float(f"{result.value.drift_score:.4g}")
    assert shown["drift_score"] != result.value.drift_score
    assert shown["verdict"] == result.value.verdict
    first = shown["features"].records[0].data
    assert set(first) == assets.FEATURE_COLUMNS
    assert first["distance"] == float(f"{result.value.features[0].distance:.4g}")
    assert {"plot_drift", "plot_distributions", "plot_drift_over_batches"} <= shown.keys()


def profile_of(features, tracking):
    return reference_profile(
        dg.build_asset_context(partition_key="june"),
        features=features,
        splits=tables.SplitTable(features.path, factories.splits()),
        trained_model=factories.trained_model(run_id="run", batch_features=NAMES, kinds=KINDS),
        engine=resources.Engine(),
        tracking=tracking,
    )


def test_the_training_data_of_a_new_model_is_summarized(features, monkeypatch):
    monkeypatch.setattr(assets, "window_of", lambda _: [])
    monkeypatch.setattr(assets, "_sizes", lambda _: [(700, (0, 7 * 86_400_000_000, None))])
    monkeypatch.setattr(assets, "load_rows", lambda *_: frame(0, n=300))
    monkeypatch.setattr(assets, "validation_scores", lambda _: np.linspace(0, 1, 50))
    tracking = Tracking()
    record = profile_of(features, tracking).value
    assert record.artifacts == {
        name: f"hash of {name}" for name in (REFERENCE_PROFILE, REFERENCE_SAMPLE)
    }
    facts = ProfileFacts.model_validate(tracking.artifacts[REFERENCE_PROFILE])
    assert (facts.rows, facts.rows_per_day) == (300, 100)
    assert (record.model_version, record.mlflow_run_id) == ("3", "run")


def test_a_profile_that_a_decision_recorded_is_kept(features):
    recorded = {REFERENCE_PROFILE: "a" * 64, REFERENCE_SAMPLE: "b" * 64}
    artifacts = recorded | {"model_facts.json": "c" * 64}
    entry = decision("3", mlflow_run_id="run", artifacts=artifacts)
    append_entry(paths.decisions_path(), entry)
    tracking = Tracking()
    assert profile_of(features, tracking).value.artifacts == recorded
    assert tracking.artifacts == {}


SCALED = {"f2": 40.0}
"""Moves the amounts, which are around 0 in the reference, out of its range."""


@pytest.fixture
def reference(profile):
    """A reference in which the amounts are positive, as they are in real data."""
    rows = frame(0, n=3000, f2=5.0)
    return make_profile(rows, watched(), {}, np.linspace(0, 0.2, 500))


@pytest.mark.parametrize(
    ("implausible", "excluded"), [(None, None), ("keep", None), ("exclude", "implausible: ")]
)
def test_an_implausible_batch_is_excluded_where_the_policy_says_so(
    home, reference, implausible, excluded
):
    catalog, batch = Catalog(), written_features(**SCALED)
    report = measure(home, batch, Tracking(reference), catalog, implausible=implausible).value
    assert report.plausibility.verdict == "critical"
    assert (catalog.excluded or "").startswith(excluded or "")
    assert (catalog.excluded is None) == (excluded is None)


def test_a_plausible_batch_is_not_excluded(home, features, profile):
    catalog = Catalog()
    measure(home, features, Tracking(profile), catalog, implausible="exclude")
    assert catalog.excluded is None


def test_a_misspelled_policy_is_refused(home, features, profile):
    with pytest.raises(ValueError, match="set it to keep or exclude"):
        measure(home, features, Tracking(profile), Catalog(), implausible="drop")


def hold(batch="may"):
    append_entry(paths.decisions_path(), decision("2", "promote", batch="march"))
    append_entry(paths.decisions_path(), decision("5", "held", "2", batch=batch))


@pytest.mark.parametrize(("seed", "moved", "similar"), [(9, SCALED, True), (9, {"f4": 3.0}, False)])
def test_a_critical_batch_is_compared_with_that_of_the_held_version(
    home, reference, seed, moved, similar
):
    hold()
    catalog = Catalog(
        factories.drift_report(batch="may"), tables=[written_features("may", **SCALED)]
    )
    report = measure(home, written_features(seed=seed, **moved), Tracking(reference), catalog).value
    assert "critical" in report.verdicts.values()
    assert (report.to_held.version, report.to_held.batch) == ("5", "may")
    assert report.to_held.is_similar is similar


@pytest.mark.parametrize("why", ["it is the batch itself", "its rows are gone", "nothing is held"])
def test_without_a_held_batch_before_it_there_is_no_comparison(home, reference, why):
    if why != "nothing is held":
        hold("june" if why == "it is the batch itself" else "may")
    catalog = Catalog(factories.drift_report(batch="may"))
    report = measure(home, written_features(**SCALED), Tracking(reference), catalog).value
    assert report.to_held is None
