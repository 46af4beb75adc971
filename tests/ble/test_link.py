"""The bench over Bluetooth: ``ble:`` in real time, ``emulator-ble:`` on time that jumps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from jbd_bench import BmsClient, Link, LinkError, open_target, radio_of
from jbd_bench.__main__ import main
from jbd_bench.clients import User, client_model
from jbd_protocol import ReplyTimeout, RequestRefused

from .conftest import BASIC

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak
    from jbd_bench.transports._air import AirLink

AIR = "emulator-ble:0x21?board=4s"


@pytest.fixture(params=["ble", "emulator-ble"])
def link(request: pytest.FixtureRequest) -> Iterator[Link]:
    """One suite for both: a module in reach of the machine, and one in this process."""
    if request.param == "ble":
        air: VirtualBleak = request.getfixturevalue("jbd_bleak")
        target = f"ble:{air.add('0x21?board=4s').address_text}"
    else:
        target = AIR
    link = open_target(target)
    yield link
    link.close()


def opened(target: str) -> AirLink:
    from jbd_bench.transports._air import AirLink

    link = open_target(target)
    assert isinstance(link, AirLink)
    return link


def pieces(link: Link, count: int) -> list[bytes]:
    until_s = link.clock.now_s() + 30.0
    return [link.read(until_s) for _ in range(count)]


def test_an_answer_arrives_piece_by_piece(link: Link) -> None:
    assert link.read(link.clock.now_s()) in (b"\x00", b"")
    link.write(BASIC)
    assert [len(piece) for piece in pieces(link, 2)] == [20, 14]


def test_a_board_is_read_through_its_module(link: Link) -> None:
    client = BmsClient(link)
    assert client.basic_info().version == 0x21
    assert len(client.cell_voltages()) == 4


def test_silence_lasts_until_the_deadline(link: Link) -> None:
    link.write(BASIC)
    pieces(link, 2)
    until_s = link.clock.now_s() + 0.05
    assert link.read(until_s) == b""
    assert link.clock.now_s() >= until_s


def test_a_link_is_made_anew(link: Link) -> None:
    link.write(BASIC)
    link.reconnect()
    assert BmsClient(link).basic_info().cells == 4


def test_a_closed_link_says_so_and_closes_twice(link: Link) -> None:
    link.close()
    link.close()
    with pytest.raises(LinkError, match="the link is closed"):
        link.write(BASIC)
    with pytest.raises(LinkError, match="the link is closed"):
        link.read(0.0)


def test_what_is_longer_than_a_write_goes_in_pieces(link: Link) -> None:
    link.write(BASIC * 4)
    assert [len(piece) for piece in pieces(link, 8)] == [20, 14] * 4


def test_a_module_is_found_by_its_name(jbd_bleak: VirtualBleak) -> None:
    jbd_bleak.add("0x21?board=4s")
    module = jbd_bleak.add("0x17?board=8s", name="JBD-SHED")
    link = open_target("ble:name=JBD-SHED")
    try:
        assert BmsClient(link).basic_info().version == 0x17
        radio = radio_of(link)
        assert radio is not None
        assert (radio.address, radio.name) == (module.address, "JBD-SHED")
    finally:
        link.close()


@pytest.mark.slow
def test_nobody_in_reach_is_said_with_the_time_waited(jbd_bleak: VirtualBleak) -> None:
    with pytest.raises(LinkError) as caught:
        open_target("ble:A5:C2:37:00:00:01?timeout=1")
    assert str(caught.value) == (
        "ble:A5:C2:37:00:00:01?timeout=1: not found within 1 s; out of range, or another client "
        "has it: a module that serves one is not heard"
    )


@pytest.mark.parametrize(("failures", "opens"), [(1, True), (2, True), (3, False)])
def test_a_link_that_ends_while_it_is_made_gets_another_try(
    monkeypatch: pytest.MonkeyPatch, failures: int, opens: bool
) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakError

    connect = BleakClient.connect
    tries: list[BleakClient] = []

    async def sometimes(self: BleakClient, **more: Any) -> None:
        tries.append(self)
        await connect(self, **more)
        if len(tries) <= failures:
            # As BlueZ has it: connected, and gone before its services are known.
            await self.disconnect()
            raise BleakError("failed to discover services, device disconnected")

    monkeypatch.setattr(BleakClient, "connect", sometimes)
    if opens:
        link = opened(AIR)
        assert BmsClient(link).basic_info().cells == 4
        link.close()
    else:
        with pytest.raises(LinkError, match="device disconnected"):
            opened(AIR)
    assert len(tries) == min(failures + 1, 3)


def test_a_module_without_the_serial_line_is_said(
    jbd_bleak: VirtualBleak, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jbd_bench.transports import _ble

    module = jbd_bleak.add()
    monkeypatch.setattr(_ble, "SERIAL_LINES", (("aaa1", "aaa2"),))
    with pytest.raises(LinkError, match="no such characteristic: wants aaa1 with aaa2"):
        open_target(f"ble:{module.address_text}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ble:nonsense", "must be ble:A5:C2:37:00:00:01 or ble:name=JBD-..."),
        ("ble:name=", "must be ble:A5:C2:37:00:00:01 or ble:name=JBD-..."),
        ("ble:A5:C2:37:00:00:0G", "must be ble:"),
        ("ble:A5:C2:37:00:00:01?timeout=0", "timeout '0' must be 1 to 120"),
        ("ble:A5:C2:37:00:00:01?baud=1", "unknown option 'baud'"),
        ("ble:A5:C2:37:00:00:01?module=2030", "module '2030' must be one of older, telink"),
        ("ble:A5:C2:37:00:00:01?about=board", "about 'board' must be module"),
    ],
)
def test_a_target_that_names_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(LinkError) as caught:
        open_target(text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_troubles_of_bluetooth_are_said_in_one_line_with_what_to_do() -> None:
    from bleak.exc import (
        BleakBluetoothNotAvailableError,
        BleakBluetoothNotAvailableReason,
        BleakDBusError,
        BleakDeviceNotFoundError,
        BleakGATTProtocolError,
    )

    from jbd_bench.transports._ble import reason

    reasons = BleakBluetoothNotAvailableReason
    off = BleakBluetoothNotAvailableError("off", reasons.POWERED_OFF)
    none = BleakBluetoothNotAvailableError("none", reasons.NO_BLUETOOTH)
    assert reason(off) == "the adapter is off; bluetoothctl power on"
    assert reason(none) == "no Bluetooth adapter here"
    for denied in (reasons.DENIED_BY_USER, reasons.DENIED_BY_SYSTEM, reasons.DENIED_BY_UNKNOWN):
        assert "may not use Bluetooth" in reason(BleakBluetoothNotAvailableError("no", denied))
    for other in reasons:
        assert reason(BleakBluetoothNotAvailableError("why", other))
    assert "pairing needed" in reason(BleakGATTProtocolError(0x05))
    assert reason(BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"])) == (
        "the adapter is off; bluetoothctl power on"
    )
    refused = reason(BleakGATTProtocolError(0x0E))
    assert refused == "the module refuses: GATT Protocol Error: Unlikely Error"
    assert "another client has it" in reason(BleakDeviceNotFoundError("A5"))
    assert reason(FileNotFoundError()) == "no system D-Bus, and with it no BlueZ"
    assert "\n" not in reason(ValueError("one\ntwo"))


def test_a_module_that_disconnects_ends_the_link() -> None:
    link = opened(AIR)
    try:
        [peripheral] = link.air.radio.peripherals
        assert peripheral.connection is not None
        connection = peripheral.connection
        link._run(connection.disconnect())
        with pytest.raises(LinkError, match="the module disconnected"):
            link.read(link.clock.now_s() + 1.0)
        link.reconnect()
        assert BmsClient(link).basic_info().cells == 4
    finally:
        link.close()


def test_time_jumps_where_a_client_waits() -> None:
    link = opened(AIR)
    began = time.monotonic()
    start_s = link.clock.now_s()
    link.clock.sleep_until(start_s + 3600.0)
    assert link.clock.now_s() == pytest.approx(start_s + 3600.0)
    link.close()
    assert time.monotonic() - began < 30


def test_paced_exchanges_take_the_captured_time() -> None:
    link = opened(f"{AIR}&paced=1")
    client = BmsClient(link)
    client.basic_info()
    start_s = link.clock.now_s()
    for _ in range(20):
        client.basic_info()
    assert (link.clock.now_s() - start_s) / 20 == pytest.approx(0.078, rel=0.2)
    link.close()


def test_a_login_module_is_silent_towards_who_does_not_log_in() -> None:
    link = opened(f"{AIR}&module=telink-login&password=246813")
    with pytest.raises(ReplyTimeout):
        BmsClient(link).basic_info()
    link.close()


def test_a_board_that_refuses_does_so_over_the_air() -> None:
    link = opened("emulator-ble:0x21?board=4s&pin=123456")
    with pytest.raises(RequestRefused):
        BmsClient(link).read(0x7F)
    link.close()


def test_the_app_that_logs_in_gets_through_a_login_module_with_the_password() -> None:
    user = User(module_password="123456", opens_parameters=False)
    link = opened("emulator-ble:0x44?board=4s&module=telink-login&paced=1")
    report = client_model("android-3.2").run(link, user, address=link.radio.address)
    link.close()
    assert report.monitoring, report.symptom


@pytest.mark.slow
@pytest.mark.parametrize("module", ["telink&paced=1", "older", "clone"])
def test_the_lockout_is_reproduced_over_the_air_with_its_controls(
    capsys: pytest.CaptureFixture[str], module: str
) -> None:
    target = f"{AIR}&module={module}"
    status = main(["lockout", "--target", target, "--allow", "all", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (status, told["verdict"]) == (0, "reproduced"), told["why"]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["0x17?board=4s", "0x25?board=4s", "0x80?board=4s"])
def test_other_firmware_does_not_lock_the_app_out_over_the_air(
    capsys: pytest.CaptureFixture[str], unit: str
) -> None:
    main(
        ["lockout", "--target", f"emulator-ble:{unit}", "--allow", "all", "--no-controls", "--json"]
    )
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] != "reproduced"


@pytest.mark.parametrize("start_s", [0.1, 0.7, 1.3, 12.345, 100.1])
def test_half_a_request_is_given_up_and_the_clock_goes_on(start_s: float) -> None:
    link = opened(AIR)
    link.clock.sleep_until(link.clock.now_s() + start_s)
    link.write(BASIC[:4])
    until_s = link.clock.now_s() + 1.0
    assert link.read(until_s) == b""
    assert link.clock.now_s() >= until_s
    link.close()


def test_the_same_program_gives_the_same_traffic_every_time() -> None:
    def heard() -> list[tuple[float, bytes]]:
        link = opened(f"{AIR}&paced=1")
        link.write(BASIC)
        seen = []
        while piece := link.read(link.clock.now_s() + 0.5):
            seen.append((link.clock.now_s(), piece))
        link.close()
        return seen

    assert heard() == heard()
