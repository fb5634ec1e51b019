"""What a person sees in the Dagster UI, in a real browser. Its pictures serve the docs.

With `FRAUD_PICTURES` set, as `make pictures` sets it, the pictures go there.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from fraud_assets_tests.integration.conftest import require
from fraud_assets_tests.integration.other_site import attack, by_the_page_itself
from fraud_assets_tests.integration.servers import QUIET, Dagster, dagster
from fraud_assets_tests.test_definitions import ASSETS, CHECKS

PATIENCE = 60_000
BATCH = "simulated_cards_0"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    require("chromium")
    folder = tmp_path_factory.mktemp("browser")
    with dagster(folder) as running:
        # Somebody without data: the asset writes a CSV, the sensor goes on from there.
        running.click_materialize(["simulated_transactions"])
        assert running.wait_for_run(BATCH)["status"] == "SUCCESS"
        yield running


@pytest.fixture(scope="module")
def page(stack: Dagster) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@pytest.fixture
def picture(page: Page, tmp_path: Path):
    folder = Path(os.environ.get("FRAUD_PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 20_000

    return take


def test_a_simulated_csv_is_taken_from_the_drop_folder_to_the_verdict(stack):
    assert len(stack.runs(BATCH)) == 1
    assert len(stack.materializations("published_metrics", BATCH)) == 1


def test_the_browser_shows_the_graph_with_every_asset_and_its_group(stack, page, picture):
    # The UI draws only what is in sight, and shortens long names in the middle.
    page.set_viewport_size({"width": 2400, "height": 1300})
    expanded = ",".join(f"global@global:{group}" for group in sorted(set(ASSETS.values())))
    page.goto(f"{stack.url}/asset-groups?expanded={expanded}")
    for asset in ASSETS:
        name = re.compile(f"^({asset}|{asset[:4]}….*{asset[-8:]})$")
        expect(page.get_by_text(name).first).to_be_visible(timeout=PATIENCE)
    for group in set(ASSETS.values()):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    page.wait_for_timeout(1500)  # the layout's own animation, for the picture's sake
    picture("asset_graph")
    page.set_viewport_size({"width": 1500, "height": 950})


def test_the_browser_shows_a_batch_of_the_report_with_verdict_and_figures(stack, page, picture):
    page.goto(f"{stack.url}/assets/evaluation_report?view=partitions&partition={BATCH}")
    expect(page.get_by_text("test_fraud_recall").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("frauds_missed_count").first).to_be_visible()
    expect(page.get_by_text("mlflow_run").first).to_be_visible()
    picture("evaluation_report")


def test_the_browser_shows_the_picture_behind_a_plot(stack, page, picture):
    row = page.locator("tr").filter(has_text=re.compile("^plot_precision_recall"))
    row.get_by_text(re.compile("Show Markdown", re.IGNORECASE)).first.click()
    image = page.locator("img[src^='data:image/png']").first
    expect(image).to_be_visible()
    assert image.evaluate("node => node.naturalWidth") > 300
    picture("plot")
    page.keyboard.press("Escape")


def test_the_browser_shows_the_checks_of_the_report(stack, page, picture):
    page.goto(f"{stack.url}/assets/evaluation_report?view=checks")
    for check in CHECKS["evaluation_report"]:
        expect(page.get_by_text(check, exact=True).first).to_be_visible(timeout=PATIENCE)
    picture("checks")


def test_the_browser_shows_the_sensor_running(stack, page, picture):
    page.goto(f"{stack.url}/automation")
    expect(page.get_by_text("csv_landing").first).to_be_visible(timeout=PATIENCE)
    picture("sensor")


def test_another_site_can_do_nothing_also_where_nobody_logs_in(stack, page):
    before = set(stack.partitions())
    assert attack(page, stack.url) == "done: socket refused"
    assert set(stack.partitions()) == before
    by_the_page_itself(page, stack.url)
    assert set(stack.partitions()) == before | {"by-the-page"}
