"""Our tables against the reference register map: addresses, units, scales, bits, levels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jbd_protocol import (
    CAPACITY_POINTS,
    CHIPS,
    COMMANDS,
    CONTROL_CODES,
    COUNTERS,
    PARAMETERS,
    PROTECTION_NAMES,
    SETTINGS,
    Access,
    BasicInfo,
    Fets,
    Field,
    Grade,
    Kind,
    Parameter,
    Protection,
    Quantity,
    Register,
    Status,
    parse_basic_info,
    register,
)
from jbd_protocol._layout import unpack

pytestmark = pytest.mark.shared

Row: TypeAlias = "dict[str, Any]"  # Any: JSON of the reference data, judged by comparison

RAWS = (0, 1, 0x0102, 0x7FFF, 0x8000, 0xFFFF)
"""Raw counts that tell sign, scale, byte order and offset apart."""

DEVIATIONS = {
    # (where, what): (the reference says, we say), and why
    ("command 0x0B", "name"): ("clear_history", "clear_counters"),  # 0x0A 0200 has that name
    ("command 0xF6", "access"): (Access.UNKNOWN, Access.READ_FACTORY_WRITE),  # as 0xFA
    ("command 0xFE", "name"): ("debug_fw", "debug_fe"),  # names are unique here
    ("command 0xFF", "name"): ("debug_fw", "debug_ff"),  # names are unique here
    ("control 0300", "name"): ("reset", "restart"),  # "restart the controller", not the settings
    ("register 0xE1", "bit 0"): ("disable_charge_fet", "disable_charge"),  # as in the vectors
    ("register 0xE1", "bit 1"): ("disable_discharge_fet", "disable_discharge"),
    ("register 0xE2", "unit"): ("enum", ""),  # 1, 2, 3: the note says which
    ("register 0xE3", "unit"): ("magic", ""),  # one code, shown in hexadecimal
    ("parameter 4", "unit"): ("mA", "%"),  # disputed; read as BMS-Tools reads setting 0x14
    ("parameter 4", "scale"): (1, 0.1),  # the same
    ("parameter 24", "signed"): (False, True),  # setting 0x28 is signed, one raw is one value
}
"""Every place where we knowingly differ. The alarm bits and the level tables of chips other than
the TI one are shown as raw codes and have no table here."""


@pytest.fixture(scope="module")
def reference(shared_dir: Path) -> Row:
    document: Row = json.loads((shared_dir / "protocol" / "registers.json").read_text("utf-8"))
    return document


class Differences:
    """Collects what differs; every listed deviation must be met, and no other."""

    def __init__(self, *prefixes: str) -> None:
        self.found: dict[tuple[str, str], tuple[object, object]] = {}
        self.prefixes = prefixes

    def compare(self, where: str, what: str, theirs: object, ours: object) -> None:
        if theirs != ours:
            self.found[where, what] = (theirs, ours)

    def judge(self) -> None:
        listed = {key: pair for key, pair in DEVIATIONS.items() if key[0].startswith(self.prefixes)}
        assert self.found == listed


def test_every_register_has_its_address_name_unit_scale_sign_bits_and_levels(
    reference: Row,
) -> None:
    differences = Differences("register ")
    for theirs in reference["registers"]:
        where, address = f"register {theirs['address']}", int(theirs["address"], 16)
        ours = register(address, write=True)
        assert ours is not None, where
        differences.compare(where, "name", theirs["name"], ours.name)
        differences.compare(where, "access", ACCESS[theirs["access"]], ours.access)
        compare_layout(differences, where, theirs, ours)
    differences.judge()
    assert len(reference["registers"]) == 106
    assert {int(r["address"], 16) for r in reference["registers"]} >= set(SETTINGS)


ACCESS = {
    "factory-rw": Access.FACTORY,
    "factory-wo": Access.FACTORY_WRITE,
    "ro": Access.READ,
    "wo": Access.WRITE,
    "any": Access.WRITE,
    "factory-gate": Access.WRITE,
    "?": Access.UNKNOWN,
}
UNITS = {"packed date": "", "bits": "", "mV across shunt": "mV"}
"""Units of the reference that say how a number is packed, not what it counts."""


def compare_layout(differences: Differences, where: str, theirs: Row, ours: Register) -> None:
    layout = ours.request
    match theirs["format"]:
        case "LSTR":
            assert [field.kind for field in layout] == [Kind.SIZED_TEXT], where
        case "DATE16":
            assert [field.kind for field in layout] == [Kind.DATE], where
            assert [f["bits"] for f in theirs["fields"]] == ["15:9", "8:5", "4:0"]
        case "BITS16":
            names = bit_names_of(layout)
            for bit in theirs["fields"]:
                ours_named = names.pop(int(bit["bits"]))
                differences.compare(where, f"bit {bit['bits']}", bit["name"], ours_named)
            assert not names, where
        case "2xU8":
            compare_packed(where, theirs, layout)
        case "U16" | "S16" | "TEMP16":
            [field] = layout
            assert (field.size, field.offset) == (theirs["width_bytes"], 0), where
            compare_number(differences, where, theirs, field)
        case other:
            pytest.fail(f"{where}: format {other}")


def bit_names_of(layout: tuple[Field, ...] | object) -> dict[int, str]:
    assert isinstance(layout, tuple)
    if len(layout) == 1 and layout[0].flags:
        assert (layout[0].kind, layout[0].size) == (Kind.HEX, 2)
        return dict(enumerate(layout[0].flags))
    assert {field.kind for field in layout} == {Kind.FLAG}
    return {bit: field.name for field in layout for bit in {*(field.bits or ())}}


def compare_packed(where: str, theirs: Row, layout: object) -> None:
    assert isinstance(layout, tuple)
    assert len(layout) == len(theirs["fields"]), where
    for ours, part in zip(layout, theirs["fields"], strict=True):
        high, _, low = part.get("bits", "7:0").partition(":")
        assert ours.name == part["name"], where
        assert (ours.offset, ours.size) == (part["byte"], 1), where
        assert (ours.bits or (7, 0)) == (int(high), int(low or high)), where
        assert ours.unit == UNITS.get(part.get("unit", ""), part.get("unit", "")), where
        assert list(ours.codes) == part.get("codes", []), where
        assert (ours.scale, ours.signed) == (1, False), where


def compare_number(differences: Differences, where: str, theirs: Row, field: Field) -> None:
    """Compare what both make of the same raw counts, and in which unit."""
    for raw in RAWS:
        shown = unpack((field,), raw.to_bytes(2, "big"))[field.name]
        if field.kind is Kind.HEX:
            assert shown == Quantity(f"0x{raw:04X}"), where
            differences.compare(where, "unit", theirs["unit"], "")
            continue
        value, unit = shown.display()
        differences.compare(where, "unit", UNITS.get(theirs["unit"], theirs["unit"]), unit)
        number = raw - 0x10000 if theirs["signed"] and raw > 0x7FFF else raw
        offset = 2731 if theirs["unit"] == "degC" else 0
        assert value == round((number - offset) * theirs["scale"], 3), (where, raw)


def test_a_setting_is_called_captured_where_the_reference_has_a_captured_value(
    reference: Row,
) -> None:
    captured = {
        int(row["address"], 16)
        for row in reference["registers"]
        if row.get("captured_4S_200A_fw80_raw") is not None
    }
    graded = {row.address for row in SETTINGS.values() if row.evidence.grade is Grade.CAPTURED}
    # The 10 % points were read from boards of version 0x20 and 0x21.
    assert graded == captured | set(CAPACITY_POINTS)


def test_every_command_has_its_direction_name_and_access(reference: Row) -> None:
    differences = Differences("command ")
    for theirs in reference["commands"]:
        address, where = int(theirs["address"], 16), f"command {theirs['address']}"
        ours = register(address, write=theirs["direction"] == "write")
        assert ours is not None, where
        differences.compare(where, "name", theirs["name"], ours.name)
        if address == 0xFA:
            # Two rows there, one here.
            one = {"read": "ro", "write": "factory-rw"}[theirs["direction"]]
            assert (theirs["access"], ours.access) == (one, Access.READ_FACTORY_WRITE)
        else:
            differences.compare(where, "access", ACCESS[theirs["access"]], ours.access)
        if theirs["direction"] == "write" and ours.access is not Access.UNKNOWN:
            assert ours.request, where
    differences.judge()
    ours_alone = {row.address for row in COMMANDS} - {
        int(row["address"], 16) for row in (*reference["commands"], *reference["registers"])
    }
    assert not ours_alone
    assert len(reference["commands"]) == 24


def test_the_control_codes_are_those_of_the_reference(reference: Row) -> None:
    differences = Differences("control ")
    for theirs in reference["control_0x0A"]:
        name = CONTROL_CODES[int(theirs["data"], 16)]
        differences.compare(f"control {theirs['data']}", "name", theirs["name"], name)
    differences.judge()
    assert len(CONTROL_CODES) == len(reference["control_0x0A"])


def test_the_status_codes_are_those_of_the_reference(reference: Row) -> None:
    assert [int(row["code"], 16) for row in reference["status_codes"]] == [s.value for s in Status]


BASIC_INFO_FIELDS = {
    "pack_mv": "pack_mv",
    "pack_ma": "current_ma",
    "cur_cap": "remaining_mah",
    "full_cap": "nominal_mah",
    "cycle_cnt": "cycles",
    "mfg_date": "date_code",
    "bal_1_16": "balance_low",
    "bal_17_32": "balance_high",
    "fault": "protection_bits",
    "version": "version",
    "cap_pct": "rsoc_percent",
    "fet": "fet_bits",
    "cell_cnt": "cells",
    "humidity": "tail.humidity_percent",
    "alarm": "tail.alarm_bits",
    "full_charge_capacity": "tail.full_charge_mah",
    "remaining_capacity": "tail.remaining_mah",
    "balance_current": "tail.balance_current_ma",
}
"""The reference's name: our attribute."""


