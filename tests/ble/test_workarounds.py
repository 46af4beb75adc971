"""What is worked around in Bumble and bless: each test fails when it is needed no longer.

``decisions/0007`` lists them in the same order. A test that fails here after an upgrade says
that a workaround can go; the tests beside it say when one no longer works.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from jbd_emulator import Unit, parse_unit
from jbd_emulator.module import GENERATIONS

from .conftest import BASIC, run

if TYPE_CHECKING:
    from bumble.device import Connection, Device

    from jbd_emulator import BleModule, VirtualRadio

HERE = "D2:00:00:00:00:0{}"


async def plain(link: Any, number: int) -> Device:
    """Return a device on Bumble's own controller; `link` is Bumble's."""
    from bumble import hci
    from bumble.controller import Controller
    from bumble.device import Device, DeviceConfiguration
    from bumble.host import Host
    from bumble.transport.common import AsyncPipeSink

    controller = Controller(f"plain {number}", link=link)
    controller.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    config = DeviceConfiguration(
        address=hci.Address(HERE.format(number)),
        advertising_interval_min=20,
        advertising_interval_max=20,
    )
    device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))
    await device.power_on()
    return device


def new_link() -> Any:
    from jbd_emulator.frontends._radio import new_link

    return new_link()


async def met(first: Device, second: Device) -> Connection:
    await first.start_advertising(advertising_data=b"\x02\x01\x06", auto_restart=True)
    return await second.connect(first.random_address, timeout=2)


def test_bumble_reports_the_advertisement_in_place_of_the_scan_response() -> None:
    from bumble import hci
    from bumble.device import Device

    seen: list[bytes] = []

    async def work() -> None:
        link = new_link()
        first, second = await plain(link, 1), await plain(link, 2)
        await first.start_advertising(
            advertising_data=b"\x02\x01\x06", scan_response_data=b"\x02\x09A"
        )
        second.on(Device.EVENT_ADVERTISEMENT, lambda heard: seen.append(bytes(heard.data)))
        await second.start_scanning(filter_duplicates=False)
        await asyncio.sleep(0.2)
        await second.stop_scanning()
        await first.stop_advertising()

    run(work)
    assert seen
    assert not any(b"A" in data for data in seen)
    assert hci.LeFeatureMask.LE_EXTENDED_ADVERTISING


def test_bumble_tells_two_centrals_at_once_that_both_are_connected() -> None:
    async def work() -> list[int]:
        link = new_link()
        first = await plain(link, 1)
        others = [await plain(link, 2), await plain(link, 3)]
        await first.start_advertising(advertising_data=b"\x02\x01\x06")
        await asyncio.gather(*(one.connect(first.random_address, timeout=2) for one in others))
        await asyncio.sleep(0.2)
        return [len(one.connections) for one in (first, *others)]

    assert run(work) == [1, 1, 1]


def test_bumble_never_ends_a_connection_attempt_that_is_given_up() -> None:
    from bumble import hci

    async def work() -> bool:
        second = await plain(new_link(), 2)
        attempt = asyncio.ensure_future(second.connect(hci.Address(HERE.format(1)), timeout=0.1))
        done, _ = await asyncio.wait([attempt], timeout=30)
        attempt.cancel()
        return bool(done)

    assert not run(work)


def test_bumble_takes_a_kind_of_write_that_the_characteristic_does_not_offer() -> None:
    from bumble import att, gatt

    taken: list[bytes] = []

    async def work() -> None:
        link = new_link()
        first, second = await plain(link, 1), await plain(link, 2)
        value = att.AttributeValue[bytes](write=lambda _, data: taken.append(data))
        part: gatt.Characteristic[bytes] = gatt.Characteristic(
            "FF02",
            gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            gatt.Characteristic.WRITEABLE,
            value,
        )
        first.add_service(gatt.Service("FF00", [part]))
        connection = await met(first, second)
        await connection.gatt_client.write_value(part.handle, BASIC, with_response=True)
        await connection.disconnect()
        await first.stop_advertising()

    run(work)
    assert taken == [BASIC]


def test_bumble_numbers_attributes_without_the_gaps_of_the_modules() -> None:
    from bumble import gatt
    from bumble.device import Device

    async def work() -> tuple[int, int]:
        server = Device().gatt_server
        before = server.next_handle()
        server.add_service(gatt.Service("FFF0", []))
        return before, server.next_handle()

    before, after = run(work)
    assert after == before + 1
    tables = [row.services.value for row in GENERATIONS.values()]
    assert any(service.end > service.characteristics[-1].handle for t in tables for service in t)


def test_bumble_has_no_enhanced_connection_event_for_a_kernel_that_waits_for_it() -> None:
    from bumble import controller, hci

    from jbd_emulator.frontends._radio import RadioController

    async def work() -> tuple[int, int]:
        link = new_link()
        return (
            int(controller.Controller("plain", link=link).le_features),
            int(RadioController("ours", link).le_features),
        )

    features, ours = run(work)
    unwanted = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    assert features & unwanted == unwanted
    assert not ours & unwanted
    assert "Enhanced_Connection_Complete" not in inspect.getsource(controller)


def test_bumble_stops_advertising_for_good_unless_told_to_restart() -> None:
    async def work(restart: bool) -> bool:
        link = new_link()
        first, second = await plain(link, 1), await plain(link, 2)
        await first.start_advertising(advertising_data=b"\x02\x01\x06", auto_restart=restart)
        connection = await second.connect(first.random_address, timeout=2)
        await connection.disconnect()
        await asyncio.sleep(0.5)
        again = first.is_advertising
        await first.stop_advertising()
        return bool(again)

    assert [run(lambda: work(True)), run(lambda: work(False))] == [True, False]


def test_bumble_sends_data_of_a_public_address_from_the_random_one() -> None:
    from bumble import hci
    from bumble.core import PhysicalTransport

    senders: list[str] = []

    class Listener:
        random_address = hci.Address("D2:00:00:00:00:02")
        public_address = hci.Address.ANY
        le_connections: ClassVar[dict[object, object]] = {}

        def on_link_acl_data(self, sender: hci.Address, transport: object, data: bytes) -> None:
            senders.append(sender.to_string(False))

    async def work() -> None:
        from bumble.controller import Controller

        link = new_link()
        sender = Controller("public", link=link, public_address="A5:C2:37:00:00:01")
        link.controllers.add(Listener())
        link.send_acl_data(sender, Listener.random_address, PhysicalTransport.LE, b"")
        await asyncio.sleep(0)

    run(work)
    assert senders == ["00:00:00:00:00:00"]


# -- bless -------------------------------------------------------------------------------------

needs_bless = pytest.mark.skipif(
    find_spec("bless") is None, reason="needs bless, pip install 'jbd-bench[ble]'"
)


class Bus:
    """What bless wants of a D-Bus connection to describe itself."""

    def __init__(self) -> None:
        self.exported: list[str] = []

    def export(self, path: str, what: object) -> None:
        self.exported.append(path)


def application() -> Any:
    from bless.backends.bluezdbus.dbus.application import BlueZGattApplication

    return BlueZGattApplication("JBD", "org.bluez", Bus())  # type: ignore[arg-type]


def done(work: Coroutine[Any, Any, Any]) -> Any:
    async def wrapped() -> Any:
        return await work

    return run(wrapped)


def test_bumble_warns_of_a_notification_that_nobody_subscribed_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from bumble import att

    async def work() -> None:
        link = new_link()
        first, second = await plain(link, 1), await plain(link, 2)
        await met(first, second)
        [connection] = first.connections.values()
        pdu = att.ATT_Handle_Value_Notification(attribute_handle=0x11, attribute_value=b"\0")
        first.gatt_server.send_gatt_pdu(connection, bytes(pdu))
        await asyncio.sleep(0.1)
        await connection.disconnect()

    run(work)
    assert "received notification with no subscriber" in caplog.text


@needs_bless
def test_bless_makes_every_service_but_the_first_a_secondary_one() -> None:
    app = application()
    services = [done(app.add_service(uuid)) for uuid in ("ff00", "180a")]
    assert [service._primary for service in services] == [True, False]


@needs_bless
def test_bless_tells_of_a_write_but_not_of_which_kind() -> None:
    app = application()
    service = done(app.add_service("ff00"))
    part = done(service.add_characteristic("ff02", [], b""))
    seen: list[tuple[Any, ...]] = []
    app.Write = lambda *what: seen.append(what)
    part.WriteValue(BASIC, {"type": "command"})
    assert seen == [(part, BASIC)]


@needs_bless
def test_bless_calls_a_hook_for_a_subscription_and_passes_nothing_on() -> None:
    app = application()
    service = done(app.add_service("ff00"))
    part = done(service.add_characteristic("ff01", [], b""))
    seen: list[Any] = []
    app.StartNotify = lambda what: seen.append(("on", what))
    app.StopNotify = lambda what: seen.append(("off", what))
    part.StartNotify()
    part.StopNotify()
    assert seen == [("on", None), ("off", None)]


class Server:
    """The part of bless's server that serves a link."""

    def __init__(self) -> None:
        self.value = bytearray()
        self.notified: list[bytes] = []

    def get_characteristic(self, uuid: str) -> Server:
        return self

    def update_value(self, service: str, uuid: str) -> bool:
        self.notified.append(bytes(self.value))
        return True


