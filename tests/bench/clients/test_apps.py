"""Android 3.2.x, iOS and the fixed app: logins, unasked clears, and live data that never stops."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from jbd_bench._link import Link
from jbd_bench.clients import Direction, Log, User, client_model
from jbd_bench.clients._frames import (
    ANDROID_32_ORDER,
    CHIP,
    CLR,
    FE,
    FX,
    K15,
    K17,
    P0,
    R03,
    R04,
    reading,
)
from jbd_emulator import Unit, parse_unit
from jbd_protocol import ModuleFrame, Response, obfuscate, parse_request

MakeLink = Callable[..., Link]
Sent = Callable[[Log], list[tuple[float, str]]]
ADDRESS = bytes.fromhex("a5c237010203")


def frames(log: Log) -> list[bytes]:
    return [entry.frame for entry in log if entry.direction is Direction.TX]


def rounds(rows: list[tuple[float, str]]) -> list[float]:
    return [t for t, frame in rows if frame == R03.hex(" ")]


class Module:
    """A Bluetooth module in front of an emulated unit."""

    def __init__(self, unit: str, key_status: int = 0, login_status: int = 0) -> None:
        self.unit = Unit(parse_unit(unit))
        self.statuses = {0x15: key_status, 0x17: 0x24, 0x18: login_status}
        self.logins: list[bytes] = []

    def __call__(self, data: bytes) -> bytes:
        if data[:2] != b"\xff\xaa":
            return self.unit.receive(data, 0.0)
        if data[2] == 0x18:
            self.logins.append(data[4:-1])
        return ModuleFrame(data[2], bytes((self.statuses[data[2]],))).to_wire()


def test_an_old_module_is_given_three_seconds_and_needs_no_login(
    board: MakeLink, sent: Sent
) -> None:
    rows = sent(client_model("android-3.2").run(board("0x21")).log)
    assert rows[0] == (0.5, K15.hex(" "))
    assert rows[1] == (3.5, CLR.hex(" "))
    assert [frame for _, frame in rows[2:4]] == [R03.hex(" "), R04.hex(" ")]
    assert [round(b - a, 3) for a, b in pairwise(rounds(rows)[:3])] == [2.0, 2.0]


def test_the_old_protect_page_is_read_in_factory_mode(board: MakeLink) -> None:
    log = client_model("android-3.2").run(board("0x21")).log
    page = frames(log)[frames(log).index(FE) :]
    assert page == [FE, *(reading(register) for register in ANDROID_32_ORDER), FX]


def test_a_long_basic_info_means_the_new_pages_where_the_build_lets_it(board: MakeLink) -> None:
    report = client_model("android-3.2", by_length=True).run(board("0x25"))
    assert [frame.hex(" ") for frame in frames(report.log)[-3:]] == [
        "dd a5 fa 03 00 10 08 fe eb 77",
        "dd a5 fa 03 00 30 04 fe cf 77",
        "dd a5 fa 03 00 02 01 ff 00 77",
    ]
    assert report.parameters


def test_the_pin_of_a_locked_board_is_gone_afterwards(board: MakeLink) -> None:
    link = board("0x17?pin=765828")
    report = client_model("android-3.2").run(link)
    assert (report.monitoring, report.parameters) == (True, True)
    assert not link.board.device.pin_is_set  # type: ignore[attr-defined]  # the loopback's unit


def test_the_module_login_is_computed_from_address_and_random_byte(scripted: MakeLink) -> None:
    module = Module("0x44")
    user = User(module_password="123123")
    report = client_model("android-3.2").run(scripted(module), user, address=ADDRESS)
    assert frames(report.log)[:2] == [K15, K17]
    assert module.logins == [obfuscate(b"123123", ADDRESS, 0x24)]
    assert frames(report.log)[3] == CLR
    assert (report.monitoring, report.parameters) == (True, True)


def test_the_chip_is_asked_for_once_and_only_behind_some_addresses(scripted: MakeLink) -> None:
    user, model = User(module_password="123123"), client_model("android-3.2")
    asked = model.run(scripted(Module("0x44")), user, address=ADDRESS).log
    assert frames(asked).count(CHIP) == 1
    other = model.run(scripted(Module("0x44")), user, address=bytes(6)).log
    assert CHIP not in frames(other)


@pytest.mark.parametrize(("module", "password", "symptom"), [
    (Module("0x44", key_status=1), "123123", "APPKEY"),
    (Module("0x44", login_status=1), "000000", "Password error"),
    (Module("0x44"), None, "asks for the module's password"),
])  # fmt: skip
def test_a_module_that_does_not_let_the_app_in_shows_no_data(
    module: Module, password: str | None, symptom: str, scripted: MakeLink
) -> None:
    user = User(module_password=password)
    report = client_model("android-3.2").run(scripted(module), user, address=ADDRESS)
    assert not report.monitoring
    assert symptom in report.symptom


def test_a_module_without_a_password_needs_no_login(scripted: MakeLink) -> None:
    report = client_model("android-3.2").run(scripted(Module("0x44", key_status=2)))
    assert frames(report.log)[:2] == [K15, CLR]
    assert report.monitoring


def test_the_engine_takes_the_late_ack_of_the_clear_word_for_another_answer(
    board: MakeLink,
) -> None:
    # The ack arrives when R03 is already out, is taken for its answer and cannot be shown; the
    # answers stay shifted by one until something is lost.
    report = client_model("android-3.2").run(board("0x21", delay_s=0.31), User(polls=1))
    shown = [entry for entry in report.log if entry.direction is Direction.UI]
    assert not report.monitoring
    assert not [entry for entry in shown if entry.note == "live data"]


def test_ios_shows_data_before_it_ever_presents_a_pin(board: MakeLink) -> None:
    log = client_model("ios-before-fix").run(board("0x17?pin=765828")).log
    first_pin = next(n for n, entry in enumerate(log) if entry.frame[:3] == b"\xdd\x5a\x06")
    assert any(entry.note == "live data" for entry in log[:first_pin])


@pytest.mark.parametrize("client", ["ios-before-fix", "ios-fixed", "fixed-app"])
@pytest.mark.parametrize("unit", ["0x17?pin=765828", "0x21"])
def test_live_data_goes_on_whatever_06_says(
    client: str, unit: str, board: MakeLink, sent: Sent
) -> None:
    rows = sent(client_model(client).run(board(unit, delay_s=0.05)).log)
    assert all(b - a <= 1.5 for a, b in pairwise(rounds(rows)))


@pytest.mark.parametrize("client", ["ios-before-fix", "ios-fixed"])
def test_ios_presents_one_pin_for_every_visit_to_config(client: str, board: MakeLink) -> None:
    user = User(pins=("111111", "222222"))
    log = client_model(client).run(board("0x17?pin=765828"), user).log
    pins = [frame[5:11] for frame in frames(log) if frame[:3] == b"\xdd\x5a\x06"]
    assert pins == [bytes(6), bytes((1,) * 6), bytes((2,) * 6)]
    assert sum(entry.note == "opens Config" for entry in log) == 3
    assert FE not in frames(log)


def test_ios_was_fixed_by_taking_80_for_no_password(board: MakeLink) -> None:
    before = client_model("ios-before-fix").run(board("0x21"))
    after = client_model("ios-fixed").run(board("0x21"))
    assert (before.monitoring, before.parameters) == (True, False)
    assert (after.monitoring, after.parameters) == (True, True)
    assert frames(after.log).count(P0) == 1


@pytest.mark.parametrize("client", ["ios-fixed", "fixed-app", "bms-tools-1.2.0", "jbdtools-2021"])
def test_a_user_who_clears_the_pin_gets_everything(client: str, board: MakeLink) -> None:
    report = client_model(client).run(board("0x17?pin=765828"), User(clears_pin=True))
    assert (report.monitoring, report.parameters) == (True, True)


def test_the_fixed_app_retries_silence_once_and_then_goes_on(board: MakeLink) -> None:
    report = client_model("fixed-app").run(board("0x21?answer_06=silence"))
    assert frames(report.log).count(P0) == 2
    assert (report.monitoring, report.parameters) == (True, True)


@pytest.mark.parametrize("status", ["0x81", "0x83"])
def test_the_fixed_app_asks_for_a_pin_on_81_and_83(status: str, board: MakeLink) -> None:
    report = client_model("fixed-app").run(board(f"0x21?answer_06={status}"))
    assert report.monitoring
    assert FE not in frames(report.log)
    assert "asks for the PIN" in report.symptom


@pytest.mark.parametrize(("status", "symptom"), [
    ("0x81", "asks for the PIN"), ("0x80", "no parameter service"), ("silence", "does not open"),
])  # fmt: skip
def test_the_fixed_app_tells_refusals_of_factory_mode_apart(
    status: str, symptom: str, board: MakeLink
) -> None:
    report = client_model("fixed-app").run(board(f"0x21?answer_00={status}"))
    assert (report.monitoring, report.parameters) == (True, False)
    assert symptom in report.symptom


@pytest.mark.parametrize("client", ["fixed-app", "ios-fixed"])
def test_nobody_sends_the_clear_word_without_being_asked(client: str, board: MakeLink) -> None:
    assert CLR not in frames(client_model(client).run(board("0x17?pin=765828")).log)


def test_a_refused_register_is_hidden_and_the_rest_is_shown(scripted: MakeLink) -> None:
    unit = Unit(parse_unit("0x21"))

    def without_28(data: bytes) -> bytes:
        if parse_request(data).register == 0x28:
            return Response(0x28, 0x80).to_wire()
        return unit.receive(data, 0.0)

    assert client_model("ios-fixed").run(scripted(without_28)).parameters


def test_android_3_2_says_setting_failed_where_factory_mode_is_refused(board: MakeLink) -> None:
    report = client_model("android-3.2").run(board("0x21?answer_00=0x81"))
    assert (report.monitoring, report.parameters) == (True, False)
    assert "Setting failed" in report.symptom
    assert frames(report.log).count(FE) == 1


def test_android_3_2_shows_empty_new_pages_where_they_are_not_served(board: MakeLink) -> None:
    model = client_model("android-3.2", by_length=True)
    report = model.run(board("0x25?answer_FA=0x80"))
    assert (report.monitoring, report.parameters) == (True, False)


def test_ios_presents_no_pin_to_firmware_that_is_too_old_for_one(board: MakeLink) -> None:
    report = client_model("ios-before-fix").run(board("0x16"))
    assert P0 not in frames(report.log)
    assert report.parameters


def test_ios_fails_config_where_factory_mode_is_refused(board: MakeLink) -> None:
    report = client_model("ios-fixed").run(board("0x21?answer_00=0x81"))
    assert "Config fails" in report.symptom
