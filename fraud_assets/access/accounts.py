"""Local accounts: a file of logins, each with a role and a bcrypt hash of the password."""

import json
import re
from enum import StrEnum
from pathlib import Path

import bcrypt
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud_assets.store.files import whole_file

ROUNDS = 12
"""Each guess takes about a quarter of a second."""
LOGIN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 72
"""In bytes; bcrypt ignores bytes after the 72nd."""


class Role(StrEnum):
    """What an account may do; each role includes the ones before it."""

    viewer = "viewer"
    analyst = "analyst"
    operator = "operator"
    admin = "admin"


class Account(BaseModel):
    """An account.

    Attributes
    ----------
    role : Role
    password_hash : str
        By bcrypt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    password_hash: str = Field(pattern=r"^\$2[aby]\$")


def hash_password(password: str) -> str:
    """Return the bcrypt hash of a password.

    Parameters
    ----------
    password : str
        12 to 72 bytes in UTF-8.

    Returns
    -------
    str
        In bcrypt's own format, with its salt.

    Raises
    ------
    ValueError
        When it is too short or too long.

    Examples
    --------
    >>> hash_password("correct horse battery")[:7]
    '$2b$12$'
    """
    encoded = password.encode()
    if not SHORTEST_PASSWORD <= len(encoded) <= LONGEST_PASSWORD:
        raise ValueError(
            f"a password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} bytes, this one has "
            f"{len(encoded)}"
        )
    return bcrypt.hashpw(encoded, bcrypt.gensalt(ROUNDS)).decode()


def read_accounts(path: Path) -> dict[str, Account]:
    """Return the accounts of a file; none when the file does not exist yet.

    Parameters
    ----------
    path : Path
        JSON; it may be missing.

    Returns
    -------
    dict of str to Account
        By login.

    Raises
    ------
    ValueError
        When the file does not hold accounts.

    See Also
    --------
    put_account : writes one.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {login: Account.model_validate(account) for login, account in content.items()}
    except (ValidationError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} does not hold accounts ({type(error).__name__}); restore it from a backup, or "
            "remove it and add the accounts again"
        ) from None


def put_account(
    path: Path, login: str, role: Role | None = None, password: str | None = None
) -> None:
    """Add an account, or change the role or the password of an existing one.

    Parameters
    ----------
    path : Path
        The file of accounts; created with access for its owner only.
    login : str
        Up to 64 letters, digits and `._@-`.
    role : Role, optional
        Default: unchanged.
    password : str, optional
        Of 12 to 72 bytes in UTF-8; default: unchanged.

    Raises
    ------
    ValueError
        When a new account has no role or password, or the login or password is not allowed.

    See Also
    --------
    remove_account : removes one.
    """
    if not re.match(LOGIN_PATTERN, login):
        raise ValueError(f"{login!r} is not a valid login: at most 64 letters, digits and ._@-")
    hashed = None if password is None else hash_password(password)
    with FileLock(path.with_suffix(".lock")):
        accounts = read_accounts(path)
        known = accounts.get(login)
        if known is not None:
            role, hashed = role or known.role, hashed or known.password_hash
        if role is None or hashed is None:
            raise ValueError(f"{login!r} is a new account: specify its role and its password")
        _write(path, {**accounts, login: Account(role=role, password_hash=hashed)})


def remove_account(path: Path, login: str) -> None:
    """Remove an account.

    Parameters
    ----------
    path : Path
        The file of accounts.
    login : str
        Of an existing account.

    Raises
    ------
    ValueError
        When there is no such account.

    See Also
    --------
    put_account : adds one.
    """
    with FileLock(path.with_suffix(".lock")):
        accounts = read_accounts(path)
        if login not in accounts:
            raise ValueError(f"there is no account {login!r} in {path}")
        del accounts[login]
        _write(path, accounts)


def _write(path: Path, accounts: dict[str, Account]) -> None:
    content = {login: account.model_dump(mode="json") for login, account in accounts.items()}
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=2, sort_keys=True).encode())
    path.chmod(0o600)
