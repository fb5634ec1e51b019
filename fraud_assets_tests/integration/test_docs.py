"""Every command in the README and in `docs/` does what its page says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from fraud_assets.config import limits, settings
from fraud_assets_tests.integration.servers import (
    BIN,
    ROOT,
    answers,
    environment,
    free_port,
    running,
    wait_for,
)

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SERVERS = {
    "make dev": ("DAGSTER_PORT", "/server_info"),
    "make mlflow": ("MLFLOW_PORT", "/health"),
    "make exporter": ("EXPORTER_PORT", "/metrics"),
}
# Run by CI itself, by every clone, or by a person who means to change the files of the project.
BY_CI = {"make test", "make lint"}
# `demo`, below, runs it, and all others after it.
DEMO = {"make demo"}
PART_OF_TEST = {"make test-fast", "make test-integration"}
REWRITES = {"make format", "make lock", "make pictures", "make bench ONLY=location"}
# `test_ordeal.py` and `test_faults.py` run short ones.
HOURS = {"make ordeal", "make faults", "make load"}
PAGE_OF = {
    **{"access": "security", "privacy": "security", "cli": "commands"},
    **dict.fromkeys(("config", "platform", "records", "store", "tracking"), "architecture"),
}
BY_WORKFLOW = {"make audit"}  # it asks for the list of known vulnerabilities


def commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
            found |= dict.fromkeys(line for line in block.splitlines() if line)
    return list(found)


def to_be_run_here() -> list[str]:
    elsewhere = {*SERVERS, *BY_CI, *DEMO, *PART_OF_TEST, *REWRITES, *HOURS, *BY_WORKFLOW}
    return [command for command in commands() if command not in elsewhere]


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """The environment of the Makefile in this checkout, with folders of the tests' own."""
    return environment(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def demo(env):
    """What the demo prints; the commands of the docs meet what it leaves."""
    assert set(commands()) >= DEMO
    done = subprocess.run(
        ["make", "demo"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def _a_set_up_checkout():
    """The set-up of the Makefile counts as done when the tests' own environment is it."""
    if BIN != ROOT / ".venv" / "bin":
        pytest.skip("the docs' commands are those of a checkout with its own .venv")


@pytest.mark.parametrize("command", to_be_run_here())
def test_a_command_of_the_docs_runs(command, env, demo):
    (ROOT / "build").mkdir(exist_ok=True)
    for made in re.findall(r"build/\S+\.csv", command):
        (ROOT / made).unlink(missing_ok=True)
    done = subprocess.run(
        ["bash", "-ec", command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
    for made in re.findall(r"build/\S+\.csv", command):
        (ROOT / made).unlink()


@pytest.mark.parametrize("command", SERVERS)
def test_a_server_of_the_docs_starts_and_answers(command, env, tmp_path):
    assert command in commands()
    variable, path = SERVERS[command]
    port = free_port()
    url = f"http://127.0.0.1:{port}{path}"
    ports = {variable: str(port), "FRAUD_CODE_PORT": str(free_port())}
    with running(["bash", "-c", command], env | ports, tmp_path / "log", url):
        assert answers(url)
    wait_for(f"the end of {command}", lambda: not answers(url))


def test_the_commands_that_ci_runs_are_in_its_files():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert set(script) >= BY_CI
    assert set(steps) >= {".ci/run", "make demo"}
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in PART_OF_TEST | REWRITES | HOURS:
        assert command.split()[1] in targets


def test_every_link_of_the_docs_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_folder_of_the_house_has_its_page_and_the_readme_links_it():
    folders = {path.parent.name for path in (ROOT / "fraud_assets").glob("*/__init__.py")}
    readme = (ROOT / "README.md").read_text()
    for page in (PAGE_OF.get(folder, folder) for folder in folders):
        assert (ROOT / "docs" / f"{page}.md").exists()
        assert f"docs/{page}.md" in readme


def test_the_limits_in_the_docs_are_those_of_the_checks():
    drift = (ROOT / "docs" / "drift.md").read_text()
    score = limits.DRIFT_SCORE
    assert f"Under {score.watch} is stable, {score.watch} to {score.critical} is worth" in drift
    assert f"at least {settings.DriftSettings().min_distance}" in drift


def test_the_demo_output_in_the_readme_is_that_of_the_demo(env, demo):
    shown = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]

    def without_figures(text: str) -> list[str]:
        return [re.sub(r"[\d.,]+", "N", line.split(":")[0]).strip() for line in text.splitlines()]

    printed = without_figures(demo)
    assert [line for line in without_figures(shown) if line not in printed] == []
    assert Path(env["FRAUD_HOME"], "reports", "simulated_cards_0", "evaluation_report.md").exists()
