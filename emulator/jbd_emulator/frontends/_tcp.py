"""A unit on a TCP port: raw bytes, as a serial device server in raw mode gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from .._unit import Line, Unit
from ._pacer import Pacer

_READ: Final = 1024
"""Larger than any request. asyncio's stream protocol would allocate 256 KiB for every read."""
_BACKLOG: Final = 64 * 1024
"""Bytes a client may leave unread; what comes behind them is lost, as on a wire."""
MAX_CLIENTS: Final = 64
"""Connections one unit serves at a time."""


class Endpoint:
    """What the connections of one listening socket share."""

    __slots__ = ("baud", "clients", "unit")

    def __init__(self, unit: Unit, baud: int | None) -> None:
        self.unit, self.baud = unit, baud
        self.clients: set[TcpConnection] = set()

    def close(self) -> None:
        """Drop every connection."""
        for client in tuple(self.clients):
            client.abort()


class TcpConnection(asyncio.BufferedProtocol):
    """One client. Every connection has a line of its own into the one board."""

    __slots__ = (
        "_buffer", "_endpoint", "_full", "_line", "_loop", "_pacer", "_settle", "_timer",
        "_transport", "_view",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._line = Line(endpoint.unit)
        self._settle = endpoint.unit.settle
        self._pacer = Pacer(endpoint.baud) if endpoint.baud else None
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(_READ)
        self._view = memoryview(self._buffer)
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse one too many."""
        self._transport = cast(asyncio.Transport, transport)
        if len(self._endpoint.clients) >= MAX_CLIENTS:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_BACKLOG)
        self._endpoint.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and what it had half sent."""
        self._endpoint.clients.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None

    def pause_writing(self) -> None:
        """Note that the client leaves too much unread."""
        self._full = True

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self._full = False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Answer what has come."""
        self.data_received(bytes(self._view[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Answer bytes that are free of any envelope."""
        now_s = self._loop.time()
        if self._pacer is not None:
            self._pacer.heard(len(data), now_s)
        answer = self._line.receive(data, now_s)
        if answer:
            self._send(answer, now_s)
        if self._timer is not None or self._pacer is not None or self._line.due_s is not None:
            self._arm()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def write(self, data: bytes) -> None:
        """Hand bytes to the connection as they are."""
        if self._transport is not None and not self._full:
            self._transport.write(data)

    def envelope(self, data: bytes) -> bytes:
        """Return what goes over the connection for bytes of the line."""
        return data

    def _send(self, answer: bytes, now_s: float) -> None:
        if self._pacer is not None:
            self._pacer.send(answer, now_s)
            return
        self.write(self.envelope(answer))
        self._settle()

    def _arm(self) -> None:
        due_s = self._line.due_s
        if self._pacer is not None:
            piece_s = self._pacer.due_s
            due_s = piece_s if due_s is None else min(due_s, piece_s or due_s)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s is not None:
            self._timer = self._loop.call_at(due_s, self._on_due)

    def _on_due(self) -> None:
        now_s = self._loop.time()
        answer = self._line.on_due(now_s)
        if answer:
            self._send(answer, now_s)
        if self._pacer is not None and (piece := self._pacer.take(now_s)):
            self.write(self.envelope(piece))
            if self._pacer.due_s is None:
                self._settle()
        self._timer = None
        self._arm()


async def listen(
    factory: Callable[[Endpoint], TcpConnection], endpoint: Endpoint, host: str, port: int
) -> asyncio.Server:
    """Listen for clients of a unit.

    Raises:
        OSError: the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: factory(endpoint), host, port)
