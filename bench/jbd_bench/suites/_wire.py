"""What the suites say to a board byte by byte, and how they judge what comes back."""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    BadFrame,
    Noise,
    Request,
    Response,
    ResponseDecoder,
    describe,
    status_name,
)

from .._link import Link

WAIT_S: Final = 0.6
"""How long an answer may take before it counts as silence, in seconds. Captured answers of awake
boards come within 0.12 s; clients give up after 0.25 to 2 s."""
QUIET_S: Final = 0.05
"""How long the line must be quiet behind an answer before it counts as all."""


class Wire:
    """A link, spoken to in raw bytes."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.pieces: list[bytes] = []
        self.first_byte_s: float | None = None

    def send(self, data: bytes, *, gap_s: float | None = None) -> float:
        """Send bytes in one piece, or one by one with ``gap_s`` seconds between them.

        Returns:
            The longest pause that came of it, in seconds: a busy machine makes longer ones.
        """
        if gap_s is None:
            self.link.write(data)
            return 0.0
        clock, longest_s = self.link.clock, 0.0
        for byte in data:
            start_s = clock.now_s()
            self.link.write(bytes((byte,)))
            clock.sleep_until(start_s + gap_s)
            longest_s = max(longest_s, clock.now_s() - start_s)
        return longest_s

    def listen(self, wait_s: float = WAIT_S) -> list[Response | BadFrame | Noise]:
        """Return what comes until the line is quiet; give up after ``wait_s`` seconds."""
        decoder, clock = ResponseDecoder(), self.link.clock
        start_s = clock.now_s()
        until_s = start_s + wait_s
        self.pieces, self.first_byte_s = [], None
        events: list[Response | BadFrame | Noise] = []
        while data := self.link.read(until_s):
            if self.first_byte_s is None:
                self.first_byte_s = clock.now_s() - start_s
            self.pieces.append(data)
            events += decoder.receive(data)
            if events:
                until_s = clock.now_s() + QUIET_S
        return events + decoder.flush()

    def ask(self, request: Request | bytes, wait_s: float = WAIT_S) -> Response | None:
        """Send a request, return its one answer or None for silence; anything more fails."""
        __tracebackhide__ = True
        self.send(request if isinstance(request, bytes) else request.to_wire())
        events = self.listen(wait_s)
        if not events:
            return None
        assert len(events) == 1, f"expected one answer, got {', '.join(map(describe, events))}"
        [event] = events
        assert isinstance(event, Response), f"expected a good answer, got {describe(event)}"
        return event


def shown(answer: Response | None) -> str:
    """Return an answer for a message: its status and bytes, or ``silence``."""
    if answer is None:
        return "silence"
    return f"{status_name(answer.status)} ({answer.to_wire().hex(' ').upper()})"


def expect_status(answer: Response | None, *statuses: int, because: object = "") -> Response:
    """Return the answer if its status is one of ``statuses``; fail with both sides otherwise."""
    __tracebackhide__ = True
    wanted = " or ".join(status_name(status) for status in statuses)
    why = f" [{because}]" if because else ""
    assert answer is not None, f"expected {wanted}, got silence{why}"
    assert answer.status in statuses, f"expected {wanted}, got {shown(answer)}{why}"
    return answer


def expect_ack(answer: Response | None, because: object = "") -> None:
    """Fail unless the answer is an acknowledgement: status 00, no data."""
    __tracebackhide__ = True
    done = expect_status(answer, 0x00, because=because)
    assert done.data == b"", f"expected an acknowledgement of length 0, got {shown(done)}"


def expect_silence(answer: Response | None, because: object = "") -> None:
    """Fail unless nothing came."""
    __tracebackhide__ = True
    why = f" [{because}]" if because else ""
    assert answer is None, f"expected silence, got {shown(answer)}{why}"


def expect_no_match(answer: Response | None) -> None:
    """Fail if a damaged password frame was taken for a good one."""
    __tracebackhide__ = True
    assert answer is None or answer.status, f"expected silence or a refusal, got {shown(answer)}"


def frame(text: str) -> bytes:
    """Return the bytes of a frame as documents write them."""
    return bytes.fromhex(text)
