"""Authenticates requests for the proxy: Basic authentication against the local accounts.

The proxy asks before it forwards a request (`forward_auth`), and forwards the login and the role in
headers. Wrong passwords are counted by address and by account.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt
from cachetools import TTLCache
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from fraud_assets.access.accounts import Account, read_accounts

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

USER_HEADER, ROLE_HEADER = "Remote-User", "Remote-Role"
WRONG_BY_ADDRESS, WRONG_BY_ACCOUNT = "10 per 5 minutes", "20 per 5 minutes"
"""Wrong passwords after which an address, or new logins to an account, must wait."""
REMEMBERED_SECONDS = 12 * 3600
"""How long a correct password is not hashed again, unless the account changes."""


class Identity:
    """Authenticates logins.

    Parameters
    ----------
    accounts : callable
        Returns the current accounts by login.
    clock : callable, optional
        Returns seconds; decides when remembered logins expire.
    """

    def __init__(
        self,
        accounts: Callable[[], dict[str, Account]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._key = secrets.token_bytes(32)
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt(12)).decode()
        self._remembered: TTLCache[bytes, str] = TTLCache(1000, REMEMBERED_SECONDS, clock)
        self._checking = threading.Lock()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._by_address, self._by_account = parse(WRONG_BY_ADDRESS), parse(WRONG_BY_ACCOUNT)

    def account_of(self, login: str, password: str, address: str) -> Account | None:
        """Return the account of a login; None when the login or the password is wrong.

        Parameters
        ----------
        login, password : str
            As the person entered them.
        address : str
            Address of the client, whose wrong passwords are counted.

        Returns
        -------
        Account or None

        Raises
        ------
        TooManyGuessesError
            When there were too many wrong passwords; this one is not checked then.
        """
        account = self._accounts().get(login)
        hashed = self._nobody if account is None else account.password_hash
        fingerprint = hmac.digest(
            self._key, f"{login}\0{password}\0{hashed}".encode(), hashlib.sha256
        )
        if account is not None and fingerprint in self._remembered:
            return account
        # One at a time, or simultaneous guesses would all be checked before one is counted.
        with self._checking:
            if account is not None and fingerprint in self._remembered:
                return account
            limits = ((self._by_address, "address", address), (self._by_account, "account", login))
            if not all(self._limiter.test(*limit) for limit in limits):
                raise TooManyGuessesError
            # A missing account takes as long, so that the time does not reveal whether it exists.
            if bcrypt.checkpw(password.encode()[:72], hashed.encode()) and account is not None:
                self._remembered[fingerprint] = login
                return account
            for limit in limits:
                self._limiter.hit(*limit)
            return None


class TooManyGuessesError(Exception):
    """There were too many wrong passwords."""


def local_accounts(path: Path, first_admin: dict[str, Account]) -> Callable[[], dict[str, Account]]:
    """Return a function that reads the accounts of a file and adds the first administrator.

    Parameters
    ----------
    path : Path
        The file of accounts, read at each call.
    first_admin : dict of str to Account
        By login; an account of the file with the same login replaces it.

    Returns
    -------
    callable
        Takes nothing, returns the accounts by login.

    See Also
    --------
    fraud_assets.access.accounts.read_accounts : reads the file.
    """

    def accounts() -> dict[str, Account]:
        return first_admin | read_accounts(path)

    return accounts


def identity_app(identity: Identity, log: Callable[[str], None]) -> "Starlette":
    """Return the web service that authenticates the proxy's requests.

    Parameters
    ----------
    identity : Identity
        Decides about each login.
    log : callable
        Called with a line of JSON per request: login, address, path and status code.

    Returns
    -------
    Starlette
        `GET /check` responds with 200 and the headers `Remote-User` and `Remote-Role`, with 401 or
        with 429.

    See Also
    --------
    credentials : reads the header.
    """
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def check(request: "Request") -> "Response":
        login, answer = _answer(identity, request)
        log(_log_line(request, login, answer.status_code))
        return answer

    def healthy(_: "Request") -> "Response":
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/check", check), Route("/healthz", healthy)])


def _answer(identity: Identity, request: "Request") -> "tuple[str | None, Response]":
    """Return the login, when it is authenticated, and the response to the proxy."""
    from starlette.responses import PlainTextResponse

    unauthorized = PlainTextResponse("", 401, {"WWW-Authenticate": 'Basic realm="fraud_assets"'})
    login_and_password = credentials(request.headers.get("Authorization", ""))
    if login_and_password is None:
        return None, unauthorized
    try:
        account = identity.account_of(*login_and_password, _address(request))
    except TooManyGuessesError:
        wait = {"Retry-After": "300"}
        return None, PlainTextResponse("Too many wrong passwords; wait five minutes.", 429, wait)
    if account is None:
        return None, unauthorized
    login = login_and_password[0]
    headers = {USER_HEADER: login, ROLE_HEADER: str(account.role)}
    return login, PlainTextResponse("", 200, headers)


def _address(request: "Request") -> str:
    """Return the address that the proxy saw: the last one, as clients can forge the others."""
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()


def _log_line(request: "Request", login: str | None, status: int) -> str:
    # A wrong login may be a password in the wrong field: it is not logged, nor is the query.
    headers = request.headers
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "login": login,
            "address": _address(request),
            "method": headers.get("X-Forwarded-Method"),
            "host": headers.get("X-Forwarded-Host"),
            "path": headers.get("X-Forwarded-Uri", "").partition("?")[0],
            "answer": status,
        }
    )


def credentials(header: str) -> tuple[str, str] | None:
    """Return the login and password of a Basic `Authorization` header; None for other headers.

    Parameters
    ----------
    header : str
        Value of `Authorization`; may be empty.

    Returns
    -------
    tuple of (str, str) or None
        Login and password, not verified.

    Examples
    --------
    >>> credentials("Basic YW5uYTpzZWNyZXQ="), credentials("Bearer x")
    (('anna', 'secret'), None)
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        login, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (login, password) if colon else None
