"""A unit table that makes the unit the likeness of one board."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import BOARDS, ConfigError, Unit, unit_from_table
from jbd_protocol import (
    SETTINGS,
    TEXT_SETTINGS,
    BasicInfo,
    Grade,
    ReadRequest,
    Response,
    ResponseDecoder,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
    read_parameters,
)

FACTORY = bytes.fromhex("dd5a00025678ff3077")


def asked(unit: Unit, register: int, data: bytes = b"", now_s: float = 0.0) -> Response | None:
    decoder = ResponseDecoder()
    events = decoder.receive(unit.receive(ReadRequest(register, data).to_wire(), now_s))
    assert all(isinstance(event, Response) for event in events)
    return events[0] if events else None  # type: ignore[return-value]  # asserted above


def data_of(unit: Unit, register: int, data: bytes = b"", now_s: float = 0.0) -> bytes:
    answer = asked(unit, register, data, now_s)
    assert answer is not None
    assert not answer.status
    return answer.data


def info(unit: Unit, now_s: float = 0.0) -> BasicInfo:
    return parse_basic_info(data_of(unit, 0x03, now_s=now_s))


def made(**table: object) -> Unit:
    return Unit(unit_from_table(table))


def test_a_board_that_no_kit_is_like_answers_as_it_did() -> None:
    cells = [3287, 3288, 3290, 3286, 3291, 3288]
    unit = made(
        firmware="0x21", version="0x24", model="6S pack", cells=6, ntcs=3, capacity_mah=50_000,
        settings={"0x10": "13 88", "0x2F": "00 06", "0x2E": "00 07", "0x17": "00 05"},
        pack={"cell_mv": cells, "ntc_dk": [2951, 2981, 3011], "remaining_mah": 30_000,
              "cycles": 12},
        counters=[0, 1, 2],
    )  # fmt: skip
    shown = info(unit)
    assert (shown.version, shown.cells, shown.nominal_mah) == (0x24, 6, 50_000)
    assert (shown.remaining_mah, shown.rsoc_percent, shown.cycles) == (30_000, 60, 12)
    assert shown.ntc_dk == (2951, 2981, 3011)
    assert parse_cell_voltages(data_of(unit, 0x04)).cell_mv == tuple(cells)
    assert data_of(unit, 0x05) == b"6S pack"
    assert parse_error_counters(data_of(unit, 0xAA)).counts == (0, 1, 2, *[0] * 9)


def test_its_cells_live_on_from_what_was_measured() -> None:
    cells = [3300] * 4
    unit = made(pack={"cell_mv": cells, "ntc_dk": [2981, 2981], "current_ma": -20_000})
    now = parse_cell_voltages(data_of(unit, 0x04, now_s=2.0)).cell_mv
    assert now == pytest.approx(cells, abs=3)
    assert info(unit, 2.0).current_ma == -20_000
    later = parse_cell_voltages(data_of(unit, 0x04, now_s=3600.0)).cell_mv
    assert max(later) < min(now)


def test_a_charging_board_charges_on() -> None:
    unit = made(pack={"cell_mv": [3300] * 4, "current_ma": 10_000})
    assert info(unit, 3.0).current_ma == pytest.approx(10_000, abs=100)


def test_an_open_wire_and_a_cell_just_charged_are_held() -> None:
    unit = made(pack={"cell_mv": [3300, 0, 3640, 3300]})
    assert parse_cell_voltages(data_of(unit, 0x04, now_s=60.0)).cell_mv[1:3] == (0, 3640)


def test_a_missing_probe_stays_missing_and_an_odd_one_odd() -> None:
    unit = made(pack={"ntc_dk": [2431, 9000]})
    assert info(unit, 30.0).ntc_dk == (2431, 9000)


def test_fets_that_were_off_by_software_are_off() -> None:
    unit = made(pack={"fet_lock": 1})
    assert (info(unit).fet_bits, info(unit).protection_bits) == (2, 1 << 12)


def test_what_was_learned_is_what_the_percentage_is_of() -> None:
    unit = made(pack={"remaining_mah": 45_000, "full_charge_mah": 90_000})
    assert info(unit).rsoc_percent == 50


@pytest.mark.parametrize("behind", [0, 9, 16])
def test_facts_that_were_seen_are_shown_with_their_source(behind: int) -> None:
    unit = made(firmware="0x21", facts={"tail_bytes": behind}, source="a board on the bench")
    assert len(data_of(unit, 0x03)) == 27 + behind
    fact = unit.device.firmware.tail_bytes
    assert (fact.evidence.grade, fact.evidence.source) == (Grade.CAPTURED, "a board on the bench")


def test_ways_of_the_firmware_can_be_set_otherwise() -> None:
    unit = made(
        facts={"counter_words": 11, "chip_type": 4, "parameters": "served",
               "capacity_points": "forgotten", "closed_setting": 0x80},
    )  # fmt: skip
    assert len(data_of(unit, 0xAA)) == 22
    assert data_of(unit, 0x00) == b"\x00\x04"
    assert data_of(unit, 0xFA, read_parameters(0x10, 1)) == b"\x00\x10\x01" + data_of_setting(0x20)
    closed = asked(unit, 0x24)
    assert closed is not None
    assert closed.status == 0x80
    silent = made(facts={"chip_type": "silence", "zero_checksum_refusal": True})
    assert asked(silent, 0x00) is None
    assert silent.receive(ReadRequest(0x24).to_wire(), 0.0) == bytes.fromhex("dd248100000077")


def data_of_setting(address: int) -> bytes:
    return BOARDS["4s"].settings[address]


def test_settings_are_raw_by_address_or_values_by_name() -> None:
    unit = made(settings={"0x24": "0E 10", "cuvp": 2600, "covp_delay": 7})
    unit.receive(FACTORY, 0.0)
    assert data_of(unit, 0x24) == b"\x0e\x10"
    assert data_of(unit, 0x26) == (2600).to_bytes(2, "big")
    assert data_of(unit, 0x3D)[1] == 7


def test_parameters_are_shown_by_number_and_by_register() -> None:
    words = {"20": "0E 10", "45": "00 09", "113": "00 3C"}
    unit = made(firmware="0x25", parameters=words)
    assert data_of(unit, 0xFA, read_parameters(113, 1))[3:] == b"\x00\x3c"
    unit.receive(FACTORY, 0.0)
    assert data_of(unit, 0x24) == b"\x0e\x10"
    assert data_of(unit, 0x3A)[1] == 9


def test_settings_survive_in_a_state_file_on_top_of_the_likeness(tmp_path: Path) -> None:
    table = {"settings": {"0x24": "0E 10", "0x26": "0A 00"}, "state": tmp_path / "state"}
    unit = Unit(unit_from_table(table))
    unit.receive(FACTORY, 0.0)
    unit.receive(bytes.fromhex("dd5a24020dacff2177"), 0.0)
    unit.receive(bytes.fromhex("dd5a01022828ffad77"), 0.0)
    unit.settle()
    again = Unit(unit_from_table(table))
    again.receive(FACTORY, 0.0)
    assert data_of(again, 0x24) == b"\x0d\xac"
    assert data_of(again, 0x26) == b"\x0a\x00"


raw = {
    address: st.binary(max_size=31).map(lambda text: bytes((len(text),)) + text)
    if address in TEXT_SETTINGS
    else st.binary(min_size=2, max_size=2)
    for address in SETTINGS
    # The series count decides how many limits apply; any other count is another test's.
    if address != 0x2F
}


@given(st.fixed_dictionaries({}, optional=raw))
def test_any_settings_of_the_right_size_are_served_as_given(settings: dict[int, bytes]) -> None:
    unit = made(firmware="0x25", settings={f"0x{a:02X}": d.hex() for a, d in settings.items()})
    unit.receive(FACTORY, 0.0)
    assert {a: data_of(unit, a) for a in settings} == settings
    assert len(data_of(unit, 0x04, now_s=2.0)) == 8


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"settings": {"0x24": "0E"}}, "settings 0x24: must be 2 bytes, not 1"),
        ({"settings": {"0x24": "zz"}}, "settings 0x24 'zz': must be bytes in hexadecimal"),
        ({"settings": {"0x99": "0000"}}, "settings 0x99: no such setting"),
        ({"settings": {"0xA1": "05 41"}}, "settings 0xA1: must be a length byte"),
        ({"settings": {"covp": 70_000}}, "covp"),
        ({"settings": {"colour": 1}}, "colour: no such field"),
        ({"settings": 5}, "settings: 5 is not a table"),
        ({"parameters": {"x": "0000"}}, "parameters 'x': must be a whole number, 0 to 65535"),
        ({"parameters": {"112": "00"}}, "parameters 112: must be 2 bytes"),
        ({"facts": {"wrong_pin": 0x81}}, "facts wrong_pin: unknown"),
        ({"facts": {"parameters": "maybe"}}, "must be absent or silent or served"),
        ({"facts": {"tail_bytes": 5}}, "facts tail_bytes 5: must be 0, or 9 to 64"),
        ({"facts": {"new_commands": 1}}, "facts new_commands 1: must be true or false"),
        ({"facts": {"counter_words": 13}}, "must be a whole number, 11 to 12"),
        ({"pack": {"cell_mv": [1, 2, 3, 4, 5]}}, "pack cell_mv: 5 values for 4 inputs"),
        ({"pack": {"cell_mv": [99_999]}}, "pack cell_mv: 99999 is outside 0..10000"),
        ({"pack": {"volts": 1}}, "pack volts: unknown"),
        ({"pack": {"fet_lock": 4}}, "pack fet_lock: 4 is outside 0..3"),
        ({"counters": [0] * 13}, "counters: 13 words"),
        ({"cells": 2}, "cells 2: must be a whole number, 3 to 32"),
        ({"version": "2.1"}, "version '2.1'"),
        ({"model": 5}, "model: 5 is not a string"),
        ({"pack": {}, "scenario": "healthy-4s"}, "pack: a scenario starts from its own pack"),
    ],
)
def test_a_key_that_cannot_be_is_one_line_with_its_limit(
    table: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        unit_from_table(table)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_toml_tables_are_what_serve_takes() -> None:
    text = '[[unit]]\nfirmware = "0x21"\n[unit.settings]\n"0x24" = "0E 10"\n'
    [table] = tomllib.loads(text)["unit"]
    assert unit_from_table(table).kit.settings[0x24] == b"\x0e\x10"
