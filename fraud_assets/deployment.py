"""The secrets of the full stack: made once, kept in a file that nobody else reads."""

import base64
import os
import re
import secrets
from pathlib import Path

DATABASES = ("POSTGRES_PASSWORD", "DAGSTER_DB_PASSWORD", "MLFLOW_DB_PASSWORD")
OTHERS = (
    *("MLFLOW_PASSWORD", "MLFLOW_SECRET_KEY", "GRAFANA_PASSWORD", "FRAUD_PASSWORD"),
    "FRAUD_HASH_KEY",
)
ADDED_LATER = ("FRAUD_HASH_KEY",)
"""What files of before do not have, and what may be added to them."""
USER = "fraud"
"""Whom the proxy and MLflow let in."""


def make_secrets() -> dict[str, str]:
    """Return a new value for every secret, and what is made of them.

    Returns
    -------
    dict of str to str
        `FRAUD_PASSWORD` is what a person types; the proxy gets its bcrypt hash, and the
        authorization that it shows to MLflow.
    """
    import bcrypt

    made = {name: secrets.token_urlsafe(24) for name in (*DATABASES, *OTHERS)}
    hashed = bcrypt.hashpw(made["FRAUD_PASSWORD"].encode(), bcrypt.gensalt(10)).decode()
    login = base64.b64encode(f"{USER}:{made['MLFLOW_PASSWORD']}".encode()).decode()
    return {**made, "FRAUD_PASSWORD_HASH": hashed, "MLFLOW_AUTHORIZATION": f"Basic {login}"}


def write_secrets(path: Path) -> list[str]:
    """Write the secrets as compose reads them; to a file of before, those that came later.

    Parameters
    ----------
    path : Path
        Readable by its owner alone. What is there is never changed: the databases know it.

    Returns
    -------
    list of str
        The names of those that were written.
    """
    made = make_secrets()
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        there = re.findall(r"^\s*(?:export\s+)?(\w+)=", path.read_text("utf-8"), re.MULTILINE)
        made = {name: made[name] for name in ADDED_LATER if name not in there}
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    # In single quotes nothing is replaced: a bcrypt hash has dollars in it.
    lines = [f"{name}='{value}'\n" for name, value in made.items()]
    with os.fdopen(file, "a", encoding="utf-8") as opened:
        if lines and opened.tell() and not path.read_text("utf-8").endswith("\n"):
            opened.write("\n")
        opened.writelines(lines)
    return list(made)


def set_mlflow_login(url: str, password: str) -> bool:
    """Bring MLflow's table of accounts up to date, and our account to this password.

    MLflow itself makes the account at its first start and never looks at the password again:
    neither a new `.env` nor a backup of another machine would let anybody in.

    Parameters
    ----------
    url : str
        MLflow's database.
    password : str

    Returns
    -------
    bool
        Whether the account was there; MLflow makes it at its start otherwise.
    """
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(url)  # type: ignore[no-untyped-call]
    if not store.has_user(USER):
        return False
    store.update_user(USER, password=password)
    return True
