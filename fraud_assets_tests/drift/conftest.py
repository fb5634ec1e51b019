import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.measure import column_findings, common_columns, measure_drift
from fraud_assets.drift.profile import Watched, make_profile, summarize
from fraud_assets_tests import factories

NAMES = [f"f{i}" for i in range(8)]


def frame(seed, n=3000, flip=0.0, **moved):
    """Normal columns, of which the first two are correlated, a category, and few frauds."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(n, len(NAMES)))
    values[:, 1] = 0.8 * values[:, 0] + 0.6 * values[:, 1]
    turned = generator.random(n) < flip
    values[turned, 1] *= -1
    rows = pd.DataFrame(values, columns=NAMES)
    rows = rows.assign(**{name: rows[name] + shift for name, shift in moved.items()})
    channel = np.array(["chip", "online", "phone"])[generator.integers(0, 3, n)]
    return rows.assign(
        text_channel_=channel,
        fraud_=(generator.random(n) < 0.02).astype(int),
        days_known_=100.0,
        known_us_=generator.integers(0, 7 * 86_400_000_000, n),
    )


def watched(numbers=NAMES, texts=("channel",), kinds=None):
    kinds = kinds or dict.fromkeys(numbers, "DOUBLE") | dict.fromkeys(texts, "VARCHAR")
    return Watched([*numbers], [*texts], kinds, dates=True)


def measure(profile, batch, of=None, warm_up=None, amount="f2", **settings):
    """Measure a batch as the asset does, with a classifier of fewer rows."""
    of, warm_up = of or watched(), warm_up or {}
    columns = common_columns(profile, of)
    summary = summarize([batch], len(batch), columns, warm_up, True, 0)
    settings = DriftSettings(**{"folds": 2, "classifier_rows": 1_500} | settings)
    findings = column_findings(profile, of)
    return measure_drift(profile, summary, columns, findings, warm_up, amount, settings)


def report_of(verdict):
    """Return the report with a verdict that was measured."""
    return factories.drift_report(**dict(verdict))


@pytest.fixture(scope="package")
def profile():
    return make_profile(frame(0, n=12_000), watched(), {}, np.linspace(0, 0.2, 500))


@pytest.fixture(scope="package")
def quiet_report(profile):
    return measure(profile, frame(1))


@pytest.fixture(scope="package")
def moved_report(profile):
    """Two features with large drift, in a batch whose frauds are five times as frequent."""
    batch = frame(1, f3=1.0, f5=2.0)
    batch.loc[::10, "fraud_"] = 1
    return measure(profile, batch)
