"""How well a fact is known, and the status byte every answer carries.

The vendor publishes no complete document, so every register, delay and refusal says where it
comes from. A reader can then weigh an answer of the emulator, and a new capture can be seen to
confirm or overturn it.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple


class Grade(StrEnum):
    """How well a fact is known, best first."""

    CAPTURED = "captured"
    """Bytes recorded from, or posted by the owner of, a real board."""
    VENDOR_DOCUMENT = "vendor document"
    """Stated in a protocol document of the vendor."""
    REPORTED = "reported"
    """Stated by the field: users, maintainers, open-source clients that work with boards."""
    ASSUMED = "assumed"
    """Our own conclusion; no board was seen doing it."""


class Evidence(NamedTuple):
    """A grade and the place to look it up."""

    grade: Grade
    source: str

    def __str__(self) -> str:
        return f"{self.grade}: {self.source}"


class Status(IntEnum):
    """Status byte of an answer. Source: vendor protocol V4 and V11, section 1.

    A byte that is not listed stays an ``int`` (:func:`status_name` names it), so that a new
    firmware is logged and not crashed on.
    """

    OK = 0x00
    NO_SUCH_COMMAND = 0x80
    INVALID = 0x81
    """Not in factory mode, or the internal password does not match."""
    CHECKSUM_ERROR = 0x82
    """Listed by the vendor and, by the same page, not sent."""
    WRONG_PASSWORD = 0x83


_STATUS_TEXT: Final = {
    Status.OK: "done",
    Status.NO_SUCH_COMMAND: "no such command",
    Status.INVALID: "invalid: not in factory mode, or password",
    Status.CHECKSUM_ERROR: "checksum error",
    Status.WRONG_PASSWORD: "wrong password",
}


_LISTED: Final = frozenset(int(s) for s in Status)


def status_name(status: int) -> str:
    """Return ``0x83 wrong password``, or ``0x5C unlisted status``."""
    text = _STATUS_TEXT[Status(status)] if status in _LISTED else "unlisted status"
    return f"0x{status:02X} {text}"
