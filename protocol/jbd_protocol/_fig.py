"""Vendor parameter files, ``.fig``: one ``Key value`` a line, raw counts in decimal.

JBDTools writes them, BMS-Tools and the Overkill app read and write them. The three packed
settings stand in parts (0x38 as HardChgOverCurrent and HardDsgOverCurrent, and so on). A file
may lack keys and may hold keys nobody documents; both survive a round trip here.
Source: published files of the three tools; BMS-Tools 1.2.0 run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ._errors import LocalError
from ._registers import SETTINGS, TEXT_SETTINGS

FILE_CODE: Final = "3838"
_LINE_END: Final = "\r\n"
_MAX_TEXT: Final = 31
_BLANK: Final = " \t"


@dataclass(frozen=True, slots=True)
class FigKey:
    """A key of the file and the setting, or the byte of one, it stands for."""

    key: str
    address: int
    byte: int | None = None


def _keys() -> tuple[FigKey, ...]:
    words = (
        "DesignCapacity", "CycleCapacity", "FullChargeVol", "ChargeEndVol", "DischargingRate",
        "ManufactureDate", "SerialNumber", "CycleCount", "ChgOverTemp", "ChgOTRelease",
        "ChgLowTemp", "ChgUTRelease", "DisOverTemp", "DsgOTRelease", "DisLowTemp",
        "DsgUTRelease", "PackOverVoltage", "PackOVRelease", "PackUnderVoltage", "PackUVRelease",
        "CellOverVoltage", "CellOVRelease", "CellUnderVoltage", "CellUVRelease",
        "OverChargeCurrent", "OverDisCurrent", "BalanceStartVoltage", "BalanceWindow",
        "SenseResistor", "BatteryConfig", "NtcConfig", "PackNum", "fet_ctrl_time_set",
        "led_disp_time_set", "VoltageCap80", "VoltageCap60", "VoltageCap40", "VoltageCap20",
        "HardCellOverVoltage", "HardCellUnderVoltage",
    )  # fmt: skip
    halves = (
        ("HardChgOverCurrent", 0x38, 0), ("HardDsgOverCurrent", 0x38, 1),
        ("HardTime", 0x39, 0), ("SCReleaseTime", 0x39, 1),
        ("ChgUTDelay", 0x3A, 0), ("ChgOTDelay", 0x3A, 1),
        ("DsgUTDelay", 0x3B, 0), ("DsgOTDelay", 0x3B, 1),
        ("PackUVDelay", 0x3C, 0), ("PackOVDelay", 0x3C, 1),
        ("CellUVDelay", 0x3D, 0), ("CellOVDelay", 0x3D, 1),
        ("ChgOCDelay", 0x3E, 0), ("ChgOCRDelay", 0x3E, 1),
        ("DsgOCDelay", 0x3F, 0), ("DsgOCRDelay", 0x3F, 1),
    )  # fmt: skip
    rest = (
        ("ManufacturerName", 0xA0), ("DeviceName", 0xA1), ("BarCode", 0xA2),
        ("GPS_VOL", 0x40), ("GPS_TIME", 0x41),
        ("VoltageCap90", 0x42), ("VoltageCap70", 0x43), ("VoltageCap50", 0x44),
        ("VoltageCap30", 0x45), ("VoltageCap10", 0x46), ("VoltageCap100", 0x47),
    )  # fmt: skip
    return (
        *(FigKey(key, 0x10 + n) for n, key in enumerate(words)),
        *(FigKey(*row) for row in halves),
        *(FigKey(*row) for row in rest),
    )


FIG_KEYS: Final[Mapping[str, FigKey]] = MappingProxyType({row.key: row for row in _keys()})
"""In the order the vendor's tool writes them. The keys of 0x42..0x47 follow jbdtool."""


