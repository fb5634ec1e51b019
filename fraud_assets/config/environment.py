"""Folders, addresses and keys that environment variables set, each read in one place."""

import os
from pathlib import Path

from pydantic import ValidationError

from fraud_assets.config.settings import PromotionSettings, RetrainingSettings

MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}


def drop_folder() -> Path:
    """Return the folder in which CSV files land (`FRAUD_DATA_DIR`, default `data/`).

    Returns
    -------
    Path
        Absolute; it may not exist yet.
    """
    return Path(os.environ.get("FRAUD_DATA_DIR", "data")).resolve()


def home_folder() -> Path:
    """Return the folder of everything the platform writes (`FRAUD_HOME`, default `var/`).

    Returns
    -------
    Path
        Absolute; it may not exist yet.
    """
    return Path(os.environ.get("FRAUD_HOME", "var")).resolve()


def tracking_uri() -> str:
    """Return where MLflow stores runs and models (`MLFLOW_TRACKING_URI`, default SQLite).

    Returns
    -------
    str
        Tracking URI: the address of a server, or a SQLite database below `FRAUD_HOME`.

    See Also
    --------
    mlflow_url : the address for people.
    """
    embedded = f"sqlite:///{home_folder() / 'mlflow' / 'mlflow.db'}"
    return os.environ.get("MLFLOW_TRACKING_URI") or embedded


def mlflow_url() -> str:
    """Return where a person opens MLflow (`MLFLOW_UI_URL`, default that of `make mlflow`).

    Returns
    -------
    str
        URL without a slash at the end.

    See Also
    --------
    tracking_uri : the address for programs.
    """
    return os.environ.get("MLFLOW_UI_URL", "http://127.0.0.1:5001").rstrip("/")


def set_mlflow_defaults() -> None:
    """Set the variables that MLflow reads, before it is imported; variables that are set stay.

    Usage reporting is off, unless `MLFLOW_DISABLE_TELEMETRY` is `false`.
    """
    for name, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)


def dagster_url() -> str:
    """Return where a person opens Dagster (`DAGSTER_URL`, default that of `make dev`).

    Returns
    -------
    str
        URL without a slash at the end.
    """
    return os.environ.get("DAGSTER_URL", "http://127.0.0.1:8080").rstrip("/")


def alert_urls() -> str | None:
    """Return where alerts are sent (`FRAUD_ALERT_URLS`, for Apprise), None when unset.

    Returns
    -------
    str or None
        One or more Apprise URLs.
    """
    return os.environ.get("FRAUD_ALERT_URLS") or None


def grafana_url() -> str:
    """Return where a person opens Grafana (`GRAFANA_URL`, default that of the full stack).

    Returns
    -------
    str
        URL without a slash at the end.
    """
    return os.environ.get("GRAFANA_URL", "http://127.0.0.1:3000").rstrip("/")


def runbooks_url() -> str:
    """Return where a person reads the runbooks (`RUNBOOKS_URL`, default the full stack's proxy).

    Returns
    -------
    str
        URL without a slash at the end.
    """
    return os.environ.get("RUNBOOKS_URL", f"{dagster_url()}/runbooks").rstrip("/")


def pushgateway_url() -> str | None:
    """Return the Pushgateway's address (`PROMETHEUS_PUSHGATEWAY_URL`), None when unset.

    Returns
    -------
    str or None
    """
    return os.environ.get("PROMETHEUS_PUSHGATEWAY_URL") or None


def dagster_database() -> str | None:
    """Return where Dagster stores runs and events (`DAGSTER_POSTGRES_URL`), None for SQLite.

    Returns
    -------
    str or None
        A PostgreSQL URL; its password belongs in `PGPASSWORD`.

    Raises
    ------
    ValueError
        When it is not a PostgreSQL address. The message does not repeat it, since it may hold a
        password.
    """
    url = os.environ.get("DAGSTER_POSTGRES_URL") or None
    if url is not None and not url.startswith("postgresql"):
        raise ValueError(
            f"DAGSTER_POSTGRES_URL begins with {url.partition(':')[0]!r}; set it to "
            "postgresql+psycopg2://user@host:port/database with the password in PGPASSWORD, or not "
            "at all"
        )
    return url


def dagster_home() -> Path:
    """Return the folder of Dagster's instance (`DAGSTER_HOME`, default that of the Makefile).

    Returns
    -------
    Path
        Absolute; it may not exist yet.
    """
    return Path(os.environ.get("DAGSTER_HOME") or home_folder() / "dagster").resolve()


def user_header() -> str | None:
    """Return the request header with the user name (`FRAUD_USER_HEADER`), None when unset.

    Returns
    -------
    str or None
    """
    return os.environ.get("FRAUD_USER_HEADER") or None


