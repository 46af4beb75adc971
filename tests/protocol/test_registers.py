"""The tables hold together, and say how well each row is known."""

from __future__ import annotations

from collections import Counter

import pytest

from jbd_protocol import (
    CAPACITY_POINTS,
    COMMANDS,
    FUNCTION_FLAGS,
    SETTINGS,
    TEXT_SETTINGS,
    UNIT_X10,
    Access,
    Evidence,
    Grade,
    Register,
    Status,
    register,
    status_name,
)

ROWS = (*SETTINGS.values(), *COMMANDS)


def test_how_many_rows_are_assumed_or_reported() -> None:
    """A new row that no capture and no vendor document backs shows here, and in a review."""
    assert Counter(row.evidence.grade for row in ROWS) == {
        Grade.CAPTURED: 65,
        Grade.VENDOR_DOCUMENT: 12,
        Grade.REPORTED: 52,
        # Grade.ASSUMED: none
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.address:02X} {row.name}")
def test_every_row_says_where_it_comes_from(row: Register) -> None:
    assert isinstance(row.evidence, Evidence)
    assert row.evidence.source.strip()
    assert str(row.evidence) == f"{row.evidence.grade.value}: {row.evidence.source}"
    assert row.name
    assert row.title
    assert 0 <= row.address <= 0xFF


def test_every_name_is_one_row_and_every_row_is_found_by_its_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(register(row.name) is row for row in ROWS)


def test_every_row_is_found_by_its_address() -> None:
    for row in ROWS:
        assert row in (register(row.address), register(row.address, write=True))
    assert {register(address) for address in range(256)} == {*ROWS, None} - {
        register("enter_factory")  # one address, two rows: the other is written
    }


def test_one_address_can_be_two_commands() -> None:
    assert register(0x00) is register("chip_type")
    assert register(0x00, write=True) is register("enter_factory")


def test_what_nobody_documents_is_none() -> None:
    assert register(0x80) is None
    assert register(0x80, write=True) is None
    assert register("nothing") is None


def test_a_setting_reads_and_writes_the_same_layout() -> None:
    for row in SETTINGS.values():
        assert row.layout == row.request
        assert row.layout
        assert row.access is Access.FACTORY
    assert [*SETTINGS] == [*range(0x10, 0x48), *TEXT_SETTINGS]
    assert set(CAPACITY_POINTS) < set(SETTINGS)


def test_the_unit_flag_is_the_bit_of_that_name() -> None:
    assert 1 << FUNCTION_FLAGS.index("unit_x10") == UNIT_X10


def test_every_status_has_words_and_an_unlisted_one_keeps_its_number() -> None:
    assert [status_name(status) for status in Status] == [
        "0x00 done",
        "0x80 no such command",
        "0x81 invalid: not in factory mode, or password",
        "0x82 checksum error",
        "0x83 wrong password",
    ]
    assert status_name(0x5C) == "0x5C unlisted status"
