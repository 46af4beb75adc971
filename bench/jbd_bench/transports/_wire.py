"""Links to boards outside this process: serial port, terminal server, TCP socket.

All three are pyserial ports, opened without a timeout of their own: a read waits until an
absolute deadline, so that pieces which trickle in cannot stretch it.
"""

from __future__ import annotations

import errno
import select
import socket
import warnings
from typing import Any, ClassVar, Final

import serial

from .._link import Clock, LinkError, RealClock
from .._port_lock import PortLock, lock_port
from ._target import Target

_SLICE_S: Final = 0.01
"""How long one read waits where the port has no descriptor to wait on, in seconds."""
_CONNECT_S: Final = 3.0
_PIECE: Final = 4096
_REASONS: Final = {
    errno.ENOENT: "no such port",
    errno.ENODEV: "no such port",
    errno.EACCES: "no permission to open it",
    errno.EBUSY: "port is in use",
    errno.EAGAIN: "port is in use",
    errno.EWOULDBLOCK: "port is in use",
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "host cannot be reached",
    errno.ENETUNREACH: "host cannot be reached",
    errno.ENOTTY: "not a serial port",
    errno.EISDIR: "not a serial port",
}


class WireLink:
    """A pyserial port and the machine's clock."""

    OPTIONS: ClassVar[tuple[str, ...]] = ("pin", "pin_encoding")

    def __init__(self, target: Target) -> None:
        target.check_options(*self.OPTIONS)
        self.name = target.text
        self.clock: Clock = RealClock()
        self._target = target
        # pyserial's URL handlers share no typed class.
        self._port: Any = None
        self._port = self._open_port()

    @classmethod
    def open(cls, target: Target) -> WireLink:
        """Return a link to an open port.

        Raises:
            LinkError: the port cannot be opened, or the target has a bad option.
        """
        return cls(target)

    def write(self, data: bytes) -> None:
        """Send bytes; raises LinkError where the port is gone."""
        try:
            self._open().write(data)
        except (OSError, serial.SerialException) as error:
            raise self._lost(error) from None

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive, or nothing at ``until_s``; raises LinkError."""
        port = self._open()
        try:
            while True:
                left_s = until_s - self.clock.now_s()
                if data := self._piece(port, max(0.0, left_s)):
                    return data
                if left_s <= 0:
                    return b""
        except (OSError, serial.SerialException) as error:
            raise self._lost(error) from None

    def reconnect(self) -> None:
        """Close the port and open it again; raises LinkError where it does not open."""
        self.close()
        self._port = self._open_port()

    def close(self) -> None:
        """Close the port; a second call does nothing."""
        port, self._port = self._port, None
        if port is None:
            return
        # pyserial forgets to close the socket of a peer that has left.
        connection = getattr(port, "_socket", None)
        port.close()
        if connection is not None:
            connection.close()

    def _piece(self, port: Any, wait_s: float) -> bytes:
        select.select([port.fileno()], [], [], wait_s)
        return bytes(port.read(_PIECE))

    def _open(self) -> Any:
        if self._port is None:
            raise LinkError(f"{self.name}: the link is closed")
        return self._port

    def _open_port(self) -> Any:
        try:
            return self._connect()
        except LinkError as error:
            raise LinkError(f"{self.name}: {error}") from None
        except (OSError, ValueError, serial.SerialException) as error:
            raise LinkError(f"{self.name}: {_reason(error)}") from None

    def _connect(self) -> Any:
        raise NotImplementedError

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(f"{self.name}: the link is gone: {_reason(error)}")


class SerialLink(WireLink):
    """``serial:/dev/ttyUSB0?baud=9600``: 8 data bits, no parity, 1 stop bit."""

    OPTIONS = ("baud", "pin", "pin_encoding")

    def __init__(self, target: Target) -> None:
        self._lock: PortLock | None = None
        try:
            super().__init__(target)
        except BaseException:
            self._unlock()
            raise

    def reconnect(self) -> None:
        """Close the port and open it again; it stays this process's in between."""
        super().close()
        self._port = self._open_port()

    def close(self) -> None:
        """Close the port and let others have it; a second call does nothing."""
        super().close()
        self._unlock()

    def _connect(self) -> Any:
        baud = self._target.integer("baud", 9600, 50, 4_000_000)
        if self._lock is None:
            self._lock = lock_port(self._target.address)
        return serial.Serial(self._target.address, baud, timeout=0, exclusive=True)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class SocketLink(WireLink):
    """``socket://host:port``: the bytes of the line and nothing else."""

    def _connect(self) -> Any:
        host, port = _host_and_port(self._target)
        return serial.serial_for_url(f"socket://{host}:{port}", timeout=0)


class Rfc2217Link(WireLink):
    """``rfc2217://host:port``: a serial port of a terminal server, set to 9600 8N1."""

    OPTIONS = ("baud", "pin", "pin_encoding")

    def _connect(self) -> Any:
        host, port = _host_and_port(self._target)
        baud = self._target.integer("baud", 9600, 50, 4_000_000)
        url = f"rfc2217://{host}:{port}?timeout={_CONNECT_S:g}"
        with warnings.catch_warnings():
            # pyserial 3.5 still calls Thread.setDaemon; that is nothing a user can act on.
            warnings.simplefilter("ignore", DeprecationWarning)
            return serial.serial_for_url(url, baudrate=baud, timeout=_SLICE_S)

    def _piece(self, port: Any, wait_s: float) -> bytes:
        # pyserial reads the socket in a thread of its own and queues the bytes: there is nothing
        # to select on, and setting another timeout would negotiate the whole port anew.
        if not wait_s and not port.in_waiting:
            return b""
        return bytes(port.read(max(1, port.in_waiting)))


def _host_and_port(target: Target) -> tuple[str, int]:
    host, _, port = target.address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise LinkError(
            f"target {target.text!r}: must be {target.scheme}://host:port, port 1 to 65535"
        )
    return host, int(port)


def _reason(error: BaseException) -> str:
    """Return what is wrong in a few words; pyserial buries the cause in texts of its own."""
    seen: BaseException | None = error
    while seen is not None:
        # termios.error is no OSError, and has the number as its first argument.
        code = getattr(seen, "errno", None) or (seen.args[0] if seen.args else None)
        if isinstance(seen, socket.gaierror):
            return "no such host"
        if isinstance(code, int) and code in _REASONS:
            return _REASONS[code]
        if isinstance(seen, TimeoutError):
            return f"no connection within {_CONNECT_S:g} s"
        seen = seen.__cause__ or seen.__context__
    return str(error).splitlines()[0] if str(error) else type(error).__name__
