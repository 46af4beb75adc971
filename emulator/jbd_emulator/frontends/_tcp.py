"""A unit on a TCP port: raw bytes, as a serial device server in raw mode gives them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .._line import Line
from .._unit import Unit
from ._loop import EventLoop, Timer
from ._pacer import Pacer

if TYPE_CHECKING:
    from ..faults import HangUp

_READ: Final = 1024
"""Larger than any request."""
_BACKLOG: Final = 64 * 1024
"""Bytes a client may leave unread; what comes behind them is lost, as on a wire."""
MAX_CLIENTS: Final = 64
"""Connections one unit serves at a time."""
_WAITING: Final = 100
_RETRY_S: Final = 1.0
"""How long no connection is taken after the system had no descriptor left for one."""


class Endpoint:
    """A listening socket of a unit and the connections through it.

    Args:
        unit: who answers.
        baud: line speed to keep, None to answer at once and in one piece.
        loop: what watches the sockets.
        make: makes a connection from this endpoint and an accepted socket.
    """

    __slots__ = ("_listener", "_make", "_retry", "_where", "baud", "clients", "loop", "unit")
    fed_by_board = False

    def __init__(
        self,
        unit: Unit,
        baud: int | None,
        loop: EventLoop,
        make: Callable[[Endpoint, socket.socket], TcpConnection],
    ) -> None:
        self.unit, self.baud, self.loop = unit, baud, loop
        self.clients: set[TcpConnection] = set()
        self._make = make
        self._listener: socket.socket | None = None
        self._retry: Timer | None = None
        self._where: tuple[str, int] | None = None

    @property
    def address(self) -> str:
        """Where it listens, ``HOST:PORT``; empty while it does not."""
        if self._listener is None:
            return ""
        return _shown(self._listener.getsockname())

    def listen(self, host: str, port: int) -> None:
        """Listen for clients; port 0 takes a free one.

        Raises:
            OSError: the address cannot be had.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name with both kinds of address: the one that more clients try.
        family, _, _, _, where = min(found, key=lambda row: row[0] != socket.AF_INET)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(_WAITING)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        if self._where is None:
            self._where = listener.getsockname()[:2]
            self.unit.ports.append(self)
        if self.unit.plugged:
            self._watch()
        else:
            self._stop()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        if self in self.unit.ports:
            self.unit.ports.remove(self)
        self._stop()

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """Drop every connection, and take none for a while."""
        if how.down_s and self._listener is not None:
            self._stop()
            self._retry = self.loop.call_later(how.down_s, self.set_plugged, True)
        for client in tuple(self.clients):
            client.close()

    def set_plugged(self, plugged: bool) -> None:
        """Drop every connection and stop listening; or listen again where it did."""
        if not plugged:
            self._stop()
        elif self._listener is None and self._where is not None and self.unit.plugged:
            try:
                self.listen(*self._where)
            except OSError:
                # Somebody else has the port meanwhile.
                self._retry = self.loop.call_later(_RETRY_S, self.set_plugged, True)

    def _stop(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._listener is not None:
            self.loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        for client in tuple(self.clients):
            client.close()

    def _watch(self) -> None:
        if self._listener is not None:
            self.loop.add_reader(self._listener.fileno(), self._on_connect)

    def _on_connect(self) -> None:
        if self._listener is None:
            return
        try:
            connected, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # No descriptor left: the client still waits, and would be announced for ever.
            self.loop.remove_reader(self._listener.fileno())
            self._retry = self.loop.call_later(_RETRY_S, self._watch)
            return
        if len(self.clients) >= MAX_CLIENTS:
            connected.close()
            return
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BACKLOG)
        self.clients.add(self._make(self, connected))


class TcpConnection:
    """One client. Every connection has a line of its own into the one board.

    Args:
        endpoint: where it came in.
        connected: its socket, not blocking.
    """

    __slots__ = (
        "_endpoint", "_line", "_loop", "_pacer", "_settle", "_socket", "_timer", "_unsent",
        "dropped", "peer",
    )  # fmt: skip
    kind = "tcp"

    def __init__(self, endpoint: Endpoint, connected: socket.socket) -> None:
        self._endpoint, self._socket, self._loop = endpoint, connected, endpoint.loop
        self.peer = _peer(connected)
        """Who is connected, ``HOST:PORT``."""
        self._line = Line(endpoint.unit, f"{self.kind} {self.peer}")
        self._line.on_hang_up = self.hang_up
        self._settle = endpoint.unit.settle
        self._pacer = Pacer(endpoint.baud) if endpoint.baud else None
        self._line.cuts = self._pacer is not None
        self._timer: Timer | None = None
        self._unsent = b""
        self.dropped = 0
        """Bytes that were lost because the client left too many unread."""
        self._loop.add_reader(connected.fileno(), self._on_readable)
        endpoint.unit.client_did("connects")

    def received(self, data: bytes) -> None:
        """Answer bytes as they came over the connection."""
        self.receive(data)

    def receive(self, data: bytes) -> None:
        """Answer bytes that are free of any envelope."""
        now_s = self._loop.time()
        if self._pacer is not None:
            self._pacer.heard(len(data), now_s)
        answer = self._line.receive(data, now_s)
        if answer:
            self._send(answer, now_s)
        if self._timer is not None or self._pacer is not None or self._line.due_s is not None:
            self._arm()

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """End the connection behind what is still leaving."""
        if self._pacer is not None and self._pacer.due_s is not None:
            self._pacer.ending = how
            return
        self.close()
        if how.down_s:
            self._endpoint.hang_up(how, now_s)

    def close(self) -> None:
        """Drop the connection and what it had half sent; a second call does nothing."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._endpoint.clients.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._line.reset()
        self._endpoint.unit.client_did("disconnects")

    def write(self, data: bytes) -> None:
        """Hand bytes to the connection as they are, or lose them where the client reads none."""
        try:
            if self._unsent:
                # The rest of an answer goes first, and whole: an envelope must not be cut.
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            if self._unsent:
                self.dropped += len(data)
                return
            sent = self._socket.send(data)
        except BlockingIOError:
            self.dropped += len(data)
        except OSError:
            self.close()
        else:
            if sent < len(data):
                self._unsent = data[sent:]

    def envelope(self, data: bytes) -> bytes:
        """Return what goes over the connection for bytes of the line."""
        return data

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.received(data)
        else:
            self.close()

    def _send(self, answer: bytes, now_s: float) -> None:
        if self._pacer is not None:
            self._pacer.send(answer, now_s, self._line.wire if self._endpoint.unit.faulty else None)
            return
        self.write(self.envelope(answer))
        if self._line.idle:
            # Not before the last piece has left: half an acknowledgement is none.
            self._settle()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [self._line.due_s, self._pacer.due_s if self._pacer is not None else None]
        due_s = min((one for one in due if one is not None), default=None)
        if due_s is not None and self._socket.fileno() >= 0:
            self._timer = self._loop.call_at(due_s, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        answer = self._line.on_due(now_s)
        if answer:
            self._send(answer, now_s)
        if self._pacer is not None:
            if piece := self._pacer.take(now_s):
                self.write(self.envelope(piece))
                if self._pacer.due_s is None and self._line.idle:
                    self._settle()
            if ending := self._pacer.take_ending(now_s):
                self.hang_up(ending, now_s)
        self._arm()


def _peer(connected: socket.socket) -> str:
    try:
        return _shown(connected.getpeername())
    except OSError:
        return "gone"  # before it was served


def _shown(address: tuple[object, ...]) -> str:
    host, port = str(address[0]), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
