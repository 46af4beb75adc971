"""Our module on Bumble, seen by bleak on a real kernel and BlueZ."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, open_target
from jbd_emulator.module import GENERATIONS, Properties

from . import _exchanges as ex
from ._bluez import adapters
from .conftest import OnAir, Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from bleak.backends.scanner import AdvertisementData

    from jbd_bench.bleak_bumble import VirtualBleak

    from ._air import Air
    from .vm import Machine

HIDDEN = ("1800",)
"""What BlueZ keeps to itself."""
Row = tuple[str, int, str, set[str]]
NAMES = {
    Properties.READ: "read",
    Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Properties.WRITE: "write",
    Properties.NOTIFY: "notify",
    Properties.INDICATE: "indicate",
}


def test_a_scan_hears_every_generation_with_all_it_advertises(on_air: OnAir) -> None:
    from bleak import BleakScanner

    modules = [on_air(generation=key) for key in GENERATIONS]
    wanted = {module.address_text for module in modules}

    async def work() -> dict[str, AdvertisementData]:
        heard: dict[str, AdvertisementData] = {}
        async with asyncio.timeout(60), BleakScanner() as scanner:
            async for device, data in scanner.advertisement_data():
                if data.local_name is not None:
                    heard[device.address] = data
                if wanted <= set(heard):
                    break
        return heard

    heard = ex.run(work())
    for module in modules:
        shown, seen = module.advertisement(), heard[module.address_text]
        assert seen.local_name == module.name
        assert seen.service_uuids == list(shown.long_services)
        field = {} if shown.company is None else {shown.company: shown.company_data}
        assert seen.manufacturer_data == field


@pytest.mark.parametrize("key", GENERATIONS)
def test_bluez_shows_the_attribute_table_of_the_generation(
    on_air: OnAir, air: Air, key: str
) -> None:
    from bleak import BleakClient

    module = on_air(generation=key)

    async def work() -> list[Row]:
        async with BleakClient(module.address_text) as client:
            shown: list[Row] = [
                (service.uuid, part.handle, part.uuid, {str(name) for name in part.properties})
                for service in client.services
                for part in service.characteristics
            ]
            await asyncio.to_thread(air.drop_central, module)
        return shown

    assert sorted(ex.run(work())) == sorted(
        (
            service.long_uuid,
            part.declaration,
            part.long_uuid,
            {name for bit, name in NAMES.items() if part.properties & bit},
        )
        for service in module.generation.services.value
        if service.uuid not in HIDDEN
        for part in service.characteristics
    )


@pytest.mark.parametrize(("key", "pieces"), [("telink", [20, 14]), ("clone", [34])])
def test_a_piece_is_as_long_as_the_generation_has_it(
    on_air: OnAir, key: str, pieces: list[int]
) -> None:
    # BlueZ asks for an MTU of 517 and the module answers with its own.
    with ex.opened(on_air(generation=key).address_text) as link:
        assert ex.sizes(link, ex.BASIC, len(pieces)) == pieces


def test_a_thousand_exchanges_lose_nothing_and_keep_their_order(
    served: Served, air: Air, machine: Machine, record_property: Callable[[str, object], None]
) -> None:
    unit = served("--ble", f"bumble:adapter:unix:{machine.hci}")
    [adapter] = set(adapters(2)) - {air.adapter}
    with ex.opened(unit["ble"], f"?adapter={adapter}") as link:
        record_property("measured", f"Bumble, read by bleak on BlueZ: {ex.thousand(link)}")


def test_an_exchange_at_the_pace_of_the_captures(
    on_air: OnAir, record_property: Callable[[str, object], None]
) -> None:
    with ex.opened(on_air(paced=True).address_text) as link:
        record_property("measured", f"the same, paced (captured: 78 ms): {ex.thousand(link, 50)}")


def test_fifty_reconnects_in_a_row_are_all_served(on_air: OnAir, air: Air) -> None:
    # BlueZ takes two seconds over every end that its client asks for: most are the module's.
    module = on_air()
    with ex.opened(module.address_text) as link:
        for number in range(50):
            assert ex.sizes(link, ex.BASIC, 2) == [20, 14], number
            if number % 5 == 0:
                link.reconnect()
            else:
                air.drop_central(module)
                ex.reopened(link)
        assert ex.sizes(link, ex.BASIC, 2) == [20, 14]


def test_after_a_central_that_vanishes_in_mid_answer_the_next_is_served(
    on_air: OnAir, air: Air, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = on_air(paced=True)
    plug = air.plug_in()
    [adapter] = set(adapters(2)) - {air.adapter}
    driver = air.peripheral(module).driver
    notify = driver._notify

    def one_piece_and_gone(piece: bytes) -> None:
        notify(piece)
        if len(piece) == 20:
            plug.pull()

    link = open_target(f"ble:{module.address_text}?adapter={adapter}")
    monkeypatch.setattr(driver, "_notify", one_piece_and_gone)
    link.write(ex.BASIC)
    heard = ex.until_lost(link)
    link.close()
    adapters(1)
    assert 14 not in map(len, heard)
    assert not module.busy
    monkeypatch.undo()
    with ex.opened(module.address_text) as link:
        assert ex.sizes(link, ex.BASIC, 2) == [20, 14]


def test_a_second_central_is_turned_away_while_bluez_is_served(
    on_air: OnAir, wired: VirtualBleak
) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakDeviceNotFoundError

    module = on_air()

    async def second() -> None:
        await BleakClient(module.address_text, timeout=3, backend=wired.client).connect()

    with ex.opened(module.address_text) as link:
        with pytest.raises(BleakDeviceNotFoundError):
            ex.run(second())
        assert ex.sizes(link, ex.BASIC, 2) == [20, 14]


def test_a_name_that_is_written_is_what_bluez_finds_next(on_air: OnAir) -> None:
    module = on_air()
    with ex.opened(module.address_text) as link:
        link.write(bytes.fromhex("ffaa0704534845442f"))
        ex.answers(link, 1)
    assert module.name == "SHED"
    with ex.opened("name=SHED") as link:
        assert BmsClient(link).basic_info().cells == 4


@pytest.mark.parametrize("key", ["older", "fff0"])
def test_other_serial_lines_are_found_and_written_as_they_want(on_air: OnAir, key: str) -> None:
    with ex.opened(on_air("0x17?board=16s", key).address_text) as link:
        assert len(BmsClient(link).cell_voltages()) == 16
