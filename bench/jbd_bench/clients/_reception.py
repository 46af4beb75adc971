"""How each client puts an answer together, and what it checks in it: mostly too little.

What a client does not check decides what a fault on the wire does to it. JBDTools takes any
nine bytes for a register, BMS-Tools never looks at the checksum, the Android engine takes the
answer to another question. A client model that checked more than the client would hide that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jbd_protocol import Evidence, Grade, Response, checksum

_HEAD = 4
_OVERHEAD = 7
_START = 0xDD
_END = 0x77


class Ends(StrEnum):
    """How a client knows that an answer is complete."""

    LENGTH = "length"
    """Seven bytes and what the length byte says."""
    END_BYTE = "end byte"
    """The first 77 at or behind that place; other bytes there are collected, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What one client checks in an answer.

    Attributes:
        hunts: bytes before the first DD are skipped; else whatever comes first is the head.
        ends: how it knows the answer is complete.
        checksum: a wrong one is no answer.
        end_byte: another byte than 77 in the last place is no answer.
        register: an answer to another register is passed over.
        surplus_spoils: bytes behind the answer, in the same piece, make it none.
        keeps_stale: what arrives while nothing is awaited stays in the port and is the beginning
            of the next answer; else it is dropped.
        each_byte_extends: the timeout starts again with every byte.
        evidence: where all this is from.
    """

    hunts: bool
    ends: Ends
    checksum: bool
    end_byte: bool
    register: bool
    surplus_spoils: bool
    keeps_stale: bool
    each_byte_extends: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of looking at the bytes so far.

    Attributes:
        response: the answer, or None.
        rest: bytes to go on with.
        failed: the bytes were taken and found bad: this try is over without an answer.
        deaf: nothing that comes will be taken for an answer any more: the timeout decides.
    """

    response: Response | None = None
    rest: bytes = b""
    failed: bool = False
    deaf: bool = False


def take(rules: Reception, buffer: bytes, register: int, size: int | None = None) -> Taken:
    """Look for an answer at the front of what has arrived.

    Args:
        rules: what the client checks.
        buffer: all bytes that arrived and are not used up.
        register: what was asked for; looked at only by clients that do.
        size: where the client waits for exactly so many bytes, whatever their length byte says.
    """
    if rules.hunts:
        buffer = buffer[at:] if (at := buffer.find(_START)) >= 0 else b""
    end = _find_end(rules, buffer, size)
    if end is None:
        return Taken(rest=buffer)
    raw, rest = buffer[:end], buffer[end:]
    if rules.surplus_spoils and rest:
        return Taken(deaf=True)
    if rules.end_byte and raw[-1] != _END:
        return Taken(rest=rest, failed=True)
    if rules.checksum and not _sum_is_right(raw):
        return Taken(rest=rest, failed=True)
    if rules.register and raw[1] != register:
        return take(rules, rest, register, size) if rest else Taken()
    return Taken(Response(raw[1], raw[2], raw[_HEAD : _HEAD + raw[3]]), rest)


def _find_end(rules: Reception, buffer: bytes, size: int | None) -> int | None:
    if size is not None:
        return size if len(buffer) >= size else None
    if len(buffer) < _HEAD or len(buffer) < (end := buffer[3] + _OVERHEAD):
        return None
    if rules.ends is Ends.LENGTH:
        return end
    at = buffer.find(_END, end - 1)
    return None if at < 0 else at + 1


def _sum_is_right(raw: bytes) -> bool:
    body_end = min(_HEAD + raw[3], len(raw) - 3)
    return checksum(raw[2:body_end]).to_bytes(2, "big") == raw[body_end : body_end + 2]


ANDROID_ENGINE = Reception(
    hunts=True,
    ends=Ends.LENGTH,
    checksum=True,
    end_byte=False,
    register=False,
    surplus_spoils=True,
    keeps_stale=False,
    each_byte_extends=False,
    evidence=Evidence(Grade.REPORTED, "CLIENTS.md 3, queue engine (app analysis of 3.2.033)"),
)
"""Android 3.2.x; for 3.1 the same engine is assumed."""

JBDTOOLS = Reception(
    hunts=False,
    ends=Ends.LENGTH,
    checksum=True,
    end_byte=False,
    register=False,
    surplus_spoils=False,
    keeps_stale=True,
    each_byte_extends=False,
    evidence=Evidence(Grade.CAPTURED, "CLIENT-TRAFFIC.md 3, JBDTools V2.9 row; CLIENTS.md 5"),
)

BMSTOOLS = Reception(
    hunts=True,
    ends=Ends.END_BYTE,
    checksum=False,
    end_byte=False,
    register=False,
    surplus_spoils=False,
    keeps_stale=True,
    each_byte_extends=True,
    evidence=Evidence(Grade.CAPTURED, "CLIENT-TRAFFIC.md 3, bmstools row; its source"),
)

CAREFUL = Reception(
    hunts=True,
    ends=Ends.LENGTH,
    checksum=True,
    end_byte=True,
    register=True,
    surplus_spoils=False,
    keeps_stale=False,
    each_byte_extends=False,
    evidence=Evidence(Grade.ASSUMED, "nothing is known; the protocol's own rules"),
)
"""The closed iOS app, of which nothing is known here, and the fixed app, which should."""
