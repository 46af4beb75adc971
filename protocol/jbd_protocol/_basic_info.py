"""Register 0x03, basic information: the answer every client polls.

Its own module because it is the hot path of every client and because its tail is open-ended.
"""

from __future__ import annotations

import struct
from datetime import date
from enum import IntFlag
from typing import Final, NamedTuple

from ._errors import LocalError, PayloadError
from ._units import Quantity

BASIC_INFO: Final = 0x03


class Fets(IntFlag):
    """Byte 20. Bits 0 and 1 captured; 2, 3 and 7 vendor protocol V11."""

    CHARGE = 1 << 0
    DISCHARGE = 1 << 1
    CURRENT_LIMIT = 1 << 2
    HEATING = 1 << 3
    UNIT_X10 = 1 << 7
    """Current counts 100 mA and capacity 100 mAh instead of 10."""


class Protection(IntFlag):
    """Bytes 16 and 17. Source: vendor protocol V11, section 3.1; bit 12 captured."""

    CELL_OVERVOLTAGE = 1 << 0
    CELL_UNDERVOLTAGE = 1 << 1
    PACK_OVERVOLTAGE = 1 << 2
    PACK_UNDERVOLTAGE = 1 << 3
    CHARGE_OVERTEMPERATURE = 1 << 4
    CHARGE_UNDERTEMPERATURE = 1 << 5
    DISCHARGE_OVERTEMPERATURE = 1 << 6
    DISCHARGE_UNDERTEMPERATURE = 1 << 7
    CHARGE_OVERCURRENT = 1 << 8
    DISCHARGE_OVERCURRENT = 1 << 9
    SHORT_CIRCUIT = 1 << 10
    FRONT_END_ERROR = 1 << 11
    SOFTWARE_LOCK = 1 << 12
    CHARGE_FET_BREAKDOWN = 1 << 13
    DISCHARGE_FET_BREAKDOWN = 1 << 14
    RESERVED = 1 << 15


PROTECTION_NAMES: Final = (
    "covp", "cuvp", "povp", "puvp", "chgot", "chgut", "dsgot", "dsgut",
    "chgoc", "dsgoc", "sc", "afe", "software", "chg_mos", "dsg_mos", "reserved",
)  # fmt: skip
"""The field's short names of the protection bits, bit 0 first."""

_HEAD: Final = struct.Struct(">HhHHHHHHHBBBBB")
_TAIL: Final = struct.Struct(">BHHHH")
_NTC_WORDS: Final = tuple(struct.Struct(f">{n}H") for n in range(0x100))


class Tail(NamedTuple):
    """The nine bytes that newer boards put behind the temperatures. Vendor protocol V11, 3.1.

    The tail follows the board and not the version byte: 0x25 was captured with and without.
    """

    humidity_percent: int
    alarm_bits: int
    full_charge_mah: int
    remaining_mah: int
    """The remaining capacity once more."""
    balance_current_ma: int


class BasicInfo(NamedTuple):
    """Register 0x03. Vendor protocol V4 and V11, section 3.1; captured in all five lengths."""

    pack_mv: int
    """10 mV a count."""
    current_ma: int
    """10 mA a count (100 with :attr:`Fets.UNIT_X10`); charging positive, discharging negative."""
    remaining_mah: int
    nominal_mah: int
    cycles: int
    date_code: int
    """Packed date; :attr:`manufactured` reads it."""
    balance_low: int
    """Bit 0 is cell 1."""
    balance_high: int
    """Bit 0 is cell 17."""
    protection_bits: int
    version: int
    """Two hexadecimal digits, major and minor: 0x21 is 2.1."""
    rsoc_percent: int
    fet_bits: int
    cells: int
    ntc_dk: tuple[int, ...]
    """Tenths of a kelvin, one per NTC; 2731 is 0 °C, 2431 stands where no probe is fitted."""
    tail: Tail | None = None
    trailing: bytes = b""
    """What stands behind the known fields, kept as it is."""

    @property
    def fets(self) -> Fets:
        """Byte 20 as flags."""
        return Fets(self.fet_bits)

    @property
    def protections(self) -> Protection:
        """Protection bits as flags."""
        return Protection(self.protection_bits)

    @property
    def manufactured(self) -> date | None:
        """The manufacture date, or None where the board holds no valid one."""
        return decode_date(self.date_code)

    @property
    def balancing_cells(self) -> tuple[int, ...]:
        """The cells whose balancing resistor is on, counted from 1."""
        mask = self.balance_low | self.balance_high << 16
        return tuple(n + 1 for n in range(32) if mask >> n & 1)

    @property
    def version_text(self) -> str:
        """``2.1`` for 0x21."""
        return f"{self.version >> 4}.{self.version & 0xF}"

    def to_payload(self) -> bytes:
        """Return the payload this was, or would have been, decoded from.

        Raises:
            LocalError: a value does not fit its field.
        """
        scale = 100 if self.fet_bits & Fets.UNIT_X10 else 10
        try:
            payload = _HEAD.pack(
                _counts("pack_mv", self.pack_mv, 10),
                _counts("current_ma", self.current_ma, scale),
                _counts("remaining_mah", self.remaining_mah, scale),
                _counts("nominal_mah", self.nominal_mah, scale),
                *self[4:13],
                len(self.ntc_dk),
            ) + _NTC_WORDS[len(self.ntc_dk)].pack(*self.ntc_dk)
            if self.tail is not None:
                payload += _TAIL.pack(
                    self.tail.humidity_percent,
                    self.tail.alarm_bits,
                    _counts("full_charge_mah", self.tail.full_charge_mah, scale),
                    _counts("tail.remaining_mah", self.tail.remaining_mah, scale),
                    self.tail.balance_current_ma,
                )
        except struct.error as error:
            raise LocalError(f"basic info: {error}") from None
        return payload + self.trailing

    def values(self) -> dict[str, Quantity]:
        """Return every field by name, with its unit."""
        shown: dict[str, Quantity] = {
            "pack_voltage": Quantity(self.pack_mv, "mV"),
            "current": Quantity(self.current_ma, "mA"),
            "remaining_capacity": Quantity(self.remaining_mah, "mAh"),
            "nominal_capacity": Quantity(self.nominal_mah, "mAh"),
            "cycles": Quantity(self.cycles),
            "manufacture_date": Quantity(str(self.manufactured) if self.manufactured else None),
            "balancing_cells": Quantity(self.balancing_cells),
            "protection": Quantity(f"0x{self.protection_bits:04X}"),
            "protection_set": Quantity(bit_names(self.protection_bits, PROTECTION_NAMES)),
            "version": Quantity(f"0x{self.version:02X}"),
            "rsoc": Quantity(self.rsoc_percent, "%"),
            "fet": Quantity(f"0x{self.fet_bits:02X}"),
            "charge_fet_on": Quantity(bool(self.fet_bits & Fets.CHARGE)),
            "discharge_fet_on": Quantity(bool(self.fet_bits & Fets.DISCHARGE)),
            "cells": Quantity(self.cells),
            "ntcs": Quantity(len(self.ntc_dk)),
            "temperatures": Quantity(self.ntc_dk, "dK"),
        }
        if self.tail is not None:
            shown |= {
                "humidity": Quantity(self.tail.humidity_percent, "%"),
                "alarm": Quantity(f"0x{self.tail.alarm_bits:04X}"),
                "full_charge_capacity": Quantity(self.tail.full_charge_mah, "mAh"),
                "remaining_capacity_2": Quantity(self.tail.remaining_mah, "mAh"),
                "balance_current": Quantity(self.tail.balance_current_ma, "mA"),
            }
        if self.trailing:
            shown["trailing"] = Quantity(self.trailing)
        return shown


