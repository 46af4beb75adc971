"""Where a client comes in: a pseudo-terminal or a TCP port, one client at a time."""

from __future__ import annotations

import os
import socket
import tty
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from jbd_emulator import SerialLink

from .._link import LinkError

_READ: Final = 4096
_BACKLOG: Final = 64 * 1024
"""Bytes a client may leave unread; what comes behind them is lost, as on a wire."""


class Happened(StrEnum):
    """What a door tells."""

    CONNECTED = "client connected"
    LEFT = "client left"
    REFUSED = "another client refused"
    WROTE = "client wrote"


class DoorEvent(NamedTuple):
    """Something at the door; ``data`` where the client wrote."""

    what: Happened
    data: bytes = b""


class Door(Protocol):
    """A place that a client finds a board at."""

    @property
    def reach(self) -> dict[str, str]:
        """Where it is, by kind: ``serial`` or ``tcp``."""

    def watched(self) -> list[int]:
        """Return the descriptors to wait on."""

    def on_readable(self, descriptor: int) -> DoorEvent | None:
        """Return what happened there; nothing where it was nothing after all."""

    def write(self, data: bytes) -> int:
        """Hand bytes to the client; return how many were lost because it reads too slowly."""

    def close(self) -> None:
        """Let nobody in any more; a second call does nothing."""


class PtyDoor:
    """A pseudo-terminal, linked at a path.

    Nobody can tell when a client opens it or leaves: there is one connection, from the beginning.

    Args:
        path: link to make, None for the terminal's own name alone.
    Raises:
        OSError: the system has no pseudo-terminal left.
        ConfigError: the path is taken.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._master, self._keep_open = os.openpty()
        # Raw from the start, and our own end of the slave stays open: without it the first
        # client to leave would take the terminal's settings, and the port, down with it.
        tty.setraw(self._keep_open)
        os.set_blocking(self._master, False)
        terminal = os.ttyname(self._keep_open)
        self._link: SerialLink | None = None
        try:
            self._link = None if path is None else SerialLink(path, terminal)
        except BaseException:
            self.close()
            raise
        self._name = terminal if path is None else str(path)

    @property
    def reach(self) -> dict[str, str]:
        """The path to open."""
        return {"serial": self._name}

    def watched(self) -> list[int]:
        """Return the terminal's descriptor."""
        return [self._master]

    def on_readable(self, descriptor: int) -> DoorEvent | None:
        """Return what the client wrote."""
        try:
            data = os.read(self._master, _READ)
        except BlockingIOError:
            return None
        return DoorEvent(Happened.WROTE, data) if data else None

    def write(self, data: bytes) -> int:
        """Hand bytes to the client; what does not fit its buffer is lost."""
        try:
            return len(data) - os.write(self._master, data)
        except BlockingIOError:
            return len(data)

    def close(self) -> None:
        """Give the terminal and its link back."""
        if self._link is not None:
            self._link.close()
        for descriptor in (self._master, self._keep_open):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._keep_open = -1


class TcpDoor:
    """A listening socket; a second client is refused while the first is there.

    Args:
        host, port: where to listen; port 0 takes a free one.
    Raises:
        LinkError: the address cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, where = min(found, key=lambda row: row[0] != socket.AF_INET)
            self._listener = socket.create_server(
                where[:2], family=family, backlog=1, reuse_port=False
            )
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise LinkError(f"tcp {host}:{port}: {reason}") from None
        self._listener.setblocking(False)
        self._client: socket.socket | None = None

    @property
    def reach(self) -> dict[str, str]:
        """The address to connect to."""
        host, port = self._listener.getsockname()[:2]
        return {"tcp": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"}

    def watched(self) -> list[int]:
        """Return the descriptors of listener and client."""
        client = [] if self._client is None else [self._client.fileno()]
        return [*client, self._listener.fileno()]

    def on_readable(self, descriptor: int) -> DoorEvent | None:
        """Return who came or left, or what the client wrote."""
        if descriptor == self._listener.fileno():
            return self._accept()
        return None if self._client is None else self._read(self._client)

    def write(self, data: bytes) -> int:
        """Hand bytes to the client; all are lost where there is none."""
        if self._client is None:
            return len(data)
        try:
            return len(data) - self._client.send(data)
        except OSError:
            # It is gone or reads nothing; if gone, the next read tells.
            return len(data)

    def close(self) -> None:
        """Drop the client and stop listening."""
        self._drop()
        self._listener.close()

    def _accept(self) -> DoorEvent | None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return None
        if self._client is not None:
            client.close()
            return DoorEvent(Happened.REFUSED)
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BACKLOG)
        self._client = client
        return DoorEvent(Happened.CONNECTED)

    def _read(self, client: socket.socket) -> DoorEvent | None:
        try:
            data = client.recv(_READ)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if data:
            return DoorEvent(Happened.WROTE, data)
        self._drop()
        return DoorEvent(Happened.LEFT)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``.

    Raises:
        LinkError: it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise LinkError(f"tcp {text!r}: must be HOST:PORT, port 0 to 65535")
    return host.strip("[]"), int(port)


def open_door(serial: Path | None, tcp: str | None) -> Door:
    """Return the door that was asked for, a pseudo-terminal where none was.

    Raises:
        LinkError, ConfigError, OSError: it cannot be opened.
    """
    return TcpDoor(*parse_address(tcp)) if tcp is not None else PtyDoor(serial)
