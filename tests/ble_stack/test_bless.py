"""Our module behind BlueZ, through bless, seen by a central that is not BlueZ."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.scanner import AdvertisementData

from jbd_bench import Link
from jbd_bench.bleak_bumble import VirtualBleak
from jbd_emulator.module import GENERATIONS, Properties

from . import _exchanges as ex
from .conftest import Served

RECONNECTS = 50


@contextlib.contextmanager
def opened(wired: VirtualBleak, address: str) -> Iterator[Link]:
    with wired.selected(), ex.opened(address, "?timeout=30") as link:
        yield link


def test_a_scan_hears_name_and_service(served: Served, wired: VirtualBleak) -> None:
    unit = served("--ble", "bless", "--seed", "4")

    async def work() -> AdvertisementData:
        async with asyncio.timeout(30), BleakScanner(backend=wired.scanner) as scanner:
            async for device, data in scanner.advertisement_data():
                if device.address == unit["ble"] and data.local_name is not None:
                    return data
        raise AssertionError

    heard = ex.run(work())
    assert heard.local_name is not None
    # 31 bytes of advertisement hold no more: BlueZ shortens the name.
    assert unit["ble_name"].startswith(heard.local_name)
    assert "0000ff00-0000-1000-8000-00805f9b34fb" in heard.service_uuids


@pytest.mark.parametrize("key", ["telink", "older", "fff0"])
def test_the_serial_service_is_the_generations(
    served: Served, wired: VirtualBleak, key: str
) -> None:
    unit = served("--ble", "bless", "--module", key)
    row = GENERATIONS[key]

    async def work() -> dict[str, tuple[set[str], list[str]]]:
        async with BleakClient(unit["ble"], backend=wired.client) as client:
            service = client.services.get_service(row.service.long_uuid)
            assert service is not None
            return {
                part.uuid: (set(part.properties), [d.uuid[4:8] for d in part.descriptors])
                for part in service.characteristics
            }

    shown = ex.run(work())
    words = {"READ": "read", "WRITE": "write", "NOTIFY": "notify"}
    words["WRITE_WITHOUT_RESPONSE"] = "write-without-response"
    for part in (row.notifies, row.takes):
        names, descriptors = shown[part.long_uuid]
        assert names == {words[bit.name or ""] for bit in Properties if part.properties & bit}
        assert sorted(descriptors) == sorted(d.uuid for d in part.descriptors)


def test_a_thousand_exchanges_lose_nothing_and_keep_their_order(
    served: Served, wired: VirtualBleak, record_property: Callable[[str, object], None]
) -> None:
    with opened(wired, served("--ble", "bless")["ble"]) as link:
        record_property("measured", f"bless on BlueZ, read by Bumble: {ex.thousand(link)}")


def test_pieces_stay_short_although_the_link_carries_more(
    served: Served, wired: VirtualBleak
) -> None:
    unit = served("--ble", "bless", "--board", "16s")

    async def work() -> tuple[int, list[int]]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with BleakClient(unit["ble"], backend=wired.client) as client:
            await client.start_notify("ff01", lambda _, data: heard.put_nowait(bytes(data)))
            await client.write_gatt_char("ff02", ex.CELLS, response=False)
            async with asyncio.timeout(20):
                pieces = [await heard.get() for _ in range(3)]
            return client.mtu_size, [len(piece) for piece in pieces if piece != b"\x00"]

    mtu, pieces = ex.run(work())
    assert mtu > 100
    assert pieces[:2] == [20, 19]


def test_a_write_longer_than_a_module_would_get_reaches_the_board_whole(
    served: Served, wired: VirtualBleak
) -> None:
    # BlueZ agrees to a longer MTU than the module has, and the client does not cut.
    with opened(wired, served("--ble", "bless")["ble"]) as link:
        link.write(ex.BASIC + ex.CELLS * 3)
        assert [len(piece) for piece in ex.answers(link, 5)] == [20, 14, 15, 15, 15]


def test_fifty_reconnects_in_a_row_are_all_served(served: Served, wired: VirtualBleak) -> None:
    unit = served("--ble", "bless")

    async def work() -> None:
        for number in range(RECONNECTS):
            assert await one_exchange() == [20, 14], number

    async def one_exchange() -> list[int]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with (
            asyncio.timeout(30),
            BleakClient(unit["ble"], services=["ff00"], backend=wired.client) as client,
        ):
            await client.start_notify("ff01", lambda _, data: heard.put_nowait(bytes(data)))
            await client.write_gatt_char("ff02", ex.BASIC, response=False)
            sizes: list[int] = []
            while sum(sizes) < 34:
                piece = await heard.get()
                sizes += [] if piece == b"\x00" else [len(piece)]
        return sizes

    ex.run(work())


def test_after_a_central_that_vanishes_in_mid_answer_the_next_is_served(
    served: Served, wired: VirtualBleak
) -> None:
    unit = served("--ble", "bless", "--baud", "9600")

    async def vanish() -> None:
        gone = asyncio.Event()
        client = BleakClient(unit["ble"], lambda _: gone.set(), backend=wired.client)
        await client.connect()

        def cut(_: object, piece: bytearray) -> None:
            if len(piece) == 20:
                wired.radio.remove(client._backend._central)  # type: ignore[attr-defined]

        await client.start_notify("ff01", cut)
        await client.write_gatt_char("ff02", ex.BASIC, response=False)
        await asyncio.wait_for(gone.wait(), 20)

    ex.run(vanish())
    with opened(wired, unit["ble"]) as link:
        assert ex.sizes(link, ex.BASIC, 2) == [20, 14]


def test_a_write_before_the_subscription_is_lost_and_the_next_one_answered(
    served: Served, wired: VirtualBleak
) -> None:
    unit = served("--ble", "bless")

    async def work() -> list[int]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        async with asyncio.timeout(60), BleakClient(unit["ble"], backend=wired.client) as client:
            # Nobody listens: the module drops the answer, as it does on its own radio.
            await client.write_gatt_char("ff02", ex.BASIC, response=False)
            await client.start_notify("ff01", lambda _, data: heard.put_nowait(bytes(data)))
            await client.write_gatt_char("ff02", ex.CELLS, response=False)
            while (piece := await heard.get()) == b"\x00":
                pass
            return [len(piece)]

    assert ex.run(work()) == [15]
