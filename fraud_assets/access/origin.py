"""Protects the Dagster UI from requests that other sites make a browser send.

A browser adds its login to requests from any site. A page of another origin can send forms and load
images without permission, and Dagster would accept both as GraphQL.
"""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE = ("GET", "HEAD", "OPTIONS")
WEBSOCKET = "WEBSOCKET"
GRAPHQL = "/graphql"


class OwnOriginOnly:
    """ASGI middleware that allows only requests of the pages' own origin.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    hosts : collection of str
        Host names of the pages, without ports; loopback is always allowed.

    See Also
    --------
    refusal : the rule.
    """

    def __init__(self, app: App, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = {*LOOPBACK, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 403 and the reason, or forward the request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1")
                   for name, value in scope["headers"]}  # fmt: skip
        is_websocket = scope["type"] == "websocket"
        method = WEBSOCKET if is_websocket else str(scope["method"])
        reason = refusal(method, str(scope["path"]), headers, self._hosts)
        if reason is None:
            await self._app(scope, receive, send)
        elif is_websocket:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        else:
            body = reason.encode()
            head = [(b"content-type", b"text/plain; charset=utf-8")]
            head += [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": head})
            await send({"type": "http.response.body", "body": body})


def refusal(
    method: str, path: str, headers: MutableMapping[str, str], hosts: Collection[str]
) -> str | None:
    """Return why a request is refused; None when it is allowed.

    Parameters
    ----------
    method : str
        `WEBSOCKET` for the opening of a websocket.
    path : str
        Path of the URL, without the query.
    headers : mapping of str to str
        By name in lower case.
    hosts : collection of str
        Host names of the pages, without ports.

    Returns
    -------
    str or None
        One sentence for the person at the browser.

    See Also
    --------
    OwnOriginOnly : applies the rule.

    Notes
    -----
    A browser states the origin of a request in `Origin` and `Sec-Fetch-Site`, which no page can
    set. Programs such as curl send neither; they must send JSON, which no form can.

    Examples
    --------
    >>> own = {"host": "localhost:8080", "origin": "http://localhost:8080"}
    >>> refusal("GET", "/runs", own, ["localhost"]) is None
    True
    >>> refusal("GET", "/runs", own | {"origin": "https://other.example"}, ["localhost"])
    'requests from https://other.example are refused: they come from another site'
    """
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in {name.strip("[]") for name in hosts}:
        return (
            f"this server is not known as {host!r}; open it at the address in DAGSTER_URL, or set "
            "that variable to the address in use"
        )
    return _foreign(method, path, headers, host) or _not_json(method, path, headers)


def _foreign(method: str, path: str, headers: MutableMapping[str, str], host: str) -> str | None:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return f"requests from {origin} are refused: they come from another site"
    site = headers.get("sec-fetch-site", "none")
    navigates = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    if site not in ("same-origin", "none") and not (navigates and path != GRAPHQL):
        return "requests from other sites are refused"
    return None


def _not_json(method: str, path: str, headers: MutableMapping[str, str]) -> str | None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method not in (*SAFE, WEBSOCKET) and kind != "application/json":
        return "only application/json is accepted"
    shows_page = "text/html" in headers.get("accept", "")
    if path == GRAPHQL and method in SAFE and not shows_page:
        return "GraphQL is accepted by POST only"
    return None
