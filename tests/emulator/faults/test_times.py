"""When the pieces of a bent frame leave, on a terminal; and at the client's end of a paced line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jbd_emulator import Fault

from .terminal import Terminal

BASIC, CELLS = bytes.fromhex("dda50300fffd77"), bytes.fromhex("dda50400fffc77")
SIZE = 15
"""Bytes of the answer to CELLS."""


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    made: list[Terminal] = []
    yield made
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("fault", "pieces"),
    [
        (Fault("delay", delay_s=0.25), [(0.25, SIZE)]),
        (Fault("late", timeout_s=1.5, margin_s=0.125), [(1.625, SIZE)]),
        (Fault("split", byte=6, gap_s=0.08), [(0.0, 6), (0.08, SIZE - 6)]),
        (Fault("split", byte=-1), [(0.0, SIZE - 1), (0.06, 1)]),
        (Fault("slow", size=6, gap_s=0.01), [(0.0, 6), (0.01, 6), (0.02, 3)]),
        (Fault("duplicate", copies=2, gap_s=0.5), [(0.0, SIZE), (0.5, SIZE), (1.0, SIZE)]),
        (Fault("duplicate", copies=2), [(0.0, 3 * SIZE)]),
        (Fault("merge", hold_s=0.75), [(0.75, SIZE)]),
        (Fault("silence"), []),
        (Fault("delay", direction="request", delay_s=0.25), [(0.25, SIZE)]),
        (Fault("split", direction="request", gap_s=0.05), [(0.05, SIZE)]),
        # A gap this long is the end of a request: the board gives up what it has.
        (Fault("split", direction="request", gap_s=0.15), []),
        (Fault("duplicate", direction="request", gap_s=0.5), [(0.0, SIZE), (0.5, SIZE)]),
        (Fault("echo", direction="request"), [(0.0, 7 + SIZE)]),
    ],
    ids=str,
)
def test_pieces_leave_when_the_fault_says(
    terminals: list[Terminal], fault: Fault, pieces: list[tuple[float, int]]
) -> None:
    one = Terminal("0x21", [fault])
    terminals.append(one)
    one.wait(3.0)
    heard = one.ask(CELLS, 2.5)
    assert [len(data) for _, data in heard] == [size for _, size in pieces]
    assert [at_s for at_s, _ in heard] == pytest.approx([at_s for at_s, _ in pieces], abs=1e-5)


def test_glued_to_the_next_answer(terminals: list[Terminal]) -> None:
    one = Terminal("0x21", [Fault("merge", frames=2, hold_s=2.0, times=1)])
    terminals.append(one)
    assert one.ask(CELLS, 1.0) == []
    [(at_s, both)] = one.ask(BASIC, 1.0)
    assert (at_s, both[:2], both[SIZE : SIZE + 2]) == (0.0, b"\xdd\x04", b"\xdd\x03")


def test_no_answer_overtakes_a_late_one(terminals: list[Terminal]) -> None:
    one = Terminal("0x21", [Fault("delay", delay_s=1.0, times=1)])
    terminals.append(one)
    assert one.ask(CELLS, 0.5) == []
    [(at_s, both)] = one.ask(BASIC, 1.0)
    assert (at_s, both[:2], both[SIZE : SIZE + 2]) == (0.5, b"\xdd\x04", b"\xdd\x03")


def test_silence_that_goes_on_for_a_while(terminals: list[Terminal]) -> None:
    one = Terminal("0x21", [Fault("silence", register=4, for_s=2.0, times=1)])
    terminals.append(one)
    assert [len(one.ask(CELLS, 0.75)) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert len(one.ask(BASIC)) == 1


def test_every_second_from_the_third_twice(terminals: list[Terminal]) -> None:
    one = Terminal("0x21", [Fault("drop", register=4, nth=3, every=2, times=2)])
    terminals.append(one)
    lost = []
    for number in range(1, 9):
        assert one.ask(BASIC)
        if not one.ask(CELLS):
            lost.append(number)
    assert lost == [3, 5]
    assert [hit.exchange for hit in one.hits] == [3, 5]


def test_a_probability_is_drawn_from_the_seed(terminals: list[Terminal]) -> None:
    def lost(seed: int) -> list[bool]:
        one = Terminal(f"0x21?seed={seed}", [Fault("drop", p=0.5)])
        terminals.append(one)
        return [not one.ask(CELLS) for _ in range(40)]

    assert lost(1) == lost(1) != lost(2)
    assert 8 < sum(lost(3)) < 32


def test_at_the_client_s_end_of_a_paced_line_it_meets_the_pieces(
    terminals: list[Terminal],
) -> None:
    plain = Terminal("0x21", baud=9600)
    glued = Terminal("0x21", [Fault("merge", end="client", frames=1)], baud=9600)
    ended = Terminal("0x21", [Fault("disconnect", end="client", byte=10, times=1)], baud=9600)
    terminals += [plain, glued, ended]
    assert [len(data) for _, data in plain.ask(CELLS)] == [8, 7]
    [(at_s, whole)] = glued.ask(CELLS)
    assert whole == b"".join(data for _, data in plain.heard)
    assert at_s == pytest.approx((7 + SIZE) * 10 / 9600, abs=1e-5)
    assert [len(data) for _, data in ended.ask(CELLS)] == [8, 2]
    assert [so_far for _, so_far in ended.hang_ups] == [10]
    assert [len(data) for _, data in ended.ask(CELLS)] == [8, 7]
