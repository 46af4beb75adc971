"""Bytes in, events out: the incremental decoders of both directions.

A decoder never raises on what comes from the wire, keeps at most one frame of bytes, and after
noise or a damaged frame finds the good frame behind it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Generic, TypeVar

from ._errors import LocalError
from ._frames import (
    END,
    MAX_CALLBACK_ID,
    MAX_DATA,
    OVERHEAD,
    READ,
    START,
    WRITE,
    BadFrame,
    Fault,
    Noise,
    ReadRequest,
    Response,
    WriteRequest,
)

FrameT = TypeVar("FrameT")

MAX_FRAME: Final = OVERHEAD + MAX_DATA + MAX_CALLBACK_ID
"""Most bytes a decoder ever holds back."""


class Decoder(ABC, Generic[FrameT]):
    """What all decoders share: hunting for a start byte and resynchronising.

    Args:
        callback_id_length: bytes that follow every 77; 0 to 4. The vendor's new line repeats
            them (V11, section 2); no capture shows any, so the default is none.

    Raises:
        LocalError: the length is out of range.
    """

    __slots__ = ("_buffer", "_callback_id_length", "_told")

    def __init__(self, *, callback_id_length: int = 0) -> None:
        if not 0 <= callback_id_length <= MAX_CALLBACK_ID:
            raise LocalError(
                f"callback_id_length {callback_id_length}: must be 0 to {MAX_CALLBACK_ID}"
            )
        self._buffer = bytearray()
        self._callback_id_length = callback_id_length
        # Bytes at the front of the buffer that a BadFrame has already shown: what is left of a
        # damaged frame is not told a second time as noise.
        self._told = 0

    @property
    def pending(self) -> int:
        """Bytes held back, waiting for the rest of a frame."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[FrameT | BadFrame | Noise]:
        """Take bytes as they come, in any cutting; return what they complete."""
        self._buffer += data
        return self._drain(flushing=False)

    def flush(self) -> list[FrameT | BadFrame | Noise]:
        """Say that the line fell silent: what is held back will not be completed.

        The incomplete frame is reported as truncated, and good frames inside it are found.
        """
        return self._drain(flushing=True)

    def reset(self) -> None:
        """Forget what is held back, as a receiver that loses power does."""
        self._buffer.clear()
        self._told = 0

    @abstractmethod
    def _frame(self, raw: bytes) -> FrameT: ...

    def _begins(self, buffer: bytearray, at: int) -> bool:
        return True

    def _drain(self, *, flushing: bool) -> list[FrameT | BadFrame | Noise]:
        events: list[FrameT | BadFrame | Noise] = []
        buffer = self._buffer
        while buffer:
            start = self._find_start()
            if start:
                self._skip(start, events)
                continue
            size = self._announced()
            if len(buffer) < size:
                if not flushing:
                    break
                self._reject(len(buffer), Fault.TRUNCATED, events)
                continue
            raw = bytes(buffer[:size])
            fault = self._fault(raw)
            if fault is None:
                events.append(self._frame(raw))
                self._drop(size)
            else:
                self._reject(size, fault, events)
        return events

    def _find_start(self) -> int:
        """Return how many bytes stand before the next possible start of a frame."""
        buffer = self._buffer
        at = buffer.find(START)
        while at >= 0 and not self._begins(buffer, at):
            at = buffer.find(START, at + 1)
        return len(buffer) if at < 0 else at

    def _announced(self) -> int:
        buffer = self._buffer
        if len(buffer) < 4:
            return OVERHEAD
        return OVERHEAD + buffer[3] + self._callback_id_length

    def _fault(self, raw: bytes) -> Fault | None:
        end = 4 + raw[3]
        if raw[end + 2] != END:
            return Fault.END_BYTE
        if (sum(raw[2:end]) + (raw[end] << 8) + raw[end + 1]) & 0xFFFF:
            return Fault.CHECKSUM
        return None

    def _reject(self, size: int, fault: Fault, events: list[FrameT | BadFrame | Noise]) -> None:
        # A bad frame uses up its start byte alone: a truncated one borrows its missing bytes
        # from the next, and dropping all it announced would lose that good one as well.
        if size > self._told:
            events.append(BadFrame(bytes(self._buffer[:size]), fault))
            self._told = size
        self._drop(1)

    def _skip(self, count: int, events: list[FrameT | BadFrame | Noise]) -> None:
        if count > self._told:
            events.append(Noise(bytes(self._buffer[self._told : count])))
        self._drop(count)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._told = max(0, self._told - count)


class RequestDecoder(Decoder["ReadRequest | WriteRequest"]):
    """What a board hears: requests, damaged requests, noise."""

    __slots__ = ()

    def receive(self, data: bytes) -> list[ReadRequest | WriteRequest | BadFrame | Noise]:
        """Take bytes as they come, in any cutting; return what they complete."""
        # The usual case, a whole frame and nothing else, without touching the buffer.
        if (
            not self._buffer
            and len(data) >= OVERHEAD
            and data[0] == START
            and data[3] + OVERHEAD == len(data)
            and data[-1] == END
            and not self._callback_id_length
            and not (sum(data[2:-3]) + (data[-3] << 8) + data[-2]) & 0xFFFF
        ):
            kind = data[1]
            if kind == READ:
                return [ReadRequest(data[2], data[4:-3])]
            if kind == WRITE:
                return [WriteRequest(data[2], data[4:-3])]
        self._buffer += data
        return self._drain(flushing=False)

    def _begins(self, buffer: bytearray, at: int) -> bool:
        return at + 1 == len(buffer) or buffer[at + 1] in (READ, WRITE)

    def _frame(self, raw: bytes) -> ReadRequest | WriteRequest:
        end = 4 + raw[3]
        kind = ReadRequest if raw[1] == READ else WriteRequest
        return kind(raw[2], raw[4:end], raw[end + 3 :])


class ResponseDecoder(Decoder[Response]):
    """What a host hears: responses, damaged responses, noise."""

    __slots__ = ()

    def receive(self, data: bytes) -> list[Response | BadFrame | Noise]:
        """Take bytes as they come, in any cutting; return what they complete."""
        buffer = self._buffer
        if buffer:
            buffer += data
            size = len(buffer)
            if buffer[0] == START and size > 3 and not self._told and not self._callback_id_length:
                # A frame in pieces, as a Bluetooth module delivers it.
                missing = buffer[3] + OVERHEAD - size
                if missing > 0:
                    return []
                if not missing:
                    data = bytes(buffer)
                    if data[-1] == END and not (
                        (sum(data[2:-3]) + (data[-3] << 8) + data[-2]) & 0xFFFF
                    ):
                        buffer.clear()
                        return [Response(data[1], data[2], data[4:-3])]
            return self._drain(flushing=False)
        if (
            len(data) >= OVERHEAD
            and data[0] == START
            and data[3] + OVERHEAD == len(data)
            and data[-1] == END
            and not self._callback_id_length
            and not (sum(data[2:-3]) + (data[-3] << 8) + data[-2]) & 0xFFFF
        ):
            return [Response(data[1], data[2], data[4:-3])]
        buffer += data
        # The first piece of a frame: nothing to look for yet.
        if len(data) > 3 and data[0] == START and data[3] + OVERHEAD > len(data):
            return []
        return self._drain(flushing=False)

    def _frame(self, raw: bytes) -> Response:
        end = 4 + raw[3]
        return Response(raw[1], raw[2], raw[4:end], raw[end + 3 :])
