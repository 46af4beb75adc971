"""A unit on a telnet port with RFC 2217, as serial device servers offer it.

pyserial's own server side speaks the protocol; it wants something that looks like one of its
serial ports to apply the settings to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ._tcp import Endpoint, TcpConnection

if TYPE_CHECKING:
    from serial.rfc2217 import PortManager, Serial


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

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._manager: PortManager | None = None

    def connection_made(self, transport: object) -> None:
        """Take the connection and offer the options."""
        # Late: only a unit that is served this way needs pyserial.
        from serial.rfc2217 import PortManager

        super().connection_made(transport)  # type: ignore[arg-type]  # asyncio hands a transport
        # What the manager needs of a serial port and of a socket, a board and this class have.
        port = cast("Serial", _Port(self._endpoint.baud or 9600))
        self._manager = PortManager(port, cast("Serial", self))

    def buffer_updated(self, nbytes: int) -> None:
        """Take telnet out of what has come and answer the rest."""
        manager = self._manager
        if manager is None:
            return
        data = b"".join(manager.filter(bytes(self._view[:nbytes])))
        if data:
            self.data_received(data)

    def envelope(self, data: bytes) -> bytes:
        """Return the bytes with telnet's escapes."""
        return data if self._manager is None else b"".join(self._manager.escape(data))
