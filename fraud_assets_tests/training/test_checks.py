from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from fraud_assets.catalog import AcceptedBatch
from fraud_assets.records.batches import SplitCounts
from fraud_assets.store.tables import SplitTable
from fraud_assets.training.checks import (
    batch_admitted,
    enough_frauds,
    model_converged,
    splits_disjoint,
)
from fraud_assets_tests import factories

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def table(**changes):
    return SplitTable(Path("rows.parquet"), factories.splits(**changes))


def counts(**frauds):
    return {split: SplitCounts(rows=1000, frauds=n) for split, n in frauds.items()}


def test_disjoint_splits_pass():
    result = splits_disjoint(splits=table())
    assert result.passed
    assert result.description.endswith("window of 1 batches")


@pytest.mark.parametrize(
    ("faults", "remedy"),
    [({"straddling_contents": 2}, True), ({"unassigned_rows": 3}, False)],
)
def test_rows_in_several_splits_or_in_none_stop_the_run(faults, remedy):
    result = splits_disjoint(splits=table(**faults))
    assert (result.passed, result.severity) == (False, ERROR)
    assert ("narrow `window_batches`" in result.description) is remedy
    for name, n in faults.items():
        assert result.metadata[name].value == n


def test_enough_frauds_in_each_split_pass_and_are_named():
    result = enough_frauds(splits=table(counts=counts(train=30, validation=20, test=10)))
    assert result.passed
    assert result.description == "frauds by split: train 30, validation 20, test 10"


def test_too_few_frauds_stop_the_run_and_say_what_to_do():
    result = enough_frauds(splits=table(counts=counts(train=0, validation=30, test=30)))
    assert (result.passed, result.severity) == (False, ERROR)
    assert "batch 'june': train has 0 frauds and needs" in result.description
    assert "1 in the target column means fraud" in result.description


def test_too_few_genuine_rows_stop_the_run():
    result = enough_frauds(splits=table(counts=counts(train=1000, validation=30, test=30)))
    assert not result.passed
    assert "train has 0 genuine rows and needs" in result.description


def test_a_model_that_ran_out_of_iterations_is_a_warning():
    assert model_converged(trained_model=factories.trained_model()).passed
    result = model_converged(trained_model=factories.trained_model(converged=False, iterations=200))
    assert (result.passed, result.severity) == (False, WARN)
    assert "after 200 iterations: raise `max_iter`" in result.description


def test_only_the_checks_of_the_splits_stop_a_run():
    blocking = {
        spec.name: spec.blocking
        for check in (splits_disjoint, enough_frauds, model_converged)
        for spec in check.check_specs
    }
    assert blocking == {"splits_disjoint": True, "enough_frauds": True, "model_converged": False}


def admitted(excluded, batch="june"):
    accepted = AcceptedBatch(batch, "a", (None, None, None), excluded)
    catalog = SimpleNamespace(accepted=lambda: {batch: accepted})
    return batch_admitted(splits=table(), catalog=catalog)


def test_an_excluded_batch_stops_before_training_and_the_message_says_how_to_go_on():
    result = admitted("implausible: median amount 150, 50 before")
    assert (result.passed, result.severity) == (False, ERROR)
    assert "excluded from training and history: implausible: median amount" in result.description
    assert "`implausible_batches: keep`" in result.description
    (spec,) = batch_admitted.check_specs
    assert spec.blocking
    assert [dep.asset_key.to_user_string() for dep in spec.additional_deps] == ["drift_report"]


def test_a_batch_in_use_and_one_that_was_never_accepted_are_admitted():
    assert admitted(None).passed
    assert admitted("implausible", batch="may").passed
