import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_format

from fraud_assets.monitoring.exposition import (
    HELP,
    PushResult,
    push,
    to_openmetrics,
    to_registry,
)
from fraud_assets_tests.evaluation.conftest import judged, report  # noqa: F401


@pytest.fixture
def text():
    figures = {"test_fraud_recall": 0.8, "frauds_missed_count": 2}
    info = {"batch": 'ju"ne', "decision": "promote"}
    return to_openmetrics(to_registry("fraud_detector", figures, info)).decode()


def test_the_textfile_is_openmetrics_without_timestamps(text):
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["test_fraud_recall"].samples[0].value == 0.8
    assert families["test_fraud_recall"].samples[0].labels == {"model": "fraud_detector"}
    assert all(s.timestamp is None for family in families.values() for s in family.samples)
    assert text.endswith("# EOF\n")


def test_the_older_prometheus_format_reads_it_the_same_way(text):
    values = {family.name: family.samples[0].value for family in older_format(text)}
    assert values["frauds_missed_count"] == 2


def test_the_batch_is_a_label_of_no_figure(text):
    with_batch = [line.split("{")[0] for line in text.splitlines() if "batch=" in line]
    assert sorted(with_batch) == ["fraud_batch_info", "fraud_batch_published_timestamp_seconds"]


def test_every_figure_of_the_reports_has_a_help_text(report):  # noqa: F811
    assert set(report.metrics) <= set(HELP)


def test_without_a_gateway_nothing_is_pushed():
    result = push(to_registry("m", {}, {"batch": "june"}), None, "m", "drift")
    assert result == PushResult(pushed=False, gateway=None, error=None)


def test_a_push_that_fails_is_reported_and_shows_no_password():
    registry = to_registry("m", {}, {"batch": "june"})
    result = push(registry, "http://user:secret@127.0.0.1:9", "m", "drift")
    assert not result.pushed
    assert result.gateway == "127.0.0.1:9"
    assert result.error
    assert "secret" not in str(result)


def test_a_push_is_retried_when_the_gateway_is_briefly_unavailable():
    answers = [503, 503, 200]

    class Gateway(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.send_response(answers.pop(0))
            self.end_headers()

        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        result = push(to_registry("m", {}, {"batch": "june"}), url, "m", "drift")
    finally:
        server.shutdown()
        server.server_close()
    assert result.pushed, result
    assert answers == []
