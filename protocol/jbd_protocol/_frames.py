"""The frames of the wire, as values.

Requests and responses are slotted and treated as immutable; they are not frozen because a
frozen dataclass doubles the time it takes to decode a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ._checksum import checksum
from ._errors import FrameError, LocalError

START: Final = 0xDD
END: Final = 0x77
READ: Final = 0xA5
WRITE: Final = 0x5A
OVERHEAD: Final = 7
"""Bytes of a frame that are not data: start, two header bytes, length, checksum (2), end."""
MAX_DATA: Final = 0xFF
MAX_CALLBACK_ID: Final = 4
"""The vendor's new line (V3 on) lets a host append this many bytes after 77 (V11, section 2)."""


class Fault(StrEnum):
    """Why bytes that begin like a frame are not one."""

    CHECKSUM = "bad checksum"
    END_BYTE = "bad end byte"
    TRUNCATED = "truncated"
    HEADER = "not a frame header"
    LENGTH = "length byte disagrees with the bytes"


@dataclass(slots=True, unsafe_hash=True)
class ReadRequest:
    """Host asks for a register: ``DD A5 register length data checksum 77``.

    Raises:
        LocalError: on :meth:`to_wire`, where a field does not fit its byte.
    """

    register: int
    data: bytes = b""
    callback_id: bytes = b""

    def to_wire(self) -> bytes:
        """Return the frame's bytes, callback id included."""
        return _request(READ, self.register, self.data, self.callback_id)


@dataclass(slots=True, unsafe_hash=True)
class WriteRequest:
    """Host writes a register or gives a command: ``DD 5A register length data checksum 77``.

    Raises:
        LocalError: on :meth:`to_wire`, where a field does not fit its byte.
    """

    register: int
    data: bytes = b""
    callback_id: bytes = b""

    def to_wire(self) -> bytes:
        """Return the frame's bytes, callback id included."""
        return _request(WRITE, self.register, self.data, self.callback_id)


@dataclass(slots=True, unsafe_hash=True)
class Response:
    """Board answers: ``DD register status length data checksum 77``.

    ``status`` stays a plain ``int``: see :class:`~jbd_protocol.Status` for the listed ones.
    """

    register: int
    status: int = 0
    data: bytes = b""
    callback_id: bytes = b""

    def to_wire(self) -> bytes:
        """Return the frame's bytes, callback id included.

        Raises:
            LocalError: a field does not fit its byte.
        """
        _check("register", self.register)
        _check("status", self.status)
        body = bytes((self.status, _length(self.data))) + self.data
        _check_callback(self.callback_id)
        return (
            bytes((START, self.register))
            + body
            + checksum(body).to_bytes(2, "big")
            + b"\x77"
            + self.callback_id
        )


@dataclass(slots=True, unsafe_hash=True)
class BadFrame:
    """Bytes that announce a frame and are not one; ``raw`` is everything it announced."""

    raw: bytes
    reason: Fault


@dataclass(slots=True, unsafe_hash=True)
class Noise:
    """Bytes between frames that do not even announce one."""

    raw: bytes


Request = ReadRequest | WriteRequest


def unsigned_refusal(raw: bytes) -> Response | None:
    """Return the refusal that ``raw`` is but for its checksum, which is 0000; None for all else.

    Source: batmon-ha issue 4 quotes ``DD 00 81 00 00 00 77`` of a board with a PIN, in a post typed
    by hand; one branch of SmartBMSUtility demands that form. Every captured refusal has a
    checksum.
    """
    register, status = raw[1:3] if len(raw) == OVERHEAD else (0, 0)
    whole = raw == bytes((START, register, status, 0, 0, 0, END))
    return Response(register, status) if whole and status else None


def parse_request(raw: bytes, *, callback_id_length: int = 0) -> Request:
    """Return the one request that ``raw`` holds, whole and alone.

    Raises:
        FrameError: it is none; ``reason`` says why.
    """
    if not raw or raw[0] != START or (len(raw) > 1 and raw[1] not in (READ, WRITE)):
        raise FrameError(Fault.HEADER, raw)
    _check_whole(raw, callback_id_length)
    end = 4 + raw[3]
    kind = ReadRequest if raw[1] == READ else WriteRequest
    return kind(raw[2], raw[4:end], raw[end + 3 :])


def parse_response(raw: bytes, *, callback_id_length: int = 0) -> Response:
    """Return the one response that ``raw`` holds, whole and alone.

    Raises:
        FrameError: it is none; ``reason`` says why.
    """
    if not raw or raw[0] != START:
        raise FrameError(Fault.HEADER, raw)
    _check_whole(raw, callback_id_length)
    end = 4 + raw[3]
    return Response(raw[1], raw[2], raw[4:end], raw[end + 3 :])


def _check_whole(raw: bytes, callback_id_length: int) -> None:
    size = len(raw) - callback_id_length
    if size < OVERHEAD:
        raise FrameError(Fault.TRUNCATED, raw)
    if size != raw[3] + OVERHEAD:
        raise FrameError(Fault.TRUNCATED if size < raw[3] + OVERHEAD else Fault.LENGTH, raw)
    if raw[size - 1] != END:
        raise FrameError(Fault.END_BYTE, raw)
    if checksum(raw[2 : size - 3]) != int.from_bytes(raw[size - 3 : size - 1], "big"):
        raise FrameError(Fault.CHECKSUM, raw)


def _request(kind: int, register: int, data: bytes, callback_id: bytes) -> bytes:
    _check("register", register)
    body = bytes((register, _length(data))) + data
    _check_callback(callback_id)
    return bytes((START, kind)) + body + checksum(body).to_bytes(2, "big") + b"\x77" + callback_id


def _check(field: str, value: int) -> None:
    if not 0 <= value <= 0xFF:
        raise LocalError(f"{field} {value}: must be 0 to 255")


def _length(data: bytes) -> int:
    if len(data) > MAX_DATA:
        raise LocalError(f"data of {len(data)} bytes: a frame carries 0 to {MAX_DATA}")
    return len(data)


def _check_callback(callback_id: bytes) -> None:
    if len(callback_id) > MAX_CALLBACK_ID:
        raise LocalError(f"callback_id of {len(callback_id)} bytes: must be 0 to {MAX_CALLBACK_ID}")
