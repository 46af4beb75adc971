"""CONF-FRAME: what a board hears as a request, and what it makes of anything else."""

from __future__ import annotations

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites._wire import Wire, expect_ack, expect_silence, expect_status, frame
from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    BasicInfo,
    Grade,
    ReadRequest,
    Response,
    parse_basic_info,
)

BASIC = ReadRequest(0x03).to_wire()
CELLS = ReadRequest(0x04).to_wire()
PAUSE_S = 0.05
"""A pause between bytes that no board is known to take for the end of a request, in seconds."""
TRIES = 10
GAP_S = 0.5
"""A pause after which every board has given up a half-sent request, in seconds."""


def is_basic_info(answer: Response | None) -> BasicInfo:
    """Return what a good answer to 0x03 says; fail on anything else."""
    done = expect_status(answer, 0x00)
    assert done.register == 0x03, f"expected the echo 03, got {done.register:02X}"
    return parse_basic_info(done.data)


@requirement(
    "CONF-FRAME-01",
    "every answer echoes its register and is a whole, valid frame",
    source="vendor V4 and V11 section 1; every capture",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_an_answer_echoes_its_register(wire: Wire, register: int) -> None:
    answer = wire.ask(ReadRequest(register))
    # `ask` has checked start, length, checksum and end.
    assert expect_status(answer, 0x00).register == register


@requirement(
    "CONF-FRAME-02",
    "a request sent byte by byte is answered once",
    source="client traffic section 3: works with every client",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("gap_s", [0.001, 0.005], ids=["1ms", "5ms"])
def test_a_request_sent_byte_by_byte_is_answered_once(wire: Wire, gap_s: float) -> None:
    for _ in range(TRIES):
        longest_s = wire.send(BASIC, gap_s=gap_s)
        answers = wire.listen()
        if longest_s < PAUSE_S:
            break
    else:
        pytest.skip(f"this machine is too busy to send bytes without pauses of {PAUSE_S:g} s")
    assert len(answers) == 1, f"expected one answer, got {len(answers)}"
    [answer] = answers
    assert isinstance(answer, Response)
    is_basic_info(answer)


@requirement(
    "CONF-FRAME-03",
    "noise before a request does not hide it",
    source="vendor V11: receivers resynchronise; jbdtool log",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize(
    "noise",
    [
        "00", "00 FF 55", "77", "DD", "DD DD", "A5 5A",
        # To a Bluetooth module these two begin a frame of its own, MOD-WRITE-05; to the guard,
        # which cannot know what is on the line, a write to one.
        pytest.param("FF AA", marks=pytest.mark.jbd(over="line", writes="password")),
    ],
)  # fmt: skip
def test_noise_before_a_request_does_not_hide_it(wire: Wire, noise: str) -> None:
    is_basic_info(wire.ask(frame(noise) + BASIC))


@requirement(
    "CONF-FRAME-04",
    "a damaged request is met with silence",
    source="vendor V11: 82 is not sent; length and end byte concluded from it",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param("DD A5 03 00 FF FC 77", id="checksum low byte"),
        pytest.param("DD A5 03 00 FE FD 77", id="checksum high byte"),
        pytest.param("DD A5 03 00 00 00 77", id="checksum zero"),
        pytest.param("DD A5 03 00 FF FD 78", id="end byte"),
        pytest.param("DD A5 03 00 FF FD", id="no end byte"),
        pytest.param("DD A5 03 00 FF", id="cut in the checksum"),
        pytest.param("DD A5 03", id="cut in the head"),
        pytest.param("DD A5 03 01 FF FD 77", id="length one too long"),
        pytest.param("DD A6 03 00 FF FD 77", id="neither read nor write"),
        pytest.param("DD 03 00 00 00 00 77", id="an answer"),
    ],
)
def test_a_damaged_request_is_met_with_silence(wire: Wire, damaged: str) -> None:
    expect_silence(wire.ask(frame(damaged)))


@requirement(
    "CONF-FRAME-05",
    "the good request behind a damaged one is answered",
    source="vendor V11: receivers resynchronise",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.parametrize(
    "damaged", ["DD A5 03 00 FF FC 77", "DD A5 03 00 FF FD 78", "DD A6 03 00 FF FD 77"]
)
def test_the_good_request_behind_a_damaged_one_is_answered(wire: Wire, damaged: str) -> None:
    expect_silence(wire.ask(frame(damaged)))
    is_basic_info(wire.ask(BASIC))


@requirement(
    "CONF-FRAME-06",
    "a truncated request is forgotten after a pause",
    source="concluded from clients that simply ask again",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("length", range(1, 7))
def test_a_truncated_request_is_forgotten_after_a_pause(wire: Wire, length: int) -> None:
    wire.send(BASIC[:length])
    wire.link.clock.sleep_until(wire.link.clock.now_s() + GAP_S)
    is_basic_info(wire.ask(BASIC))


@requirement(
    "CONF-FRAME-07",
    "a truncated request does not swallow the good one right behind it",
    source="the emulator's own promise",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
@pytest.mark.parametrize("length", range(1, 7))
def test_a_truncated_request_does_not_swallow_the_next(wire: Wire, length: int) -> None:
    is_basic_info(wire.ask(BASIC[:length] + BASIC))


@requirement(
    "CONF-FRAME-08",
    "a request of 255 data bytes leaves the board in step",
    source="JBDTools V2.9 sends up to 127 bytes of stack (measured)",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("size", [1, 32, 127, 255])
def test_a_long_request_leaves_the_board_in_step(wire: Wire, size: int) -> None:
    wire.send(ReadRequest(0x03, bytes(size)).to_wire())
    wire.listen()
    is_basic_info(wire.ask(BASIC))


@requirement(
    "CONF-FRAME-09",
    "an answer leaves in one piece",
    source="modules collect the whole answer (captured); jbdtool reads once",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(embedded=True, over="line")
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_an_answer_leaves_in_one_piece(wire: Wire, register: int) -> None:
    wire.ask(ReadRequest(register))
    assert len(wire.pieces) == 1, f"expected one piece, got {[p.hex(' ') for p in wire.pieces]}"


@requirement(
    "CONF-FRAME-10",
    "the first bytes come within 0.25 s",
    source="dbus-serialbattery gives up then (measured); captured median 0.05 s",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_the_first_bytes_come_within_a_quarter_second(wire: Wire, register: int) -> None:
    # A board that slept loses its first request; what is timed is one that is awake.
    wire.ask(BASIC)
    wire.ask(ReadRequest(register))
    assert wire.first_byte_s is not None, "expected an answer, got silence"
    assert wire.first_byte_s <= 0.25, f"expected at most 0.25 s, got {wire.first_byte_s:.3f} s"


@requirement(
    "CONF-FRAME-11",
    "a board never speaks unasked",
    source="every UART capture",
    grade=Grade.CAPTURED,
)
def test_a_board_never_speaks_unasked(wire: Wire) -> None:
    is_basic_info(wire.ask(BASIC))
    assert wire.listen(wait_s=2.0) == []


@requirement(
    "CONF-FRAME-12",
    "two requests in one piece get two answers, in order",
    source="concluded from a UART that has no pieces",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_two_requests_in_one_piece_get_two_answers(wire: Wire) -> None:
    wire.send(BASIC + CELLS)
    answers = wire.listen()
    assert [a.register for a in answers if isinstance(a, Response)] == [0x03, 0x04]


@requirement(
    "CONF-FRAME-13",
    "an acknowledgement is DD xx 00 00 00 00 77, length and checksum 0",
    source="vendor V4; captures; jbdtool wants length 0",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings")
def test_an_acknowledgement_is_seven_bytes_with_checksum_zero(wire: Wire) -> None:
    answer = wire.ask(LEAVE_FACTORY)
    expect_ack(answer)
    assert b"".join(wire.pieces) == frame("DD 01 00 00 00 00 77")


@requirement(
    "CONF-FRAME-14",
    "a write with a damaged frame changes nothing",
    source="vendor V11: silence for a bad checksum",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.jbd(writes="settings")
def test_a_damaged_enter_factory_does_not_open_the_settings(wire: Wire) -> None:
    damaged = bytearray(ENTER_FACTORY.to_wire())
    damaged[-2] ^= 0x01
    expect_silence(wire.ask(bytes(damaged)))
    expect_status(wire.ask(ReadRequest(0x24)), 0x81, 0x80)


@requirement(
    "CONF-FRAME-15",
    "a frame of the Bluetooth module is nothing to the board behind it",
    source="Android 3.2.x: no answer means an old module; the module answers alone",
    grade=Grade.REPORTED,
)
@pytest.mark.jbd(embedded=True, over="line")
def test_a_module_frame_is_met_with_silence(wire: Wire) -> None:
    expect_silence(wire.ask(frame("FF AA 15 06 30 30 30 30 30 30 3B")))
    is_basic_info(wire.ask(BASIC))
