import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import SplitMode, SplitSettings
from fraud_assets.platform.masking import Masking
from fraud_assets.records.batches import Roles
from fraud_assets.training.splits import Assigned, content_hash, plan_cuts, write_splits
from fraud_assets_tests.conftest import CARD_ROLES, MASKING, connected

PLAIN = Roles(target="y")
DELAY = 7.0


def split(frame, folder, roles=PLAIN, earlier=(), keyed=True, **options):
    """Split a frame; returns it with its column `split`."""
    rows, out = folder / "features.parquet", folder / f"splits{len(earlier)}.parquet"
    columns = list(frame)
    frame = frame.assign(source_line=range(2, len(frame) + 2))
    known = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    if roles.timestamp:
        clock = frame[roles.timestamp]
        clock = clock.astype("datetime64[us]") if roles.real_time else clock * 10**6
        known = clock.astype("int64")
    late = known + int(DELAY * 86_400 * 10**6)
    frame.assign(known_us=known, label_known_us=late).to_parquet(rows)
    settings_ = SplitSettings(**options)
    with connected() as engine:
        cuts = plan_cuts(engine, rows, roles, DELAY, settings_)
        before = [Assigned(path, keyed) for path in earlier]
        write_splits(engine, rows, rows, columns, roles, settings_, cuts, before, out)
    return frame.merge(pd.read_parquet(out)[["source_line", "split", "content_key"]]), cuts, out


@st.composite
def frames(draw):
    n = draw(st.integers(1, 120))
    values = st.lists(st.integers(0, 30), min_size=n, max_size=n)
    labels = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    return pd.DataFrame({"a": draw(values), "b": draw(values), "y": draw(labels)})


@settings(deadline=None, max_examples=8)
@given(frames(), st.integers(0, 5))
def test_every_row_has_one_split_and_equal_rows_share_it(tmp_path_factory, frame, seed):
    found, _, _ = split(frame, tmp_path_factory.mktemp("s"), seed=seed)
    assert len(found) == len(frame)
    assert set(found["split"]) <= {"train", "validation", "test"}
    assert (found.groupby(["a", "b"])["split"].nunique() == 1).all()


@settings(deadline=None, max_examples=6)
@given(frames(), st.randoms())
def test_the_split_of_a_row_depends_on_content_not_on_its_place(tmp_path_factory, frame, random):
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 2**31)).reset_index(drop=True)
    first, _, _ = split(frame, tmp_path_factory.mktemp("s"))
    second, _, _ = split(shuffled, tmp_path_factory.mktemp("s"))
    keys = ["content_key", "split"]
    assert set(map(tuple, first[keys].to_numpy())) == set(map(tuple, second[keys].to_numpy()))


def test_stratified_shares_hold_in_each_class(tmp_path):
    n = 10_000
    frame = pd.DataFrame({"a": range(n), "y": [int(i % 100 == 0) for i in range(n)]})
    found, cuts, _ = split(frame, tmp_path, mode="stratified")
    assert cuts.mode is SplitMode.stratified
    frauds = found[found["y"] == 1]["split"].value_counts()
    assert frauds.to_dict() == {"train": 60, "validation": 20, "test": 20}
    assert found["split"].value_counts().to_dict() == {
        "train": 6000,
        "validation": 2000,
        "test": 2000,
    }


def test_another_seed_gives_another_split(tmp_path):
    frame = pd.DataFrame({"a": range(200), "y": [0, 1] * 100})
    first, again, other = (split(frame, tmp_path, seed=seed)[0] for seed in (1, 1, 2))
    assert first["split"].tolist() == again["split"].tolist()
    assert first["split"].tolist() != other["split"].tolist()


def test_a_row_that_an_earlier_batch_assigned_keeps_its_split(tmp_path):
    first = pd.DataFrame({"a": range(300), "y": [0, 0, 1] * 100})
    known, _, path = split(first, tmp_path)
    second = pd.DataFrame(
        {"a": [*range(1000, 1400), *range(300)], "y": [0] * 400 + [0, 0, 1] * 100}
    )
    found, _, _ = split(second, tmp_path, earlier=[path])
    again = found[found["a"] < 1000].merge(known, on="a", suffixes=("", "_before"))
    assert len(again) == 300
    assert (again["split"] == again["split_before"]).all()


