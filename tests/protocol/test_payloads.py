"""Payloads: what is decoded encodes back to the same bytes, and nothing is dropped."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    COUNTERS,
    BasicInfo,
    CellVoltages,
    ErrorCounters,
    Fets,
    Fields,
    LocalError,
    Opaque,
    ParameterBlock,
    Payload,
    PayloadError,
    Protection,
    Quantity,
    ReadRequest,
    Response,
    Tail,
    WriteRequest,
    bit_names,
    decode_date,
    decode_payload,
    decode_request,
    decode_response,
    encode_date,
    encode_setting,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
    register,
)

payloads = st.binary(max_size=255)


@given(address=st.integers(0, 255), data=payloads, status=st.integers(0, 255))
def test_any_answer_encodes_back_to_its_bytes_or_is_a_payload_error(
    address: int, data: bytes, status: int
) -> None:
    for response in (Response(address, 0, data), Response(address, status, data)):
        result = payload_or_error(response)
        if isinstance(result, PayloadError):
            assert (result.register, result.payload) == (address, data)
            assert address in (0x03, 0x04)
        else:
            assert result.to_payload() == data
            assert all(isinstance(str(value), str) for value in result.values().values())


def payload_or_error(response: Response) -> Payload | PayloadError:
    try:
        return decode_response(response)
    except PayloadError as error:
        return error


@given(address=st.integers(0, 255), data=payloads, write=st.booleans())
def test_any_request_encodes_back_to_its_bytes(address: int, data: bytes, write: bool) -> None:
    payload = decode_request((WriteRequest if write else ReadRequest)(address, data))
    assert payload.to_payload() == data
    assert all(isinstance(str(value), str) for value in payload.values().values())


@given(
    head=st.binary(min_size=22, max_size=22),
    ntcs=st.lists(st.integers(0, 0xFFFF), max_size=12),
    behind=st.binary(max_size=40),
)
def test_any_basic_info_encodes_back_to_its_bytes(
    head: bytes, ntcs: list[int], behind: bytes
) -> None:
    words = b"".join(word.to_bytes(2, "big") for word in ntcs)
    payload = head + bytes((len(ntcs),)) + words + behind
    info = parse_basic_info(payload)
    assert info.to_payload() == payload
    assert info.ntc_dk == tuple(ntcs)
    assert (info.tail is None) == (len(behind) < 9)
    assert info.trailing == (behind[9:] if info.tail else behind)
    assert set(info.values()) >= {"pack_voltage", "current", "temperatures", "rsoc"}
    assert ("trailing" in info.values()) == bool(info.trailing)


BASIC = bytes.fromhex("0b76 ff38 1388 2710 000a 2c7c 0005 8000 1003 21 37 83 04 02 0b8a 097f")


def test_basic_info_reads_as_a_person_wants_it() -> None:
    info = parse_basic_info(BASIC)
    assert info.pack_mv == 29_340
    assert info.current_ma == -20_000  # bit 7 of the FET byte: 100 mA a count
    assert (info.remaining_mah, info.nominal_mah) == (500_000, 1_000_000)
    assert info.fets == Fets.CHARGE | Fets.DISCHARGE | Fets.UNIT_X10
    assert info.protections == (
        Protection.CELL_OVERVOLTAGE | Protection.CELL_UNDERVOLTAGE | Protection.SOFTWARE_LOCK
    )
    assert info.manufactured == date(2022, 3, 28)
    assert info.balancing_cells == (1, 3, 32)
    assert info.version_text == "2.1"
    assert str(info.values()["temperatures"]) == "22.3, -30.0 degC"
    assert info.values()["manufacture_date"].value == "2022-03-28"
    assert info._replace(date_code=0).values()["manufacture_date"].value is None
    assert info.to_payload() == BASIC


def test_the_unit_flag_scales_the_tail_too() -> None:
    tail = bytes.fromhex("32 8001 2710 1388 0064")
    info = parse_basic_info(BASIC + tail)
    assert info.tail == Tail(50, 0x8001, 1_000_000, 500_000, 100)
    assert info.values()["alarm"].value == "0x8001"
    assert info.to_payload() == BASIC + tail


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "basic info of 0 bytes, 23 are the least"),
        (BASIC[:22], "basic info of 22 bytes, 23 are the least"),
        (BASIC[:-1], "basic info of 26 bytes, its 2 NTCs need 27"),
    ],
)
def test_basic_info_that_is_too_short_is_the_boards_error(payload: bytes, why: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_basic_info(payload)
    assert (caught.value.register, caught.value.payload) == (0x03, payload)
    assert caught.value.why == why


GOOD = parse_basic_info(BASIC[:20] + b"\x03" + BASIC[21:] + bytes(9))


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (GOOD._replace(pack_mv=13_345), "pack_mv 13345: must be a multiple of 10"),
        (GOOD._replace(current_ma=-15), "current_ma -15: must be a multiple of 10"),
        (GOOD._replace(remaining_mah=1), "remaining_mah 1: must be a multiple of 10"),
        (GOOD._replace(nominal_mah=1), "nominal_mah 1: must be a multiple of 10"),
        (GOOD._replace(tail=Tail(0, 0, 1, 0, 0)), "full_charge_mah 1: must be a multiple of 10"),
        (GOOD._replace(tail=Tail(0, 0, 0, 1, 0)), "tail.remaining_mah 1: must be a multiple of 10"),
    ],
)
def test_a_value_between_two_counts_is_refused(info: BasicInfo, text: str) -> None:
    with pytest.raises(LocalError) as caught:
        info.to_payload()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "info",
    [
        GOOD._replace(pack_mv=655_360),
        GOOD._replace(current_ma=327_680),
        GOOD._replace(version=256),
        GOOD._replace(ntc_dk=(0x10000,)),
        GOOD._replace(ntc_dk=(2731,) * 256),
        GOOD._replace(tail=Tail(256, 0, 0, 0, 0)),
    ],
)
def test_a_value_beyond_its_field_is_refused(info: BasicInfo) -> None:
    with pytest.raises(LocalError, match=r"^basic info: "):
        info.to_payload()


@given(st.integers(0, 0xFFFF))
def test_a_packed_date_is_a_day_or_nothing(code: int) -> None:
    day = decode_date(code)
    if day is not None:
        assert encode_date(day) == code
        assert 2000 <= day.year <= 2127


@pytest.mark.parametrize("year", [1999, 2128])
def test_a_year_that_the_packed_date_cannot_hold_is_refused(year: int) -> None:
    with pytest.raises(LocalError) as caught:
        encode_date(date(year, 1, 1))
    assert str(caught.value) == f"year {year}: must be 2000 to 2127"


def test_bits_without_a_name_are_shown_by_number() -> None:
    assert bit_names(0b1011, ("a", "b")) == ("a", "b", "bit3")
    assert bit_names(0, ("a",)) == ()


@given(st.lists(st.integers(0, 0xFFFF), max_size=127))
def test_any_cell_voltages_encode_back_to_their_bytes(cells: list[int]) -> None:
    voltages = CellVoltages(tuple(cells))
    payload = voltages.to_payload()
    assert parse_cell_voltages(payload) == voltages
    assert voltages.values() == {"cells": Quantity(tuple(cells), "mV")}


@pytest.mark.parametrize("cells", [(0x10000,), (-1,), (0,) * 128])
def test_cell_voltages_that_do_not_fit_are_refused(cells: tuple[int, ...]) -> None:
    with pytest.raises(LocalError) as caught:
        CellVoltages(cells).to_payload()
    assert str(caught.value).startswith(f"cell_mv of {len(cells)} cells")


@pytest.mark.parametrize(
    ("payload", "why"),
    [(b"\x0d", "half a cell"), (bytes(256), "256 bytes, 255 are the most"), (bytes(5000), None)],
)
def test_cell_voltages_of_an_impossible_length_are_the_boards_error(
    payload: bytes, why: str | None
) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_cell_voltages(payload)
    assert (caught.value.register, caught.value.payload) == (0x04, payload)
    assert caught.value.why == (why or f"{len(payload)} bytes, 255 are the most")


@given(st.binary(max_size=60))
def test_error_counters_of_any_length_keep_every_byte(payload: bytes) -> None:
    counters = parse_error_counters(payload)
    assert counters.to_payload() == payload
    names = list(counters.values())
    whole = len(payload) // 2
    assert names[:12] == [*COUNTERS, "trailing"][:12] if whole >= 12 else True
    assert len(names) == whole + len(payload) % 2


def test_error_counters_beyond_the_known_ones_are_numbered() -> None:
    counters = ErrorCounters(tuple(range(14)), b"\x01")
    assert list(counters.values())[11:] == ["restart_cnt", "count12", "count13", "trailing"]
    assert counters.values()["count13"] == Quantity(13)


def test_an_error_counter_that_does_not_fit_is_refused() -> None:
    with pytest.raises(LocalError, match="must be 0 to 65535 each"):
        ErrorCounters((0x10000,)).to_payload()


def test_an_answer_is_decoded_by_the_register_that_was_asked_for() -> None:
    assert isinstance(decode_payload(0x03, BASIC), BasicInfo)
    assert decode_payload(0xA5, BASIC) == Opaque(BASIC)
    assert isinstance(decode_payload(0x10, b"\x27\x10"), Fields)
    assert decode_payload(0x10, b"") == Opaque(b"")  # the acknowledgement of a write
    assert decode_payload(0x00, b"\x00\x05").values() == {"chip": Quantity(5)}
    assert isinstance(decode_payload(0xFA, b""), ParameterBlock)
    assert Opaque(b"").values() == {}
    assert Opaque(b"\x01").values() == {"data": Quantity(b"\x01")}


def test_a_refusal_holds_nothing_known() -> None:
    assert decode_response(Response(0x03, 0x80)) == Opaque(b"")
    assert decode_response(Response(0x24, 0x81, b"\x0e\x42")) == Opaque(b"\x0e\x42")


def test_bytes_behind_the_known_fields_are_shown_and_kept() -> None:
    payload = decode_payload(0x24, b"\x0e\x42\xaa\xbb")
    assert isinstance(payload, Fields)
    assert payload.values() == {"covp": Quantity(3650, "mV"), "trailing": Quantity(b"\xaa\xbb")}
    changed = payload.replace(covp=3700)
    assert changed.to_payload() == b"\x0e\x74\xaa\xbb"
    assert payload.to_payload() == b"\x0e\x42\xaa\xbb"


def test_half_a_word_behind_the_words_is_shown() -> None:
    payload = decode_payload(0xF6, b"\x00\x05\xff\xff\x07")
    assert payload.values() == {
        "resistance": Quantity((500, -100), "uOhm"),
        "trailing": Quantity(b"\x07"),
    }


def test_a_written_payload_changes_by_the_layout_of_the_request() -> None:
    lock = decode_request(WriteRequest(0xE1, b"\x00\x01"))
    assert isinstance(lock, Fields)
    assert lock.values()["disable_charge"] == Quantity(value=True)
    assert lock.replace(disable_charge=False, disable_discharge=True).to_payload() == b"\x00\x02"
    assert register("chg_dsg_en") == lock.row


def test_a_write_to_what_nobody_documents_stays_opaque() -> None:
    assert decode_request(WriteRequest(0x80, b"\x01")) == Opaque(b"\x01")
    assert decode_request(WriteRequest(0x03, b"\x01")) == Opaque(b"\x01")
    assert decode_request(ReadRequest(0x10)) == Opaque(b"")


@pytest.mark.parametrize(
    ("key", "values", "data"),
    [
        (0x24, {"covp": 3650}, "0e42"),
        ("dsgoc", {"dsgoc": -130_000}, "cd38"),
        (0x3A, {"chgut_delay": 2}, "0200"),
        (0x38, {"sc_dsgoc_x2": True}, "8000"),
        (0x38, {}, "0000"),
        (0xFC, {"action": 1}, "0100000000"),
        (0x00, {"code": "0x5678"}, "5678"),
        (0xA0, {"mfg_name": "DGJBD"}, "0544474a4244"),
        (0xA2, {"barcode": ""}, "00"),
        (0xF6, {"resistance": (500, -100)}, "0005ffff"),
        (0x06, {"text_length": 6, "password_bytes": b"\1\2\3\4\5\6"}, "06010203040506"),
    ],
)
def test_a_setting_is_encoded_whole(
    key: int | str, values: dict[str, int | str | bool | bytes | tuple[int, ...]], data: str
) -> None:
    assert encode_setting(key, values).hex() == data


@pytest.mark.parametrize(
    ("key", "shown"), [(0x80, "0x80"), (0x03, "0x03"), ("nothing", "'nothing'"), (300, "0x12C")]
)
def test_what_cannot_be_written_is_refused(key: int | str, shown: str) -> None:
    with pytest.raises(LocalError) as caught:
        encode_setting(key, {})
    assert str(caught.value) == f"register {shown}: nothing is known to be written there"
