"""Boards that Hypothesis makes up."""

from __future__ import annotations

from hypothesis import strategies as st

from jbd_bench import BoardIdentity

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
