from fraud_assets.monitoring.resources import Pushgateway


def test_the_field_comes_before_the_environment(home, monkeypatch):
    assert Pushgateway().address() is None
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", "http://from.environment:9091")
    assert Pushgateway().address() == "http://from.environment:9091"
    assert Pushgateway(url="http://field:9091").address() == "http://field:9091"
