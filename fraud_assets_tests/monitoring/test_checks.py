import pytest

from fraud_assets.monitoring.checks import drift_push_succeeded, metrics_push_succeeded
from fraud_assets_tests.factories import published_drift, published_metrics


@pytest.mark.parametrize(
    ("check", "published"),
    [(drift_push_succeeded, published_drift), (metrics_push_succeeded, published_metrics)],
)
def test_a_failed_push_fails_the_check_of_its_asset_and_no_gateway_passes(check, published):
    (spec,) = check.check_specs
    asset = published().ASSET
    assert (spec.name, spec.asset_key.to_user_string()) == ("push_succeeded", asset)
    assert check(published()).passed
    assert check(published(pushed=True, gateway="g:9091")).passed
    failed = check(published(gateway="g:9091", error="refused"))
    assert not failed.passed
    assert "push to g:9091 failed: refused" in failed.description