def test_every_field_of_basic_info_stands_where_the_reference_says(reference: Row) -> None:
    ntcs = 2
    checked = set()
    for theirs in reference["basic_info_0x03"]:
        name, at, size = theirs["name"], place(theirs["offset"], ntcs), theirs["width_bytes"]
        payload = bytearray(23 + 2 * ntcs + 9 + 7)
        payload[22] = ntcs
        if name == "ntc_cnt":
            assert at == 22
        elif name == "ntc[0..n-1]":
            payload[at : at + 4] = b"\x01\x02\x03\x04"
            assert parse_basic_info(bytes(payload)).ntc_dk == (0x0102, 0x0304)
        elif name == "unknown":
            payload[at : at + size] = b"unknown"
            assert parse_basic_info(bytes(payload)).trailing == b"unknown"
        else:
            number = 0x81 if name == "fet" else 0x8102 if size == 2 else 0x55
            payload[at : at + size] = number.to_bytes(size, "big")
            info = parse_basic_info(bytes(payload))
            if theirs["format"] == "S16":
                number -= 0x10000
            assert attribute(info, BASIC_INFO_FIELDS[name]) == number * theirs["scale"], name
        checked.add(name)
    assert checked == {*BASIC_INFO_FIELDS, "ntc_cnt", "ntc[0..n-1]", "unknown"}


