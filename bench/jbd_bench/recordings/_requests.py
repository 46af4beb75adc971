"""Cuts what a client writes into requests, whatever protocol they belong to."""

from __future__ import annotations

from typing import Final

from jbd_protocol import FrameError, RequestDecoder, describe, parse_module_frame

_BOARD: Final = (b"\xdd\xa5", b"\xdd\x5a")
_MODULE: Final = b"\xff\xaa"
_GAP_S: Final = 0.5
"""Silence behind which half a request is taken for all of it. Longer than any client pauses
inside a frame; boards forget sooner."""


class RequestSplitter:
    """Bytes in, requests out: frames of board and module whole, all else piece by piece."""

    def __init__(self) -> None:
        self._held = b""
        self._heard_s: float | None = None

    def receive(self, data: bytes, now_s: float) -> list[bytes]:
        """Take a piece as it was written; return the requests it completes."""
        found: list[bytes] = []
        if self._held and self._heard_s is not None and now_s - self._heard_s > _GAP_S:
            found += self.flush()
        self._heard_s = now_s
        self._held += data
        while self._held:
            size = _size(self._held)
            if size is None or len(self._held) < size:
                break
            found.append(self._held[:size])
            self._held = self._held[size:]
        return found

    def flush(self) -> list[bytes]:
        """Return what is held back: nothing will complete it."""
        held, self._held = self._held, b""
        return [held] if held else []


def _size(data: bytes) -> int | None:
    """Return how long the request at the front is, None where that cannot be told yet."""
    starts = (*_BOARD, _MODULE)
    if len(data) < 2 and any(start.startswith(data) for start in starts):
        return None
    if not data.startswith(starts):
        return len(data)
    if len(data) < 4:
        return None
    size = data[3] + (5 if data.startswith(_MODULE) else 7)
    broken = len(data) >= size and data[0] == 0xDD and data[size - 1] != 0x77
    return len(data) if broken else size


def same_kind(request: bytes, answer: bytes) -> bool:
    """Return whether the beginning of an answer can belong to a request."""
    if request.startswith(_BOARD):
        return len(request) > 2 and answer[:1] == b"\xdd" and answer[1:2] == request[2:3]
    if request.startswith(_MODULE):
        return answer[:3] == request[:3]
    return False


def words(request: bytes) -> str:
    """Return what a request asks for, in words."""
    if request.startswith(_MODULE):
        try:
            return f"module command 0x{parse_module_frame(request).command:02X}"
        except FrameError as error:
            return f"module frame, {error.reason}"
    decoder = RequestDecoder()
    events = decoder.receive(request) + decoder.flush()
    return " | ".join(map(describe, events))
