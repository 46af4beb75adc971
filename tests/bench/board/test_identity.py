"""Which board this is: read without writing, compared in words."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given

from jbd_bench import BmsClient, BoardIdentity, LeaveGuard, Tap, open_target, read_identity
from jbd_bench.board._identity import SETTINGS_OF
from jbd_protocol import ReplyTimeout, RequestRefused

from .conftest import identities

KNOWN = BoardIdentity(
    version=0x21, name="JBD-SP04S020", cells=4, ntcs=2, tail_bytes=0, cell_bytes=8,
    counter_bytes=24, date_code=10917, nominal_mah=100_000, serial_num=7, barcode="A1",
)  # fmt: skip


def identity_of(target: str) -> BoardIdentity:
    link = open_target(target)
    try:
        return read_identity(BmsClient(LeaveGuard(link, frozenset())))
    finally:
        link.close()


@pytest.mark.parametrize(
    ("target", "cells", "basic_info_bytes", "counter_bytes"),
    [
        ("emulator:0x15?board=4s", 4, 27, 22),
        ("emulator:0x21?board=8s", 8, 27, 24),
        ("emulator:0x25?board=16s", 16, 38, 24),
        ("emulator:0x44?board=4s", 4, 27, 24),
    ],
)
def test_cells_and_lengths_are_told(
    target: str, cells: int, basic_info_bytes: int, counter_bytes: int
) -> None:
    identity = identity_of(target)
    assert identity.cells == cells
    assert identity.cell_bytes == 2 * cells
    assert identity.basic_info_bytes == basic_info_bytes
    assert identity.counter_bytes == counter_bytes


def test_nothing_is_written() -> None:
    link = Tap(open_target("emulator:0x25"))
    read_identity(BmsClient(link))
    assert link.traffic.pieces
    assert not [p for p in link.traffic.pieces if b"\xdd\x5a" in p.data]
    link.close()


def test_serial_number_and_texts_are_told_where_fa_is_served() -> None:
    identity = identity_of("emulator:0x25?board=4s")
    assert (identity.serial_num, identity.manufacturer) == (0, "DGJBD")
    assert identity.device_name == "JBD-SP04S020-L4S-120A-B-U-K"
    assert identity_of("emulator:0x21").serial_num is None


def test_what_is_not_served_is_not_known() -> None:
    identity = identity_of("emulator:0x21?answer_05=silence&answer_AA=0x81&answer_04=0x80")
    assert (identity.name, identity.counter_bytes, identity.cell_bytes) == (None, None, None)
    assert not KNOWN.differences(replace(KNOWN, name=None))


def test_a_board_without_basic_info_is_none() -> None:
    with pytest.raises(RequestRefused):
        identity_of("emulator:0x21?answer_03=0x80")
    with pytest.raises(ReplyTimeout):
        identity_of("emulator:0x21?answer_03=silence")


def test_another_board_is_told_in_words() -> None:
    other = replace(KNOWN, version=0x17, nominal_mah=50_000, date_code=0, barcode="B2")
    assert KNOWN.differences(other) == [
        "firmware version 0x17, not 0x21",
        "manufacture date 0x0000, not 2021-05-05",
        "nominal capacity 50000 mAh, not 100000 mAh",
        "bar code 'B2', not 'A1'",
    ]


def test_what_was_written_since_is_not_compared() -> None:
    other = replace(KNOWN, serial_num=8, date_code=0)
    assert KNOWN.differences(other, written=[0x16]) == ["manufacture date 0x0000, not 2021-05-05"]
    assert not KNOWN.differences(other, written=[0x15, 0x16])


@given(identities, identities)
def test_two_are_the_same_only_where_nothing_known_differs(
    one: BoardIdentity, other: BoardIdentity
) -> None:
    both = [
        field.name
        for field in fields(one)
        if None not in (getattr(one, field.name), getattr(other, field.name))
    ]
    differ = [name for name in both if getattr(one, name) != getattr(other, name)]
    assert len(one.differences(other)) == len(differ)
    assert not one.differences(one)
    everything = {address for rows in SETTINGS_OF.values() for address in rows}
    left = [name for name in differ if name not in SETTINGS_OF]
    assert len(one.differences(other, written=everything)) == len(left)


@given(identities)
def test_a_table_gives_the_same_identity_back(identity: BoardIdentity) -> None:
    assert BoardIdentity.from_table(identity.to_table()) == identity


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cells": "4"}, "cells '4': must be a whole number"),
        ({"cells": None}, "cells None"),
        ({"name": 4}, "name 4: must be text"),
        ({"colour": "blue"}, "colour: unknown field"),
    ],
)
def test_a_table_that_is_not_one_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BoardIdentity.from_table({**KNOWN.to_table(), **change})
