"""A unit on a telnet port with RFC 2217, as serial device servers offer it.

pyserial's own server side speaks the protocol; it wants something that looks like one of its
serial ports to apply the settings to.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from serial.rfc2217 import PortManager

from ._tcp import Endpoint, TcpConnection

if TYPE_CHECKING:
    from serial.rfc2217 import Serial


class _Port:
    """The settings of the port that is not there. A board has no modem lines."""

    def __init__(self, baudrate: int) -> None:
        self.baudrate = baudrate
        self.bytesize = 8
        self.parity = "N"
        self.stopbits = 1
        self.rtscts = self.xonxoff = self.dsrdtr = False
        self.rts = self.dtr = True
        self.cts = self.dsr = self.cd = True
        self.ri = False
        self.break_condition = False

    def reset_input_buffer(self) -> None:
        """Nothing is buffered on this side."""

    def reset_output_buffer(self) -> None:
        """Nothing is buffered on this side."""


class Rfc2217Connection(TcpConnection):
    """One client, through pyserial's telnet and RFC 2217 state machine."""

    __slots__ = ("_manager",)
    kind = "rfc2217"

    def __init__(self, endpoint: Endpoint, connected: socket.socket) -> None:
        super().__init__(endpoint, connected)
        # What the manager needs of a serial port and of a socket, a board and this class have.
        # It offers its options at once.
        port = cast("Serial", _Port(endpoint.baud or 9600))
        self._manager: PortManager | None = None
        self._manager = PortManager(port, cast("Serial", self))

    def received(self, data: bytes) -> None:
        """Take telnet out of what has come and answer the rest."""
        if self._manager is None:
            return
        rest = b"".join(self._manager.filter(data))
        if rest:
            self.receive(rest)

    def envelope(self, data: bytes) -> bytes:
        """Return the bytes with telnet's escapes."""
        return data if self._manager is None else b"".join(self._manager.escape(data))
