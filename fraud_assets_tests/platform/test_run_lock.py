from fraud_assets.platform import run_lock


def test_a_run_lives_as_long_as_its_process_however_that_ends(holder):
    assert run_lock.is_alive("r1") is True
    holder.kill()
    holder.wait()
    assert run_lock.is_alive("r1") is False
    assert run_lock.is_alive("unknown") is None


def test_old_locks_that_nobody_holds_are_cleared_away(home, monkeypatch):
    monkeypatch.setattr(run_lock, "OLD_SECONDS", -1.0)
    monkeypatch.setattr(run_lock, "_held", {})
    run_lock.hold("first")
    (home / "var" / "runs" / "dead.lock").touch()
    run_lock.hold("second")
    assert {path.stem for path in (home / "var" / "runs").iterdir()} == {"first", "second"}