def object_store() -> str | None:
    """Return where tables and reports are copied to (`FRAUD_OBJECT_STORE`), None when unset.

    Returns
    -------
    str or None
        Address of a folder, such as `s3://bucket/folder`.
    """
    return os.environ.get("FRAUD_OBJECT_STORE") or None


def kept_versions() -> int | None:
    """Return how many accepted versions of a batch are kept (`FRAUD_KEEP_VERSIONS`).

    Returns
    -------
    int or None
        1 or more; None for all.

    Raises
    ------
    ValueError
        When it is not a positive whole number.
    """
    text = os.environ.get("FRAUD_KEEP_VERSIONS")
    if text is None or text == "":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"FRAUD_KEEP_VERSIONS is {text!r}; set it to 1 or more, or not at all")
    return int(text)


def suppressions_path() -> Path:
    """Return the CSV of suppressions (`FRAUD_SUPPRESSIONS`, default below `FRAUD_HOME`).

    Returns
    -------
    Path
        It may not exist.
    """
    return Path(os.environ.get("FRAUD_SUPPRESSIONS") or home_folder() / "suppressions.csv")


HASH_KEY_LENGTH = 16
"""Shortest key, in characters."""


def hash_key() -> str | None:
    """Return the key of card tokens (`FRAUD_HASH_KEY_FILE`, else `FRAUD_HASH_KEY`).

    Returns
    -------
    str or None
        None when neither is set: then a generated key in `FRAUD_HOME` is used.

    Raises
    ------
    ValueError
        When the file cannot be read, or the key has fewer than 16 characters.
    """
    text, name = os.environ.get("FRAUD_HASH_KEY") or None, "FRAUD_HASH_KEY"
    if path := os.environ.get("FRAUD_HASH_KEY_FILE"):
        name = f"FRAUD_HASH_KEY_FILE ({path})"
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(
                f"{name} cannot be read: {error.strerror}; write the key into it, or unset it"
            ) from None
    if text is not None and len(text.strip()) < HASH_KEY_LENGTH:
        raise ValueError(
            f"{name} holds fewer than {HASH_KEY_LENGTH} characters; `make secrets` makes a key"
        )
    return None if text is None else text.strip()


IN_PROCESS = "duckdb"
"""The feature engine that runs inside this process."""


def feature_engine(address: str | None = None) -> str:
    """Return what computes features (`FRAUD_ENGINE`, default DuckDB).

    Parameters
    ----------
    address : str, optional
        Takes precedence over the environment.

    Returns
    -------
    str
        `duckdb`, or `spark://host:port`.

    Raises
    ------
    ValueError
        When it is something else.

    Examples
    --------
    >>> feature_engine("spark://spark:7077")
    'spark://spark:7077'
    """
    text = address or os.environ.get("FRAUD_ENGINE") or IN_PROCESS
    if text != IN_PROCESS and not text.startswith("spark://"):
        raise ValueError(
            f"FRAUD_ENGINE is {text!r}; set it to spark://host:port, to {IN_PROCESS}, or not at all"
        )
    return text


def retraining() -> RetrainingSettings:
    """Return when drift requests a training run (`FRAUD_RETRAIN_DAYS`, `FRAUD_RETRAIN_BATCHES`).

    Returns
    -------
    RetrainingSettings
        Defaults for variables that are not set.

    Raises
    ------
    ValueError
        When one of them is not a positive number.
    """
    named = {"every_days": "FRAUD_RETRAIN_DAYS", "window_batches": "FRAUD_RETRAIN_BATCHES"}
    given = {field: os.environ[name] for field, name in named.items() if os.environ.get(name)}
    try:
        return RetrainingSettings.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise ValueError(
            f"{named[field]} is {given[field]!r}; set it to a number above 0, or not at all"
        ) from error


def promotion(mode: str | None = None, implausible: str | None = None) -> PromotionSettings:
    """Return who promotes (`FRAUD_PROMOTION`), and what an implausible batch may do.

    Parameters
    ----------
    mode, implausible : str, optional
        Take precedence over `FRAUD_PROMOTION` and `FRAUD_IMPLAUSIBLE_BATCHES`.

    Returns
    -------
    PromotionSettings
        Defaults for what is not set.

    Raises
    ------
    ValueError
        When one of them is no such choice.

    Examples
    --------
    >>> promotion(mode="approval").promotion.value
    'approval'
    """
    chosen = {
        "promotion": ("FRAUD_PROMOTION", mode, "automatic or approval"),
        "implausible_batches": ("FRAUD_IMPLAUSIBLE_BATCHES", implausible, "keep or exclude"),
    }
    given = {
        field: value or os.environ.get(name)
        for field, (name, value, _) in chosen.items()
        if value or os.environ.get(name)
    }
    try:
        return PromotionSettings.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        name, _, choices = chosen[field]
        raise ValueError(
            f"{name} is {given[field]!r}; set it to {choices}, or not at all"
        ) from None
