"""Who may ask: names, origins, the token, the rate and the size, before anything is read.

A page on another site can make a browser send requests here, and a name server can make its name
point here. Both are stopped by what the browser cannot lie about: the Host and Origin headers.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from ._problems import problem_response

MOST_BODY: Final = 64 * 1024
_BODY_S: Final = 10.0
_API: Final = "/api/"
Scope = MutableMapping[str, Any]  # Any: ASGI's own types
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS: Final = (
    (b"content-security-policy",
     b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class Bucket:
    """A token bucket: so many a second, and a second's worth at once.

    Args:
        rate: tokens a second.
        clock: seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left, self._at_s = float(rate), clock()

    def take(self) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        now_s = self._clock()
        self._left = min(self._rate, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self._rate


class Refusal(Exception):
    """A request that goes no further.

    Args:
        status: of the answer.
        kind: of the problem.
        detail: one line.
        more: headers.
    """

    def __init__(self, status: int, kind: str, detail: str, **more: str | None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.field = more.pop("field", None)
        self.limit = more.pop("limit", None)
        self.headers = {name.replace("_", "-"): str(value) for name, value in more.items()}


class Guard:
    """ASGI middleware in front of everything.

    Args:
        app: what is guarded.
        names: host names it may be reached by, beside the address a connection came in on.
        token: what requests to the API must carry, None for none.
        rate: requests a second; those that are refused at the door have a bucket of their own.
        clock: seconds.
    """

    def __init__(
        self,
        app: App,
        *,
        names: Iterable[str] = (),
        token: str | None = None,
        rate: float = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._token = app, token
        self._names = {name.lower() for name in names}
        self._rate = rate
        self._served, self._turned_away = Bucket(rate, clock), Bucket(rate, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            self._check(scope)
            body = await _body(scope, receive)
        except Refusal as refusal:
            await problem_response(refusal)(scope, receive, _with_headers(send))
            return
        await self._app(scope, _replay(body, receive), _with_headers(send))

    def _check(self, scope: Scope) -> None:
        try:
            headers = _headers(scope)
            host = self._check_host(scope, headers)
            _check_origin(scope, headers, host)
            self._check_token(scope, headers)
        except Refusal as refusal:
            wait_s = self._turned_away.take()
            if wait_s:
                raise self._too_many(wait_s) from refusal
            raise
        wait_s = self._served.take()
        if wait_s:
            raise self._too_many(wait_s)

    def _check_host(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]")
        # The address that the connection came in on cannot be made up by a name server.
        local = str((scope.get("server") or ("", 0))[0]).lower()
        loopback = local.startswith("127.") or local == "::1"
        if not name or (
            name != local and name not in self._names and not (loopback and name == "localhost")
        ):
            raise Refusal(
                403, "foreign-host", f"Host {host!r} is not a name of this page", field="Host"
            )
        return host

    def _check_token(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if self._token is None or not scope["path"].startswith(_API):
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        right = hmac.compare_digest(given.strip(), self._token.encode())
        if scheme.lower() != b"bearer" or not right:
            raise Refusal(
                401, "token", "the token that was printed at the start is needed",
                field="Authorization", www_authenticate="Bearer",
            )  # fmt: skip

    def _too_many(self, wait_s: float) -> Refusal:
        return Refusal(
            429, "rate", f"more than {self._rate:g} requests a second",
            limit=f"{self._rate:g} a second", retry_after=str(max(1, round(wait_s + 0.5))),
        )  # fmt: skip


def _headers(scope: Scope) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers and name in (b"host", b"origin", b"authorization", b"content-length"):
            raise Refusal(400, "malformed", f"{name.decode()} is given twice", field=name.decode())
        headers[name] = value
    return headers


def _check_origin(scope: Scope, headers: dict[bytes, bytes], host: str) -> None:
    """Refuse what a page of another origin sends; what no browser sends has no Origin."""
    origin = headers.get(b"origin")
    shown = None if origin is None else origin.decode("latin-1")
    if shown is not None and shown.lower() != f"{scope['scheme']}://{host}":
        raise Refusal(403, "foreign-origin", f"Origin {shown!r} is not this page", field="Origin")
    site = headers.get(b"sec-fetch-site", b"same-origin")
    if scope["path"].startswith(_API) and site not in (b"same-origin", b"none"):
        where = site.decode("latin-1")
        raise Refusal(403, "foreign-origin", f"asked for by a page that is {where}",
                      field="Sec-Fetch-Site")  # fmt: skip


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Return the whole body; a larger one, or one that does not come, is refused."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length) > MOST_BODY:
        raise _too_large()
    body = b""
    try:
        async with asyncio.timeout(_BODY_S):
            while True:
                message = await receive()
                body += bytes(message.get("body", b""))
                if len(body) > MOST_BODY:
                    raise _too_large()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return body
    except TimeoutError:
        raise Refusal(408, "slow", f"no whole body in {_BODY_S:g} s", connection="close") from None


def _too_large() -> Refusal:
    return Refusal(413, "size", "the body is too large", field="body",
                   limit=f"at most {MOST_BODY} bytes", connection="close")  # fmt: skip


def _replay(body: bytes, receive: Receive) -> Receive:
    handed = False

    async def replay() -> Message:
        nonlocal handed
        if not handed:
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *((name, value) for name, value in HEADERS if name not in given),
            ]
        await send(message)

    return sending
