import requests
from prometheus_client.core import GaugeMetricFamily

from fraud_assets.monitoring.exporter import Exporter, serve
from fraud_assets_tests.integration.servers import free_port


def gauge():
    return [GaugeMetricFamily("something", "A figure.", value=3)]


def broken():
    raise OSError("the database is locked")


def test_a_part_that_cannot_be_read_hides_no_other_and_is_counted():
    told = []
    exporter = Exporter({"bad": broken, "good": gauge}, lambda *what: told.append(what))
    for _ in range(2):
        found = {
            (s.name, *s.labels.values()): s.value for m in exporter.collect() for s in m.samples
        }
    assert found["something",] == 3
    assert found["fraud_exporter_part_up", "bad"] == 0
    assert found["fraud_exporter_part_up", "good"] == 1
    assert found["fraud_exporter_scrape_errors_total", "bad"] == 2
    assert found["fraud_exporter_scrape_errors_total", "good"] == 0
    assert [part for part, _ in told] == ["bad", "bad"]


def test_metrics_are_served_to_scrape():
    port = free_port()
    stop = serve(Exporter({"good": gauge}), "127.0.0.1", port)
    try:
        assert "something 3.0" in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    finally:
        stop()
