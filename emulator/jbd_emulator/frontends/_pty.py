"""A unit behind a real pseudo-terminal, pumped by whoever owns the loop."""

from __future__ import annotations

import os
import tty
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .._unit import Unit
from ._pacer import Pacer

if TYPE_CHECKING:
    from ..faults import HangUp

_READ: Final = 4096
_NEVER: Final = float("inf")


class PtyPort:
    """A serial port that a unit answers on.

    It has no loop of its own: an event loop calls :meth:`on_readable` when :meth:`fileno` is
    readable and :meth:`on_due` when :attr:`due_s` has come; a test does the same by hand.

    A link that a fault ends is a plug that is pulled: the terminal is hung up, and comes back as
    another one, with a :attr:`path` of its own.

    Args:
        unit: who answers.
        baud: line speed to keep; None lets every answer leave at once and in one piece.
    Raises:
        OSError: the system has no pseudo-terminal left.
    """

    __slots__ = (
        "_back_s", "_keep_open", "_master", "_pacer", "_receive", "bytes_in", "bytes_out",
        "dropped", "on_move", "opened", "path", "unit",
    )  # fmt: skip
    fed_by_board = False

    def __init__(self, unit: Unit, *, baud: int | None = None) -> None:
        self.unit = unit
        self._receive = unit.line.receive
        self._master = self._keep_open = -1
        self._back_s = _NEVER
        self._pacer = Pacer(baud) if baud else None
        self.path = ""
        self.opened = 0
        """How many terminals it has had, this one included."""
        self.on_move: Callable[[bool], None] | None = None
        """Called with False before the terminal is closed by a fault, with True when there is a
        new one: who watches the descriptor watches another one then."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.dropped = 0
        """Bytes that nobody read for so long that the terminal's buffer was full."""
        self._open()
        unit.line.on_hang_up = self.hang_up
        unit.line.cuts = self._pacer is not None
        unit.ports.append(self)
        if not unit.plugged:
            self.set_plugged(False)

    def fileno(self) -> int:
        """Return the descriptor to watch; -1 while there is none."""
        return self._master

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        line = self.unit.line.due_s
        if self._pacer is None and self._master >= 0:
            return line
        piece = self._pacer.due_s if self._pacer is not None else None
        back = self._back_s if self._back_s < _NEVER else None
        return min((due for due in (line, piece, back) if due is not None), default=None)

    def on_readable(self, now_s: float) -> None:
        """Take what the client wrote and answer it."""
        try:
            data = os.read(self._master, _READ)
        except OSError:
            return
        self.bytes_in += len(data)
        if self._pacer is not None:
            self._pacer.heard(len(data), now_s)
        answer = self._receive(data, now_s)
        if answer:
            self._send(answer, now_s)

    def on_due(self, now_s: float) -> None:
        """Send what has become due."""
        answer = self.unit.line.on_due(now_s)
        if answer:
            self._send(answer, now_s)
        if self._pacer is not None:
            if piece := self._pacer.take(now_s):
                self._write(piece)
            if ending := self._pacer.take_ending(now_s):
                self.hang_up(ending, now_s)
        if self._back_s <= now_s and self.unit.plugged:
            self._move(opened=True)

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """Pull the plug, and put it back when its time has come."""
        if self._pacer is not None and self._pacer.due_s is not None:
            self._pacer.ending = how
            return
        if self._master >= 0:
            self._move(opened=False)
            self._back_s = now_s + how.down_s

    def set_plugged(self, plugged: bool) -> None:
        """Pull the plug, or put it back."""
        if not plugged and self._master >= 0:
            self._move(opened=False)
        elif plugged and self._master < 0:
            self._move(opened=True)

    def close(self) -> None:
        """Give the terminal back; a second call does nothing."""
        if self in self.unit.ports:
            self.unit.ports.remove(self)
        self._close()

    def _open(self) -> None:
        self._master, self._keep_open = os.openpty()
        # Raw from the start, and our own end of the slave stays open: without it the first
        # client to leave would take the terminal's settings, and the port, down with it.
        tty.setraw(self._keep_open)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._keep_open)
        self.opened += 1

    def _close(self) -> None:
        for descriptor in (self._master, self._keep_open):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._keep_open = -1

    def _move(self, *, opened: bool) -> None:
        self._back_s = _NEVER
        if opened:
            self._open()
        if self.on_move is not None:
            self.on_move(opened)
        if not opened:
            self._close()
            self.unit.line.reset()
            if self._pacer is not None:
                self._pacer.clear()

    def _send(self, answer: bytes, now_s: float) -> None:
        if self._pacer is None:
            self._write(answer)
        else:
            unit = self.unit
            self._pacer.send(answer, now_s, unit.line.wire if unit.faulty else None)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._master, data)
        except OSError:
            # Full, or not plugged in.
            written = 0
        # What does not fit is lost, as on a wire nobody listens to.
        self.dropped += len(data) - written
        self.bytes_out += written
        if (self._pacer is None or self._pacer.due_s is None) and self.unit.line.idle:
            # Not before the last piece has left: half an acknowledgement is none.
            self.unit.settle()
