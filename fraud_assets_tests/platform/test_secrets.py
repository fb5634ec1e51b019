import base64
import stat

import bcrypt
import pytest
from dotenv import dotenv_values

from fraud_assets.platform.secrets import make_secrets, set_mlflow_logins, write_secrets


@pytest.fixture(scope="module")
def made():
    return make_secrets()


def test_every_secret_is_long_and_none_is_like_another(made):
    second = make_secrets()
    assert all(len(value) >= 32 for value in made.values())
    assert len({*made.values(), *second.values()}) == 2 * len(made)


def test_what_people_type_is_hashed_and_the_proxy_shows_mlflow_s_logins(made):
    assert bcrypt.checkpw(made["FRAUD_PASSWORD"].encode(), made["FRAUD_PASSWORD_HASH"].encode())
    shown = base64.b64decode(made["MLFLOW_AUTHORIZATION"].removeprefix("Basic ")).decode()
    assert shown == f"fraud:{made['MLFLOW_PASSWORD']}"
    shown = made["MLFLOW_READER_AUTHORIZATION"].removeprefix("Basic ")
    assert base64.b64decode(shown).decode() == f"reader:{made['MLFLOW_READER_PASSWORD']}"


def test_the_file_is_for_its_owner_alone_and_is_never_written_twice(tmp_path, made):
    path = tmp_path / ".env"
    assert set(write_secrets(path)) == set(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    assert write_secrets(path) == []
    assert path.read_text() == before
    assert dotenv_values(path, interpolate=False)["FRAUD_PASSWORD_HASH"].startswith("$2b$")


def test_a_file_of_an_older_release_gets_what_it_lacks_and_keeps_what_it_has(tmp_path):
    path = tmp_path / ".env"
    # The last line is not ended, as many an editor leaves it.
    path.write_text("MLFLOW_PASSWORD='of old'\nFRAUD_PASSWORD_HASH='$2b$old'\nFRAUD_BIND=0.0.0.0")
    path.chmod(0o600)
    new = write_secrets(path)
    found = dotenv_values(path, interpolate=False)
    assert {"MLFLOW_PASSWORD", "FRAUD_PASSWORD_HASH"}.isdisjoint(new)
    assert (found["MLFLOW_PASSWORD"], found["FRAUD_BIND"]) == ("of old", "0.0.0.0")
    shown = base64.b64decode(found["MLFLOW_AUTHORIZATION"].removeprefix("Basic ")).decode()
    assert shown == "fraud:of old"
    assert len(found["FRAUD_HASH_KEY"]) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_secrets(path) == []


def test_mlflow_s_account_takes_the_password_that_is_set_now(tmp_path):
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    url = f"sqlite:///{tmp_path}/logins.db"
    assert not set_mlflow_logins(url, "the first of many", "only to read it")
    store = SqlAlchemyStore()
    store.init_db(url)
    store.create_user("fraud", "the first of many", is_admin=True)
    assert set_mlflow_logins(url, "second of many", "only to read again")
    assert store.authenticate_user("fraud", "second of many")
    assert not store.authenticate_user("fraud", "the first of many")
    assert store.get_user("fraud").is_admin
    assert store.authenticate_user("reader", "only to read again")
    assert not store.get_user("reader").is_admin
