"""Draws the committed dashboards with Grafana's own components and a real Prometheus' data."""

import json
import math
import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from fraud_assets_tests.integration.conftest import require
from fraud_assets_tests.integration.servers import QUIET, ROOT

BUILT = ROOT / "docs" / "preview" / "dist"
GAP_SECONDS = 20.0
"""Values that lie further apart belong to different events; Prometheus is asked every 5 s."""
Query = Callable[[str, str, str], list[dict[str, Any]]]


def draw(dashboard: dict[str, Any], query: Query, folder: Path) -> tuple[list[str], Path]:
    """Draw a dashboard; return the page's errors and empty panels, and the picture.

    `query` takes PromQL, the panel's type and the legend, and returns series.
    """
    if not (BUILT / "preview.js").exists():
        pytest.skip("docs/preview is not built; `make preview` builds it where npm may fetch")
    page_folder = folder / dashboard["uid"]
    shutil.copytree(BUILT, page_folder)
    results = {
        panel["id"]: [
            series
            for target in panel["targets"]
            for series in query(target["expr"], panel["type"], target.get("legendFormat", ""))
        ]
        for panel in dashboard["panels"]
    }
    annotations = [
        {"name": a["name"], "color": a["iconColor"], "times": beginnings(query, a["expr"])}
        for a in dashboard["annotations"]["list"]
    ]
    data = json.dumps({"dashboard": dashboard, "results": results, "annotations": annotations})
    (page_folder / "data.js").write_text(f"window.PREVIEW = {data}")
    picture, faults = folder / f"{dashboard['uid']}.png", []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1125, "height": 900})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((page_folder / "index.html").as_uri())
        page.wait_for_selector("body[data-drawn]", state="attached")
        page.wait_for_timeout(1500)
        faults += [
            f"No data: {e.inner_text()}" for e in page.query_selector_all("section:has(.nodata)")
        ]
        page.screenshot(path=picture, full_page=True)
        browser.close()
    return faults, picture


def beginnings(query: Query, expr: str) -> list[float]:
    """When an expression began to have a value, each time."""
    found = []
    for series in query(expr, "timeseries", ""):
        times = [time for time, _ in series["values"]]
        found += [t for before, t in pairwise([-math.inf, *times]) if t - before > GAP_SECONDS]
    return sorted(found)


def asking(servers: Any, started: float) -> Query:
    """Return a query of a Prometheus: what lasts over the time since the start, the rest now."""

    def query(expr: str, kind: str, legend: str) -> list[dict[str, Any]]:
        expr = expr.replace("$model", "fraud_detector")
        if kind in ("timeseries", "state-timeline"):
            found = servers.query_range(expr, started, time.time())
        else:
            found = [{**r, "values": [r["value"]]} for r in servers.query(expr)]
        return [{"metric": r["metric"], "values": r["values"], "legend": legend} for r in found]

    return query
