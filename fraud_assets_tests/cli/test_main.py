import subprocess
import sys

from fraud_assets.cli import main

COMMANDS = {
    *("account", "alertmanager", "approve", "audit", "champion", "code-server", "daemon"),
    *("dashboards", "demo", "exporter", "files", "forget", "identity", "in-progress"),
    *("kubernetes-secrets", "mlflow-login", "protect-log", "provenance", "prune", "reject"),
    *("rules", "secrets", "simulate", "wake", "webserver"),
}


def test_every_command_is_there_under_its_name():
    assert set(main.commands) == COMMANDS


def test_every_command_says_what_it_does():
    assert all(command.help for command in main.commands.values())


def test_the_command_imports_no_heavy_library_before_it_needs_one():
    heavy = "{'dagster', 'duckdb', 'mlflow', 'pandas', 'pyarrow', 'sklearn'}"
    code = f"import sys, fraud_assets.cli; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
