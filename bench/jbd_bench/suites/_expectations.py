"""What each firmware is expected to do, as the sources say it and not as the emulator does.

One row a version byte. A version that no row names is held to :data:`COMMON` alone, what every
board seen so far does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from jbd_protocol import Evidence, Grade

CAPTURED, VENDOR, REPORTED, ASSUMED = Grade


class Points(StrEnum):
    """What the 10 % capacity points 0x42..0x47 do."""

    UNKNOWN = "unknown"
    ABSENT = "absent"
    FORGOTTEN = "writes acknowledged and forgotten"
    SERVED = "served"


_NOBODY: Final = Evidence(ASSUMED, "no source")


@dataclass(frozen=True, slots=True)
class Expected:
    """One firmware.

    Attributes:
        password: whether 06, 07 and 09 exist; None where no source says.
        password_evidence: of that.
        points: what 0x42..0x47 do.
        points_evidence: of that.
        counter_bytes: lengths that 0xAA may have.
        silent_reads: reads, as frames, that are met with silence.
        parameters: whether 0xFA is served; None where no source says.
    """

    password: bool | None = None
    password_evidence: Evidence = _NOBODY
    points: Points = Points.UNKNOWN
    points_evidence: Evidence = _NOBODY
    counter_bytes: tuple[int, ...] = (22, 24)
    silent_reads: tuple[str, ...] = ()
    parameters: bool | None = None


COMMON: Final = Expected()
_CLIENTS_10 = "client notes, section 10"
_OCAP = Evidence(CAPTURED, "capacity-register notes")
_CHIP = "DD A5 00 02 00 00 FF FE 77"
_FA = "DD A5 FA 03 00 75 04 FE 8A 77"

_V15 = Expected(
    password=False,
    password_evidence=Evidence(ASSUMED, f"{_CLIENTS_10}: 0x16 and below"),
    points=Points.FORGOTTEN,
    points_evidence=_OCAP,
    counter_bytes=(22,),
)
_V17 = Expected(
    password=True,
    password_evidence=Evidence(REPORTED, "the field: a PIN can lock the settings since 2021"),
    points=Points.ABSENT,
    points_evidence=Evidence(ASSUMED, f"{_CLIENTS_10}: read 42 is answered 80"),
    counter_bytes=(24,),
)
_V25 = replace(
    _V17,
    password_evidence=Evidence(CAPTURED, "the blank PIN is answered 00"),
    points=Points.UNKNOWN,
    points_evidence=Evidence(ASSUMED, f"{_CLIENTS_10}: 80 or 00, by board"),
)

EXPECTED: Final[Mapping[int, Expected]] = MappingProxyType(
    {
        0x15: _V15,
        0x16: _V15,
        0x17: _V17,
        0x20: replace(
            _V17,
            password_evidence=Evidence(REPORTED, "register map: a password from 0x16 on"),
            points=Points.SERVED,
            points_evidence=_OCAP,
        ),
        0x21: Expected(
            password=False,
            password_evidence=Evidence(
                CAPTURED, "xiaoxiangBMS issue 195: 06 is answered DD 06 80 00 FF 80 77"
            ),
            points=Points.SERVED,
            points_evidence=_OCAP,
            counter_bytes=(24,),
        ),
        0x25: replace(_V25, parameters=None),
        0x44: replace(_V25, silent_reads=(_CHIP, _FA), parameters=False),
        0x80: _V25,
    }
)

HAS_PASSWORD: Final = frozenset(v for v, row in EXPECTED.items() if row.password)
NO_PASSWORD: Final = frozenset(v for v, row in EXPECTED.items() if row.password is False)


def expected_of(version: int) -> Expected:
    """Return the row of a version byte, or what is common to all."""
    return EXPECTED.get(version, COMMON)
