"""The HTTP API and the page, put together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from jbd_protocol._version import __version__

from ._feed import Feed, TooMany
from ._guard import App, Guard
from ._link import Boards, BoardsAway, RefusedByDesk
from ._problems import from_validation, problem
from ._routes import routes

_STATIC: Final = Path(__file__).parent / "static"
_STATUS: Final = {"invalid": 422, "not found": 404, "conflict": 409, "fault": 500}
_ABOUT: Final = """\
See, change and break emulated JBD boards while clients talk to them.

Units are mV, mA, mAh, degC, percent and seconds. Every refusal is `application/problem+json` and
names the field and its limit. Requests are limited in rate (429, `Retry-After`) and size (413).
On the loopback no token is needed; elsewhere `Authorization: Bearer` carries the one that was
printed at the start.
"""


def make_app(
    boards: Boards,
    *,
    names: Iterable[str] = (),
    token: str | None = None,
    rate: int = 100,
    started: float | None = None,
) -> Guard:
    """Return the application.

    Args:
        boards: the units.
        names: host names it may be reached by, beside the address a connection came in on.
        token: what requests must carry, None for none.
        rate: requests a second.
        started: when the units' clock began, seconds since 1970; None is now.
    """
    feed = Feed(boards)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await feed.close()

    app = FastAPI(
        title="jbd-emulator", version=__version__, description=_ABOUT, lifespan=lifespan,
        # Their pages load scripts from elsewhere; the document itself is what tools want.
        docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
        swagger_ui_oauth2_redirect_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.boards, app.state.feed = boards, feed
    app.state.rate, app.state.started = rate, time.time() if started is None else started
    app.include_router(routes, prefix="/api/v1")
    _add_refusals(app)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return Guard(cast(App, app), names=names, token=token, rate=rate)


def _add_refusals(app: FastAPI) -> None:
    """Let every failure be a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return from_validation(list(error.errors()))

    @app.exception_handler(RefusedByDesk)
    async def refused(_: Request, error: RefusedByDesk) -> Response:
        kind = error.kind.replace(" ", "-")
        return problem(_STATUS.get(error.kind, 500), kind, error.detail, field=error.field)

    @app.exception_handler(BoardsAway)
    async def away(_: Request, error: BoardsAway) -> Response:
        return problem(503, "boards-away", str(error), headers={"Retry-After": "1"})

    @app.exception_handler(TooMany)
    async def busy(_: Request, error: TooMany) -> Response:
        return problem(503, "streams", "as many streams as are allowed are open",
                       headers={"Retry-After": "5"})  # fmt: skip

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        headers: dict[str, Any] = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods_of(app, request))
        return problem(error.status_code, "http", str(error.detail), headers=headers)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        return problem(500, "fault", f"{type(error).__name__}: {error}".splitlines()[0])


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return every method that a path takes; each of them is a route of its own."""
    path = request.url.path
    found: set[str] = set()
    for method in ("GET", "PUT", "PATCH", "POST", "DELETE"):
        scope = {**request.scope, "method": method, "path": path}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes):
            found.add(method)
    return sorted(found)
