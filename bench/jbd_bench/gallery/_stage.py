"""The board of one entry, and the ways that a client reaches it by; time jumps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from jbd_emulator import Mode, Unit, load_scenario
from jbd_protocol import ReadRequest, RequestDecoder, WriteRequest

from ..transports._embedded import EmbeddedLink
from ..transports._target import LINE, MODULE, parse_target
from ._look import Truth

if TYPE_CHECKING:
    from .._link import Link
    from ..transports._air import AirLink
    from ..transports._target import Target
    from ._entry import Entry

_MODULE: Final = "telink"
"""The module of an entry that is not about one."""
WRITES: Final = 0x100
"""Added to a register that was written and not read, where requests are counted."""


class Stage:
    """A fresh unit that lives through an entry's scenario.

    Args:
        entry: which.
    Attributes:
        unit: the board.
        asked: how many requests reached it, by register; writes at register + ``WRITES``.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.unit = Unit(load_scenario(entry.id).config())
        self.asked: Counter[int] = Counter()
        self._decoder = RequestDecoder()
        self.unit.tap = self._on_bytes

    def truth(self) -> Truth:
        """Return what is so, now."""
        return Truth.of(self.unit.device)

    @property
    def left_open(self) -> bool:
        """Whether the board is in factory mode."""
        return self.unit.device.mode is Mode.FACTORY

    def link(self, over: str, *, logs_in: bool = True) -> Link:
        """Return a link to the unit.

        Args:
            over: ``line`` or ``module``.
            logs_in: present the module's password, where it has one.
        Raises:
            LinkError: the module lets nobody in.
        """
        return self._line() if over == LINE else self._air(logs_in)

    def target(self, *, logs_in: bool) -> Target:
        """Return the target string of the unit's module."""
        entry = self.entry
        options = {"module": entry.module or _MODULE}
        if entry.secret:
            options["password"] = entry.secret
            options |= {"login": entry.secret} if logs_in else {}
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return parse_target(f"emulator-ble:0x{self.unit.device.firmware.version:02X}?{query}")

    def _line(self) -> EmbeddedLink:
        return EmbeddedLink(self.unit, f"gallery {self.entry.id}")

    def _air(self, logs_in: bool) -> AirLink:
        from ..transports._air import AirLink

        return AirLink(self.target(logs_in=logs_in), self.unit)

    def _on_bytes(self, now_s: float, direction: str, data: bytes) -> None:
        if direction != "rx":
            return
        for event in self._decoder.receive(data):
            if isinstance(event, WriteRequest):
                self.asked[event.register + WRITES] += 1
            elif isinstance(event, ReadRequest):
                self.asked[event.register] += 1


__all__ = ["LINE", "MODULE", "WRITES", "Stage"]
