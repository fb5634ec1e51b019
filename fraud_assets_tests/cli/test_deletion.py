from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fraud_assets.cli import main


@pytest.fixture
def pruned(monkeypatch, instance):
    limits = []

    def prune(_, before):
        limits.append(before)
        return SimpleNamespace(events=1200, logs=3)

    monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
    monkeypatch.setattr("fraud_assets.platform.retention.prune", prune)
    return limits


def test_prune_reports_what_it_deleted_and_touches_the_file(pruned, tmp_path):
    done = tmp_path / "done"
    result = CliRunner().invoke(main, ["prune", "--days", "7", "--done-file", str(done)])
    assert result.output == "removed 1,200 events and the output of 3 runs\n"
    assert done.exists()
    assert len(pruned) == 1


def test_prune_deletes_no_batch_unless_asked_to(pruned, monkeypatch):
    monkeypatch.setattr("fraud_assets.privacy.expiry.expire", lambda *_: pytest.fail("expired"))
    assert CliRunner().invoke(main, ["prune"]).exit_code == 0


def test_prune_repeats_at_the_interval(pruned, monkeypatch):
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    CliRunner().invoke(main, ["prune", "--every-hours", "0.5"])
    assert waits == [1800, 1800]
    assert len(pruned) == 2


def test_forget_needs_a_card(monkeypatch, instance):
    monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
    result = CliRunner().invoke(main, ["forget", "--card", " "])
    assert result.exit_code == 1
    assert "no card was given" in result.output
