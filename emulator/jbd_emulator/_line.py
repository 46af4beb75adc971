"""A line into a unit: bytes come, answers leave, and silence gives up what is incomplete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from jbd_protocol import ReadRequest, Request, RequestDecoder, WriteRequest

if TYPE_CHECKING:
    # The way past the faults is loaded by the unit that has some.
    from ._rules import Outcome
    from ._unit import Unit
    from .faults import HangUp
    from .faults._wire import Wire

GAP_S: Final = 0.1
"""Silence after which a half-received request is given up, in seconds. Assumed: boards find the
next request after a damaged one; how long they wait was never measured."""

Tap = Callable[[float, str, bytes], None]
"""Called with time in seconds, ``rx`` or ``tx`` as the board sees it, and the bytes."""


class Watcher(Protocol):
    """Sees all that passes a unit, line by line, with the reason of every answer."""

    def passed(self, line: Line, now_s: float, direction: str, data: bytes) -> None:
        """Bytes passed: ``rx`` or ``tx`` as the board sees it."""

    def decided(self, line: Line, now_s: float, request: Request, outcome: Outcome) -> None:
        """The board decided what to answer to a request."""


class Line:
    """One byte stream into a unit: what a UART, or one TCP connection, is to the board.

    Args:
        unit: the board.
        name: of the line, for people; ``serial`` for the unit's own.
    Attributes:
        decoder: what the board makes of the bytes.
        cuts: whether the front end cuts answers into pieces itself, and asks :attr:`wire` what
            becomes of these at the client's end.
        on_hang_up: ends the connection; None where there is nothing to end.
    """

    __slots__ = ("_heard_s", "_wire", "cuts", "decoder", "name", "on_hang_up", "unit")

    def __init__(self, unit: Unit, name: str = "serial") -> None:
        self.unit, self.name = unit, name
        self.decoder = RequestDecoder()
        self.cuts = False
        self.on_hang_up: Callable[[HangUp, float], None] | None = None
        self._heard_s = 0.0
        self._wire: Wire | None = None

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        if self.unit.faulty:
            return self.wire.due_s
        return self.gap_s

    @property
    def gap_s(self) -> float | None:
        """When a half-received request is given up, None where there is none."""
        return self._heard_s + GAP_S if self.decoder.pending else None

    @property
    def silent_s(self) -> float:
        """When the line has been silent for long enough to give up what is incomplete."""
        return self._heard_s + GAP_S

    @property
    def wire(self) -> Wire:
        """The way of the bytes past the unit's faults."""
        if self._wire is None:
            from .faults._wire import Wire

            self._wire = Wire(self, self.unit.faults)
        return self._wire

    @property
    def idle(self) -> bool:
        """Whether nothing of an answer is still to leave."""
        return self._wire is None or not self._wire.busy

    def receive(self, data: bytes, now_s: float) -> bytes:
        """Take bytes as they come; return the bytes that answer them, empty for silence."""
        unit = self.unit
        if unit.unplugged:
            return b""
        if unit.tap is not None:
            unit.tap(now_s, "rx", data)
        if unit.watcher is not None:
            unit.watcher.passed(self, now_s, "rx", data)
        if unit.faulty:
            answer = self.wire.receive(data, now_s)
        else:
            answer = self._behind_gap(now_s)
            self._heard_s = now_s
            answer += self._answer_all(self.decoder.receive(data), now_s)
        if answer:
            self._note_sent(answer, now_s)
        return answer

    def on_due(self, now_s: float) -> bytes:
        """Do what time alone makes due; return the bytes that leave now."""
        unit = self.unit
        answer = self.wire.on_due(now_s) if unit.faulty else self._behind_gap(now_s)
        if unit.unplugged:
            return b""
        if answer:
            self._note_sent(answer, now_s)
        return answer

    def heard(self, now_s: float) -> None:
        """Note that the line was not silent."""
        self._heard_s = now_s

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """End the connection, where there is one to end."""
        self.reset()
        if self.on_hang_up is not None:
            self.on_hang_up(how, now_s)

    def _note_sent(self, answer: bytes, now_s: float) -> None:
        unit = self.unit
        if unit.tap is not None:
            unit.tap(now_s, "tx", answer)
        if unit.watcher is not None:
            unit.watcher.passed(self, now_s, "tx", answer)

    def reset(self) -> None:
        """Forget what was half received and what was still to be sent."""
        self.decoder.reset()
        if self._wire is not None:
            self._wire.reset()

    def _behind_gap(self, now_s: float) -> bytes:
        """Give up a half-received request where the line was silent for long enough."""
        if self.decoder.pending and now_s >= self._heard_s + GAP_S:
            return self._answer_all(self.decoder.flush(), now_s)
        return b""

    def _answer_all(self, events: Sequence[object], now_s: float) -> bytes:
        unit = self.unit
        before = unit.device.revision
        answer = b""
        for event in events:
            if isinstance(event, (ReadRequest, WriteRequest)):
                outcome = unit.device.handle(event, now_s)
                response = outcome.response
                if unit.watcher is not None:
                    unit.watcher.decided(self, now_s, event, outcome)
                if response is not None:
                    answer += unit.to_wire(response)
        # A save that could not be stored is not acknowledged.
        return answer if unit.may_answer(before) else b""
