"""Requests found in a stream before the board's own decoder hears them; no byte is lost."""

from __future__ import annotations

from typing import Final

from jbd_protocol import ReadRequest, Request, RequestDecoder, WriteRequest

from ._passing import START, TRAILER

READ, WRITE, END = 0xA5, 0x5A, 0x77
OVERHEAD: Final = 4 + TRAILER


class Framer:
    """Cuts a stream into what claims to be a request and what does not, and loses no byte."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes held back, waiting for the rest of a request."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes; return whole requests and what stands between them, in order."""
        buffer = self._buffer
        buffer += data
        parts: list[bytes] = []
        while buffer:
            start = buffer.find(START)
            if start:
                parts.append(self._take(len(buffer) if start < 0 else start))
                continue
            if len(buffer) > 1 and buffer[1] not in (READ, WRITE):
                parts.append(self._take(1))
                continue
            size = OVERHEAD + buffer[3] if len(buffer) > 3 else OVERHEAD
            if len(buffer) < size:
                break
            # Damaged already: what is good inside it is for the board's own decoder to find.
            parts.append(self._take(size if buffer[size - 1] == END else 1))
        return parts

    def flush(self) -> bytes:
        """Return what is held back, which will not be completed."""
        return self._take(len(self._buffer))

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def request_in(raw: bytes) -> Request | None:
    """Return the request that the bytes are, None where they are none."""
    if len(raw) < OVERHEAD or raw[0] != START or len(raw) != OVERHEAD + raw[3]:
        return None
    events = RequestDecoder().receive(raw)
    only = events[0] if len(events) == 1 else None
    return only if isinstance(only, ReadRequest | WriteRequest) else None