def without_key(frame, path, roles=PLAIN):
    """Write splits as they were before content keys were keyed."""
    with connected() as engine:
        engine.register("rows", frame.drop(columns=["split", "content_key"]))
        hashed = content_hash([c for c in frame if c in ("a", "y", roles.card)], roles)
        old = engine.sql(f"SELECT source_line, {hashed} AS content_key FROM rows").df()
    found = pd.read_parquet(path).drop(columns="content_key").merge(old)
    found.to_parquet(path.with_name("old.parquet"))
    return path.with_name("old.parquet"), old["content_key"]


def test_what_is_written_of_a_content_nobody_computes_without_the_key(tmp_path):
    roles = Roles(target="y", card="c")
    frame = pd.DataFrame({"a": range(50), "c": ["4111111111111111"] * 50, "y": [0, 1] * 25})
    found, _, path = split(frame, tmp_path, roles)
    _, unkeyed = without_key(found, path, roles)
    assert not set(found["content_key"]) & set(unkeyed)
    assert found["content_key"].tolist() == MASKING.keys(unkeyed.to_numpy()).tolist()


def test_rows_assigned_before_there_was_a_key_keep_their_split(tmp_path):
    frame = pd.DataFrame({"a": range(300), "y": [0, 0, 1] * 100})
    known, _, path = split(frame, tmp_path, seed=5)
    old, _ = without_key(known, path)
    again, _, _ = split(
        frame.iloc[::-1].reset_index(drop=True), tmp_path, earlier=[old], keyed=False
    )
    both = again.merge(known, on="a", suffixes=("", "_before"))
    assert (both["split"] == both["split_before"]).all()
    assert (both["content_key"] == both["content_key_before"]).all()
    assert split(frame, tmp_path)[0]["split"].tolist() != known["split"].tolist()


def test_the_split_of_a_row_is_the_same_whatever_the_key(tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": range(300), "y": [0, 0, 1] * 100})
    first, _, _ = split(frame, tmp_path)
    monkeypatch.setattr("fraud_assets_tests.conftest.MASKING", Masking(b"another key".ljust(32)))
    second, _, _ = split(frame, tmp_path)
    assert first["split"].tolist() == second["split"].tolist()
    assert not set(first["content_key"]) & set(second["content_key"])


def test_temporal_periods_follow_each_other_with_the_delay_before_the_test(tmp_path, transactions):
    found, cuts, _ = split(transactions, tmp_path, CARD_ROLES, mode="temporal")
    periods = found.groupby("split")["TX_DATETIME"].agg(["min", "max"])
    assert cuts.mode is SplitMode.temporal
    assert periods["max"]["train"] < periods["min"]["validation"]
    assert periods["max"]["validation"] < periods["min"]["delay"]
    assert periods["max"]["delay"] < periods["min"]["test"]
    assert periods["min"]["test"] - periods["max"]["validation"] >= pd.Timedelta(days=7)
    shares = found["split"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.01)
    assert shares["train"] / shares["validation"] == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("days", "mode"), [(27, "stratified"), (29, "temporal")])
def test_auto_is_temporal_when_dates_span_four_delays(tmp_path, days, mode):
    moments = pd.date_range("2026-01-01", periods=days + 1, freq="D")
    frame = pd.DataFrame({"t": moments, "y": [i % 2 for i in range(days + 1)]})
    roles = Roles(target="y", timestamp="t", real_time=True)
    assert split(frame, tmp_path, roles)[1].mode == mode


def test_auto_does_not_take_seconds_since_some_start_for_dates(tmp_path):
    frame = pd.DataFrame({"t": [0.0, 1e9], "y": [0, 1]})
    assert split(frame, tmp_path, Roles(target="y", timestamp="t"))[1].mode == "stratified"


def test_temporal_without_a_timestamp_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ValueError, match="no column has the role timestamp.*stratified"):
        split(pd.DataFrame({"a": [1], "y": [0]}), tmp_path, mode="temporal")


def test_a_transaction_id_does_not_make_equal_rows_different(tmp_path):
    frame = pd.DataFrame({"id": map(str, range(40)), "a": [1] * 40, "y": [0] * 40})
    found, _, _ = split(frame, tmp_path, Roles(target="y", transaction_id="id"))
    assert found["split"].nunique() == 1
