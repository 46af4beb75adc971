"""A client on a real pseudo-terminal, on time that jumps, and a log of all that is said of it."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from typing import Any, NamedTuple

from jbd_emulator import Fault, Line, Outcome, PtyPort, Unit, parse_unit
from jbd_emulator.faults import Hit
from jbd_protocol import Request

STUCK_S = 5.0


class Row(NamedTuple):
    """One row of the log: ``rx``, ``tx``, ``decided`` or ``fault``."""

    at_s: float
    what: str
    about: Any  # bytes, a request with its outcome, or a hit


class Terminal:
    """A unit on a terminal and a client that has it open.

    Attributes:
        log: what the unit says of its traffic, in order.
        wrote: what the client wrote, while there was a port.
        heard: what it read, with the time; one entry for all that was there at once.
        hang_ups: when the port was gone, and how much had been heard by then.
    """

    def __init__(self, unit: str, faults: Iterable[Fault] = (), baud: int | None = None) -> None:
        self.unit = Unit(parse_unit(unit))
        self.log: list[Row] = []
        self.wrote = b""
        self.heard: list[tuple[float, bytes]] = []
        self.hang_ups: list[tuple[float, int]] = []
        self.now_s = 0.0
        self.unit.tap = lambda at_s, way, data: self.log.append(Row(at_s, way, data))
        self.unit.watcher = self
        self.unit.on_fault.append(lambda at_s, hit: self.log.append(Row(at_s, "fault", hit)))
        self.port = PtyPort(self.unit, baud=baud)
        self._opened = 0
        self._near = -1
        self._follow()
        for fault in faults:
            self.unit.faults.add(fault, 0.0)
        self._follow()

    # -- what a unit wants of one that watches it

    def passed(self, line: Line, now_s: float, direction: str, data: bytes) -> None:
        """The tap has it already."""

    def decided(self, line: Line, now_s: float, request: Request, outcome: Outcome) -> None:
        self.log.append(Row(now_s, "decided", (request, outcome)))

    # -- the client

    def write(self, data: bytes) -> None:
        """Write, where there is a port, and serve the unit until it has read it all."""
        if self._near < 0:
            return
        os.write(self._near, data)
        self.wrote += data
        goal, opened = self.port.bytes_in + len(data), self.port.opened
        while self.port.bytes_in < goal and self.port.fileno() >= 0 and self.port.opened == opened:
            ready, _, _ = select.select([self.port.fileno()], [], [], STUCK_S)
            assert ready, "what the client wrote does not arrive"
            self.port.on_readable(self.now_s)
            self._read()
        self._follow()

    def wait(self, seconds: float) -> None:
        """Let time pass, with all that falls due on the way."""
        end_s = self.now_s + seconds
        while (due_s := self.port.due_s) is not None and due_s <= end_s:
            self.now_s = max(self.now_s, due_s)
            self.port.on_due(self.now_s)
            self._read()
            self._follow()
        self.now_s = end_s

    def ask(self, data: bytes, seconds: float = 0.5) -> list[tuple[float, bytes]]:
        """Write and wait; return what was heard, with seconds since it was written."""
        began_s, before = self.now_s, len(self.heard)
        self.write(data)
        self.wait(seconds)
        return [(round(at_s - began_s, 6), piece) for at_s, piece in self.heard[before:]]

    def close(self) -> None:
        if self._near >= 0:
            os.close(self._near)
        self.port.close()

    def rows(self, what: str) -> list[Row]:
        return [row for row in self.log if row.what == what]

    @property
    def hits(self) -> list[Hit]:
        return [row.about for row in self.rows("fault")]

    def _read(self) -> None:
        goal = self.port.bytes_out - sum(len(data) for _, data in self.heard)
        if goal and self._near >= 0:
            data = b""
            while len(data) < goal:
                assert select.select([self._near], [], [], STUCK_S)[0], (
                    "what was sent does not come"
                )
                data += (piece := os.read(self._near, 4096))
                assert piece, "the terminal was closed on what was sent"
            self.heard.append((self.now_s, data))

    def _follow(self) -> None:
        """Open the port that is there now, as a client does that looks for it again."""
        gone = self.port.fileno() < 0 or self.port.opened != self._opened
        if self._near >= 0 and gone:
            os.close(self._near)
            self._near = -1
            self.hang_ups.append((self.now_s, sum(len(data) for _, data in self.heard)))
        if self._near < 0 and self.port.fileno() >= 0:
            self._near = os.open(self.port.path, os.O_RDWR | os.O_NOCTTY)
            self._opened = self.port.opened
