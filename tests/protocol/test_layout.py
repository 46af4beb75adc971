"""Layouts: `unpack` then `pack` gives the same bits, for every setting and every raw value."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    COMMANDS,
    SETTINGS,
    TEXT_SETTINGS,
    Field,
    Fields,
    Kind,
    LocalError,
    Quantity,
    Register,
    Value,
    decode_payload,
    encode_setting,
)
from jbd_protocol._layout import pack, unpack

DERIVED = ("bits_set", "text_length", "stale_bytes_after_text", "trailing")
"""Values that say something about a field and are none themselves."""


def fields_of(values: Mapping[str, Quantity]) -> dict[str, Value]:
    return {name: quantity.value for name, quantity in values.items() if name not in DERIVED}


def named_bits(row: Register) -> int:
    mask = 0
    for field in row.layout:
        high, low = field.bits or (8 * field.size - 1, 0)
        mask |= ((1 << high - low + 1) - 1) << low << 8 * (2 - field.offset - field.size)
    return mask


def shape(row: Register) -> tuple[Field, ...]:
    """Return a layout without its names: settings of one shape are packed by the same code."""
    return tuple(
        Field("", f.kind, f.offset, f.size, f.signed, f.scale, f.unit, f.bits, f.codes, f.flags)
        for f in row.layout
    )


WORD_SETTINGS = [row for row in SETTINGS.values() if row.address not in TEXT_SETTINGS]
ONE_OF_EACH_SHAPE = {shape(row): row for row in WORD_SETTINGS}.values()


def check_word(row: Register, raw: int) -> None:
    data = raw.to_bytes(2, "big")
    values = fields_of(unpack(row.layout, data))
    assert pack(row.layout, values) == (raw & named_bits(row)).to_bytes(2, "big")
    assert pack(row.layout, values, data) == data


@pytest.mark.slow
@pytest.mark.parametrize("row", ONE_OF_EACH_SHAPE, ids=lambda row: row.name)
def test_every_raw_value_of_a_setting_goes_round(row: Register) -> None:
    for raw in range(0x10000):
        check_word(row, raw)


@pytest.mark.parametrize("row", WORD_SETTINGS, ids=lambda row: row.name)
def test_the_edges_of_every_setting_go_round(row: Register) -> None:
    for raw in (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF):
        check_word(row, raw)
        values = fields_of(unpack(row.layout, raw.to_bytes(2, "big")))
        # Set bits that no field names stay set, and so does what stands behind.
        expected = (raw | ~named_bits(row) & 0xFFFF).to_bytes(2, "big") + b"\xee"
        assert pack(row.layout, values, b"\xff\xff\xee") == expected


@given(
    address=st.sampled_from(TEXT_SETTINGS),
    text=st.binary(max_size=31),
    stale=st.binary(max_size=20),
    new=st.text(st.characters(max_codepoint=255), max_size=31),
)
def test_every_text_goes_round_and_keeps_what_stands_behind_it(
    address: int, text: bytes, stale: bytes, new: str
) -> None:
    row = SETTINGS[address]
    data = bytes((len(text),)) + text + stale
    payload = decode_payload(address, data)
    assert isinstance(payload, Fields)
    values = payload.values()
    assert values[row.name] == Quantity(text.decode("latin-1"))
    assert values["text_length"] == Quantity(len(text))
    assert values.get("stale_bytes_after_text", Quantity(b"")) == Quantity(stale)
    assert encode_setting(address, fields_of(values)) == data[: 1 + len(text)]
    assert encode_setting(address, fields_of(values), data) == data
    changed = bytes((len(new),)) + new.encode("latin-1") + stale
    assert payload.replace(**{row.name: new}).to_payload() == changed


@given(
    row=st.sampled_from([row for row in COMMANDS if row.request]),
    data=st.binary(min_size=5, max_size=60),  # as long as the longest fixed part
)
def test_what_is_written_to_a_command_goes_round(row: Register, data: bytes) -> None:
    values = fields_of(unpack(row.request, data))
    if row.request[0].name == "text_length" and data:
        values["text_length"] = data[0]  # here a field of its own
    packed = pack(row.request, values, data)
    odd = any(field.kind is Kind.WORDS for field in row.request) and "trailing" in unpack(
        row.request, data
    )
    assert packed == (data[:-1] if odd else data)


def test_a_code_beyond_its_table_is_not_taken_for_the_level_of_that_value() -> None:
    """Code 8 of a table whose first level is 8 ms: jbdtool's field is one bit smaller."""
    row = SETTINGS[0x38]
    values = unpack(row.layout, b"\x00\x80")
    assert values["dsgoc2_delay"] == Quantity("0x8")
    assert pack(row.layout, {"dsgoc2_delay": "0x8"}) == b"\x00\x80"
    assert pack(row.layout, {"dsgoc2_delay": 8}) == b"\x00\x00"


def test_a_layout_reads_as_much_as_the_payload_holds() -> None:
    row = SETTINGS[0x3A]
    assert unpack(row.layout, b"\x02") == {"chgut_delay": Quantity(2, "s")}
    assert unpack(SETTINGS[0x10].layout, b"\x02") == {}
    assert unpack(SETTINGS[0xA0].layout, b"")["mfg_name"] == Quantity("")


