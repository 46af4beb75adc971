"""Requests and what became of them, out of the pieces that passed a link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jbd_protocol import (
    BadFrame,
    ReadRequest,
    Request,
    RequestDecoder,
    Response,
    ResponseDecoder,
    WriteRequest,
    status_name,
)

from ..records import Direction, Piece


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, however often it was sent, and everything that came before the next.

    Attributes:
        request: what was asked.
        raw: the bytes that came, empty for silence.
    """

    request: Request
    raw: bytes

    @property
    def response(self) -> Response | None:
        """The answer; also one whose refusal carries checksum 0000. None for anything else."""
        for event in _heard(self.raw):
            if isinstance(event, Response):
                return event
            if isinstance(event, BadFrame) and _is_unsigned_refusal(event.raw):
                return Response(event.raw[1], event.raw[2])
        return None

    @property
    def unsigned(self) -> bool:
        """Whether a refusal came with checksum 0000."""
        return any(
            isinstance(e, BadFrame) and _is_unsigned_refusal(e.raw) for e in _heard(self.raw)
        )

    def outcome(self) -> str:
        """Return what came in words: ``27 bytes``, ``0x81 invalid...``, ``silence``."""
        answer = self.response
        if answer is None:
            return f"no valid answer: {self.raw.hex(' ').upper()}" if self.raw else "silence"
        return status_name(answer.status) if answer.status else f"{len(answer.data)} bytes"


def exchanges(pieces: Iterable[Piece]) -> Iterator[Exchange]:
    """Yield the exchanges of a recording; what came before the first request is not one."""
    request: Request | None = None
    raw = b""
    decoder = RequestDecoder()
    for piece in pieces:
        if piece.direction is Direction.FROM_BOARD:
            raw += piece.data
        elif piece.direction is Direction.TO_BOARD:
            for event in decoder.receive(piece.data):
                if not isinstance(event, (ReadRequest, WriteRequest)):
                    continue
                if request is not None and not (event == request and not raw):
                    yield Exchange(request, raw)
                request, raw = event, b""
    if request is not None:
        yield Exchange(request, raw)


def _heard(raw: bytes) -> list[object]:
    decoder = ResponseDecoder()
    return [*decoder.receive(raw), *decoder.flush()]


def _is_unsigned_refusal(raw: bytes) -> bool:
    return len(raw) == 7 and raw[2] != 0 and raw[3] == 0 and raw[4:6] == b"\x00\x00"