@dataclass(slots=True)
class ParameterFile:
    """The contents of a ``.fig`` file.

    Attributes:
        settings: raw setting data by address: two bytes, or the characters of a text setting
            without the length byte.
        unknown: keys no source documents, with their values, in file order.
    """

    settings: dict[int, bytes] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the file, as the vendor's tool lays it out.

        Raises:
            LocalError: a setting that no key stands for, data of a wrong size, or a text that
                does not fit one line.
        """
        known = {row.address for row in FIG_KEYS.values()}
        for address, raw in self.settings.items():
            if address not in known:
                raise LocalError(f"setting 0x{address:02X}: a parameter file has no key for it")
            if address not in TEXT_SETTINGS and len(raw) != 2:
                raise LocalError(f"setting 0x{address:02X} of {len(raw)} bytes: must be 2")
            if address in TEXT_SETTINGS and (len(raw) > _MAX_TEXT or b"\r" in raw or b"\n" in raw):
                raise LocalError(
                    f"setting 0x{address:02X}, {raw!r}: must be one line of 0 to {_MAX_TEXT} bytes"
                )
        lines = [f"  FileCode               {FILE_CODE}"]
        for row in FIG_KEYS.values():
            if row.address not in self.settings:
                continue
            data = self.settings[row.address]
            if row.address in TEXT_SETTINGS:
                lines.append(f"  {row.key:<22} {data.decode('latin-1')}")
            else:
                number = int.from_bytes(data, "big") if row.byte is None else data[row.byte]
                lines.append(f"  {row.key}        {number}")
        lines += [f"  {key}        {value}" for key, value in self.unknown.items()]
        return _LINE_END.join(lines) + _LINE_END


def parse_fig(text: str) -> ParameterFile:
    """Return what a ``.fig`` file holds; blanks around a text are not part of it.

    Raises:
        LocalError: a line whose value its setting cannot hold, the message names line and key;
            or only one of two keys that make one setting.
    """
    result = ParameterFile()
    halves: dict[int, dict[int, int]] = {}
    # Not `splitlines`: a Latin-1 name may hold what Unicode calls a line end. The vendor's tools
    # end a line with two carriage returns.
    lines = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for count, line in enumerate(lines, 1):
        key, _, value = line.strip(_BLANK).partition(" ")
        value = value.strip(_BLANK)
        row = FIG_KEYS.get(key)
        if not key or key == "FileCode":
            continue
        if row is None:
            result.unknown[key] = value
        elif row.address in TEXT_SETTINGS:
            result.settings[row.address] = _text(count, key, value)
        elif row.byte is None:
            number = _number(count, key, value, 0xFFFF)
            result.settings[row.address] = number.to_bytes(2, "big")
        else:
            halves.setdefault(row.address, {})[row.byte] = _number(count, key, value, 0xFF)
    for address, half in halves.items():
        if len(half) != 2:
            # Half a setting cannot be written without inventing the other half.
            missing = next(
                row.key for row in FIG_KEYS.values()
                if row.address == address and row.byte not in half
            )  # fmt: skip
            raise LocalError(f"{missing}: missing, though the other byte of its setting is there")
        result.settings[address] = bytes((half[0], half[1]))
    result.settings = {a: result.settings[a] for a in SETTINGS if a in result.settings}
    return result


def _text(line: int, key: str, value: str) -> bytes:
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalError(f"line {line}: {key} {value!r}: must be Latin-1 characters") from None
    if len(raw) > _MAX_TEXT:
        raise LocalError(f"line {line}: {key} of {len(raw)} characters: at most {_MAX_TEXT}")
    return raw


def _number(line: int, key: str, value: str, most: int) -> int:
    # Old files hold negative currents as such, newer ones as the unsigned count.
    try:
        number = int(value)
    except ValueError:
        raise LocalError(f"line {line}: {key} {value!r}: must be a whole number") from None
    if not -(most // 2 + 1) <= number <= most:
        raise LocalError(f"line {line}: {key} {number}: must be {-(most // 2 + 1)} to {most}")
    return number & most
