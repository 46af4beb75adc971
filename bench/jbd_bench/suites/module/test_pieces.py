"""MOD-PIECE: how an answer of the board is cut into notifications."""

from __future__ import annotations

import itertools

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, PIECE, Module, cut
from jbd_protocol import (
    FrameError,
    Grade,
    ReadRequest,
    Response,
    parse_response,
    read_parameters,
)

pytestmark = pytest.mark.jbd(over="module")
GAP_LIMIT_S = 0.05


def whole(pieces: list[bytes]) -> Response:
    """Return the one answer that pieces hold."""
    __tracebackhide__ = True
    raw = b"".join(pieces)
    assert raw, "expected an answer, got silence"
    try:
        return parse_response(raw)
    except FrameError as error:
        raise AssertionError(f"expected one answer, got {raw.hex(' ')}: {error}") from None


def expect_cut(pieces: list[bytes]) -> None:
    """Fail unless the pieces hold 20 bytes each, the last what is left; or one holds it all."""
    __tracebackhide__ = True
    raw = b"".join(pieces)
    sizes = [len(piece) for piece in pieces]
    assert pieces in (cut(raw), [raw]), f"{len(raw)} bytes came as {sizes}"


@requirement(
    "MOD-PIECE-01",
    "an answer comes in pieces of 20 bytes, the last with the rest; or whole, if the MTU is larger",
    source="all captures: 36 bytes as 20 + 16, 41 as 20 + 20 + 1",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_an_answer_comes_in_pieces_of_twenty_bytes(admitted: Module, register: int) -> None:
    admitted.serves()
    pieces = admitted.pieces(ReadRequest(register).to_wire())
    assert whole(pieces).register == register
    expect_cut(pieces)
    assert max(map(len, pieces)) <= admitted.end.mtu - 3


@requirement(
    "MOD-PIECE-02",
    "an answer that fills its last piece has no empty one behind it",
    source="concluded: 20 and 21 bytes are the boundary; 41 captured as 20 + 20 + 1",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("words", [5, 6, 15, 16, 25], ids=lambda n: f"{10 + 2 * n}-bytes")
def test_an_answer_that_fills_its_last_piece_has_none_behind_it(
    admitted: Module, words: int
) -> None:
    admitted.serves()
    pieces = admitted.pieces(ReadRequest(0xFA, read_parameters(0, words)).to_wire())
    if not pieces or whole(pieces).status:
        pytest.skip("needs parameters by number, 0xFA, which this board does not serve")
    assert sum(map(len, pieces)) == 10 + 2 * words
    expect_cut(pieces)


@requirement(
    "MOD-PIECE-03",
    "a clone with a larger MTU notifies 46 bytes at once",
    source="asked for by the field; no capture",
    grade=Grade.ASSUMED,
)
def test_a_clone_notifies_46_bytes_at_once(admitted: Module, generation: str | None) -> None:
    if generation != "clone":
        pytest.skip("is about the clone: --target '...?module=clone'")
    pieces = admitted.pieces(ReadRequest(0xFA, read_parameters(0, 18)).to_wire())
    if not pieces or whole(pieces).status:
        pytest.skip("needs parameters by number, 0xFA, which this board does not serve")
    assert [len(piece) for piece in pieces] == [46]


@requirement(
    "MOD-PIECE-04",
    "the pieces of an answer follow each other at once: the module collects the whole of it",
    source="243 gaps captured, 0.2 to 16 ms; 20 bytes of a 9600 baud line take 21 ms",
    grade=Grade.CAPTURED,
)
def test_pieces_follow_each_other_at_once(admitted: Module) -> None:
    admitted.serves()
    link = admitted.link
    link.write(BASIC)
    until_s = link.clock.now_s() + 1.0
    size, times = 0, []
    while piece := link.read(until_s):
        times.append(link.clock.now_s())
        size += len(piece)
        until_s = times[-1] + 0.1
    assert size > PIECE, f"expected basic information, got {size} bytes"
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert all(gap <= GAP_LIMIT_S for gap in gaps), f"gaps of {gaps} s"
