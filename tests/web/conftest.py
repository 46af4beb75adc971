"""The web application over a desk in the same process, and `serve --control` as a process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from jbd_emulator import parse_unit
from jbd_emulator.control import Desk
from jbd_emulator.control._app import make_app
from jbd_emulator.control._guard import App
from jbd_emulator.control._link import Boards
from jbd_emulator.frontends._loop import UnitLoop
from jbd_emulator.frontends._server import ServedUnit, UnitPorts

HERE = ("127.0.0.1", 7780)


class Bench:
    """Units that nobody serves, on a clock that is stepped, with their desk.

    Attributes:
        served: the units.
        now_s: the time; a test sets it.
    """

    def __init__(self, *configs: str) -> None:
        self.now_s = 0.0
        self.loop = UnitLoop()
        self.loop.time = lambda: self.now_s  # type: ignore[method-assign]  # the clock is ours
        self.served = [ServedUnit(UnitPorts(parse_unit(text)), self.loop) for text in configs]
        self.desk = Desk(self.served, self.now_s)

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Take a question to the desk, as JSON, as the socket pair does."""
        answer: dict[str, Any] = json.loads(
            json.dumps(self.desk.answer(json.loads(json.dumps(question)), self.now_s))
        )
        return answer

    def app(self, **options: Any) -> App:
        """Return the application over this desk."""
        return make_app(Boards(self), **{"rate": 10_000, **options})

    def close(self) -> None:
        """Give the terminals back."""
        for served in self.served:
            served.close()
        self.loop.close()


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Make benches; they are closed at the end."""
    made: list[Bench] = []

    def make(*configs: str) -> Bench:
        made.append(Bench(*(configs or ("0x25?name=one",))))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@asynccontextmanager
async def client_of(app: App, base: str = "http://127.0.0.1:7780") -> AsyncIterator[Any]:
    """Yield a client of an application; connections come in on 127.0.0.1."""

    async def as_local(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": HERE}, receive, send)

    transport = httpx.ASGITransport(app=as_local)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test that awaits."""

    async def main() -> None:
        await test()

    asyncio.run(main())


class Api:
    """The API of a process, for tests that block."""

    def __init__(self, where: dict[str, str]) -> None:
        self.page, self.base = where["page"], where["api"]
        self.token = where.get("token")

    def __call__(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and JSON."""
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


Started = tuple["subprocess.Popen[str]", dict[str, Any]]


@pytest.fixture
def control() -> Iterator[Callable[..., Started]]:
    """Start `jbd-emulator serve --control`; return the process and its ready line.

    A process that a test does not end by itself is terminated at the end, and must end well.
    """
    started: list[subprocess.Popen[str]] = []

    def starter(*arguments: object, address: str = "127.0.0.1:0") -> Started:
        command = [sys.executable, "-m", "jbd_emulator", "serve", "--json", "--control", address]
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"serve did not start: {process.communicate()[1]}")
        return process, json.loads(line)

    yield starter
    ends = []
    for process in started:
        if process.poll() is None:
            process.terminate()
        _, errors = process.communicate(timeout=20)
        ends.append((process.returncode, errors))
    assert all(status in (0, -9) and "Traceback" not in errors for status, errors in ends), ends
