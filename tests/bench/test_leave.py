"""Leave to write: without it no byte of a write reaches the board."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench import ALL_LEAVES, Clock, LeaveGuard, RealClock, WriteRefused
from jbd_bench._leave import needed_leave, parse_leaves, tier_of
from jbd_bench._outgoing import WriteFinder
from jbd_protocol import (
    CLEAR_PIN,
    COMMANDS,
    ENTER_FACTORY,
    SETTINGS,
    LocalError,
    ReadRequest,
    RequestDecoder,
    WriteRequest,
)


class Sink:
    """A link that keeps what is written."""

    name = "sink:"

    def __init__(self) -> None:
        self.clock: Clock = RealClock()
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data

    def read(self, until_s: float) -> bytes:
        return b""

    def reconnect(self) -> None:
        self.sent += b"|"

    def close(self) -> None:
        self.sent += b"."


def test_reads_pass_without_leave() -> None:
    sink = Sink()
    wire = ReadRequest(0x03).to_wire()
    LeaveGuard(sink, frozenset()).write(wire)
    assert sink.sent == wire


def test_a_write_without_leave_is_refused_and_no_byte_leaves() -> None:
    sink = Sink()
    with pytest.raises(WriteRefused) as caught:
        LeaveGuard(sink, frozenset({"fets"})).write(CLEAR_PIN.to_wire())
    assert (caught.value.register, caught.value.leave) == (0x09, "password")
    assert "--allow password" in str(caught.value)
    assert sink.sent == b""


def test_a_write_with_its_leave_passes() -> None:
    sink = Sink()
    LeaveGuard(sink, frozenset({"settings"})).write(ENTER_FACTORY.to_wire())
    assert sink.sent == ENTER_FACTORY.to_wire()


def test_all_leaves_let_everything_pass_as_it_is() -> None:
    sink = Sink()
    guard = LeaveGuard(sink, ALL_LEAVES)
    for byte in CLEAR_PIN.to_wire():
        guard.write(bytes((byte,)))
    assert sink.sent == CLEAR_PIN.to_wire()


def test_a_read_sent_byte_by_byte_arrives_whole() -> None:
    sink = Sink()
    guard = LeaveGuard(sink, frozenset())
    wire = ReadRequest(0x03).to_wire()
    for byte in wire:
        guard.write(bytes((byte,)))
    assert sink.sent == wire


@pytest.mark.parametrize("command", [0x16, 0x07, 0x20, 0x22, 0x23])
def test_what_changes_a_module_needs_leave(command: int) -> None:
    sink = Sink()
    with pytest.raises(WriteRefused):
        LeaveGuard(sink, frozenset({"settings"})).write(bytes((0xFF, 0xAA, command, 0, command)))
    assert sink.sent == b""


@pytest.mark.parametrize("command", [0x15, 0x17, 0x18, 0x1D])
def test_a_login_to_a_module_passes(command: int) -> None:
    sink = Sink()
    LeaveGuard(sink, frozenset()).write(bytes((0xFF, 0xAA, command, 0, command)))
    assert len(sink.sent) == 5


@given(st.binary(max_size=40), st.integers(0, 255), st.binary(max_size=20), st.data())
def test_no_cutting_of_a_stream_lets_a_write_through(
    before: bytes, register: int, payload: bytes, data: st.DataObject
) -> None:
    sink = Sink()
    guard = LeaveGuard(sink, frozenset())
    stream = before + WriteRequest(register, payload).to_wire()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    refused = False
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        try:
            guard.write(stream[start:end])
        except WriteRefused:
            refused = True
            break
    assert refused
    heard = RequestDecoder().receive(sink.sent)
    assert not any(isinstance(event, WriteRequest) for event in heard)


def test_every_register_that_is_written_has_a_leave() -> None:
    written = {row.address for row in COMMANDS if row.request} | set(SETTINGS)
    assert {needed_leave(address) for address in written} == ALL_LEAVES
    assert needed_leave(0x99) == "reset"


@pytest.mark.parametrize(
    ("leaves", "tier"),
    [
        ("none", "read-only"),
        ("settings", "reversible"),
        ("settings,fets,balance", "reversible"),
        ("fets,capacity", "destructive"),
        ("all", "destructive"),
    ],
)
def test_leaves_come_to_a_tier(leaves: str, tier: str) -> None:
    assert tier_of(parse_leaves(leaves)) == tier


@given(st.binary(max_size=60), st.integers(0, 255), st.binary(max_size=40), st.data())
def test_a_write_is_found_whole_in_any_cutting(
    before: bytes, register: int, payload: bytes, data: st.DataObject
) -> None:
    wire = WriteRequest(register, payload).to_wire()
    stream = before + wire
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    finder, left, found = WriteFinder(), b"", []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        ready, writes = finder.take(stream[start:end])
        left += ready
        found += writes
        # Nothing that makes a write whole has left before it was told.
        assert wire not in left or any(one.frame == wire and one.whole for one in found)
    assert any(one.frame == wire and one.data == payload for one in found)
    assert stream.startswith(left)
    assert len(stream) - len(left) <= 2


def test_leaves_are_read_from_a_comma_list() -> None:
    assert parse_leaves("settings, fets") == {"settings", "fets"}
    assert parse_leaves("all") == ALL_LEAVES
    assert parse_leaves("reversible,reset") == {"settings", "fets", "balance", "reset"}
    assert parse_leaves("none") == parse_leaves("") == frozenset()
    with pytest.raises(LocalError, match="allow 'everything': must be of balance"):
        parse_leaves("everything")


def test_reconnecting_forgets_what_was_held_back() -> None:
    sink = Sink()
    guard = LeaveGuard(sink, frozenset())
    guard.write(b"\xdd")
    guard.reconnect()
    guard.write(b"\xa5")
    guard.close()
    assert sink.sent == b"|\xa5."