class Part:
    uuid = "0000ff02-0000-1000-8000-00805f9b34fb"


@needs_bless
@pytest.mark.parametrize("key", ["telink", "older"])
def test_a_module_behind_bless_answers_who_subscribed_and_starts_anew_for_the_next(
    key: str,
) -> None:
    from jbd_emulator.frontends._ble import make_module
    from jbd_emulator.frontends._bless import BlessPeripheral

    async def work() -> tuple[list[bytes], list[bytes]]:
        module: BleModule = make_module(Unit(parse_unit("0x21")), key, paced=False, now_s=0.0)
        peripheral = BlessPeripheral(module, "")
        server = peripheral._server = Server()
        part: Any = Part()
        peripheral._on_write(part, bytearray(BASIC))
        await asyncio.sleep(0.2)
        unasked = list(server.notified)
        peripheral._on_subscription(on=True)
        peripheral._on_write(part, bytearray(BASIC))
        await asyncio.sleep(0.2)
        answer = server.notified[len(unasked) :]
        peripheral._on_subscription(on=False)
        assert not module.busy
        return unasked, answer

    unasked, answer = run(work)
    # The byte at link-up leaves; what needs a subscription does not.
    assert unasked == ([b"\x00"] if key == "telink" else [])
    assert [len(piece) for piece in answer] == [20, 14]


@needs_bless
def test_a_clone_behind_bless_notifies_and_is_written_as_on_its_own_radio() -> None:
    from jbd_emulator.frontends._ble import make_module
    from jbd_emulator.frontends._bless import BlessPeripheral

    async def work() -> list[bytes]:
        module = make_module(Unit(parse_unit("0x80?board=16s")), "clone", paced=False, now_s=0.0)
        peripheral = BlessPeripheral(module, "")
        server = peripheral._server = Server()
        part: Any = Part()
        peripheral._on_subscription(on=True)
        peripheral._on_write(part, bytearray(BASIC * 5))
        await asyncio.sleep(0.2)
        return server.notified

    sizes = [len(piece) for piece in run(work)]
    assert len(sizes) == 5
    assert set(sizes) == {sizes[0]}
    assert sizes[0] > 20


def test_the_radio_of_two_modules_keeps_them_apart(radio: VirtualRadio) -> None:
    first, second = radio.add("0x21?board=4s"), radio.add("0x17?board=8s")
    assert first.address != second.address
