import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from starlette.testclient import TestClient

from fraud_assets.access.accounts import Account, Role, put_account
from fraud_assets.access.identity import (
    Identity,
    TooManyGuessesError,
    credentials,
    identity_app,
    local_accounts,
)

RIGHT, WRONG = "correct horse battery", "wrong horse battery"


salt = bcrypt.gensalt


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch):
    """Hash a password in milliseconds, that of nobody too."""
    monkeypatch.setattr("bcrypt.gensalt", lambda _: salt(4))


def hashed(password):
    return bcrypt.hashpw(password.encode(), salt(4)).decode()


@pytest.fixture
def accounts():
    return {
        login: Account(role=role, password_hash=hashed(RIGHT))
        for login, role in (("anna", Role.operator), ("ben", Role.viewer))
    }


@pytest.fixture
def identity(accounts):
    return Identity(lambda: accounts)


def test_a_right_password_gives_the_account_and_a_wrong_one_or_nobody_none(identity):
    assert identity.account_of("anna", RIGHT, "1").role is Role.operator
    assert identity.account_of("anna", WRONG, "1") is None
    assert identity.account_of("carl", RIGHT, "1") is None
    assert identity.account_of("", "", "1") is None


def test_an_address_that_guesses_has_to_wait_also_with_the_right_password(identity):
    for guess in range(10):
        assert identity.account_of("anna", f"guess {guess}", "1") is None
    for password in (RIGHT, WRONG):
        with pytest.raises(TooManyGuessesError):
            identity.account_of("anna", password, "1")
    with pytest.raises(TooManyGuessesError):
        identity.account_of("ben", RIGHT, "1")
    assert identity.account_of("anna", RIGHT, "2") is not None


def test_guesses_at_one_time_are_counted_like_those_one_after_the_other(identity, monkeypatch):
    looked_at = []

    def slow(*_):
        looked_at.append(1)
        time.sleep(0.02)
        return False

    def guess(number):
        try:
            return identity.account_of("anna", f"guess {number}", "1")
        except TooManyGuessesError:
            return "wait"

    monkeypatch.setattr("bcrypt.checkpw", slow)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(guess, range(40)))
    assert (len(looked_at), answers.count(None), answers.count("wait")) == (10, 10, 30)


def test_an_account_that_is_guessed_at_from_everywhere_has_to_wait_and_others_go_on(identity):
    assert identity.account_of("anna", RIGHT, "home") is not None
    for guess in range(20):
        assert identity.account_of("anna", f"guess {guess}", f"address {guess}") is None
    with pytest.raises(TooManyGuessesError):
        identity.account_of("anna", "guess 20", "address 20")
    # Whoever was in stays in: nobody can lock a person out who works.
    assert identity.account_of("anna", RIGHT, "home") is not None
    assert identity.account_of("ben", RIGHT, "home") is not None


def test_a_right_password_is_hashed_once_a_day_and_a_change_counts_at_once(accounts, monkeypatch):
    now = [0.0]
    identity = Identity(lambda: accounts, lambda: now[0])
    count = []
    check = bcrypt.checkpw
    monkeypatch.setattr("bcrypt.checkpw", lambda *given: count.append(1) or check(*given))
    for _ in range(3):
        identity.account_of("anna", RIGHT, "1")
    assert len(count) == 1
    now[0] = 86_400.0
    identity.account_of("anna", RIGHT, "1")
    assert len(count) == 2
    accounts["anna"] = Account(role=Role.viewer, password_hash=hashed("another password"))
    assert identity.account_of("anna", RIGHT, "1") is None
    del accounts["anna"]
    assert identity.account_of("anna", "another password", "1") is None


def test_an_unknown_login_costs_as_much_as_a_known_one(identity, monkeypatch):
    count = []
    monkeypatch.setattr("bcrypt.checkpw", lambda *_: count.append(1) or False)
    identity.account_of("anna", WRONG, "1")
    identity.account_of("nobody of this name", WRONG, "1")
    assert len(count) == 2


def basic(login, password):
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


@pytest.fixture
def log():
    return []


@pytest.fixture
def client(identity, log):
    with TestClient(identity_app(identity, log.append)) as made:
        yield made


def test_the_service_answers_with_login_and_role_or_asks(client):
    answer = client.get("/check", headers={"Authorization": basic("anna", RIGHT)})
    assert answer.status_code == 200
    assert (answer.headers["Remote-User"], answer.headers["Remote-Role"]) == ("anna", "operator")
    for header in ({}, {"Authorization": basic("anna", WRONG)}, {"Authorization": "Bearer x"}):
        refused = client.get("/check", headers={**header, "Remote-User": "anna"})
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic")
        assert "Remote-User" not in refused.headers
        assert refused.text == ""


def test_the_service_counts_by_the_address_that_the_proxy_saw_last(client):
    for guess in range(10):
        headers = {"Authorization": basic("anna", f"guess {guess}")}
        forged = headers | {"X-Forwarded-For": f"10.0.0.{guess}, 192.0.2.1"}
        assert client.get("/check", headers=forged).status_code == 401
    right = {"Authorization": basic("anna", RIGHT), "X-Forwarded-For": "192.0.2.1"}
    answer = client.get("/check", headers=right)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "300")
    assert client.get("/check", headers=right | {"X-Forwarded-For": "192.0.2.2"}).status_code == 200


def test_accounts_of_the_file_count_at_once_and_stand_above_the_first_administrator(
    tmp_path, accounts, monkeypatch
):
    monkeypatch.setattr("fraud_assets.access.accounts.ROUNDS", 4)
    read = local_accounts(tmp_path / "accounts.json", {"fraud": accounts["anna"]})
    assert set(read()) == {"fraud"}
    put_account(tmp_path / "accounts.json", "carl", Role.analyst, RIGHT)
    put_account(tmp_path / "accounts.json", "fraud", Role.viewer, RIGHT)
    assert read()["carl"].role is Role.analyst
    assert read()["fraud"].role is Role.viewer


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Digest a"])
def test_what_is_no_basic_login_is_none(header):
    assert credentials(header) is None


def test_a_password_may_hold_a_colon_and_any_letter():
    assert credentials(basic("anna", "a:b é")) == ("anna", "a:b é")


def test_each_question_is_logged_with_who_asked_for_what_and_without_secrets(client, log):
    asked = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Method": "POST",
        "X-Forwarded-Host": "fraud.example",
        "X-Forwarded-Uri": "/graphql?token=secret",
    }
    client.get("/check", headers=asked | {"Authorization": basic("anna", RIGHT)})
    client.get("/check", headers=asked | {"Authorization": basic("my password", WRONG)})
    right, wrong = (json.loads(line) for line in log)
    assert right.pop("time").endswith("+00:00")
    assert right == {"login": "anna", "address": "192.0.2.7", "method": "POST",
                     "host": "fraud.example", "path": "/graphql", "answer": 200}  # fmt: skip
    assert (wrong["login"], wrong["answer"]) == (None, 401)
    assert not any(text in "".join(log) for text in (RIGHT, WRONG, "my password", "secret"))
