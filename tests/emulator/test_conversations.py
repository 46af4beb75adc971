"""What real clients send goes as with a board: settings, factory mode, FETs, counters.

The conversations are those of the notes on client traffic, recorded by running the clients.
`05` reads a register, `10..3F` reads a range, `w24=0E42` writes.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from jbd_emulator import FIRMWARE, PtyPort, Unit, parse_unit
from jbd_protocol import (
    SETTINGS,
    TEXT_SETTINGS,
    PinEncoding,
    Protection,
    ReadRequest,
    Request,
    Response,
    Status,
    WriteRequest,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
    parse_response,
)

ALL = [f"0x{version:02X}" for version in FIRMWARE]
ENTER, LEAVE, SAVE = "w00=5678", "w01=0000", "w01=2828"
FACTORY_READS = "10..3F 40 41 A0 A1 A2 AA"


def new(text: str = "0x20") -> Unit:
    return Unit(parse_unit(text))


def requests(script: str) -> Iterator[Request]:
    for word in script.split():
        if word.startswith("w"):
            register, _, data = word[1:].partition("=")
            yield WriteRequest(int(register, 16), bytes.fromhex(data))
            continue
        first, _, last = word.partition("..")
        for address in range(int(first, 16), int(last or first, 16) + 1):
            yield ReadRequest(address)


def play(unit: Unit, script: str, now_s: float = 0.0) -> list[Response]:
    """Send each request and return its answer; a silence is a failure."""
    answers = []
    for request in requests(script):
        wire = unit.receive(request.to_wire(), now_s)
        answer = parse_response(wire)
        assert answer.register == request.register
        if isinstance(request, WriteRequest):
            assert answer.data == b"", f"{request} is acknowledged with length 0"
            if answer.status == Status.OK:
                assert wire == bytes((0xDD, request.register, 0, 0, 0, 0, 0x77))
        answers.append(answer)
    return answers


def statuses(unit: Unit, script: str) -> list[int]:
    return [answer.status for answer in play(unit, script)]


def word(unit: Unit, address: int) -> int:
    [_, answer, _] = play(unit, f"{ENTER} {address:02X} {LEAVE}")
    assert answer.status == Status.OK
    return int.from_bytes(answer.data, "big")


def nominal_mah(unit: Unit) -> int:
    [answer] = play(unit, "03")
    return parse_basic_info(answer.data).nominal_mah


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ALL)
def test_a_written_setting_is_in_force_at_once(firmware: str) -> None:
    unit = new(firmware)
    assert nominal_mah(unit) == 100_000
    play(unit, f"{ENTER} w10=1388")
    assert nominal_mah(unit) == 50_000
    play(unit, "w2F=0003")
    assert len(parse_cell_voltages(play(unit, "04")[0].data).cell_mv) == 3


@pytest.mark.parametrize("firmware", ALL)
def test_after_an_exit_with_0000_it_holds_until_power_off(firmware: str) -> None:
    unit = new(firmware)
    play(unit, f"{ENTER} w24=0E10 w10=1388 {LEAVE}")
    assert word(unit, 0x24) == 3600
    assert nominal_mah(unit) == 50_000
    unit.device.power_cycle(1.0)
    assert word(unit, 0x24) == 3650
    assert nominal_mah(unit) == 100_000


@pytest.mark.parametrize("firmware", ALL)
def test_an_exit_with_2828_makes_it_permanent(firmware: str) -> None:
    unit = new(firmware)
    play(unit, f"{ENTER} w24=0E10 {SAVE} {ENTER} w25=0DAC {LEAVE}")
    unit.device.power_cycle(1.0)
    assert (word(unit, 0x24), word(unit, 0x25)) == (3600, 3500)


def test_what_an_exit_with_0000_left_in_force_a_later_2828_saves() -> None:
    unit = new()
    play(unit, f"{ENTER} w24=0E10 {LEAVE} {ENTER} {SAVE}")
    unit.device.power_cycle(1.0)
    assert word(unit, 0x24) == 3600


def test_a_2828_without_factory_mode_is_acknowledged_and_saves_nothing() -> None:
    unit = new()
    play(unit, f"{ENTER} w24=0E10 {LEAVE} {SAVE}")
    unit.device.power_cycle(1.0)
    assert word(unit, 0x24) == 3650


@pytest.mark.parametrize("firmware", ALL)
def test_an_exit_with_2828_zeroes_the_error_counters_and_one_with_0000_does_not(
    firmware: str,
) -> None:
    unit = new(firmware)
    unit.device.monitor.counters[3] = 7
    play(unit, f"{ENTER} {LEAVE}")
    assert any(play(unit, "AA")[0].data)
    play(unit, f"{ENTER} {SAVE}")
    assert not any(play(unit, "AA")[0].data)


@pytest.mark.parametrize("firmware", ALL)
def test_error_counters_have_24_bytes_and_22_where_the_row_says_so(firmware: str) -> None:
    [answer] = play(new(firmware), "AA")
    assert len(answer.data) == (22 if firmware in ("0x15", "0x16") else 24)
    assert len(parse_error_counters(answer.data).counts) == len(answer.data) // 2


@pytest.mark.parametrize("firmware", ALL)
def test_settings_are_closed_outside_factory_mode_and_nothing_is_written(firmware: str) -> None:
    unit = new(firmware)
    before = {a: unit.device.settings[a] for a in SETTINGS}
    for address in SETTINGS:
        for script in (f"{address:02X}", f"w{address:02X}=0001"):
            assert play(unit, script)[0].status in (
                {Status.INVALID, Status.NO_SUCH_COMMAND, Status.OK}
                if 0x42 <= address <= 0x47
                else {Status.INVALID}
            )
    assert {a: unit.device.settings[a] for a in SETTINGS} == before


@pytest.mark.parametrize("firmware", ALL)
def test_every_setting_is_read_in_nine_bytes_and_written_with_an_empty_answer(
    firmware: str,
) -> None:
    """JBDTools takes exactly nine bytes for a setting, jbdtool an acknowledgement of length 0."""
    unit = new(firmware)
    play(unit, ENTER)
    for address in SETTINGS:
        [read] = play(unit, f"{address:02X}")
        if 0x42 <= address <= 0x47 and firmware in ("0x15", "0x16", "0x17"):
            assert read.status == Status.NO_SUCH_COMMAND
            continue
        assert read.status == Status.OK
        if address not in TEXT_SETTINGS:
            assert len(read.to_wire()) == 9
        [written] = play(unit, f"w{address:02X}={read.data.hex()}")
        assert written == Response(address, Status.OK)


# -- FETs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ALL)
@pytest.mark.parametrize(("lock", "fets"), [("0001", 2), ("0002", 1), ("0003", 0), ("0000", 3)])
def test_e1_works_without_factory_mode_and_shows_in_basic_info(
    firmware: str, lock: str, fets: int
) -> None:
    unit = new(firmware)
    play(unit, f"wE1=000{3 - int(lock)} wE1={lock}")
    info = parse_basic_info(play(unit, "03")[0].data)
    assert info.fet_bits & 3 == fets
    assert bool(info.protection_bits & Protection.SOFTWARE_LOCK) == (lock != "0000")
    assert info.protection_bits & ~Protection.SOFTWARE_LOCK == 0


def test_e1_between_enter_and_exit_stays_after_either_exit() -> None:
    for leave in (LEAVE, SAVE):
        unit = new()
        play(unit, f"{ENTER} wE1=0001 {leave}")
        assert parse_basic_info(play(unit, "03")[0].data).fet_bits & 3 == 2


def test_e1_needs_the_pin_where_one_is_set() -> None:
    unit = new("0x17?pin=123456")
    assert statuses(unit, "wE1=0003 w06=06010203040506 wE1=0003") == [Status.INVALID, 0, 0]


# -- factory mode ----------------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ALL)
def test_a_client_that_never_leaves_factory_mode_does_no_harm(firmware: str) -> None:
    """dbus-serialbattery takes the empty acknowledgement for a failure and never sends 01."""
    unit = new(firmware)
    assert not any(statuses(unit, f"05 03 {ENTER} 11 28 29 2D 03 04"))
    for second in range(1, 120):
        info, cells = play(unit, "03 04", float(second))
        assert parse_basic_info(info.data).cells == len(parse_cell_voltages(cells.data).cell_mv)
    # Its balancer switch: enters again, reads, enters again, writes; its FET switch: E1 alone.
    assert not any(statuses(unit, f"{ENTER} 2D {ENTER} w2D=000B wE1=0001 03 wE1=0000 03 04"))
    unit.device.power_cycle(200.0)
    assert word(unit, 0x2D) == 15


def test_entering_twice_and_leaving_without_having_entered_are_acknowledged() -> None:
    for firmware in ALL:
        assert not any(statuses(new(firmware), f"{LEAVE} {ENTER} {ENTER} {SAVE} {SAVE} {LEAVE}"))


# -- whole conversations ---------------------------------------------------------------------


@pytest.mark.parametrize("firmware", ALL)
def test_jbdtools_reads_all_parameters_and_writes_them_back(firmware: str) -> None:
    unit = new(firmware)
    assert not any(statuses(unit, "03 04 05"))
    # 42 is a probe: only where it is answered does the tool ask for 43 to 47.
    [_, probe] = play(unit, f"{ENTER} 42")
    script = FACTORY_READS + (" 43..47" if probe.status == Status.OK else "")
    read = {
        answer.register: answer.data for answer in play(unit, script) if answer.register != 0xAA
    }
    assert not any(statuses(unit, LEAVE))
    changed = read | {0x24: b"\x0e\x10", 0xA2: b"\x04ABCD"}
    writes = " ".join(f"w{address:02X}={data.hex()}" for address, data in changed.items())
    assert not any(statuses(unit, f"{ENTER} {writes} {SAVE}"))
    unit.device.power_cycle(1.0)
    again = play(unit, f"{ENTER} {script}")[1:]
    assert {a.register: a.data for a in again if a.register != 0xAA} == changed


def test_jbdtools_reads_nothing_behind_an_unknown_pin_and_monitors() -> None:
    unit = new("0x17?pin=123456")
    assert statuses(unit, f"{ENTER} {ENTER} {ENTER} {LEAVE} 03 04 05") == [0x81] * 3 + [0] * 4


def test_bmstools_reads_parameters_on_0x20() -> None:
    order = (
        "24 25 26 27 20..23 18..1F 28 29 3D 3C 3A 3B 3E 3F 36..39 2D 2E 2A 2B 2C 2F 17 16 A0 A1 A2 "
        "15 10 11 14 12 32..35 13 30 31 AA"
    )
    assert not any(statuses(new(), f"w06=06000000000000 {ENTER} {order} {LEAVE}"))
    assert statuses(new("0x21"), "w06=06000000000000 " * 5) == [0x80] * 5


def test_ha_bms_tools_sets_up_twice_and_polls() -> None:
    unit = new()
    setup = f"w06=06000000000000 {ENTER} 16 {LEAVE} 03 w06=06000000000000 {ENTER} A1 {LEAVE} "
    assert not any(statuses(unit, setup * 2 + "03 04 03 04"))


@pytest.mark.parametrize("firmware", ALL)
def test_jbdtool_reads_e1_too_and_leaves_with_0000(firmware: str) -> None:
    unit = new(firmware)
    script = f"{ENTER} 10..37 38 38 39 39 3A 3F A0 A1 A2 40..47 E1 {LEAVE} 03"
    answers = play(unit, script)
    refused = {answer.register for answer in answers if answer.status}
    points = set(range(0x42, 0x48)) if firmware in ("0x15", "0x16", "0x17") else set()
    # A read of E1 is refused and changes no FET.
    assert refused == {0xE1} | points
    assert parse_basic_info(answers[-1].data).fet_bits & 3 == 3
    play(unit, f"{ENTER} w24=0E10 {LEAVE}")
    assert word(unit, 0x24) == 3600


def test_jbdtool_switches_fets_inside_factory_mode() -> None:
    unit = new()
    last = play(unit, f"03 04 05 {ENTER} wE1=0002 {LEAVE} 03 04 05")[-3]
    assert parse_basic_info(last.data).fet_bits & 3 == 1


def test_jbd_ui_tool_writes_and_leaves_with_0000() -> None:
    unit = new()
    reads = "10..14 18..31 36 37 16 17 15 A0 A1 A2"
    assert not any(statuses(unit, f"03 04 05 {ENTER} {reads} {LEAVE} {ENTER} w24=0E10 {LEAVE}"))
    assert word(unit, 0x24) == 3600


def test_the_companion_s_unlock_sequence_ends_with_both_fets_on() -> None:
    unit = new()
    last = play(unit, "03 04 wE1=0003 wE1=0001 wE1=0000 03")[-1]
    assert parse_basic_info(last.data).fet_bits & 3 == 3


def test_esphome_asks_for_04_as_soon_as_03_is_answered() -> None:
    unit = new()
    assert not any(statuses(unit, "03 04 " * 10 + "05 AA wE1=0001 wE1=0000"))


def test_a_monitor_that_polls_now_and_then_sees_the_pack_live_in_between() -> None:
    unit = new("0x80?load_ma=20000")
    first, last = (
        parse_basic_info(play(unit, "03 04 05", now_s)[0].data) for now_s in (1.0, 1801.0)
    )
    assert first.current_ma == last.current_ma == -20_000
    assert first.remaining_mah - last.remaining_mah == pytest.approx(10_000, abs=20)


@pytest.mark.parametrize(
    ("page", "status"),
    [
        (f"{ENTER} wE0=1388 {LEAVE}", Status.OK),
        (f"{ENTER} wE1=0001 {LEAVE}", Status.OK),
        (f"{ENTER} wE2=0001 {ENTER} wE2=0002 {ENTER} wE2=0003 {ENTER} {LEAVE}", Status.OK),
        ("w0B=1881", Status.OK),
        ("wF4=0001 wF4=0000", Status.NO_SUCH_COMMAND),
        ("wE4=1881", Status.NO_SUCH_COMMAND),
        ("w0E=8118", Status.NO_SUCH_COMMAND),
        ("w0A=1881", Status.NO_SUCH_COMMAND),
        ("wE3=1881", Status.NO_SUCH_COMMAND),
        ("w0C=0001 w0C=0002 0C", Status.NO_SUCH_COMMAND),
        ("w0D=000F", Status.NO_SUCH_COMMAND),
        ("wF0=000000000000 F0", Status.NO_SUCH_COMMAND),
    ],
)
def test_the_other_functions_page_of_jbdtools_is_served_or_refused(
    page: str, status: Status
) -> None:
    unit = new("0x80")
    assert set(statuses(unit, page)) == {status}
    assert not any(statuses(unit, "03 04 05"))


# -- the line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("0x21?board=16s", ReadRequest(0x04)),
        ("0x21?board=16s", ReadRequest(0x03)),
        ("0x25?board=16s", ReadRequest(0xFA, b"\x00\x00\x5f")),
    ],
)
def test_an_answer_leaves_in_one_piece(text: str, request_: Request) -> None:
    port = PtyPort(Unit(parse_unit(text)))
    client = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(client, request_.to_wire())
        while port.bytes_in < len(request_.to_wire()):
            assert select.select([port.fileno()], [], [], 5.0)[0]
            port.on_readable(0.0)
        assert port.due_s is None
        received = b""
        while len(received) < port.bytes_out:
            assert select.select([client], [], [], 5.0)[0]
            received += os.read(client, 4096)
        assert parse_response(received).status == Status.OK
    finally:
        os.close(client)
        port.close()


@pytest.mark.parametrize("gap_s", [0.001, 0.005, 0.099])
def test_a_request_may_come_byte_by_byte(gap_s: float) -> None:
    unit, now_s = new(), 0.0
    wire = ReadRequest(0x04).to_wire()
    for byte in wire[:-1]:
        assert unit.receive(bytes((byte,)), now_s) == b""
        now_s += gap_s
    assert parse_response(unit.receive(wire[-1:], now_s)).register == 0x04


@pytest.mark.parametrize("firmware", ALL)
def test_requests_of_255_data_bytes_keep_the_line_in_step(firmware: str) -> None:
    unit = new(firmware + "?pin=123456")
    for register in range(0x100):
        for filler in (b"\x00", b"\xdd", b"\x77", b"\x06"):
            wire = WriteRequest(register, filler * 255).to_wire()
            answers = b"".join(unit.receive(wire[at : at + 64], 0.0) for at in range(0, 262, 64))
            assert answers == b"" or parse_response(answers).register == register
        assert play(unit, "05")[0].status == Status.OK
    assert unit.device.settings.saved() == {}


def test_a_callback_id_comes_back_in_every_answer() -> None:
    device = new().device
    for callback_id in (b"\x01\x02\x03\x04", b"", b"\x05"):
        for register in (0x03, 0x03, 0x04, 0x99):
            response = device.handle(ReadRequest(register, callback_id=callback_id), 0.0).response
            assert response is not None
            assert response.callback_id == callback_id


def test_a_sleeping_board_answers_from_the_second_frame_on() -> None:
    unit = new("0x80?sleep=1")
    poll = ReadRequest(0x04).to_wire()
    assert unit.receive(poll, 0.0) == b""
    assert unit.receive(poll, 2.0) != b""
    # About 30 s of silence put it to sleep again, and factory mode is over.
    play(unit, ENTER, 2.1)
    assert unit.receive(poll, 40.0) == b""
    assert play(unit, "24", 40.1)[0].status == Status.INVALID


# -- PINs ------------------------------------------------------------------------------------

DAMAGED = [
    "dd 5a 09 00 ff f7 77",
    "dd 5a 06 00 ff fa 77",
    "dd 5a 06 01 00 ff f9 77",
    WriteRequest(0x06, bytes(127)).to_wire().hex(" "),
    WriteRequest(0x06, b"\x06\x01\x02\x03\x04\x05\x06".ljust(127, b"\xcc")).to_wire().hex(" "),
    WriteRequest(0x07, bytes(0x21)).to_wire().hex(" "),
    WriteRequest(0x07, b"\x0c\x01\x02\x03\x04\x05\x06".ljust(0x21, b"\x00")).to_wire().hex(" "),
    WriteRequest(0x07, bytes.fromhex("e0db").ljust(0x0C, b"\x19")).to_wire().hex(" "),
    WriteRequest(0x07, bytes.fromhex("e0db").ljust(0x0C, b"\x00")).to_wire().hex(" "),
    WriteRequest(0x09, b"J1B2D4").to_wire().hex(" "),
    WriteRequest(0x09, b"\x06J1B2D4\x00").to_wire().hex(" "),
    WriteRequest(0x09, b"\x06J1B2D5").to_wire().hex(" "),
    # The code pages' four digits.
    WriteRequest(0x06, b"\x01\x02\x03\x04").to_wire().hex(" "),
    "dd 5a 08 04 00 00 00 00 ff f4 77",
]
"""The broken second and third tries of JBDTools V2.9, and what is nearly right."""


@pytest.mark.parametrize("retry", DAMAGED)
@pytest.mark.parametrize("pin", ["123456", "000000", None])
@pytest.mark.parametrize("firmware", ALL)
def test_a_damaged_retry_never_matches_sets_or_clears_a_pin(
    firmware: str, pin: str | None, retry: str
) -> None:
    unit = new(firmware + (f"?pin={pin}" if pin else ""))
    stored, locked = unit.device.pin.stored, unit.device.pin.locked
    answer = unit.receive(bytes.fromhex(retry), 0.0)
    assert answer == b"" or parse_response(answer).status
    assert (unit.device.pin.stored, unit.device.pin.locked) == (stored, locked)
    assert statuses(unit, "03 04") == [0, 0]
    # And an open board stays open, a pairing is not lost.
    if locked:
        assert pin is not None
        right = bytes((6, *(int(digit) for digit in pin))).hex()
        assert statuses(unit, f"w06={right} {ENTER}") == [0, 0]
        unit.receive(bytes.fromhex(retry), 0.0)
        assert not unit.device.pin.locked


def test_jbdtools_pairs_changes_and_clears() -> None:
    unit = new("0x17?pin=123456")
    wrong = "w06=06060504030201"
    assert statuses(unit, f"{wrong} {ENTER}") == [0x83, 0x81]
    change = "w07=0C010203040506060504030201"
    assert statuses(unit, f"{change} {change} {wrong} {ENTER} 24") == [0, 0x83, 0, 0, 0]
    unit.device.power_cycle(1.0)
    assert statuses(unit, f"{ENTER} {wrong} {ENTER} {LEAVE}") == [0x81, 0, 0, 0]
    unit.device.power_cycle(2.0)
    # Cleared by anybody, in any mode; then the blank PIN is as good as none.
    assert statuses(unit, ENTER) == [0x81]
    assert not any(statuses(unit, f"w09=064A3142324434 {ENTER} w06=06000000000000"))
    assert not unit.device.pin_is_set


@pytest.mark.parametrize(
    ("encoding", "digits", "characters"),
    [(PinEncoding.DIGITS, 0, 0x83), (PinEncoding.ASCII, 0x83, 0)],
)
def test_digits_as_numbers_and_as_characters_are_told_apart_by_profile(
    encoding: PinEncoding, digits: int, characters: int
) -> None:
    for script, status in (
        ("w06=06010203040506", digits),  # JBDTools V2.9 and the phone apps
        ("w06=06313233343536", characters),  # JBDTools V1.B of 2018 and BMS-Tools
        ("w07=0C010203040506060504030201", digits),
        ("w07=0C313233343536363534333231", characters),
    ):
        unit = new(f"0x17?pin=123456&pin_encoding={encoding}")
        assert statuses(unit, script) == [status]


def test_a_pin_set_as_text_is_not_entered_as_digits() -> None:
    unit = new("0x17")
    assert statuses(unit, "w07=0C000000000000313233343536") == [0]
    unit.device.power_cycle(1.0)
    assert statuses(unit, f"w06=06010203040506 {ENTER}") == [0x83, 0x81]
    assert statuses(unit, f"w06=06313233343536 {ENTER}") == [0, 0]


def test_a_right_pin_lasts_until_power_off_or_sleep() -> None:
    unit = new("0x17?pin=123456&sleep=1")
    unit.receive(ReadRequest(0x03).to_wire(), 0.0)
    assert statuses(unit, f"w06=06010203040506 {ENTER} {LEAVE} {ENTER} {LEAVE}") == [0] * 5
    unit.receive(ReadRequest(0x03).to_wire(), 31.0)
    assert play(unit, ENTER, 31.1)[0].status == Status.INVALID
