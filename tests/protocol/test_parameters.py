"""Register 0xFA: blocks of parameters by number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    LAST_PARAMETER,
    MAX_READ_WORDS,
    PARAMETERS,
    SETTINGS,
    Kind,
    LocalError,
    ParameterBlock,
    Quantity,
    ReadRequest,
    parse_parameter_block,
    read_parameters,
)


@given(st.binary(max_size=255))
def test_any_block_encodes_back_to_its_bytes(payload: bytes) -> None:
    block = parse_parameter_block(payload)
    assert block.to_payload() == payload
    values = block.values()
    assert ("data" in values) == (0 < len(payload) < 3)
    assert ("words" in values) == (len(payload) > 3)


@given(
    first=st.integers(0, LAST_PARAMETER + 5),
    words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=MAX_READ_WORDS),
)
def test_every_parameter_that_is_whole_in_a_block_is_named(first: int, words: list[int]) -> None:
    data = b"".join(word.to_bytes(2, "big") for word in words)
    values = ParameterBlock(first, len(words), data).values()
    inside = range(first, first + len(words))
    named = set(values) - {"first_param", "count", "words", "stale_bytes_after_text"}
    # A block that begins in the middle of a text names nothing: its length byte is elsewhere.
    expected = {PARAMETERS[n].name for n in inside if n in PARAMETERS}
    assert named == (expected if first in PARAMETERS else set())


def test_the_parameters_fill_their_numbers_without_a_gap() -> None:
    number = 0
    for row in PARAMETERS.values():
        assert row.number == number
        number += row.words
    assert number == LAST_PARAMETER + 1 == 184


def test_a_parameter_reads_as_the_setting_it_stands_for() -> None:
    block = parse_parameter_block(bytes.fromhex("0000 04 2710 1f40 0dac 0af0"))
    assert block.values() == {
        "first_param": Quantity(0),
        "count": Quantity(4, "words"),
        "words": Quantity(("0x2710", "0x1F40", "0x0DAC", "0x0AF0")),
        "design_cap": Quantity(100_000, "mAh"),
        "cycle_cap": Quantity(80_000, "mAh"),
        "cap_100": Quantity(3500, "mV"),
        "cap_0": Quantity(2800, "mV"),
    }
    for row in PARAMETERS.values():
        if row.address is not None and row.byte is None and row.field.kind is not Kind.SIZED_TEXT:
            assert row.field == SETTINGS[row.address].request[0]


def test_half_a_word_at_the_end_is_shown_and_names_nothing() -> None:
    block = parse_parameter_block(bytes.fromhex("0014 02 0e42 0d"))
    assert block.values()["words"] == Quantity(("0x0E42", "0x0D"))
    assert "covp" in block.values()
    assert "covp_rel" not in block.values()


def test_a_text_need_not_be_read_to_the_end_of_its_block() -> None:
    block = parse_parameter_block(bytes.fromhex("0038 03 05 44474a4244"))
    assert block.values()["manufacturer_info"] == Quantity("DGJBD")


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x01"])
def test_a_block_too_short_for_its_head_is_kept_as_it_is(payload: bytes) -> None:
    block = parse_parameter_block(payload)
    assert block.head == payload
    assert block.to_payload() == payload
    assert block.values() == ({"data": Quantity(payload)} if payload else {})


def test_a_read_asks_by_number_and_count() -> None:
    request = ReadRequest(0xFA, read_parameters(1, 2))
    assert request.to_wire().hex(" ") == "dd a5 fa 03 00 01 02 ff 00 77"
    assert read_parameters(0, MAX_READ_WORDS) == b"\x00\x00\x5f"


@pytest.mark.parametrize("count", [0, -1, 96])
def test_a_read_of_too_many_or_no_words_is_refused(count: int) -> None:
    with pytest.raises(LocalError) as caught:
        read_parameters(0, count)
    assert str(caught.value) == f"count {count}: a read asks for 1 to 95 words"


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0x10000, 1), (0, 256), (0, -1)])
def test_a_number_that_does_not_fit_is_refused(first: int, count: int) -> None:
    with pytest.raises(LocalError) as caught:
        ParameterBlock(first, count).to_payload()
    assert str(caught.value).startswith(f"parameters {first}, {count} words")
