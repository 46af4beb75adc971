"""What the field's descriptions say each client reaches in each condition, and how well known.

Nothing here decides what a run shows: cells of the matrix come from running the models, and
suites compare a run with this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jbd_protocol import Evidence, Grade

NO_FUNCTION: Final = "0x16"
PIN_UNSET: Final = "0x17 without PIN"
PIN_UNKNOWN: Final = "0x17 unknown PIN"
PIN_CLEARED: Final = "0x17 after clear"
STUB: Final = "0x21"
STUB_CLEARED: Final = "0x21 after clear"
LATER: Final = "0x25"
CONDITIONS: Final = (
    NO_FUNCTION, PIN_UNSET, PIN_UNKNOWN, PIN_CLEARED, STUB, STUB_CLEARED, LATER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a client reaches."""

    monitoring: bool
    parameters: bool
    evidence: Evidence


def _says(reaches: str, grade: Grade, source: str) -> Expectation:
    """``"data"``, ``"all"`` or ``"nothing"``."""
    return Expectation(reaches != "nothing", reaches == "all", Evidence(grade, source))


def _seed(reaches: str) -> Expectation:
    return _says(reaches, Grade.REPORTED, "the field, stated from the start; CLIENTS.md 11")


def _field(reaches: str) -> Expectation:
    return _says(reaches, Grade.REPORTED, "CLIENTS.md 11: reports, source or app analysis")


def _measured(reaches: str) -> Expectation:
    return _says(reaches, Grade.CAPTURED, "CLIENT-TRAFFIC.md 2: run against a responder")


def _ours(reaches: str) -> Expectation:
    return _says(reaches, Grade.ASSUMED, "follows from CLIENTS.md 10 and 11; nobody reported it")


_ELSEWHERE: Final = _ours("all")
_TABLE: Final[Mapping[str, Mapping[str, Expectation]]] = {
    "android-3.1.1026": {
        PIN_UNKNOWN: _seed("nothing"),
        PIN_CLEARED: _seed("all"),
        STUB: _seed("nothing"),
        STUB_CLEARED: _seed("nothing"),
    },
    "android-3.1.1015": {PIN_UNKNOWN: _ours("data"), STUB: _seed("all")},
    "android-3.2": {PIN_UNKNOWN: _field("all"), STUB: _field("all")},
    "ios-before-fix": {
        PIN_UNKNOWN: _seed("data"),
        STUB: _field("data"),
        STUB_CLEARED: _ours("data"),
    },
    "ios-vendor": dict.fromkeys(CONDITIONS, _ours("data")),
    "ios-fixed": {PIN_UNKNOWN: _seed("data"), STUB: _seed("all")},
    "jbdtools-2021": {
        PIN_UNKNOWN: _seed("data"),
        PIN_CLEARED: _field("all"),
        STUB: _seed("all"),
    },
    "bms-tools-1.1.4": {PIN_UNKNOWN: _field("data"), STUB: _field("all")},
    "bms-tools-1.2.0": {
        NO_FUNCTION: _measured("data"),
        PIN_UNKNOWN: _measured("data"),
        PIN_CLEARED: _field("all"),
        STUB: _measured("data"),
        STUB_CLEARED: _measured("data"),
    },
    "fixed-app": {PIN_UNKNOWN: _ours("data"), STUB: _ours("all")},
}
EXPECTED: Final[Mapping[tuple[str, str], Expectation]] = MappingProxyType(
    {
        (client, condition): row.get(condition, _ELSEWHERE)
        for client, row in _TABLE.items()
        for condition in CONDITIONS
    }
)
"""By client and condition; what no row names is "all", assumed."""


def condition_of(version: int, *, pin_is_set: bool) -> str | None:
    """Return the condition a unit is in, by its version byte and PIN, or None where none fits."""
    if version in (0x15, 0x16):
        return NO_FUNCTION
    if version == 0x21:
        return STUB
    if version not in (0x17, 0x20, 0x25, 0x44, 0x80):
        return None
    if pin_is_set:
        return PIN_UNKNOWN
    return PIN_UNSET if version in (0x17, 0x20) else LATER
