import base64
import stat

import bcrypt
import pytest
from dotenv import dotenv_values

from fraud_assets.deployment import make_secrets, set_mlflow_login, write_secrets


def test_every_secret_is_long_and_none_is_like_another():
    first, second = make_secrets(), make_secrets()
    assert all(len(value) >= 32 for value in first.values())
    assert len({*first.values(), *second.values()}) == 2 * len(first)


def test_the_proxy_gets_the_hash_of_what_a_person_types_and_mlflow_s_login():
    made = make_secrets()
    assert bcrypt.checkpw(made["FRAUD_PASSWORD"].encode(), made["FRAUD_PASSWORD_HASH"].encode())
    shown = base64.b64decode(made["MLFLOW_AUTHORIZATION"].removeprefix("Basic ")).decode()
    assert shown == f"fraud:{made['MLFLOW_PASSWORD']}"


def test_the_file_is_for_its_owner_alone_and_is_never_written_twice(tmp_path):
    path = tmp_path / ".env"
    assert write_secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    assert write_secrets(path) == []
    assert path.read_text() == before
    assert dotenv_values(path, interpolate=False)["FRAUD_PASSWORD_HASH"].startswith("$2b$")


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_of_before_gets_the_key_of_card_tokens_and_keeps_the_rest(tmp_path, end):
    path = tmp_path / ".env"
    path.write_text(f"POSTGRES_PASSWORD='old'{end}")
    path.chmod(0o600)
    assert write_secrets(path) == ["FRAUD_HASH_KEY"]
    found = dotenv_values(path, interpolate=False)
    assert list(found) == ["POSTGRES_PASSWORD", "FRAUD_HASH_KEY"]
    assert (found["POSTGRES_PASSWORD"], len(found["FRAUD_HASH_KEY"]) >= 32) == ("old", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_secrets(path) == []


def test_mlflow_s_account_takes_the_password_that_is_set_now(tmp_path):
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    url = f"sqlite:///{tmp_path}/logins.db"
    assert not set_mlflow_login(url, "the first of many")
    store = SqlAlchemyStore()
    store.init_db(url)
    store.create_user("fraud", "the first of many", is_admin=True)
    assert set_mlflow_login(url, "second of many")
    assert store.authenticate_user("fraud", "second of many")
    assert not store.authenticate_user("fraud", "the first of many")
    assert store.get_user("fraud").is_admin
