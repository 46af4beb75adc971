"""Any bytes in any cutting: nothing raises, grows or changes, and the good frame is answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import FIRMWARE, GAP_S, Unit, parse_unit
from jbd_emulator._line import Line
from jbd_protocol import (
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    MAX_FRAME,
    SAVE_AND_LEAVE_FACTORY,
    SETTINGS,
    FrameError,
    ReadRequest,
    Response,
    ResponseDecoder,
    WriteRequest,
    parse_request,
)

NAME = ReadRequest(0x05)
PIN = bytes((1, 2, 3, 4, 5, 6))
WRITES = [
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    CLEAR_PIN,
    WriteRequest(0x06, b"\x06" + PIN),
    WriteRequest(0x07, b"\x0c" + PIN + b"\x09" * 6),
    WriteRequest(0x10, b"\x13\x88"),
    WriteRequest(0x24, b"\x0e\x10"),
    WriteRequest(0xA2, b"\x03ABC"),
    WriteRequest(0xE1, b"\x00\x03"),
    WriteRequest(0xFA, b"\x00\x10\x01\x05\x00"),
    WriteRequest(0x0B, b"\x18\x81"),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a request that would change something, and is cut or has a byte changed."""
    wire = bytearray(draw(st.sampled_from(WRITES)).to_wire())
    if draw(st.booleans()):
        return bytes(wire[: draw(st.integers(1, len(wire) - 1))])
    at = draw(st.integers(0, len(wire) - 1))
    wire[at] ^= draw(st.integers(1, 0xFF))
    return bytes(wire)


heads = st.builds(
    lambda kind, register, length: bytes((0xDD, kind, register, length)),
    st.sampled_from([0xA5, 0x5A]),
    st.integers(0, 0xFF),
    st.integers(0, 0xFF),
)
"""Beginnings that announce up to 255 bytes of data."""
noise = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from([0xDD, 0xA5, 0x5A, 0x77, 0x00, 0x06]), max_size=12).map(bytes),
        heads,
        damaged(),
        st.sampled_from([ReadRequest(0x03), ReadRequest(0x24), NAME]).map(ReadRequest.to_wire),
    ),
    max_size=12,
)
firmware = st.sampled_from([f"0x{version:02X}" for version in FIRMWARE])
modes = st.sampled_from(["", "?pin=123456", "?pin=123456&pin_encoding=ascii"])


def state(unit: Unit) -> tuple[object, ...]:
    """Return everything that only a valid request may change."""
    device = unit.device
    return (
        {address: device.settings[address] for address in SETTINGS},
        device.settings.eeprom(),
        device.settings.saved(),
        device.pin.stored,
        device.pin.locked,
        device.mode,
        device.factory_code,
        device.monitor.fet_lock,
        tuple(device.monitor.counters),
        device.revision,
        device.basic_info().fet_bits,
    )


def valid_frames(stream: bytes) -> Iterator[bytes]:
    """Yield every part of a stream that is a whole request, by trying them all."""
    for at, byte in enumerate(stream):
        if byte != 0xDD or at + 7 > len(stream):
            continue
        raw = stream[at : at + 7 + stream[at + 3]]
        try:
            parse_request(raw)
        except FrameError:
            continue
        yield raw


def cut(draw: st.DataObject, stream: bytes) -> list[bytes]:
    cuts = draw.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted), "cuts")
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def run_out(unit: Unit) -> bytes:
    """Let time pass until the unit has nothing left to do; return what it said."""
    answer = b""
    for _ in range(10):
        if unit.due_s is None:
            return answer
        answer += unit.on_due(unit.due_s)
    raise AssertionError("a line that never falls silent")


def answers(wire: bytes) -> list[Response]:
    decoder = ResponseDecoder()
    events = [*decoder.receive(wire), *decoder.flush()]
    assert all(isinstance(event, Response) for event in events), events
    return [event for event in events if isinstance(event, Response)]


@given(firmware=firmware, mode=modes, pieces=noise, draw=st.data())
def test_noise_changes_nothing_and_the_good_frame_behind_it_is_answered(
    firmware: str, mode: str, pieces: list[bytes], draw: st.DataObject
) -> None:
    unit = Unit(parse_unit(firmware + mode))
    before = state(unit)
    expected = Unit(unit.config).receive(NAME.to_wire(), 0.0)
    stream = b"".join(pieces) + NAME.to_wire()
    said, now_s = b"", 0.0
    for piece in cut(draw, stream):
        said += unit.receive(piece, now_s)
        assert pending(unit) <= MAX_FRAME
        now_s += draw.draw(st.sampled_from([0.0, 0.01, 0.09]), "gap")
    said += run_out(unit)
    frames = list(valid_frames(stream))
    told = answers(said)
    assert len(told) <= len(frames)
    if not any(raw[1] == 0x5A for raw in frames):
        assert state(unit) == before
        assert said.endswith(expected)
        assert told[-1].register == 0x05


