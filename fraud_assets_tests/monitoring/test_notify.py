import email
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from fraud_assets.monitoring.incidents import Message
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

    with pytest.raises(NotSentError, match="'title 2'.*sent again"):
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


EVIL = (
    "batch <!channel> june: '<img src=http://evil.example/a.png>' [click](http://evil.example) "
    "<a href='http://evil.example'>click</a> @everyone @here <@U1> <http://evil.example|click> *b*"
)
RECEIVERS = {
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "webhook": "json://127.0.0.1/",
}


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_no_chat_acts_on_what_came_from_a_csv(monkeypatch, receiver):
    posted = []

    def post(*_, **kwargs):
        posted.append(str(kwargs.get("data") or kwargs.get("json")))
        return SimpleNamespace(status_code=200, content=b"ok", text="ok", headers={})

    monkeypatch.setattr("requests.post", post)
    monkeypatch.setattr("requests.request", post)
    send = apprise_sender(RECEIVERS[receiver], "http://127.0.0.1:8080/assets")
    assert send(Message("1", "schema_contract fails", EVIL, "failure"))
    # As the receiver reads it: JSON's escapes are no more, HTML's and Markdown's are still there.
    said = "".join(posted).encode().decode("unicode_escape", "ignore")
    assert "schema_contract fails" in said
    for acts in ("<!channel", "<!here", "<img", "<a ", "<@U1", "<http", "@everyone", "@here",
                 "://evil.example"):  # fmt: skip
        assert acts not in said


def test_a_mail_shows_tags_and_follows_none(monkeypatch):
    mails = []

    class Server:
        def __init__(self, *_, **__):
            """Take everything."""

        def sendmail(self, _from, _to, text):
            mails.append(email.message_from_string(text))

        def __getattr__(self, _):
            return lambda *_, **__: None

    monkeypatch.setattr("smtplib.SMTP", Server)
    send = apprise_sender("mailto://127.0.0.1:25?from=a@example.org&to=b@example.org", "http://x/")
    assert send(Message("1", "schema_contract fails", EVIL, "failure"))
    parts = {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in mails[0].walk() if not part.is_multipart()
    }  # fmt: skip
    assert "img src=" in parts.pop("text/plain", EVIL)
    for html in parts.values():
        assert "&lt;" in html
        assert "<img" not in html
        assert "<a " not in html
