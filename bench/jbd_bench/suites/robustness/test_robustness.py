"""ROB: noise, damage, half frames and floods; behind each the board is as it was."""

from __future__ import annotations

import random
from typing import Final

import pytest

from jbd_bench import BmsClient
from jbd_bench.records import Measurements
from jbd_bench.suites import requirement
from jbd_bench.suites._wire import Wire, expect_silence, expect_status, frame
from jbd_protocol import (
    BadFrame,
    BasicInfo,
    Grade,
    Noise,
    ReadRequest,
    Response,
    ResponseDecoder,
    parse_basic_info,
)

BASIC: Final = ReadRequest(0x03).to_wire()
CELLS: Final = ReadRequest(0x04).to_wire()
SETTLE_S: Final = 0.5
"""A pause after which every board has given up a half-sent request, in seconds."""
PATIENCE_S: Final = 30.0
"""How long a board may talk after a flood, in seconds."""
_RESYNC: Final = "vendor V11: receivers resynchronise; how often and how long: assumed"


def still_answers(wire: Wire) -> BasicInfo:
    """Return what the board says after a pause; it may have fallen asleep over it once."""
    drained(wire, SETTLE_S)
    answer = wire.ask(BASIC)
    if answer is None:
        answer = wire.ask(BASIC)
    return parse_basic_info(expect_status(answer, 0x00, because="after what was done to it").data)


def drained(wire: Wire, quiet_s: float) -> list[Response | BadFrame | Noise]:
    """Return what comes until the line is quiet for so long: a board may work off a queue."""
    link, decoder = wire.link, ResponseDecoder()
    events: list[Response | BadFrame | Noise] = []
    give_up_s = link.clock.now_s() + PATIENCE_S
    while link.clock.now_s() < give_up_s and (data := link.read(link.clock.now_s() + quiet_s)):
        events += decoder.receive(data)
    return events


def noise(seed: int, size: int) -> bytes:
    """Return the same random bytes every time, without the first byte of any frame."""
    rng = random.Random(seed)
    return bytes(rng.choice([b for b in range(256) if b not in (0xDD, 0xFF)]) for _ in range(size))


@requirement("ROB-NOISE-01", "a thousand bytes of noise leave the board answering",
             source=_RESYNC, grade=Grade.ASSUMED)  # fmt: skip
@pytest.mark.parametrize("size", [16, 1000])
def test_noise_leaves_the_board_answering(wire: Wire, size: int) -> None:
    before = still_answers(wire)
    wire.send(noise(size, size))
    assert still_answers(wire).cells == before.cells


@requirement("ROB-NOISE-02", "noise full of frame starts leaves the board answering",
             source=_RESYNC, grade=Grade.ASSUMED)  # fmt: skip
@pytest.mark.parametrize(
    "text", ["DD A5 " * 40, "DD " * 200, "DD A5 03 FF " * 30, "77 " * 100, "DD A5 03 00 FF " * 40]
)
def test_noise_of_frame_starts_leaves_the_board_answering(wire: Wire, text: str) -> None:
    wire.send(frame(text))
    still_answers(wire)


@requirement("ROB-SUM-01", "no request with a bit flipped in length or checksum is answered",
             source="vendor V11: 82 is not sent", grade=Grade.VENDOR_DOCUMENT)  # fmt: skip
def test_no_flipped_bit_is_answered(wire: Wire) -> None:
    answered = []
    for place in (4, 5):
        for bit in range(8):
            damaged = bytearray(BASIC)
            damaged[place] ^= 1 << bit
            wire.send(bytes(damaged))
            if any(isinstance(event, Response) for event in wire.listen(wait_s=0.3)):
                answered.append(damaged.hex(" ").upper())
    assert not answered, f"expected silence, got answers to {', '.join(answered)}"


@requirement("ROB-SUM-02", "twenty damaged requests in a row leave the board answering",
             source=_RESYNC, grade=Grade.ASSUMED)  # fmt: skip
def test_damaged_requests_leave_the_board_answering(wire: Wire) -> None:
    before = still_answers(wire)
    expect_silence(wire.ask(frame("DD A5 03 00 FF FC 77" * 20)))
    assert still_answers(wire).cells == before.cells


@requirement("ROB-HALF-01", "half requests, one after the other, leave the board answering",
             source="Bluetooth clients that lose the connection in mid-frame; concluded",
             grade=Grade.ASSUMED)  # fmt: skip
def test_half_requests_leave_the_board_answering(wire: Wire) -> None:
    clock = wire.link.clock
    for length in (1, 2, 3, 4, 5, 6):
        wire.send(BASIC[:length])
        clock.sleep_until(clock.now_s() + 0.15)
    still_answers(wire)


@requirement("ROB-FLOOD-01", "two hundred requests without a pause leave the board answering",
             source="clients that poll without waiting, several at once; concluded",
             grade=Grade.ASSUMED)  # fmt: skip
def test_a_flood_leaves_the_board_answering(wire: Wire, jbd_measure: Measurements) -> None:
    before = still_answers(wire)
    wire.send((BASIC + CELLS) * 100)
    answers = [event for event in drained(wire, 2.0) if isinstance(event, Response)]
    jbd_measure("answers to 200 requests without a pause", len(answers), "of 200")
    after = still_answers(wire)
    assert (after.cells, after.version) == (before.cells, before.version)


@requirement("ROB-FLOOD-02", "a hundred exchanges back to back are all answered, none wrongly",
             source="captures: none lost in minutes of polling", grade=Grade.CAPTURED)  # fmt: skip
def test_exchanges_back_to_back_are_all_answered(bms: BmsClient, jbd_measure: Measurements) -> None:
    wrong = 0
    cells = bms.basic_info().cells
    for _ in range(50):
        wrong += bms.basic_info().cells != cells
        wrong += len(bms.cell_voltages()) != cells
    jbd_measure("wrong or unexpected answers", wrong + len(bms.unexpected), "of 100", high=0)


@requirement("ROB-STATE-01", "a board that was maltreated shows the same settings as before",
             source="concluded: nothing that was sent is a valid write",
             grade=Grade.ASSUMED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_maltreatment_changes_no_setting(wire: Wire, open_board: BmsClient) -> None:
    addresses = (0x10, 0x20, 0x24, 0x26, 0x28, 0x29, 0x2D, 0x2F)
    with open_board.factory_mode():
        before = [open_board.read(address) for address in addresses]
        wire.send(noise(7, 300))
        wire.send(frame("DD A5 " * 40))
        still_answers(wire)
    with open_board.factory_mode():
        after = [open_board.read(address) for address in addresses]
    assert after == before
