import pytest

from fraud_assets.monitoring.checks import drift_push_succeeded, metrics_push_succeeded

NOT_SET = {"pushed": False, "gateway": None, "error": None}
ARRIVED = {"pushed": True, "gateway": "g:9091", "error": None}
FAILED = {"pushed": False, "gateway": "g:9091", "error": "refused"}


@pytest.mark.parametrize(
    ("check", "asset"),
    [(drift_push_succeeded, "published_drift"), (metrics_push_succeeded, "published_metrics")],
)
def test_a_failed_push_fails_the_check_of_its_asset_and_no_gateway_passes(check, asset):
    (spec,) = check.check_specs
    assert (spec.name, spec.asset_key.to_user_string()) == ("push_succeeded", asset)
    assert check(NOT_SET).passed
    assert check(ARRIVED).passed
    failed = check(FAILED)
    assert not failed.passed
    assert "push to g:9091 failed: refused" in failed.description