def parse_basic_info(payload: bytes) -> BasicInfo:
    """Return what register 0x03 says.

    Args:
        payload: 23 + 2 bytes per NTC, newer boards 9 more, some still more; header and trailer
            of the frame removed.
    Raises:
        PayloadError: shorter than its own NTC count demands.
    Source: vendor protocol V4 and V11, section 3.1; captures.
    """
    try:
        mv, ma, remaining, nominal, cycles, made, low, high, bits, version, rsoc, fets, cells, n = (
            _HEAD.unpack_from(payload)
        )
        ntc_dk = _NTC_WORDS[n].unpack_from(payload, 23)
    except struct.error:
        raise PayloadError(BASIC_INFO, payload, _too_short(payload)) from None
    scale = 100 if fets & 0x80 else 10
    end = 23 + 2 * n
    if len(payload) == end:
        return BasicInfo(
            mv * 10, ma * scale, remaining * scale, nominal * scale, cycles, made, low, high, bits,
            version, rsoc, fets, cells, ntc_dk,
        )  # fmt: skip
    tail = None
    if len(payload) >= end + 9:
        humidity, alarm, full, again, balance_ma = _TAIL.unpack_from(payload, end)
        tail = Tail(humidity, alarm, full * scale, again * scale, balance_ma)
        end += 9
    return BasicInfo(
        mv * 10, ma * scale, remaining * scale, nominal * scale, cycles, made, low, high, bits,
        version, rsoc, fets, cells, ntc_dk, tail, payload[end:],
    )  # fmt: skip


def encode_date(day: date) -> int:
    """Return the packed date: year - 2000 in bits 15:9, month in 8:5, day in 4:0.

    Raises:
        LocalError: the year is not 2000 to 2127.
    Source: vendor protocol V4; captured.
    """
    if not 2000 <= day.year <= 2127:
        raise LocalError(f"year {day.year}: must be 2000 to 2127")
    return (day.year - 2000) << 9 | day.month << 5 | day.day


def decode_date(code: int) -> date | None:
    """Return the date, or None where the bits name none (a blank board holds 0)."""
    try:
        return date(2000 + (code >> 9), code >> 5 & 0xF, code & 0x1F)
    except ValueError:
        return None


def bit_names(bits: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the bits that are set, ``bitN`` for one that has no name."""
    return tuple(
        names[n] if n < len(names) else f"bit{n}" for n in range(bits.bit_length()) if bits >> n & 1
    )


def _counts(field: str, value: int, scale: int) -> int:
    counts, rest = divmod(value, scale)
    if rest:
        raise LocalError(f"{field} {value}: must be a multiple of {scale}")
    return counts


def _too_short(payload: bytes) -> str:
    if len(payload) < 23:
        return f"basic info of {len(payload)} bytes, 23 are the least"
    need = 23 + 2 * payload[22]
    return f"basic info of {len(payload)} bytes, its {payload[22]} NTCs need {need}"