def place(offset: int | str, ntcs: int) -> int:
    if isinstance(offset, int):
        return offset
    base, _, per_ntc = offset.partition("+")
    assert per_ntc == "2n"
    return int(base) + 2 * ntcs


def attribute(info: BasicInfo, path: str) -> object:
    value: object = info
    for name in path.split("."):
        value = getattr(value, name)
    return value


def test_the_bits_and_the_counters_are_those_of_the_reference(reference: Row) -> None:
    assert [row["name"] for row in reference["protection_bits"]] == list(PROTECTION_NAMES)
    assert [1 << row["bit"] for row in reference["protection_bits"]] == [
        p.value for p in Protection
    ]
    assert [1 << row["bit"] for row in reference["fet_bits"]] == [fet.value for fet in Fets]
    assert reference["error_cnts_0xAA"] == list(COUNTERS)
    assert [reference["chip_tables"][str(n)]["name"] for n in range(7)] == list(CHIPS)


def test_every_parameter_of_0xfa_maps_onto_the_setting_the_reference_names(
    reference: Row,
) -> None:
    differences = Differences("parameter ")
    for theirs in reference["fa_parameters"]:
        number, where = theirs["param"], f"parameter {theirs['param']}"
        ours = PARAMETERS[number]
        assert (ours.number, ours.name, ours.words) == (number, theirs["name"], theirs["words"])
        assert theirs.get("param_last", number) == number + ours.words - 1, where
        assert legacy_place(ours) == legacy(theirs["legacy_register"]), where
        if "format" in theirs or number == 123:
            text = "LSTR" in theirs.get("format", "")
            assert ours.field.kind is (Kind.SIZED_TEXT if text else Kind.BYTES), where
            continue
        compare_parameter(differences, where, theirs, ours)
    differences.judge()
    assert len(PARAMETERS) == len(reference["fa_parameters"]) == 82


def legacy(text: str | None) -> tuple[int | None, int | None]:
    """Read `0x38 byte 1`; what 0x05 shows is not a setting."""
    if text is None or text == "0x05 text":
        return None, None
    address, _, byte = text.removesuffix(" (weak)").partition(" byte ")
    return int(address, 16), int(byte) if byte else None


def legacy_place(parameter: Parameter) -> tuple[int | None, int | None]:
    return parameter.address, parameter.byte


def compare_parameter(differences: Differences, where: str, theirs: Row, ours: Parameter) -> None:
    field = ours.field
    if field.kind in (Kind.DATE, Kind.HEX):
        assert theirs["unit"] in ("packed date", "bits"), where
        return
    zero, one, top = (
        unpack((field,), raw.to_bytes(2, "big"))[field.name].display() for raw in (0, 1, 0xFFFF)
    )
    assert isinstance(zero[0], int | float)
    assert isinstance(one[0], int | float)
    assert isinstance(top[0], int | float)
    unit = "" if theirs["unit"] == "code" else theirs["unit"]
    differences.compare(where, "unit", unit, one[1])
    differences.compare(where, "scale", theirs["scale"], round(one[0] - zero[0], 3))
    differences.compare(where, "signed", theirs["signed"], top[0] < zero[0])


def test_every_setting_names_the_parameters_that_hold_it(reference: Row) -> None:
    mapped = 0
    for theirs in reference["registers"]:
        numbers, address = theirs["fa_param"], int(theirs["address"], 16)
        if numbers is None:
            assert address not in SETTINGS
            continue
        rows = [row for row in PARAMETERS.values() if row.address == address]
        if theirs["format"] == "LSTR":
            [row] = rows
            assert [row.number, row.number + row.words - 1] == numbers
        else:
            rows.sort(key=lambda row: row.byte or 0)
            assert [row.number for row in rows] == numbers
        mapped += len(rows)
    assert mapped == sum(row.address is not None for row in PARAMETERS.values()) == 67
