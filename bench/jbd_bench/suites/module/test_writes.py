"""MOD-WRITE: frames that do not fall on the boundaries of writes."""

from __future__ import annotations

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, CELLS, RANDOM, Module, Traits, cut
from jbd_protocol import Grade, Response, ResponseDecoder

pytestmark = pytest.mark.jbd(over="module")
PIECE_GAP_S = 0.005
FORGOTTEN_S = 0.5
"""A pause after which every module has given up half a frame, in seconds."""
_NO_FRAMES = "needs a module that answers frames of its own without leave to write"


def registers(pieces: list[bytes]) -> list[int]:
    """Return the registers of the answers that pieces hold."""
    events = ResponseDecoder().receive(b"".join(pieces))
    return [event.register for event in events if isinstance(event, Response)]


@pytest.fixture
def own_frames(admitted: Module, traits: Traits) -> Module:
    """A module that answers 17, over which the board is reached."""
    if traits.app_key is None:
        pytest.skip(_NO_FRAMES)
    return admitted


@requirement(
    "MOD-WRITE-01",
    "two requests in one write get two answers, in order, that share no piece",
    source="concluded from a serial line that has no writes",
    grade=Grade.ASSUMED,
)
def test_two_requests_in_one_write_get_two_answers(admitted: Module) -> None:
    admitted.serves()
    pieces = admitted.pieces(BASIC + CELLS)
    assert registers(pieces) == [0x03, 0x04]
    raw = b"".join(pieces)
    size = raw[3] + 7
    apart = cut(raw[:size]) + cut(raw[size:])
    assert pieces in (apart, [raw[:size], raw[size:]]), [len(piece) for piece in pieces]


@requirement(
    "MOD-WRITE-02",
    "half a request in each of two writes is answered once it is whole",
    source="concluded from a serial line that has no writes",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("size", range(1, 7))
def test_half_a_request_per_write_is_answered_once_it_is_whole(admitted: Module, size: int) -> None:
    admitted.serves()
    admitted.link.write(BASIC[:size])
    clock = admitted.link.clock
    clock.sleep_until(clock.now_s() + PIECE_GAP_S)
    assert registers(admitted.pieces(BASIC[size:])) == [0x03]


@requirement(
    "MOD-WRITE-03",
    "what is longer than a write reaches the board as one when it comes in pieces, 5 ms apart",
    source="app analysis of 3.2.033: 20-byte pieces, 5 ms",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("noise", [14, 33])
def test_what_is_longer_than_a_write_reaches_the_board(admitted: Module, noise: int) -> None:
    admitted.serves()
    *early, last = cut(bytes(noise) + BASIC)
    clock = admitted.link.clock
    for piece in early:
        admitted.link.write(piece)
        clock.sleep_until(clock.now_s() + PIECE_GAP_S)
    assert registers(admitted.pieces(last)) == [0x03]


@requirement(
    "MOD-WRITE-04",
    "a frame of the module and a request in one write are both answered",
    source="concluded; the captured apps write them one by one",
    grade=Grade.ASSUMED,
)
def test_a_module_frame_and_a_request_in_one_write_are_both_answered(own_frames: Module) -> None:
    own_frames.serves()
    pieces = own_frames.pieces(RANDOM.to_wire() + BASIC)
    ours = [piece for piece in pieces if piece[:2] == b"\xff\xaa"]
    assert [piece[2] for piece in ours] == [0x17]
    assert registers([piece for piece in pieces if piece not in ours]) == [0x03]


# What follows FF AA is a command that nobody knows, for a module and for the guard of the line.
@requirement(
    "MOD-WRITE-05",
    "FF AA before a request begins a frame of the module, which is given up after a pause",
    source="follows from the module's grammar; on the line the same is noise",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(writes="password")
def test_the_beginning_of_a_module_frame_is_given_up_after_a_pause(admitted: Module) -> None:
    admitted.serves()
    assert admitted.pieces(b"\xff\xaa" + BASIC, wait_s=0.3) == []
    clock = admitted.link.clock
    clock.sleep_until(clock.now_s() + FORGOTTEN_S)
    assert registers(admitted.pieces(BASIC)) == [0x03]


@requirement(
    "MOD-WRITE-06",
    "half a frame of the module in each of two writes is answered once it is whole",
    source="concluded",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("size", range(1, 5))
def test_half_a_module_frame_per_write_is_answered(own_frames: Module, size: int) -> None:
    wire = RANDOM.to_wire()
    own_frames.link.write(wire[:size])
    clock = own_frames.link.clock
    clock.sleep_until(clock.now_s() + PIECE_GAP_S)
    assert b"".join(own_frames.pieces(wire[size:]))[:4] == b"\xff\xaa\x17\x01"


@requirement(
    "MOD-WRITE-07",
    "a frame of the module with a wrong sum is met with silence, the next one is answered",
    source="concluded from the board's rule; never captured",
    grade=Grade.ASSUMED,
)
def test_a_damaged_module_frame_is_met_with_silence(own_frames: Module) -> None:
    wire = bytearray(RANDOM.to_wire())
    wire[-1] ^= 0x01
    assert own_frames.pieces(bytes(wire)) == []
    own_frames.draw()
