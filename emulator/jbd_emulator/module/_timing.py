"""How long an answer takes over the air, by what was asked.

Medians of 608 exchanges over BLE, taken at the phone: radio, module, 9600 baud line and board
together. A front end on a real radio adds its own connection interval to them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from jbd_protocol import Evidence, Grade

from .._rules import Fact


class Timing(StrEnum):
    """When notifications leave."""

    PACED = "paced"
    """As the captures have it."""
    IMMEDIATE = "immediate"
    """At once."""


def _median(seconds: float, source: str) -> Fact[float]:
    return Fact(seconds, Evidence(Grade.CAPTURED, f"app captures 2022 to 2025: {source}"))


LATENCY_S: Final = {
    "basic info": _median(0.078, "03 to the last piece, 240"),
    "cell voltages": _median(0.0475, "04, 240"),
    "register read": _median(0.0496, "two-byte registers that were served, 60"),
    "register write": _median(0.0522, "2D, 6"),
    "FET control": _median(0.0758, "E1, 14"),
    "command": _median(0.0466, "00, 01, 06 and 09, 42"),
    "other": _median(0.0545, "AA twice, A0, A1, A2 and one refused 24"),
}
"""Seconds from the write to the last piece of the answer."""

PIECE_GAP_S: Final = _median(0.0008, "243 gaps, 0.2 to 15.8 ms")
"""Seconds between the pieces of one answer."""

_KINDS: Final = {
    0x00: "command", 0x01: "command", 0x06: "command", 0x07: "command", 0x09: "command",
    0x03: "basic info", 0x04: "cell voltages", 0xE1: "FET control", 0xFB: "FET control",
}  # fmt: skip


def latency_s(answer: bytes) -> float:
    """Return the seconds that this answer of the board takes, up to its last piece."""
    return LATENCY_S[_kind(answer)].value


def _kind(answer: bytes) -> str:
    if len(answer) < 4:
        return "other"
    kind = _KINDS.get(answer[1])
    if kind is not None:
        return kind
    if 0x10 <= answer[1] <= 0x47:
        # An acknowledged write is an empty OK; a refused read is empty and not OK.
        return "register read" if answer[2] or answer[3] else "register write"
    return "other"


def split_answers(run: bytes) -> list[bytes]:
    """Return the answers of a run of bytes one by one, as their length bytes tell.

    What does not begin like an answer stays in one part.
    """
    parts: list[bytes] = []
    while run:
        size = run[3] + 7 if len(run) > 3 and run[0] == 0xDD else len(run)
        parts.append(run[:size])
        run = run[size:]
    return parts
