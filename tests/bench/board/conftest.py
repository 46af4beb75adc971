"""Boards that Hypothesis makes up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from jbd_bench import BoardIdentity, Snapshot
from jbd_bench.records import Direction, Piece
from jbd_protocol import BasicInfo

numbers = st.integers(0, 0xFFFF)
texts = st.text(st.characters(max_codepoint=0xFF), max_size=31)
identities = st.builds(
    BoardIdentity,
    version=st.integers(0, 0xFF), name=st.none() | texts, cells=st.integers(0, 32),
    ntcs=st.integers(0, 8), tail_bytes=st.sampled_from((0, 9, 16)),
    cell_bytes=st.none() | numbers, counter_bytes=st.none() | numbers, date_code=numbers,
    nominal_mah=numbers, serial_num=st.none() | numbers, manufacturer=st.none() | texts,
    device_name=st.none() | texts, barcode=st.none() | texts, unique_id=st.none() | texts,
    hardware=st.none() | texts,
)  # fmt: skip

raw = st.binary(max_size=64)
lines = st.text(st.characters(max_codepoint=0x2FFF), max_size=40)
pieces = st.builds(
    Piece,
    st.integers(0, 10**12).map(lambda us: round(us / 1e6, 6)),
    st.sampled_from((Direction.TO_BOARD, Direction.FROM_BOARD)),
    st.binary(min_size=1, max_size=40),
    st.just(""),
) | st.builds(
    Piece,
    st.integers(0, 10**9).map(lambda us: round(us / 1e6, 6)),
    st.just(Direction.MARK),
    st.just(b""),
    lines,
)
zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
basic_info = st.builds(
    BasicInfo,
    **{
        name: st.integers(0, most)
        for name, most in {
            "remaining_mah": 0, "nominal_mah": 0, "cycles": 0xFFFF, "date_code": 0xFFFF,
            "balance_low": 0xFFFF, "balance_high": 0xFFFF, "protection_bits": 0xFFFF,
            "version": 0xFF, "rsoc_percent": 100, "fet_bits": 0xFF, "cells": 32,
        }.items()
    },
    pack_mv=st.integers(0, 0xFFFF).map(lambda n: 10 * n),
    current_ma=st.just(0),
    ntc_dk=st.lists(st.integers(0, 0xFFFF), max_size=8).map(tuple),
    tail=st.none(),
    trailing=st.binary(max_size=8),
).map(lambda info: info.to_payload())  # fmt: skip
snapshots = st.builds(
    Snapshot,
    target=lines,
    taken=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=zones),
    identity=identities,
    payloads=st.tuples(basic_info, st.dictionaries(st.sampled_from((4, 5, 0xAA)), raw)).map(
        lambda both: {0x03: both[0], **both[1]}
    ),
    settings=st.dictionaries(st.integers(0, 0xFF), raw),
    parameters=st.dictionaries(st.integers(0, 0xFFFF), st.binary(min_size=2, max_size=2)),
    refused=st.dictionaries(st.integers(0, 0xFF), st.none() | st.integers(0, 0xFF)),
    notes=st.lists(lines, max_size=3).map(tuple),
    frames=st.lists(pieces, max_size=5).map(tuple),
)
