import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fraud_assets.monitoring.causes import Message
from fraud_assets.monitoring.notify import NotSentError, apprise_sender, send_once


def message(key):
    return Message(key, f"title {key}", "body", "failure")


def test_each_message_is_sent_once_also_after_a_restart(tmp_path):
    sent = []
    for _ in range(2):
        send_once([message("1"), message("2")], tmp_path / "sent", lambda m: not sent.append(m.key))
    assert sent == ["1", "2"]


def test_what_did_not_arrive_is_tried_again_and_nothing_is_doubled(tmp_path):
    sent = []

    def refuses_the_second(m):
        return m.key != "2" and not sent.append(m.key)

    with pytest.raises(NotSentError, match="'title 2'.*tried again"):
        send_once([message("1"), message("2")], tmp_path / "sent", refuses_the_second)
    count = send_once(
        [message("1"), message("2")], tmp_path / "sent", lambda m: not sent.append(m.key)
    )
    assert (sent, count) == (["1", "2"], 1)


def test_a_webhook_receives_title_figures_and_link():
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.handle_request, daemon=True).start()
    send = apprise_sender(f"json://127.0.0.1:{server.server_port}/", "http://127.0.0.1:8080")
    assert send(Message("1", "drift_score fails", "batch june: 0.42", "failure"))
    server.server_close()
    assert received[0]["title"] == "drift_score fails"
    assert "batch june: 0.42\nhttp://127.0.0.1:8080" in received[0]["message"]
    assert received[0]["type"] == "failure"


def test_an_address_that_makes_no_sense_is_named_by_its_place_and_not_repeated():
    with pytest.raises(ValueError, match="address 2 of FRAUD_ALERT_URLS") as found:
        apprise_sender("json://127.0.0.1/ nonsense:secret", "")
    assert "secret" not in str(found.value)
