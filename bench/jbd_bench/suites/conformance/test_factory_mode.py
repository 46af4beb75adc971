"""CONF-FACT: factory mode opens the settings; what is written holds, is lost, or is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from jbd_bench import BmsClient, Clock
from jbd_bench.suites import requirement
from jbd_bench.suites._wire import Wire, expect_ack, expect_status
from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    SETTINGS,
    TEXT_SETTINGS,
    Grade,
    ReadRequest,
    RequestRefused,
    WriteRequest,
)

pytestmark = pytest.mark.jbd(writes="settings")
COVP, BALANCE_START = 0x24, 0x2A
Keep = Callable[..., None]
Power = Callable[[], None]


def another(raw: bytes) -> bytes:
    """Return a value close to ``raw`` that is not it."""
    return (int.from_bytes(raw, "big") - 5).to_bytes(2, "big")


@requirement(
    "CONF-FACT-01", "entering factory mode is acknowledged", source="captures", grade=Grade.CAPTURED
)
def test_entering_is_acknowledged(wire: Wire, open_board: BmsClient) -> None:
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "CONF-FACT-02",
    "entering while already in is acknowledged",
    source="app capture on 0x44",
    grade=Grade.CAPTURED,
)
def test_entering_again_is_acknowledged(wire: Wire, open_board: BmsClient) -> None:
    for _ in range(3):
        expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(COVP)), 0x00)
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "CONF-FACT-03",
    "leaving without having entered is acknowledged",
    source="app captures on 0x80 and 0x44",
    grade=Grade.CAPTURED,
)
def test_leaving_without_entering_is_acknowledged(wire: Wire) -> None:
    expect_ack(wire.ask(LEAVE_FACTORY))
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "CONF-FACT-04",
    "leaving closes the settings, with 0000 and with 2828",
    source="app capture on 0x44: 24 is refused after the exit",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("leave", [LEAVE_FACTORY, SAVE_AND_LEAVE_FACTORY], ids=["0000", "2828"])
def test_leaving_closes_the_settings(
    wire: Wire, open_board: BmsClient, leave: WriteRequest
) -> None:
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(COVP)), 0x00)
    expect_ack(wire.ask(leave))
    expect_status(wire.ask(ReadRequest(COVP)), 0x81)


@requirement(
    "CONF-FACT-05",
    "a setting is not written outside factory mode",
    source="meaning of 81 in vendor V11; reads captured on 0x44",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_a_setting_is_not_written_outside_factory_mode(
    wire: Wire, open_board: BmsClient, keep: Keep
) -> None:
    keep(COVP)
    with open_board.factory_mode():
        before = open_board.read(COVP)
    expect_status(wire.ask(WriteRequest(COVP, another(before))), 0x81)
    with open_board.factory_mode():
        assert open_board.read(COVP) == before


@requirement(
    "CONF-FACT-06",
    "a written setting reads back at once, its acknowledgement is empty",
    source="clients that leave with 0000 rely on it (measured)",
    grade=Grade.REPORTED,
)
def test_a_written_setting_reads_back_at_once(
    wire: Wire, open_board: BmsClient, keep: Keep
) -> None:
    keep(COVP)
    with open_board.factory_mode():
        new = another(open_board.read(COVP))
        expect_ack(wire.ask(WriteRequest(COVP, new)))
        assert open_board.read(COVP) == new


@requirement(
    "CONF-FACT-07",
    "a written setting takes effect at once, not with the save",
    source="jbdtool and jbd-ui-tool leave with 0000 (measured)",
    grade=Grade.REPORTED,
)
def test_a_written_setting_shows_in_basic_info_at_once(
    open_board: BmsClient, keep: Keep, jbd_clock: Clock
) -> None:
    keep(0x15)
    with open_board.factory_mode():
        open_board.write(0x15, b"\x2a\x6b")
        # 03 is measured once a second.
        jbd_clock.sleep_until(jbd_clock.now_s() + 1.1)
        assert open_board.basic_info().manufactured == date(2021, 3, 11)


@requirement(
    "CONF-FACT-08",
    "a written setting holds after an exit with 0000",
    source="jbdtool and jbd-ui-tool rely on it (measured)",
    grade=Grade.REPORTED,
)
def test_a_written_setting_holds_after_leaving_without_saving(
    open_board: BmsClient, keep: Keep
) -> None:
    keep(COVP)
    with open_board.factory_mode():
        new = another(open_board.read(COVP))
        open_board.write(COVP, new)
    with open_board.factory_mode():
        assert open_board.read(COVP) == new


@requirement(
    "CONF-FACT-09",
    "what was not saved with 2828 is lost at power-off",
    source="register map: 0000 leaves without commit",
    grade=Grade.REPORTED,
)
def test_what_was_not_saved_is_lost_at_power_off(
    open_board: BmsClient, keep: Keep, power: Power, pin: bytes | None
) -> None:
    keep(COVP)
    with open_board.factory_mode():
        before = open_board.read(COVP)
        open_board.write(COVP, another(before))
    power()
    assert read_after_power_on(open_board, COVP, pin) == before


@requirement(
    "CONF-FACT-10",
    "what was saved with 2828 survives power-off",
    source="register map; BMS-Tools; vendor V11 lists the code",
    grade=Grade.REPORTED,
)
def test_what_was_saved_survives_power_off(
    open_board: BmsClient, keep: Keep, power: Power, pin: bytes | None
) -> None:
    keep(COVP)
    with open_board.factory_mode(save=True):
        new = another(open_board.read(COVP))
        open_board.write(COVP, new)
    power()
    assert read_after_power_on(open_board, COVP, pin) == new


@requirement(
    "CONF-FACT-11",
    "a save commits what an earlier visit left unsaved",
    source="concluded: 0000 keeps the value in force",
    grade=Grade.ASSUMED,
)
def test_a_later_save_commits_what_was_left_unsaved(
    open_board: BmsClient, keep: Keep, power: Power, pin: bytes | None
) -> None:
    keep(COVP, BALANCE_START)
    with open_board.factory_mode():
        new = another(open_board.read(COVP))
        open_board.write(COVP, new)
    with open_board.factory_mode(save=True):
        open_board.write(BALANCE_START, b"\x0d\x16")
    power()
    assert read_after_power_on(open_board, COVP, pin) == new


@requirement(
    "CONF-FACT-12",
    "a client that never leaves factory mode does no harm",
    source="dbus-serialbattery never sends 01 (measured)",
    grade=Grade.REPORTED,
)
def test_a_client_that_never_leaves_does_no_harm(
    wire: Wire, open_board: BmsClient, jbd_clock: Clock
) -> None:
    expect_ack(wire.ask(ENTER_FACTORY))
    for _ in range(5):
        jbd_clock.sleep_until(jbd_clock.now_s() + 1.0)
        assert open_board.basic_info().cells == len(open_board.cell_voltages())
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(COVP)), 0x00)
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "CONF-FACT-13",
    "a save clears the error counters, leaving with 0000 does not",
    source="register map",
    grade=Grade.REPORTED,
)
def test_a_save_clears_the_error_counters(
    open_board: BmsClient, power: Power, pin: bytes | None
) -> None:
    power()
    if pin is not None:
        open_board.pair(pin)
    with open_board.factory_mode():
        pass
    kept = open_board.error_counters().counts
    with open_board.factory_mode(save=True):
        pass
    assert not any(open_board.error_counters().counts)
    # Boards with twelve counters count restarts in the last.
    assert len(kept) < 12 or any(kept), f"expected counters to outlive 0000, got {kept}"


@requirement(
    "CONF-FACT-14",
    "a wrong factory code opens nothing",
    source="vendor V12 and V13: the code can be changed",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("code", ["0000", "7856", "5679", "56", "567800", ""])
def test_a_wrong_factory_code_opens_nothing(wire: Wire, open_board: BmsClient, code: str) -> None:
    answer = wire.ask(WriteRequest(0x00, bytes.fromhex(code)))
    assert answer is None or answer.status, "expected a refusal or silence, got 00"
    expect_status(wire.ask(ReadRequest(COVP)), 0x81)


@requirement(
    "CONF-FACT-15",
    "a setting does not take data of the wrong length",
    source="concluded from two-byte registers",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
@pytest.mark.parametrize("data", ["", "0E", "0E 10 00"])
def test_a_setting_does_not_take_data_of_the_wrong_length(
    wire: Wire, open_board: BmsClient, data: str
) -> None:
    with open_board.factory_mode():
        before = open_board.read(COVP)
        answer = wire.ask(WriteRequest(COVP, bytes.fromhex(data)))
        assert answer is None or answer.status, "expected a refusal or silence, got 00"
        assert open_board.read(COVP) == before


@requirement(
    "CONF-FACT-16",
    "every setting takes back the value it holds",
    source="JBDTools writes all of them (measured)",
    grade=Grade.REPORTED,
)
def test_every_setting_takes_back_what_it_holds(wire: Wire, open_board: BmsClient) -> None:
    wrong: list[str] = []
    with open_board.factory_mode():
        for address in SETTINGS:
            try:
                held = open_board.read(address)
            except RequestRefused:
                continue
            expect_ack(wire.ask(WriteRequest(address, held)))
            if open_board.read(address) != held:
                wrong.append(f"{address:02X}: {held.hex(' ')}")
    assert not wrong, f"expected the same values back, got others at {', '.join(wrong)}"


@requirement(
    "CONF-FACT-17",
    "texts are a length byte and up to 31 characters",
    source="app captures; JBDTools writes them so (measured)",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("text", ["", "A", "JBD bench", "x" * 31], ids=["empty", "1", "9", "31"])
@pytest.mark.parametrize("address", TEXT_SETTINGS, ids="{:02X}".format)
def test_a_text_reads_back_as_written(
    open_board: BmsClient, keep: Keep, address: int, text: str
) -> None:
    keep(address)
    raw = bytes((len(text),)) + text.encode()
    with open_board.factory_mode():
        open_board.write(address, raw)
        back = open_board.read(address)
    assert back[: len(raw)] == raw


@requirement(
    "CONF-FACT-18",
    "changing one half of a packed setting keeps the other",
    source="register map; concluded from two-byte writes",
    grade=Grade.REPORTED,
)
def test_changing_half_a_packed_setting_keeps_the_other(open_board: BmsClient, keep: Keep) -> None:
    keep(0x3D)
    with open_board.factory_mode():
        before = open_board.setting("cell_v_delays")
        open_board.write_setting("cell_v_delays", covp_delay=7)
        after = open_board.setting("cell_v_delays")
    assert after["covp_delay"].value == 7
    assert after["cuvp_delay"] == before["cuvp_delay"]


def read_after_power_on(client: BmsClient, address: int, pin: bytes | None) -> bytes:
    """Return a setting of a board that just got its supply back."""
    if pin is not None:
        client.pair(pin)
    with client.factory_mode():
        return client.read(address)
