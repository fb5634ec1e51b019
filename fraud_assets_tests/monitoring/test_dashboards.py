import json

import pytest
import yaml

from fraud_assets.config import limits
from fraud_assets.monitoring.dashboards import GREEN, ORANGE, RED, dashboards, links

TEXTS = dashboards()


def panels():
    return [
        pytest.param(panel, id=f"{uid}: {panel['title']}")
        for uid, text in TEXTS.items()
        for panel in json.loads(text)["panels"]
    ]


def test_the_committed_dashboards_are_those_of_the_code(pytestconfig):
    folder = pytestconfig.rootpath / "grafana" / "dashboards"
    committed = {path.stem: path.read_text() for path in folder.glob("*.json")}
    assert committed == TEXTS, "run `fraud-assets dashboards grafana/dashboards`"


@pytest.mark.parametrize("uid", TEXTS)
def test_nothing_is_lost_on_the_way_through_grafana_s_own_types(uid):
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    read = Dashboard.from_json(json.loads(TEXTS[uid]))
    again = json.dumps(read, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
    assert again == TEXTS[uid]


@pytest.mark.parametrize("panel", panels())
def test_every_panel_has_what_grafana_s_linter_asks_for(panel):
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}"
    refs = [target["refId"] for target in panel["targets"]]
    assert refs == [chr(ord("A") + n) for n in range(len(refs))]
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    assert panel["type"] in {"stat", "timeseries", "bargauge", "table", "state-timeline"}


@pytest.mark.parametrize("uid", TEXTS)
def test_data_source_and_model_are_variables_and_links_lead_on(uid):
    found = json.loads(TEXTS[uid])
    assert [v["name"] for v in found["templating"]["list"]] == ["datasource", "model"]
    assert [link["url"] for link in found["links"]] == [url for _, url in links()]
    assert {a["name"] for a in found["annotations"]["list"]} == {"Promotions", "Data arrived"}


def test_colours_change_where_the_verdicts_do():
    top = {p.values[0]["title"]: p.values[0] for p in panels()}
    steps = {
        title: [
            (step["color"], step.get("value"))
            for step in top[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        ]
        for title in ("Fraud recall", "Drift score")
    }
    recall, drift = limits.FRAUD_RECALL, limits.DRIFT_SCORE
    assert steps["Fraud recall"] == [(RED, None), (ORANGE, recall.critical), (GREEN, recall.watch)]
    assert steps["Drift score"] == [(GREEN, None), (ORANGE, drift.watch), (RED, drift.critical)]


def test_missed_frauds_are_red_and_a_failing_check_says_so():
    found = {p.values[0]["title"]: p.values[0]["fieldConfig"] for p in panels()}
    colors = {
        o["matcher"]["options"]: o["properties"][0]["value"]["fixedColor"]
        for o in found["Confusion counts over time"]["overrides"]
    }
    assert colors["frauds_missed_count"] == RED
    (mapping,) = found["Asset checks"]["defaults"]["mappings"]
    states = {value: (m["text"], m["color"]) for value, m in mapping["options"].items()}
    assert states == {"0": ("fails", RED), "1": ("passes", GREEN)}


def test_the_user_s_six_panels_are_there():
    titles = {panel.values[0]["title"] for panel in panels()}
    assert titles >= {
        "Fraud detection performance",
        "Business impact",
        "Performance over time",
        "Drift metrics",
        "Drift score over time",
        "Drifted features",
    }


def test_grafana_finds_source_and_dashboards_by_provisioning(pytestconfig):
    folder = pytestconfig.rootpath / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((folder / "dashboards" / "fraud.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