@given(firmware=firmware, mode=modes, pieces=noise, gaps=st.lists(st.floats(0, 0.3), min_size=12))
def test_after_a_pause_a_good_frame_is_answered_at_once(
    firmware: str, mode: str, pieces: list[bytes], gaps: list[float]
) -> None:
    unit, now_s = Unit(parse_unit(firmware + mode)), 0.0
    for piece, gap_s in zip(pieces, gaps, strict=False):
        if piece:
            unit.receive(piece, now_s)
        assert pending(unit) <= MAX_FRAME
        now_s += gap_s
    answer = unit.receive(NAME.to_wire(), now_s + GAP_S)
    assert answers(answer)[-1].register == 0x05
    assert unit.due_s is None


@given(stream=st.binary(max_size=20_000))
def test_memory_stays_within_one_frame_however_long_the_stream(stream: bytes) -> None:
    unit = Unit(parse_unit("0x21"))
    for at in range(0, len(stream), 1024):
        unit.receive(stream[at : at + 1024], 0.0)
        assert pending(unit) <= MAX_FRAME


def pending(unit: Unit) -> int:
    line: Line = unit.line
    return line.decoder.pending


@pytest.mark.parametrize("register", [0x06, 0x07, 0x09])
@pytest.mark.parametrize("kept", [4, 5, 20, 64, 133])
def test_a_127_byte_frame_cut_short_swallows_nothing_for_good(register: int, kept: int) -> None:
    """JBDTools V2.9 sends 127 bytes of its stack; a driver may lose the end of them."""
    torn = WriteRequest(register, b"\x06" + PIN + bytes(120)).to_wire()[:kept]
    unit = Unit(parse_unit("0x17?pin=123456"))
    expected = Unit(unit.config).receive(NAME.to_wire(), 0.0)
    assert unit.receive(torn, 0.0) == b""
    # Right behind it: taken for the missing data at first, found when the line falls silent.
    late = unit.receive(NAME.to_wire(), 0.01)
    assert unit.due_s is None or unit.due_s == pytest.approx(0.01 + GAP_S)
    assert late + run_out(unit) == expected
    # A second later: at once.
    unit.receive(torn, 1.0)
    assert unit.receive(NAME.to_wire(), 2.0) == expected
    assert unit.device.pin.locked


def test_a_driver_that_never_looks_at_the_time_loses_no_frame_either() -> None:
    unit = Unit(parse_unit("0x21"))
    unit.receive(WriteRequest(0x06, bytes(127)).to_wire()[:20] + NAME.to_wire(), 0.0)
    said = unit.receive(ReadRequest(0x04).to_wire(), 1.0)
    assert [answer.register for answer in answers(said)] == [0x05, 0x04]


def test_a_whole_127_byte_frame_takes_no_part_of_the_next() -> None:
    unit = Unit(parse_unit("0x17?pin=123456"))
    wire = WriteRequest(0x06, bytes(127)).to_wire() + NAME.to_wire()
    first, second = answers(unit.receive(wire, 0.0))
    assert (first.register, bool(first.status), second.register) == (0x06, True, 0x05)


def test_a_frame_within_the_data_of_another_is_not_a_request() -> None:
    """What a length byte announces is data, as long as the frame around it is good."""
    unit = Unit(parse_unit("0x17?pin=123456"))
    [answer] = answers(unit.receive(WriteRequest(0x06, CLEAR_PIN.to_wire()).to_wire(), 0.0))
    assert answer.register == 0x06
    assert unit.device.pin_is_set


def test_the_answers_of_two_lines_do_not_mix() -> None:
    unit = Unit(parse_unit("0x21"))
    other, wire = Line(unit), NAME.to_wire()
    assert unit.receive(wire[:4], 0.0) == b""
    assert other.receive(wire, 0.0) != b""
    assert unit.receive(wire[4:], 0.01) != b""


def test_noise_alone_is_met_with_silence() -> None:
    unit = Unit(parse_unit("0x21"))
    for raw in (b"\x00", b"\xff\xaa\x15\x06000000\x3b", b"\xdd\xdd\xdd", b"\x77" * 400):
        assert unit.receive(raw, 0.0) == b""
    assert run_out(unit) == b""