def test_a_date_that_is_none_is_shown_as_its_bits() -> None:
    row = SETTINGS[0x15]
    assert unpack(row.layout, b"\x2c\x7c")["mfg_date"] == Quantity("2022-03-28")
    assert unpack(row.layout, b"\x00\x00")["mfg_date"] == Quantity("0x0000")
    assert pack(row.layout, {"mfg_date": "0x01FF"}) == b"\x01\xff"


DELAY_LEVELS = "8, 20, 40, 80, 160, 320, 640, 1280"


@pytest.mark.parametrize(
    ("address", "values", "text"),
    [
        (0x24, {"cuvp": 1}, "cuvp: no such field; there is covp"),
        (0x24, {"covp": -1}, "covp -1: must be 0 to 65535 mV"),
        (0x20, {"povp": 655_360}, "povp 655360: must be 0 to 655350 mV"),
        (0x20, {"povp": 14_605}, "povp 14605: must be a multiple of 10 mV"),
        (0x29, {"dsgoc": -327_690}, "dsgoc -327690: must be -327680 to 327670 mA"),
        (0x16, {"serial_num": 0x10000}, "serial_num 65536: must be 0 to 65535"),
        (0x24, {"covp": "3650"}, "covp '3650': must be a whole number"),
        (0x24, {"covp": None}, "covp None: must be a whole number"),
        (0x2D, {"func_config": "on"}, "func_config 'on': must be hexadecimal digits"),
        (0x2D, {"func_config": "0x10000"}, "func_config '0x10000': must be 0 to 65535"),
        (0x15, {"mfg_date": "0xZZ"}, "mfg_date '0xZZ': must be hexadecimal digits"),
        (0x38, {"sc": 23}, "sc 23: must be one of 22, 33, 44, 56, 67, 78, 89, 100 mV"),
        (0x38, {"dsgoc2_delay": 9}, f"dsgoc2_delay 9: must be one of {DELAY_LEVELS} ms"),
        (0x38, {"dsgoc2_delay": "0x10"}, "dsgoc2_delay '0x10': must be 0 to 15"),
        (0x38, {"sc_dsgoc_x2": 2}, "sc_dsgoc_x2 2: must be 0 to 1"),
        (0xA0, {"mfg_name": 5}, "mfg_name 5: must be text or bytes"),
        (0xA0, {"mfg_name": b"x"}, "mfg_name b'x': must be text or bytes"),
        (0xA0, {"mfg_name": "x" * 32}, "mfg_name of 32 characters: must be 0 to 31"),
        (0xA0, {"mfg_name": "电"}, "mfg_name '电': must be Latin-1 characters"),
        (0x06, {"password_bytes": "123456"}, "password_bytes '123456': must be text or bytes"),
        (0xF6, {"resistance": 5}, "resistance 5: must be a tuple of whole numbers"),
        (
            0xF6,
            {"resistance": (50,)},
            "resistance 50: must be -3276800 to 3276700 uOhm in steps of 100",
        ),
        (
            0xF6,
            {"resistance": (3_276_800,)},
            "resistance 3276800: must be -3276800 to 3276700 uOhm in steps of 100",
        ),
        (
            0xF6,
            {"resistance": ("x",)},
            "resistance 'x': must be -3276800 to 3276700 uOhm in steps of 100",
        ),
        (0xFA, {"words": (0x10000,)}, "words 65536: must be 0 to 65535 in steps of 1"),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_refused(
    address: int, values: dict[str, Value], text: str
) -> None:
    with pytest.raises(LocalError) as caught:
        encode_setting(address, values)
    assert str(caught.value) == text


@pytest.mark.parametrize("text", ["2022-13-01", "1999-01-01", "today"])
def test_a_date_that_cannot_be_packed_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match=f"^mfg_date '{text}': "):
        encode_setting(0x15, {"mfg_date": text})


def test_a_date_is_packed_and_a_number_is_taken_as_its_bits() -> None:
    assert encode_setting(0x15, {"mfg_date": "2022-03-28"}) == b"\x2c\x7c"
    assert encode_setting(0x15, {"mfg_date": 0x2C7C}) == b"\x2c\x7c"


def test_the_displayed_values_of_the_settings_have_the_units_people_read() -> None:
    def shown(address: int, data: str) -> dict[str, str]:
        values = decode_payload(address, bytes.fromhex(data)).values()
        return {name: str(quantity) for name, quantity in values.items()}

    assert shown(0x18, "0d99") == {"chgot": "75.0 degC"}
    assert shown(0x2C, "0001") == {"shunt_res": "0.1 mOhm"}
    assert shown(0x14, "0002") == {"dsg_rate": "0.2 %"}
    assert shown(0x2D, "0006") == {"func_config": "0x0006", "bits_set": "scrl, balance_en"}
    assert shown(0x2D, "0000")["bits_set"] == "none"
    assert shown(0x39, "f064") == {
        "cuvp_high_delay": "16 s",
        "covp_high_delay": "8 s",
        "sc_rel": "100 s",
    }
