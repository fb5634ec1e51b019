import pytest

from fraud_assets.store.append_only import is_protected, protect_log


@pytest.fixture
def log(tmp_path):
    """A log that was protected, if that can be done here; made free again afterwards."""
    log = tmp_path / "home" / "registry" / "decisions.jsonl"
    log.parent.parent.mkdir()
    try:
        protect_log(log)
    except OSError as error:
        pytest.skip(f"no file can be made append-only here: {error.strerror}")
    yield log
    protect_log(log, on=False)


def test_a_protected_log_can_be_appended_to_and_not_rewritten_or_replaced(log):
    assert is_protected(log)
    assert is_protected(log.parent)
    with log.open("a") as file:
        file.write("a line\n")
    for attempt in (
        lambda: log.write_text(""),
        log.unlink,
        lambda: log.parent.rename(log.parent.with_name("old")),
    ):
        with pytest.raises(PermissionError):
            attempt()
    assert log.read_text() == "a line\n"
    (log.parent / "decisions.lock").touch()


def test_protecting_again_and_undoing_it_work_in_any_order(log):
    protect_log(log)
    assert is_protected(log)
    protect_log(log, on=False)
    assert not is_protected(log)
    log.write_text("")


def test_a_file_that_is_missing_is_not_protected(tmp_path):
    assert not is_protected(tmp_path / "none")
