import pandas as pd
import pytest

from fraud_assets.config.settings import SplitMode, SplitSettings
from fraud_assets.records.batches import Roles
from fraud_assets.training.batch_splits import split_batch
from fraud_assets.training.window import Member
from fraud_assets_tests import factories

N = 100
DAY = 86_400_000_000
ROLES = Roles(target="y", timestamp="t", real_time=True)


@pytest.fixture
def batch(tmp_path, engine):
    """Splits a batch of a hundred days: `batch("june")`."""

    def split(name, window=(), earlier=(), **settings):
        folder = tmp_path / name / "a"
        folder.mkdir(parents=True)
        accepted, features = folder / "accepted.parquet", folder / "rows.parquet"
        lines = range(2, N + 2)
        labels = [int(i % 10 == 0) for i in range(N)]
        times = pd.date_range("2026-01-01", periods=N).astype("datetime64[us]")
        values = [f"{name} {i}" for i in range(N)]
        own = pd.DataFrame({"source_line": lines, "t": times, "x": values, "y": labels})
        own.to_parquet(accepted)
        known = times.astype("int64")
        own.assign(known_us=known, label_known_us=known + 7 * DAY, days_known=0.0).to_parquet(
            features
        )
        facts = factories.features(
            batch=name, roles=ROLES, kinds={"t": "timestamp", "x": "text", "y": "number"}
        )
        written = folder / "splits.parquet"
        splits = split_batch(
            engine, facts, features, accepted, SplitSettings(**settings), earlier, window, "k",
            written,
        )  # fmt: skip
        return splits, Member(name, features, written, ROLES, facts.kinds)

    return split


def test_long_spans_are_split_in_time_and_every_row_has_one_split(batch):
    splits, member = batch("june")
    assert splits.mode is SplitMode.temporal
    assert splits.validation_start < splits.test_start
    written = pd.read_parquet(member.splits)
    assert len(written) == N
    assert (splits.unassigned_rows, splits.straddling_contents) == (0, 0)
    assert splits.counts["test"].rows == (written["split"] == "test").sum()
    assert splits.hash_key_id == "k"


def test_train_and_validation_rows_are_counted_over_the_window_and_test_rows_are_not(batch):
    may_splits, may = batch("may", mode="stratified")
    june, _ = batch("june", window=[may], mode="stratified")
    assert june.window == [("may", "a"), ("june", "a")]
    assert june.counts["train"].rows == 2 * may_splits.counts["train"].rows
    assert june.counts["train"].frauds == 2 * may_splits.counts["train"].frauds
    assert june.counts["test"] == may_splits.counts["test"]


def test_the_facts_name_the_settings(batch):
    splits, _ = batch("june", mode="stratified", seed=3)
    assert splits.settings == SplitSettings(mode="stratified", seed=3)
    assert (splits.validation_start, splits.test_start) == (None, None)
