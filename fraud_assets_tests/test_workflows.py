"""What GitHub and CI run: what is pinned, what is renewed, and what may not be left out."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from fraud_assets_tests import required
from fraud_assets_tests.required import CANNOT_RUN, may_be_left_out

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
WORKFLOWS = {p.stem: p.read_text() for p in (ROOT / ".github" / "workflows").glob("*.yml")}
PARSED = {name: yaml.safe_load(text) for name, text in WORKFLOWS.items()}
SCRIPTS = [*ROOT.glob("scripts/*.sh"), *ROOT.glob("deploy/*.sh"), ROOT / ".ci" / "run"]


def triggers(name):
    # YAML reads `on` as true.
    return PARSED[name][True]


def run_lines(name, job):
    return "\n".join(step.get("run", "") for step in PARSED[name]["jobs"][job]["steps"])


def test_the_linter_of_workflows_finds_nothing():
    program = shutil.which("zizmor", path=str(BIN))
    command = [program, "--offline", "--no-progress", "--min-severity", "medium", ".github"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_the_linter_of_shell_scripts_finds_nothing():
    program = shutil.which("shellcheck", path=str(BIN))
    found = subprocess.run([program, *SCRIPTS], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_an_action_is_pinned_by_the_digest_of_its_commit(name):
    used = re.findall(r"uses: (\S+)(.*)", WORKFLOWS[name])
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: which version is it?"


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_no_text_from_outside_is_pasted_into_a_script(name):
    for job in PARSED[name]["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), step


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_may_read_and_a_job_gets_what_more_it_needs(name):
    assert PARSED[name]["permissions"] == {"contents": "read"}
    writing = {n for n, job in PARSED[name]["jobs"].items() if "permissions" in job}
    assert writing == {"lock": {"propose"}, "image": {"release"}}.get(name, set())


# --- the locks --------------------------------------------------------------------------


def planned(*arguments):
    """What make would run."""
    command = ["make", "--dry-run", "--no-print-directory", "lock", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_locks_that_are_deployed_are_renewed_by_the_one_way_there_is():
    assert triggers("lock")["schedule"]
    assert "make lock UPGRADE=1" in run_lines("lock", "lock")
    assert planned("UPGRADE=1").count("--upgrade") == planned().count("uv pip compile") == 3
    assert "--upgrade" not in planned()
    everywhere = [*WORKFLOWS.values(), *(script.read_text() for script in SCRIPTS)]
    assert not any("pip compile" in text for text in everywhere)
    assert "requirements.lock" in (ROOT / "deploy" / "Dockerfile").read_text()


def test_what_looks_at_new_packages_may_write_nothing():
    jobs = PARSED["lock"]["jobs"]
    assert "permissions" not in jobs["lock"]
    assert "GH_TOKEN" not in str(jobs["lock"])
    assert not re.search(r"^\s*(make|pip|uv|bash)\b", run_lines("lock", "propose"), re.MULTILINE)
    # What a workflow pushes starts no other: the tests are asked for.
    for started in re.findall(r"(\w+)\.yml", run_lines("lock", "propose")):
        assert "workflow_dispatch" in triggers(started)


def test_vulnerabilities_are_looked_up_daily_with_each_lock_and_before_a_release():
    on = triggers("audit")
    (schedule,) = on["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"]), "daily"
    assert on["push"]["paths"] == on["pull_request"]["paths"] == ["*.lock"]
    assert "make audit" in run_lines("audit", "audit")
    assert PARSED["image"]["jobs"]["audit"]["uses"] == "./.github/workflows/audit.yml"
    assert "audit" in PARSED["image"]["jobs"]["release"]["needs"]


# --- the image --------------------------------------------------------------------------


def test_the_image_that_is_released_is_the_one_that_was_tested():
    jobs = PARSED["image"]["jobs"]
    building = [name for name in jobs if re.search(r"docker\b.*\bbuild ", run_or_nothing(name))]
    assert building == ["build"]
    assert "--build" not in WORKFLOWS["image"]
    for name, action in (("test", "load"), ("release", "push")):
        assert f'scripts/image.sh {action} image.tar "$DIGEST"' in run_lines("image", name)
        (digest,) = {
            s["env"]["DIGEST"] for s in jobs[name]["steps"] if "DIGEST" in s.get("env", {})
        }
        assert digest == "${{ needs.build.outputs.digest }}"
    assert set(jobs["release"]["needs"]) == {"audit", "build", "test"}


def run_or_nothing(job):
    return run_lines("image", job) if "steps" in PARSED["image"]["jobs"][job] else ""


def test_the_image_has_a_list_of_its_contents_and_a_record_of_its_making():
    built = run_lines("image", "build")
    assert "--attest type=provenance,mode=max" in built
    assert '--attest "type=sbom,generator=$(tool sbom)"' in built
    tools = (ROOT / "deploy" / "build-tools.Dockerfile").read_text()
    assert re.findall(r"^FROM \S+ AS (\w+)$", tools, re.MULTILINE) == ["buildkit", "sbom"]
    named = re.search(r"tool\(\) \{.*\}", built)[0]
    for stage in ("buildkit", "sbom"):
        shell = ["bash", "-c", f"{named}; tool {stage}"]
        found = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert re.fullmatch(r"\S+:\S+@sha256:[0-9a-f]{64}\n", found)


@pytest.fixture
def image(tmp_path):
    """An image's file, its digest, and stand-ins for the programs that handle it."""
    digest = f"sha256:{'a' * 64}"
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [{"digest": digest}]}))
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        archive.add(tmp_path / "index.json", "index.json")
    for name in ("skopeo", "docker"):
        (tmp_path / name).write_text(f'#!/bin/bash\necho {name} "$@" >> "{tmp_path}/called"\n')
        (tmp_path / name).chmod(0o755)

    def run(action, expected=digest):
        command = [
            "bash",
            ROOT / "scripts" / "image.sh",
            action,
            tmp_path / "image.tar",
            expected,
            "n:1",
        ]
        env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        called = tmp_path / "called"
        return found.returncode, found.stderr, called.read_text() if called.exists() else ""

    return run


