"""The emulator in this process, behind a real pseudo-terminal and pyserial, on jumping time.

One thread does it all: what is written goes through pyserial into the terminal, the emulated
unit is served until it has read it, and its answer comes back the same way. Where a client
waits and nothing is due, the clock jumps: two seconds of silence take no time, and the same
program gives the same traffic every time.
"""

from __future__ import annotations

import select
from typing import Any, Final

import serial

from jbd_emulator import PtyPort, Unit, UnitConfig, parse_unit

from .._link import Clock, LinkError
from ._target import MODULE, Target

_STUCK_S: Final = 60.0
"""Real seconds after which bytes that do not come through the terminal are a fault, not a wait.
The kernel hands them over in a thread of its own, which was seen to take 5 s on a busy machine."""
_PIECE: Final = 1024
"""Bytes written before the unit is served; a pseudo-terminal holds a few thousand."""


class EmbeddedClock:
    """Seconds that pass only when somebody waits for them."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.port: PtyPort | None = None

    def now_s(self) -> float:
        """Return the time of the emulated board, in seconds since it was powered."""
        return self._now_s

    def sleep_until(self, when_s: float) -> None:
        """Jump to ``when_s``, doing on the way what the board has due."""
        while self.step(when_s):
            pass

    def step(self, when_s: float) -> bool:
        """Jump to the board's next timed work, or to ``when_s`` if that is earlier.

        Returns:
            Whether there was timed work.
        """
        port = self.port
        due_s = port.due_s if port is not None else None
        if port is None or due_s is None or due_s > when_s:
            self._now_s = max(self._now_s, when_s)
            return False
        self._now_s = max(self._now_s, due_s)
        port.on_due(self._now_s)
        return True


class EmbeddedLink:
    """A link to an emulated unit.

    Attributes:
        unit: the unit behind the link, the emulator's second door: ``unit.device.lab`` moves
            the pack, ``unit.device.power_cycle(now_s)`` takes the supply away.
    """

    def __init__(self, unit: Unit, name: str, port: PtyPort | None = None) -> None:
        self.unit, self.name = unit, name
        self._clock = EmbeddedClock()
        self.clock: Clock = self._clock
        self._port = PtyPort(unit) if port is None else port
        self._clock.port = self._port
        self._received = self._port.bytes_out
        # pyserial's platform classes share no typed base with what is used here.
        self._serial: Any = serial.Serial(self._port.path, 9600, timeout=0)
        self._closed = False
        self._opened = self._port.opened

    @classmethod
    def open(cls, target: Target) -> EmbeddedLink:
        """Return a link to a new unit.

        Raises:
            ConfigError: an unknown firmware, board or option.
        """
        return cls(Unit(unit_config(target)), target.text)

    @property
    def serial_path(self) -> str:
        """The path of the pseudo-terminal, for other programs."""
        return str(self._port.path)

    def write(self, data: bytes) -> None:
        """Send bytes and serve the unit until it has read them; raises LinkError."""
        port = self._open()
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            goal = port.bytes_in + len(piece)
            try:
                self._serial.write(piece)
            except OSError as error:
                raise LinkError(f"{self.name}: {error}") from None
            while port.bytes_in < goal:
                self._await(port.fileno(), "the unit did not get what was written")
                port.on_readable(self.clock.now_s())
                # A fault may have ended the link at this request.
                self._open()

    def read(self, until_s: float) -> bytes:
        """Return what the unit sent; nothing when the clock jumped to ``until_s``."""
        port = self._open()
        while port.bytes_out <= self._received:
            if not self._clock.step(until_s):
                return b""
            self._open()
        self._await(self._serial.fileno(), "what the unit sent did not arrive")
        data = bytes(self._serial.read(_PIECE))
        self._received += len(data)
        return data

    def reconnect(self) -> None:
        """Close the port and open it again; what was on its way is lost, as with a cable."""
        if self._closed:
            raise LinkError(f"{self.name}: the link is closed")
        port = self._port
        self._serial.close()
        if port.fileno() < 0:
            raise LinkError(f"{self.name}: the port is gone")
        self._opened = port.opened
        self._serial = serial.Serial(port.path, 9600, timeout=0)
        self._received = port.bytes_out

    def power_cycle(self) -> None:
        """Take the unit's supply away and give it back; the port stays, as an adapter's does."""
        self.unit.device.power_cycle(self.clock.now_s())

    def release(self) -> None:
        """Close the client's end alone: the unit lives on for another link or program."""
        if not self._closed:
            self._closed = True
            self._serial.close()

    def close(self) -> None:
        """Close both ends; a second call does nothing."""
        if not self._closed:
            self.release()
            self._port.close()

    def _open(self) -> PtyPort:
        if self._closed:
            raise LinkError(f"{self.name}: the link is closed")
        if self._port.fileno() < 0 or self._port.opened != self._opened:
            raise LinkError(f"{self.name}: the port is gone")
        return self._port

    def _await(self, descriptor: int, trouble: str) -> None:
        if not select.select([descriptor], [], [], _STUCK_S)[0]:
            raise LinkError(f"{self.name}: {trouble} within {_STUCK_S:g} s")


def unit_config(target: Target) -> UnitConfig:
    """Return the emulated unit that a target names.

    Raises:
        ConfigError: an unknown firmware, board or option.
    """
    return parse_unit(target.unit if target.over == MODULE else target.text.partition(":")[2])
