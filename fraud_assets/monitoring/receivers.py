"""Alertmanager's configuration, with only the receivers that are set."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TITLE = "{{ .CommonLabels.alertname }} ({{ .Status }})"
TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n"
    "What to do: {{ .Annotations.runbook_url }}\nLook: {{ .Annotations.dashboard_url }}\n{{ end }}"
)
_ESCAPED = '| reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;"'
SLACK_TEXT = TEXT.replace(".Annotations.summary", f".Annotations.summary {_ESCAPED}")
"""For Slack, which reads tags and mentions in any text; only our own links are left."""
GROUP_WAIT, GROUP_INTERVAL, REPEAT = "1s", "5s", "12h"


def alertmanager_text(env: Mapping[str, str] = os.environ) -> str:
    """Return `alertmanager.yml` for the receivers that are set.

    Parameters
    ----------
    env : mapping of str to str
        `FRAUD_ALERT_SLACK_URL_FILE`; `FRAUD_ALERT_EMAIL_TO`, `FRAUD_ALERT_EMAIL_FROM`,
        `FRAUD_ALERT_SMTP` (host:port), `FRAUD_ALERT_SMTP_USER`,
        `FRAUD_ALERT_SMTP_PASSWORD_FILE`; `FRAUD_ALERT_WEBHOOK_URL_FILE`,
        `FRAUD_ALERT_WEBHOOK_TOKEN_FILE`; `FRAUD_ALERT_DEADMAN_URL_FILE`. Secrets are given as
        files; addresses without a secret may be given without `_FILE`.

    Returns
    -------
    str
        YAML.

    Raises
    ------
    ValueError
        When a secret file is missing, empty or readable by others, which Alertmanager itself
        notices late or never; or when e-mails have no server or sender.

    See Also
    --------
    fraud_assets.monitoring.rules.rules_text : the rules that raise the alerts.
    """
    people: dict[str, Any] = {"name": "people"}
    if "FRAUD_ALERT_SLACK_URL_FILE" in env:
        people["slack_configs"] = [_slack(env)]
    if "FRAUD_ALERT_EMAIL_TO" in env:
        people["email_configs"] = [_email(env)]
    if address := _address(env, "FRAUD_ALERT_WEBHOOK_URL"):
        people["webhook_configs"] = [address | _webhook(env)]
    watchdog: dict[str, Any] = {"name": "deadman"}
    if address := _address(env, "FRAUD_ALERT_DEADMAN_URL"):
        watchdog["webhook_configs"] = [address | {"send_resolved": False}]
    return yaml.safe_dump(_configuration([people, watchdog]), sort_keys=False, width=100)


def _configuration(receivers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "route": {
            "receiver": "people",
            "group_by": ["model"],
            "group_wait": GROUP_WAIT,
            "group_interval": GROUP_INTERVAL,
            "repeat_interval": REPEAT,
            "routes": [
                {
                    "receiver": "deadman",
                    "matchers": ['alertname="Watchdog"'],
                    "group_wait": "0s",
                    "repeat_interval": "1m",
                }
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity="watch"'],
                "equal": ["model", "topic", "asset", "check"],
            },
            {
                "source_matchers": ['alertname="PipelineRunFailed"'],
                "target_matchers": ['topic="stale"'],
            },
            # The alert of a metric is more specific than that of its check.
            {
                "source_matchers": ['topic=~"FraudRecall|FalseAlarmRate"'],
                "target_matchers": ['topic="check"', 'asset="evaluation_report"'],
            },
            {
                "source_matchers": ['topic=~"Drift|TooFewRowsToJudge"'],
                "target_matchers": ['topic="check"', 'asset="drift_report"'],
            },
        ],
        "receivers": receivers,
    }


def _slack(env: Mapping[str, str]) -> dict[str, Any]:
    return {
        "api_url_file": _secret(env, "FRAUD_ALERT_SLACK_URL_FILE"),
        "send_resolved": True,
        "title": TITLE,
        "text": SLACK_TEXT,
        # The default holds every label unescaped, the batch among them.
        "fallback": TITLE,
        "link_names": False,
        # Markup only in the pretext, which is not sent: the text is plain.
        "mrkdwn_in": ["pretext"],
    }


def _email(env: Mapping[str, str]) -> dict[str, Any]:
    missing = [n for n in ("FRAUD_ALERT_EMAIL_FROM", "FRAUD_ALERT_SMTP") if not env.get(n)]
    if missing:
        raise ValueError(f"FRAUD_ALERT_EMAIL_TO is set; {' and '.join(missing)} must be set, too")
    email: dict[str, Any] = {
        "to": env["FRAUD_ALERT_EMAIL_TO"],
        "from": env["FRAUD_ALERT_EMAIL_FROM"],
        "smarthost": env["FRAUD_ALERT_SMTP"],
        "send_resolved": True,
        "headers": {"Subject": TITLE},
        "html": "",
        "text": TEXT,
        "require_tls": "FRAUD_ALERT_SMTP_PASSWORD_FILE" in env,
    }
    if "FRAUD_ALERT_SMTP_PASSWORD_FILE" in env:
        email["auth_username"] = env.get("FRAUD_ALERT_SMTP_USER", env["FRAUD_ALERT_EMAIL_FROM"])
        email["auth_password_file"] = _secret(env, "FRAUD_ALERT_SMTP_PASSWORD_FILE")
    return email


def _webhook(env: Mapping[str, str]) -> dict[str, Any]:
    webhook: dict[str, Any] = {"send_resolved": True}
    if "FRAUD_ALERT_WEBHOOK_TOKEN_FILE" in env:
        token = _secret(env, "FRAUD_ALERT_WEBHOOK_TOKEN_FILE")
        webhook["http_config"] = {"authorization": {"credentials_file": token}}
    return webhook


def _address(env: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return the address of a receiver, or the file that holds it; empty when it is not set."""
    if f"{name}_FILE" in env:
        return {"url_file": _secret(env, f"{name}_FILE")}
    return {"url": env[name]} if name in env else {}


def _secret(env: Mapping[str, str], name: str) -> str:
    """Return the path of a secret file; refuse one that is missing, empty or not private."""
    path = Path(env[name])
    if not path.is_file() or not path.read_text(encoding="utf-8").strip():
        raise ValueError(
            f"{name} names {path}, which is missing or empty; write the secret into it, or unset "
            f"{name}"
        )
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{name} names {path}, which is readable by others: chmod 600 {path}")
    return str(path)
