"""The secrets of the full stack: generated once, kept in a file that only its owner can read."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

DATABASES = ("POSTGRES_PASSWORD", "DAGSTER_DB_PASSWORD", "MLFLOW_DB_PASSWORD")
OTHERS = (
    *("MLFLOW_PASSWORD", "MLFLOW_READER_PASSWORD", "MLFLOW_SECRET_KEY"),
    *("GRAFANA_PASSWORD", "FRAUD_PASSWORD", "FRAUD_HASH_KEY"),
)
USER, READER = "fraud", "reader"
"""Logins: the first administrator of proxy and MLflow, and MLflow's read-only account."""


def make_secrets(known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a value for every secret, and the values that are derived from them.

    Parameters
    ----------
    known : mapping of str to str, optional
        Existing values, which are kept; the others are generated.

    Returns
    -------
    dict of str to str
        By name of the variable. A person logs in with `FRAUD_PASSWORD`; the identity service gets
        its bcrypt hash, and the proxy the authorizations that it sends to MLflow.

    See Also
    --------
    write_secrets : writes them into a file.

    Examples
    --------
    >>> secrets_made = make_secrets({"FRAUD_PASSWORD": "correct horse battery"})
    >>> secrets_made["FRAUD_PASSWORD"], len(secrets_made["MLFLOW_PASSWORD"])
    ('correct horse battery', 32)
    """
    import bcrypt

    made = {name: secrets.token_urlsafe(24) for name in (*DATABASES, *OTHERS)} | dict(known or {})
    if "FRAUD_PASSWORD_HASH" not in made:
        hashed = bcrypt.hashpw(made["FRAUD_PASSWORD"].encode(), bcrypt.gensalt(12))
        made["FRAUD_PASSWORD_HASH"] = hashed.decode()
    derived = {
        "MLFLOW_AUTHORIZATION": _basic(USER, made["MLFLOW_PASSWORD"]),
        "MLFLOW_READER_AUTHORIZATION": _basic(READER, made["MLFLOW_READER_PASSWORD"]),
    }
    return derived | made


def _basic(login: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"


def write_secrets(path: Path) -> list[str]:
    """Add the secrets that are missing in a file, in the format of compose.

    Parameters
    ----------
    path : Path
        Created with access for its owner only. Existing values are never changed, because the
        databases use them.

    Returns
    -------
    list of str
        Names of the secrets that were added.

    See Also
    --------
    make_secrets : makes the values.
    """
    from dotenv import dotenv_values

    known = {n: v for n, v in dotenv_values(path, interpolate=False).items() if v}
    new = {name: value for name, value in make_secrets(known).items() if name not in known}
    if new:
        # In single quotes nothing is replaced: a bcrypt hash has dollars in it.
        lines = [f"{name}='{value}'\n" for name, value in new.items()]
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(file, "a", encoding="utf-8") as opened:
            if opened.tell() and not path.read_text("utf-8").endswith("\n"):
                opened.write("\n")
            opened.writelines(lines)
    return list(new)


IN_KUBERNETES = {
    "fraud-assets": {"MLFLOW_PASSWORD": "MLFLOW_PASSWORD", "FRAUD_HASH_KEY": "FRAUD_HASH_KEY"},
    "fraud-assets-dagster-database": {"postgresql-password": "DAGSTER_DB_PASSWORD"},
}
"""Secrets of `deploy/helm-values.yaml`: key, and the secret it holds. What no pod needs, such as
the password of PostgreSQL's superuser, is not there."""


def kubernetes_secrets(path: Path) -> str:
    """Return the secrets that pods need, as Kubernetes manifests.

    Parameters
    ----------
    path : Path
        As written by `write_secrets`.

    Returns
    -------
    str
        YAML documents, with the secrets in plain text.

    Raises
    ------
    ValueError
        When a secret is missing in the file.

    See Also
    --------
    write_secrets : writes the file.
    """
    import yaml
    from dotenv import dotenv_values

    # As compose reads it: quotes are not part of a value, and nothing is replaced in it.
    known = dotenv_values(path, interpolate=False)
    needed = [name for keys in IN_KUBERNETES.values() for name in keys.values()]
    if missing := [name for name in needed if not known.get(name)]:
        raise ValueError(f"{path} has no {', '.join(missing)}; run `make secrets` first")
    return yaml.safe_dump_all(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "type": "Opaque",
            "stringData": {key: known[source] for key, source in keys.items()},
        }
        for name, keys in IN_KUBERNETES.items()
    )


def set_mlflow_logins(url: str, password: str, reader_password: str) -> bool:
    """Migrate MLflow's table of accounts, and set the passwords of the platform's accounts.

    MLflow creates the administrator at its first start and never reads the password again: without
    this, nobody could log in after a new `.env` or a restored backup of another machine.

    Parameters
    ----------
    url : str
        SQLAlchemy address of the database of MLflow's accounts.
    password : str
        Password of the administrator, whose account runs use.
    reader_password : str
        Password of the read-only account.

    Returns
    -------
    bool
        Whether the administrator existed; otherwise MLflow creates it at its start.
    """
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(url)  # type: ignore[no-untyped-call]
    if store.has_user(READER):
        store.update_user(READER, password=reader_password)
    else:
        store.create_user(READER, reader_password, is_admin=False)
    if not store.has_user(USER):
        return False
    store.update_user(USER, password=password)
    return True
