"""What the module and the board say to each other when the power comes on.

Captured on the serial line of an SP04S060: enter factory mode, read A2 (bar code), leave, read 05
(board name); a comment beside the capture says that the first is sent four times where nothing
answers.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    FrameError,
    ReadRequest,
    Status,
    parse_response,
)

TRIES: Final = 4
"""Reported for the first request; for the others assumed."""
RETRY_S: Final = 0.5
"""Seconds between two tries. Assumed: the capture has no times."""
REQUESTS: Final = tuple(
    request.to_wire()
    for request in (ENTER_FACTORY, ReadRequest(0xA2), LEAVE_FACTORY, ReadRequest(0x05))
)


class StartUp:
    """The conversation, one request at a time; :attr:`due_s` says when the next is due."""

    __slots__ = ("_step", "_tries", "due_s", "name")

    def __init__(self) -> None:
        self._step = len(REQUESTS)
        self._tries = 0
        self.due_s: float | None = None
        self.name = ""
        """What 05 answered, empty so far."""

    @property
    def running(self) -> bool:
        """Whether it is still going on."""
        return self._step < len(REQUESTS)

    def begin(self, now_s: float) -> None:
        """Start anew."""
        self._step = self._tries = 0
        self.due_s = now_s

    def request(self, now_s: float) -> bytes | None:
        """Return what to send now, None for nothing."""
        if self.due_s is None or now_s < self.due_s:
            return None
        if self._tries == TRIES:
            # Nobody answers: the module gives up and serves the radio.
            self._step, self.due_s = len(REQUESTS), None
            return None
        self._tries += 1
        self.due_s = now_s + RETRY_S
        return REQUESTS[self._step]

    def answered(self, answer: bytes, now_s: float) -> bool:
        """Take the board's answer and go on; False where it was not this conversation's.

        A refusal counts as an answer (assumed: a locked board was never seen at power-up).
        """
        if not self.running:
            return False
        try:
            response = parse_response(answer)
        except FrameError:
            return False
        if response.register != REQUESTS[self._step][2]:
            return False
        if response.register == 0x05 and response.status == Status.OK:
            self.name = response.data.decode("ascii", "replace")
        self._step, self._tries = self._step + 1, 0
        self.due_s = now_s if self._step < len(REQUESTS) else None
        return True
