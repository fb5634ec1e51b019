"""The house: nothing in the project names what it must not."""

import re
import subprocess

import pytest

REGISTRY = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|--index-url|find-links")


@pytest.fixture(scope="module")
def tracked(pytestconfig):
    shown = subprocess.run(
        ["git", "ls-files"], cwd=pytestconfig.rootpath, capture_output=True, text=True, check=True
    )
    return [pytestconfig.rootpath / name for name in shown.stdout.split()]


def test_the_locks_pin_everything_with_hashes_and_name_no_registry(pytestconfig):
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (pytestconfig.rootpath / name).read_text()
        assert not REGISTRY.search(text)
        entries = [line for line in text.splitlines() if re.match(r"[a-z]", line)]
        assert len(entries) > 100
        assert all("==" in entry for entry in entries)
        assert text.count("--hash=sha256:") >= len(entries)


def test_every_module_of_the_package_has_its_tests(pytestconfig):
    package, tests = (pytestconfig.rootpath / n for n in ("fraud_assets", "fraud_assets_tests"))
    missing = [
        str(module.relative_to(package))
        for module in package.rglob("*.py")
        if module.name != "__init__.py"
        and not (tests / module.relative_to(package).parent / f"test_{module.name}").exists()
    ]
    assert sorted(missing) == []


def test_no_committed_file_names_a_path_of_this_machine(tracked, pytestconfig):
    here = str(pytestconfig.rootpath)
    named = [
        path.name
        for path in tracked
        if path.suffix not in {".png", ".xz"} and path.exists() and here in path.read_text()
    ]
    assert named == []


def test_every_test_that_the_security_page_names_is_there(pytestconfig):
    modules = list((pytestconfig.rootpath / "fraud_assets_tests").rglob("test_*.py"))
    names = {path.name for path in modules}
    text = "".join(path.read_text() for path in modules)
    page = (pytestconfig.rootpath / "docs" / "security.md").read_text()
    found = re.findall(r"`(test_\w+(?:\.py)?)`", page)
    assert len(found) > 20
    assert [name for name in found if name not in names and f"def {name}(" not in text] == []
