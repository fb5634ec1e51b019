"""What a late, a corrected and a far batch mean for the features of the others, in the UI."""

import pandas as pd
import pytest

from fraud_assets.store import tables
from fraud_assets_tests.integration.conftest import Homes, cards
from fraud_assets_tests.integration.servers import dagster, drop_csv

pytestmark = pytest.mark.integration

STALE = ["history has a new data version"]


def small(seed, first_day):
    return cards(seed, transactions=3000, first_day=first_day)


FIRST, SECOND, FAR = small(1, "2026-01-01"), small(2, "2026-01-22"), small(3, "2026-06-01")
LATE = small(4, "2026-01-08").assign(TRANSACTION_ID=lambda frame: frame["TRANSACTION_ID"] + 10**6)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Webserver, daemon and code server, after four batches came as far as their features."""
    folder = tmp_path_factory.mktemp("history")
    with Homes(folder).copied(None, folder) as graph:
        for batch, frame in (("first", FIRST), ("second", SECOND), ("far", FAR), ("late", LATE)):
            assert graph.take(batch, frame, assets=["raw_transactions", "features"]).success
            (folder / "data" / f"{batch}.csv").unlink()  # the sensor is to start no other run
    with dagster(folder) as running:
        yield running


def features_of(stack, monkeypatch, batch):
    monkeypatch.setenv("FRAUD_HOME", str(stack.folder / "var"))
    return pd.read_parquet(tables.load_table(tables.FeatureTable, batch).path)


def test_batches_that_come_one_after_the_other_are_fresh_also_when_one_comes_late(stack):
    assert {b: stack.stale_causes("features", b) for b in ("first", "second", "far", "late")} == {
        "first": [],
        "second": [],
        "far": [],
        "late": [],
    }


def test_a_late_batch_looks_back_on_those_before_it_and_none_looks_back_on_it(stack, monkeypatch):
    late = features_of(stack, monkeypatch, "late")
    second = features_of(stack, monkeypatch, "second")
    assert late["days_known"].min() > 6
    moment = pd.Timestamp("2026-01-22")
    seen = pd.concat([FIRST, SECOND])
    assert second["terminal_transactions_30d"].sum() == pytest.approx(
        sum_of_windows(SECOND, seen), abs=0
    )
    assert second["TX_DATETIME"].min() >= moment


def sum_of_windows(own, seen):
    """How many rows the 30-day windows of the terminals hold in all."""
    count = 0
    month = pd.Timedelta(days=30)
    by_terminal = {t: g["TX_DATETIME"].sort_values() for t, g in seen.groupby("TERMINAL_ID")}
    for row in own.itertuples():
        times = by_terminal[row.TERMINAL_ID]
        count += times.searchsorted(row.TX_DATETIME, "right")
        count -= times.searchsorted(row.TX_DATETIME - month, "right")
    return count


def test_a_corrected_batch_makes_stale_what_its_rows_reach_until_that_is_made_again(
    stack, monkeypatch
):
    before = features_of(stack, monkeypatch, "second")
    corrected = FIRST.assign(TX_AMOUNT=FIRST["TX_AMOUNT"] * 2)
    drop_csv(stack.folder, "first", corrected)
    assert stack.wait_for_run("first", number=2)["status"] == "SUCCESS"
    assert stack.stale_causes("features", "first") == []
    assert stack.stale_causes("features", "second") == STALE
    assert stack.stale_causes("features", "late") == STALE
    assert stack.stale_causes("features", "far") == []
    run = stack.click_materialize(["features"], "second")
    assert stack.wait_for_id(run)["status"] == "SUCCESS"
    assert stack.stale_causes("features", "second") == []
    after = features_of(stack, monkeypatch, "second")
    assert after["card_sum_amount_30d"].sum() > before["card_sum_amount_30d"].sum()


def test_a_batch_that_is_made_again_from_the_same_file_makes_nothing_stale(stack):
    run = stack.click_materialize(["raw_transactions", "features"], "first")
    assert stack.wait_for_id(run)["status"] == "SUCCESS"
    assert stack.stale_causes("features", "second") == []
    assert stack.stale_causes("features", "far") == []
