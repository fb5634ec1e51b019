"""Answers the proxy's question who somebody is: Basic login against the local accounts.

The proxy asks before it passes anything on (`forward_auth`), and hands the login and the role on
in headers of its own. Wrong passwords are counted by address and by account.
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
"""Wrong passwords after which an address, or an account from anywhere new, has to wait."""
REMEMBERED_SECONDS = 12 * 3600
"""For how long a login that was right is not hashed again, as long as the account is the same."""


class Identity:
    """Decides who somebody is.

    Parameters
    ----------
    accounts : callable
        Returns the accounts by login, as they are now.
    clock : callable, optional
        Returns seconds, for what is remembered.
    """

    def __init__(
        self,
        accounts: Callable[[], dict[str, Account]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._key = secrets.token_bytes(32)
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt(12)).decode()
        self._right: TTLCache[bytes, str] = TTLCache(1000, REMEMBERED_SECONDS, clock)
        self._looking = threading.Lock()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._by_address, self._by_account = parse(WRONG_BY_ADDRESS), parse(WRONG_BY_ACCOUNT)

    def account_of(self, login: str, password: str, address: str) -> Account | None:
        """Return the account of a login, None when the password is wrong.

        Parameters
        ----------
        login, password : str
        address : str
            From where the login comes.

        Returns
        -------
        Account or None

        Raises
        ------
        TooManyGuessesError
            When there were too many wrong passwords; the password is not looked at then.
        """
        account = self._accounts().get(login)
        hashed = self._nobody if account is None else account.password_hash
        seen = hmac.digest(self._key, f"{login}\0{password}\0{hashed}".encode(), hashlib.sha256)
        if account is not None and seen in self._right:
            return account
        # One after the other, or guesses at one time would all be looked at before one is counted.
        with self._looking:
            if account is not None and seen in self._right:
                return account
            places = ((self._by_address, "address", address), (self._by_account, "account", login))
            if not all(self._limiter.test(*place) for place in places):
                raise TooManyGuessesError
            # The hash of nobody takes as long: whether an account exists does not show.
            if bcrypt.checkpw(password.encode()[:72], hashed.encode()) and account is not None:
                self._right[seen] = login
                return account
            for place in places:
                self._limiter.hit(*place)
            return None


class TooManyGuessesError(Exception):
    """There were too many wrong passwords."""


def local_accounts(path: Path, first_admin: dict[str, Account]) -> Callable[[], dict[str, Account]]:
    """Return what reads the accounts of a file, and knows the first administrator besides.

    Parameters
    ----------
    path : Path
    first_admin : dict of str to Account
        By login; an account of the file with the same login replaces it.

    Returns
    -------
    callable
    """

    def accounts() -> dict[str, Account]:
        return first_admin | read_accounts(path)

    return accounts


def identity_app(identity: Identity, log: Callable[[str], None]) -> "Starlette":
    """Return the service that the proxy asks.

    Parameters
    ----------
    identity : Identity
    log : callable
        Is given a line of JSON for each question: who asked for what from where, and the answer.

    Returns
    -------
    Starlette
        `GET /check` answers 200 with the headers `Remote-User` and `Remote-Role`, 401, or 429.
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
    """Return the login, if it is a right one, and what the proxy is answered."""
    from starlette.responses import PlainTextResponse

    ask = PlainTextResponse("", 401, {"WWW-Authenticate": 'Basic realm="fraud_assets"'})
    given = credentials(request.headers.get("Authorization", ""))
    if given is None:
        return None, ask
    try:
        account = identity.account_of(*given, _address(request))
    except TooManyGuessesError:
        wait = {"Retry-After": "300"}
        return None, PlainTextResponse("Too many wrong passwords; wait five minutes.", 429, wait)
    if account is None:
        return None, ask
    known = {USER_HEADER: given[0], ROLE_HEADER: str(account.role)}
    return given[0], PlainTextResponse("", 200, known)


def _address(request: "Request") -> str:
    """Return the address that the proxy saw: the last one, since others can be made up."""
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()


def _log_line(request: "Request", login: str | None, answer: int) -> str:
    # A login that is wrong may be a password in the wrong field: it is not kept, nor are queries.
    headers = request.headers
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "login": login,
            "address": _address(request),
            "method": headers.get("X-Forwarded-Method"),
            "host": headers.get("X-Forwarded-Host"),
            "path": headers.get("X-Forwarded-Uri", "").partition("?")[0],
            "answer": answer,
        }
    )


def credentials(header: str) -> tuple[str, str] | None:
    """Return login and password of a Basic `Authorization` header; None when it is none.

    Parameters
    ----------
    header : str

    Returns
    -------
    tuple of (str, str) or None

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