def test_an_image_is_pushed_with_the_digest_that_was_built(image):
    code, _, called = image("push")
    assert code == 0
    assert re.search(r"copy .*--all --preserve-digests oci-archive:\S+ docker://n:1", called)


@pytest.mark.parametrize("action", ["load", "push"])
@pytest.mark.parametrize("digest", [f"sha256:{'b' * 64}", "", "sha256:", ".*", "$(touch x)"])
def test_another_image_is_neither_tested_nor_pushed(image, action, digest):
    code, said, called = image(action, digest)
    assert (code, called) == (1, "")
    assert "is not what was built" in said


# --- what may not be left out -----------------------------------------------------------


def test_ci_requires_every_server():
    assert "export FRAUD_REQUIRE_SERVERS=1" in (ROOT / ".ci" / "run").read_text()
    assert "||" not in (ROOT / ".ci" / "run").read_text()
    job = PARSED["ci"]["jobs"]["test"]
    assert ".ci/run" in run_lines("ci", "test")
    # Debian has the packages, and root may mount and change users: all tests can run.
    assert job["container"]["options"] == "--privileged"
    base = re.search(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert job["container"]["image"] == base, "they move together"


def test_what_is_left_out_fails_in_ci_unless_it_cannot_run_there():
    in_ci, elsewhere = {"FRAUD_REQUIRE_SERVERS": "1"}, {}
    missing = "Skipped: caddy is not installed; `make servers` installs it where it may"
    assert may_be_left_out(missing, elsewhere)
    assert not may_be_left_out(missing, in_ci)
    assert not may_be_left_out("Skipped: docs/preview is not built", in_ci)
    for reason in CANNOT_RUN:
        assert may_be_left_out(f"Skipped: {reason}: because", in_ci)


def test_every_reason_on_the_list_is_one_that_a_test_gives():
    tests = "".join(
        p.read_text()
        for p in (ROOT / "fraud_assets_tests").rglob("*.py")
        if p.name != "required.py"
    )
    assert [reason for reason in CANNOT_RUN if reason not in tests] == []


def test_a_test_that_is_left_out_is_a_failure_with_the_reason(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def server():\n    pytest.skip('caddy is not installed')\n"
        "def test_with_a_server(server):\n    pass\n"
        "def test_mount():\n    pytest.skip('a small tmpfs cannot be mounted here; root')\n"
        "@pytest.mark.skipif(True, reason='takes minutes; `make faults` runs it')\n"
        "def test_of_minutes():\n    pass\n"
        "@pytest.mark.xfail\n"
        "def test_known():\n    assert False\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", required.__name__]
    env = os.environ | {"FRAUD_REQUIRE_SERVERS": "1", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", tmp_path, tmp_path],
        env=env, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (
        "left out, and FRAUD_REQUIRE_SERVERS is 1: Skipped: caddy is not installed" in found.stdout
    )
    assert "2 skipped, 1 xfailed, 1 error in" in found.stdout


@pytest.fixture
def installing(tmp_path):
    """Runs the installation where nothing is installed, with stand-ins for id and apt-get."""
    for name in ("ls", "grep", "mktemp", "tail", "rm", "chmod", "cat"):
        (tmp_path / name).symlink_to(shutil.which(name))
    stand_ins = {
        "ldconfig": "exit 1",
        "id": "echo $UID_HERE",
        "apt-get": "echo no network; exit $APT",
    }

    def run(uid, apt=None, **more):
        for name, text in stand_ins.items():
            if name != "apt-get" or apt is not None:
                (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
                (tmp_path / name).chmod(0o755)
        env = {"PATH": str(tmp_path), "UID_HERE": str(uid), "APT": str(apt), **more}
        script = ["/bin/bash", ROOT / "scripts" / "install_servers.sh"]
        return subprocess.run(script, env=env, capture_output=True, text=True, check=False)

    return run


def test_an_installation_that_fails_is_an_error_with_its_log(installing):
    found = installing(0, apt=1)
    assert found.returncode == 1
    assert "no network" in found.stderr
    assert "Not installed, see above: chromium" in found.stderr
    assert installing(0, apt=0).returncode == 0


@pytest.mark.parametrize(("uid", "apt"), [(1000, 0), (0, None)])
def test_where_nothing_may_be_installed_that_is_an_error_in_ci_alone(installing, uid, apt):
    found = installing(uid, apt)
    assert found.returncode == 0
    assert "Not installed, because that needs root and apt-get: chromium" in found.stderr
    assert installing(uid, apt, FRAUD_REQUIRE_SERVERS="1").returncode == 1
