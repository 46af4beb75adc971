"""Faults at the client's end of a Bluetooth module: on notifications, not on frames."""

from __future__ import annotations

import random

import pytest

from jbd_emulator import BleModule, Fault, Unit, parse_unit
from jbd_protocol import ReadRequest

BASIC, CELLS = ReadRequest(0x03).to_wire(), ReadRequest(0x04).to_wire()


def module(*faults: Fault) -> BleModule:
    """A module whose link is up and subscribed, on a unit with faults."""
    unit = Unit(parse_unit("0x21?board=4s"))
    one = BleModule(unit, "telink", rng=random.Random(1))
    one.connected(0.0)
    one.subscribed(0.1)
    one.take(0.9)
    for fault in faults:
        unit.faults.add(fault, 1.0)
    return one


def ask(one: BleModule, wire: bytes, at_s: float, until_s: float = 10.0) -> list[bytes]:
    assert one.written(wire, at_s)
    pieces: list[bytes] = []
    while one.due_s is not None and one.due_s < at_s + until_s:
        pieces += one.take(one.due_s)
        if one.ending is not None:
            break
    return pieces


def whole() -> bytes:
    return b"".join(ask(module(), BASIC, 2.0))


def test_bytes_of_a_frame_are_counted_over_its_notifications() -> None:
    size = len(whole())
    lost = ask(module(Fault("drop", end="client", register=3, byte=size - 1)), BASIC, 2.0)
    assert b"".join(lost) == whole()[:-1]
    second = ask(module(Fault("drop", end="client", byte=20, count=20)), BASIC, 2.0)
    assert second == [whole()[:20], whole()[40:]] if size > 40 else [whole()[:20]]


def test_the_notifications_of_a_frame_become_one() -> None:
    assert ask(module(Fault("merge", end="client", frames=1)), BASIC, 2.0) == [whole()]


def test_a_cut_within_a_notification_and_a_pause() -> None:
    one = module(Fault("split", end="client", byte=33, gap_s=0.08))
    assert one.written(BASIC, 2.0)
    times = []
    pieces = []
    while one.due_s is not None:
        times.append(one.due_s)
        pieces += one.take(one.due_s)
    assert [len(piece) for piece in pieces] == [20, 13, len(whole()) - 33]
    assert 0.0799 < times[-1] - times[-2] < 0.0802


def test_at_the_board_the_module_cuts_what_the_fault_has_left() -> None:
    noisy = ask(module(Fault("noise", data=b"\x01\x02")), BASIC, 2.0)
    assert b"".join(noisy) == b"\x01\x02" + whole()
    assert [len(piece) for piece in noisy][:-1] == [20] * (len(noisy) - 1)


@pytest.mark.parametrize("end", ["board", "client"])
def test_the_link_ends_within_a_frame_and_with_its_reason(end: str) -> None:
    one = module(Fault("disconnect", end=end, byte=25, reason=0x3E, times=1))
    pieces = ask(one, BASIC, 2.0)
    assert b"".join(pieces) == whole()[:25]
    ending, one.ending = one.ending, None
    assert ending is not None
    assert ending.reason == 0x3E
    one.disconnected(4.0)
    one.connected(5.0)
    one.subscribed(5.1)
    assert b"".join(ask(one, BASIC, 6.0)) == whole()


def test_a_brown_out_takes_the_link_with_it() -> None:
    one = module()
    one.unit.faults.add(Fault("brown_out", down_s=2.0), 3.0)
    one.take(3.5)
    assert one.ending is not None
    assert one.ending.down_s == 2.0


def test_an_echo_reaches_the_phone_before_the_answer() -> None:
    echoed = ask(module(Fault("echo", direction="request")), CELLS, 2.0)
    assert b"".join(echoed).startswith(CELLS + b"\xdd\x04")


def test_frames_of_the_module_itself_are_left_alone() -> None:
    one = module(Fault("drop", end="client"), Fault("drop", direction="request"))
    assert b"".join(ask(one, bytes.fromhex("ffaa070358595a15"), 2.0)).startswith(b"\xff\xaa\x07")
    assert ask(one, CELLS, 3.0) == []
