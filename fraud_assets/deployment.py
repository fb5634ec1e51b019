"""The secrets of the full stack: made once, kept in a file that nobody else reads."""

import base64
import os
import secrets
from pathlib import Path

DATABASES = ("POSTGRES_PASSWORD", "DAGSTER_DB_PASSWORD", "MLFLOW_DB_PASSWORD")
OTHERS = ("MLFLOW_PASSWORD", "MLFLOW_SECRET_KEY", "GRAFANA_PASSWORD", "FRAUD_PASSWORD")
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


def write_secrets(path: Path) -> bool:
    """Write the secrets as compose reads them, unless the file is there.

    Parameters
    ----------
    path : Path
        Readable by its owner alone. What is there is never changed: the databases know it.

    Returns
    -------
    bool
        Whether it was written.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    # In single quotes nothing is replaced: a bcrypt hash has dollars in it.
    lines = [f"{name}='{value}'\n" for name, value in make_secrets().items()]
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.writelines(lines)
    return True


IN_KUBERNETES = {
    "fraud-assets": {"MLFLOW_PASSWORD": "MLFLOW_PASSWORD"},
    "fraud-assets-dagster-database": {"postgresql-password": "DAGSTER_DB_PASSWORD"},
}
"""Secrets of `deploy/helm-values.yaml`: key, and the secret it holds. What no pod needs, such as
the password of PostgreSQL's superuser, is not there."""


def kubernetes_secrets(path: Path) -> str:
    """Return the secrets that pods need, as Kubernetes reads them.

    Parameters
    ----------
    path : Path
        As from `write_secrets`.

    Raises
    ------
    ValueError
        When one is missing.
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
