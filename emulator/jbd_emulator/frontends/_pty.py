"""A unit behind a real pseudo-terminal, pumped by whoever owns the loop."""

from __future__ import annotations

import os
import tty

from .._unit import Unit
from ._pacer import Pacer

_READ = 4096


class PtyPort:
    """A serial port that a unit answers on.

    It has no loop of its own: an event loop calls :meth:`on_readable` when :meth:`fileno` is
    readable and :meth:`on_due` when :attr:`due_s` has come; a test does the same by hand.

    Args:
        unit: who answers.
        baud: line speed to keep; None lets every answer leave at once and in one piece.
    Raises:
        OSError: the system has no pseudo-terminal left.
    """

    __slots__ = (
        "_keep_open", "_master", "_pacer", "_receive", "bytes_in", "bytes_out", "dropped", "path",
        "unit",
    )  # fmt: skip

    def __init__(self, unit: Unit, *, baud: int | None = None) -> None:
        self.unit = unit
        self._receive = unit.line.receive
        self._master, self._keep_open = os.openpty()
        # Raw from the start, and our own end of the slave stays open: without it the first
        # client to leave would take the terminal's settings, and the port, down with it.
        tty.setraw(self._keep_open)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._keep_open)
        self._pacer = Pacer(baud) if baud else None
        self.bytes_in = 0
        self.bytes_out = 0
        self.dropped = 0
        """Bytes that nobody read for so long that the terminal's buffer was full."""

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._master

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        line = self.unit.line.due_s
        if self._pacer is None:
            return line
        piece = self._pacer.due_s
        return min((due for due in (line, piece) if due is not None), default=None)

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
        if self._pacer is not None and (piece := self._pacer.take(now_s)):
            self._write(piece)

    def close(self) -> None:
        """Give the terminal back; a second call does nothing."""
        for descriptor in (self._master, self._keep_open):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._keep_open = -1

    def _send(self, answer: bytes, now_s: float) -> None:
        if self._pacer is None:
            self._write(answer)
        else:
            self._pacer.send(answer, now_s)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        # What does not fit is lost, as on a wire nobody listens to.
        self.dropped += len(data) - written
        self.bytes_out += written
        if self._pacer is None or self._pacer.due_s is None:
            # Not before the last piece has left: half an acknowledgement is none.
            self.unit.settle()
