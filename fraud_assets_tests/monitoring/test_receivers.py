import pytest
import yaml

from fraud_assets.monitoring.receivers import alertmanager_text


def people(env):
    receivers = yaml.safe_load(alertmanager_text(env))["receivers"]
    return next(r for r in receivers if r["name"] == "people")


def test_only_receivers_that_are_set_are_rendered(tmp_path):
    assert people({}) == {"name": "people"}
    secret = tmp_path / "secret"
    secret.write_text("https://hooks.example/x")
    secret.chmod(0o600)
    env = {
        "FRAUD_ALERT_SLACK_URL_FILE": str(secret),
        "FRAUD_ALERT_WEBHOOK_URL_FILE": str(secret),
        "FRAUD_ALERT_DEADMAN_URL_FILE": str(secret),
        "FRAUD_ALERT_WEBHOOK_TOKEN_FILE": str(secret),
        "FRAUD_ALERT_EMAIL_TO": "a@example.org",
        "FRAUD_ALERT_EMAIL_FROM": "b@example.org",
        "FRAUD_ALERT_SMTP": "127.0.0.1:25",
        "FRAUD_ALERT_SMTP_PASSWORD_FILE": str(secret),
    }
    assert set(people(env)) == {"name", "slack_configs", "webhook_configs", "email_configs"}
    assert "hooks.example" not in alertmanager_text(env)
    assert people(env)["webhook_configs"][0]["url_file"] == str(secret)
    assert people(env)["email_configs"][0]["auth_password_file"] == str(secret)


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_secret_that_is_missing_or_empty_stops_the_start_by_name(tmp_path, content):
    secret = tmp_path / "slack"
    if content is not None:
        secret.write_text(content)
    with pytest.raises(ValueError, match="FRAUD_ALERT_SLACK_URL_FILE names .*missing or empty"):
        alertmanager_text({"FRAUD_ALERT_SLACK_URL_FILE": str(secret)})


def test_a_secret_that_others_may_read_stops_the_start_with_the_remedy(tmp_path):
    secret = tmp_path / "slack"
    secret.write_text("https://hooks.example/x")
    secret.chmod(0o640)
    with pytest.raises(ValueError, match=f"which is readable by others: chmod 600 {secret}"):
        alertmanager_text({"FRAUD_ALERT_SLACK_URL_FILE": str(secret)})


def test_mail_needs_a_server_and_a_sender():
    with pytest.raises(ValueError, match="FRAUD_ALERT_EMAIL_FROM and FRAUD_ALERT_SMTP must be set"):
        alertmanager_text({"FRAUD_ALERT_EMAIL_TO": "a@example.org"})


def test_critical_silences_watch_and_a_failed_run_silences_stale():
    rules = yaml.safe_load(alertmanager_text({}))["inhibit_rules"]
    assert rules[0]["source_matchers"] == ['severity="critical"']
    assert rules[0]["target_matchers"] == ['severity="watch"']
    assert rules[1]["target_matchers"] == ['topic="stale"']


def test_the_watchdog_goes_to_the_receiver_that_notices_silence():
    found = yaml.safe_load(alertmanager_text({"FRAUD_ALERT_DEADMAN_URL": "http://127.0.0.1:2"}))
    assert found["route"]["routes"][0]["receiver"] == "deadman"
    assert found["receivers"][1]["webhook_configs"][0]["url"] == "http://127.0.0.1:2"


def test_slack_reads_no_tag_no_mention_and_no_markup_of_ours(tmp_path):
    secret = tmp_path / "slack"
    secret.write_text("https://hooks.example/x")
    secret.chmod(0o600)
    (slack,) = people({"FRAUD_ALERT_SLACK_URL_FILE": str(secret)})["slack_configs"]
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        assert f'reReplaceAll "{sign}" "{escaped}"' in slack["text"]
    assert slack["text"].index('"&"') < slack["text"].index('"<"')
    assert ".Labels" not in slack["fallback"] + slack["title"] + slack["text"]
    assert (slack["link_names"], slack["mrkdwn_in"]) == (False, ["pretext"])


def test_mail_is_plain_text(tmp_path):
    env = {
        "FRAUD_ALERT_EMAIL_TO": "a@example.org",
        "FRAUD_ALERT_EMAIL_FROM": "b@example.org",
        "FRAUD_ALERT_SMTP": "127.0.0.1:25",
    }
    (mail,) = people(env)["email_configs"]
    assert mail["html"] == ""
    assert "summary" in mail["text"]
