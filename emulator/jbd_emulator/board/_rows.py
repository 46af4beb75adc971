"""The protections as data: one row says what is watched, which settings judge it, what it cuts.

The same loop runs over all rows; a board with one more protection is one more row. Thresholds
and delays are named by the field of the setting that holds them (``jbd_protocol.SETTINGS``), so
that nothing here repeats an address.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from jbd_protocol import COUNTERS, Evidence, Fets, Grade, Protection


class Measured(IntEnum):
    """What a row looks at; the number is the place in the readings of one tick."""

    CELL_HIGH = 0
    """Highest cell, mV."""
    CELL_LOW = 1
    """Lowest cell, mV."""
    PACK = 2
    """Sum of the cells, mV."""
    NTC_HIGH = 3
    """Warmest NTC, tenths of a kelvin."""
    NTC_LOW = 4
    """Coldest NTC, tenths of a kelvin."""
    CURRENT = 5
    """Through the shunt, mA, charging positive."""
    FRONT_END = 6
    """1 where the front end does not answer, else 0."""


class ProtectionRow(NamedTuple):
    """One protection.

    Attributes:
        name: the field's short name; two rows may share a bit, never a name.
        bit: in word 16 of 0x03.
        counter: place in 0xAA, None where there is none.
        measured: what is watched.
        over: trips at or above the threshold; otherwise at or below.
        threshold: field of the setting, None for a row that is judged by a flag.
        delay: field of the setting: how long the threshold must be passed; None is at once.
        release: field of the release threshold; None releases as soon as the threshold is no
            longer passed, after ``release_delay``.
        release_delay: field of the setting, None for none.
        cut: the FETs it turns off.
        shunt: the threshold is a voltage over the shunt and not a current.
        waits_for_load: with ``scrl`` set, releases only once the load is gone.
        evidence: of what the row does; thresholds and units have their own in ``SETTINGS``.
    """

    name: str
    bit: Protection
    counter: int | None
    measured: Measured
    over: bool
    threshold: str | None
    delay: str | None
    release: str | None
    release_delay: str | None
    cut: Fets
    evidence: Evidence
    shunt: bool = False
    waits_for_load: bool = False


_CAPTURED = Evidence(Grade.CAPTURED, "cell over-voltage alone gives FET byte 02; app capture")
_LIKE_IT = Evidence(Grade.ASSUMED, "one FET only, as captured for cell over-voltage")
_TIMED = Evidence(Grade.VENDOR_DOCUMENT, "V11 parameters 52..55: delay and release time, seconds")
_HARDWARE = Evidence(
    Grade.ASSUMED, "levels and delays are the TI BQ769x0's; that the bit is the software level's"
)
_LOAD = Evidence(
    Grade.VENDOR_DOCUMENT,
    "JBD, explanation of terms: with load detection hardware over-current and short circuit "
    "release only after the load is disconnected; without, and the time: assumed",
)
_BOTH = Evidence(Grade.ASSUMED, "both FETs off: safest reading of the vendor's bit list")


def _voltage(name: str, bit: Protection, measured: Measured, cut: Fets, evidence: Evidence,
             level: str | None = None) -> ProtectionRow:  # fmt: skip
    """Return a row that releases by threshold; ``level`` names a second, hardware threshold."""
    threshold = level or name
    return ProtectionRow(
        threshold, bit, COUNTERS.index(f"{name}_err_cnt"), measured, name[1:3] == "ov",
        threshold, f"{threshold}_delay", f"{name}_rel", None, cut, evidence,
    )  # fmt: skip


def _temperature(name: str, bit: Protection, cut: Fets) -> ProtectionRow:
    over = name.endswith("ot")
    return ProtectionRow(
        name, bit, COUNTERS.index(f"{name}_err_cnt"),
        Measured.NTC_HIGH if over else Measured.NTC_LOW, over,
        name, f"{name}_delay", f"{name}_rel", None, cut, _LIKE_IT,
    )  # fmt: skip


def _current(name: str, counter: str, bit: Protection, cut: Fets, *, over: bool, release: str,
             evidence: Evidence, hardware: bool = False) -> ProtectionRow:  # fmt: skip
    """Return a row that releases by time; a hardware one watches the shunt and the load."""
    return ProtectionRow(
        name, bit, COUNTERS.index(f"{counter}_err_cnt"), Measured.CURRENT, over,
        name, f"{name}_delay", None, release, cut, evidence, hardware, hardware,
    )  # fmt: skip


# Fastest first: what trips within a tick ends the current that a slower row would still see.
ROWS: Final[tuple[ProtectionRow, ...]] = (
    _current("sc", "sc", Protection.SHORT_CIRCUIT, Fets.CHARGE | Fets.DISCHARGE, over=False,
             release="sc_rel", evidence=_LOAD, hardware=True),
    _current("dsgoc2", "dsgoc", Protection.DISCHARGE_OVERCURRENT, Fets.DISCHARGE, over=False,
             release="dsgoc_rel", evidence=_LOAD, hardware=True),
    _current("chgoc", "chgoc", Protection.CHARGE_OVERCURRENT, Fets.CHARGE, over=True,
             release="chgoc_rel", evidence=_TIMED),
    _current("dsgoc", "dsgoc", Protection.DISCHARGE_OVERCURRENT, Fets.DISCHARGE, over=False,
             release="dsgoc_rel", evidence=_TIMED),
    _voltage("covp", Protection.CELL_OVERVOLTAGE, Measured.CELL_HIGH, Fets.CHARGE, _CAPTURED),
    _voltage("covp", Protection.CELL_OVERVOLTAGE, Measured.CELL_HIGH, Fets.CHARGE, _HARDWARE,
             level="covp_high"),
    _voltage("cuvp", Protection.CELL_UNDERVOLTAGE, Measured.CELL_LOW, Fets.DISCHARGE, _LIKE_IT),
    _voltage("cuvp", Protection.CELL_UNDERVOLTAGE, Measured.CELL_LOW, Fets.DISCHARGE, _HARDWARE,
             level="cuvp_high"),
    _voltage("povp", Protection.PACK_OVERVOLTAGE, Measured.PACK, Fets.CHARGE, _LIKE_IT),
    _voltage("puvp", Protection.PACK_UNDERVOLTAGE, Measured.PACK, Fets.DISCHARGE, _LIKE_IT),
    _temperature("chgot", Protection.CHARGE_OVERTEMPERATURE, Fets.CHARGE),
    _temperature("chgut", Protection.CHARGE_UNDERTEMPERATURE, Fets.CHARGE),
    _temperature("dsgot", Protection.DISCHARGE_OVERTEMPERATURE, Fets.DISCHARGE),
    _temperature("dsgut", Protection.DISCHARGE_UNDERTEMPERATURE, Fets.DISCHARGE),
    ProtectionRow("afe", Protection.FRONT_END_ERROR, None, Measured.FRONT_END, True, None, None,
                  None, None, Fets.CHARGE | Fets.DISCHARGE, _BOTH),
)  # fmt: skip
"""Every protection of the board. At the threshold counts as passed, at the release threshold as
released (assumed: no source says which side the last count is on)."""
