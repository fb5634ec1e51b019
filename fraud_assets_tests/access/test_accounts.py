import json
import stat

import bcrypt
import pytest

from fraud_assets.access.accounts import (
    Account,
    Role,
    put_account,
    read_accounts,
    remove_account,
)

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch):
    monkeypatch.setattr("fraud_assets.access.accounts.ROUNDS", 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "accounts.json"


def test_an_account_is_added_changed_and_removed(path):
    assert read_accounts(path) == {}
    put_account(path, "anna", Role.analyst, PASSWORD)
    put_account(path, "ben", Role.viewer, PASSWORD)
    before = read_accounts(path)["anna"]
    assert bcrypt.checkpw(PASSWORD.encode(), before.password_hash.encode())
    put_account(path, "anna", Role.operator)
    assert read_accounts(path)["anna"] == Account(
        role=Role.operator, password_hash=before.password_hash
    )
    put_account(path, "anna", password="another horse battery")
    assert read_accounts(path)["anna"].password_hash != before.password_hash
    remove_account(path, "anna")
    assert set(read_accounts(path)) == {"ben"}


def test_the_file_is_for_its_owner_alone_and_holds_no_password(path):
    put_account(path, "anna", Role.admin, PASSWORD)
    put_account(path, "anna", Role.viewer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text()


@pytest.mark.parametrize("password", ["short", "x" * 73, "é" * 37])
def test_a_password_that_is_too_short_or_longer_than_bcrypt_reads_is_refused(path, password):
    with pytest.raises(ValueError, match="12 to 72 bytes"):
        put_account(path, "anna", Role.viewer, password)
    assert not path.exists()


def test_a_new_account_needs_its_role_and_its_password(path):
    for given in ({"role": Role.viewer}, {"password": PASSWORD}):
        with pytest.raises(ValueError, match="'anna' is a new account"):
            put_account(path, "anna", **given)


@pytest.mark.parametrize("login", ["", "a:b", "a\nb", "-a", "é", "a" * 65])
def test_a_login_that_no_header_may_carry_is_refused(path, login):
    with pytest.raises(ValueError, match="is not a valid login"):
        put_account(path, login, Role.viewer, PASSWORD)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1}', '{"a": {"role": "king", "password_hash": "$2b$x"}}',
                '{"a": {"role": "viewer", "password_hash": "plain"}}'],
)  # fmt: skip
def test_a_file_that_holds_no_accounts_is_named_and_lets_nobody_in(path, content):
    path.write_text(content)
    with pytest.raises(ValueError, match="does not hold accounts"):
        read_accounts(path)
    with pytest.raises(ValueError, match="there is no account|does not hold accounts"):
        remove_account(path, "a")


def test_an_account_that_is_not_there_cannot_be_removed(path):
    path.write_text(json.dumps({}))
    with pytest.raises(ValueError, match="there is no account 'anna'"):
        remove_account(path, "anna")
