"""What apps do that never let go of live data: poll once a second, whatever else goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from jbd_protocol import Response

from ._frames import reading, seen
from ._model import Step
from ._session import Session, succeeded

_GAP_S: Final = 0.1


class Polling:
    """Live data in the background of one session.

    Args:
        session: what the client is played through.
        steps: the frames of one round.
        period_s: from the beginning of one round to that of the next, in seconds.
    """

    def __init__(self, session: Session, steps: tuple[Step, ...], period_s: float = 1.0) -> None:
        self.session, self.steps, self.period_s = session, steps, period_s
        self._due_s = session.now_s

    def round(self) -> None:
        """Poll if a round is due."""
        if self.session.now_s < self._due_s:
            return
        self._due_s = self.session.now_s + self.period_s
        for step in self.steps:
            info = seen(self.session.request(step)) if step.wire[2] == 0x03 else None
            if step.wire[2] != 0x03:
                self.session.request(step)
            if info is not None:
                self.session.version = info.version
                self.session.show_data()
            self.session.pause(_GAP_S)

    def go_on(self, seconds: float) -> None:
        """Let time pass with the rounds that fall into it."""
        until_s = self.session.now_s + seconds
        while self.session.now_s < until_s:
            self.round()
            self.session.pause_until(min(self._due_s, until_s))

    def ask(self, step: Step, *, wire: bytes = b"", note: str = "") -> Response | None:
        """Send something else between two rounds; return the answer, or None for silence."""
        self.round()
        return self.session.request(step, wire=wire, note=note)

    def read_all(self, step: Step, registers: Iterable[int]) -> int:
        """Read registers between the rounds; return how many were answered with 00."""
        good = 0
        for register in registers:
            answer = self.ask(step, wire=reading(register))
            good += answer is not None and succeeded(answer)
        return good
