"""bleak's own client and scanner on the virtual radio, and the fixture that selects it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from jbd_protocol import ResponseDecoder

from .conftest import BASIC, CELLS, HAS_STACK, run

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.scanner import AdvertisementData

    from jbd_bench.bleak_bumble import VirtualBleak
    from jbd_emulator import BleModule

pytest_plugins = ["pytester"]


async def ask(client: BleakClient, request: bytes, up: str = "ff01", down: str = "ff02") -> bytes:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(up, lambda _, data: heard.put_nowait(bytes(data)))
    await client.write_gatt_char(down, request)
    answer = b""
    async with asyncio.timeout(5):
        while not ResponseDecoder().receive(answer):
            piece = await heard.get()
            answer += b"" if piece == b"\x00" else piece
    await client.stop_notify(up)
    return answer


def test_basic_info_is_read_through_a_client_with_our_backend() -> None:
    from bleak import BleakClient, BleakScanner

    from jbd_bench.bleak_bumble import VirtualBleak

    air = VirtualBleak()
    module = air.add("0x21?board=4s")

    async def work() -> bytes:
        found = await BleakScanner.find_device_by_address(module.address_text, backend=air.scanner)
        assert found is not None
        async with BleakClient(found, backend=air.client) as client:
            return await ask(client, BASIC)

    assert run(work) == module.unit.receive(BASIC, 0.0)


@pytest.mark.parametrize(
    ("key", "up", "down"), [("older", "ff01", "ff02"), ("fff0", "fff1", "fff2")]
)
def test_other_generations_are_read_too(
    jbd_bleak: VirtualBleak, key: str, up: str, down: str
) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add("0x17?board=8s", key)

    async def work() -> bytes:
        async with BleakClient(module.address_text) as client:
            return await ask(client, CELLS, up, down)

    assert run(work) == module.unit.receive(CELLS, 0.0)


def test_a_scan_finds_every_unit_with_what_it_advertises(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakScanner

    modules = [jbd_bleak.add("0x21?board=4s"), jbd_bleak.add("0x80?board=16s", "fa00-login")]

    async def work() -> dict[str, AdvertisementData]:
        found = await BleakScanner.discover(1.0, return_adv=True)
        return {address: heard for address, (_, heard) in found.items()}

    heard = run(work)
    assert sorted(heard) == sorted(module.address_text for module in modules)
    for module in modules:
        shown, seen = module.advertisement(), heard[module.address_text]
        assert seen.local_name == module.name
        assert seen.service_uuids == list(shown.long_services)
        assert shown.company is not None
        assert seen.manufacturer_data == {shown.company: shown.company_data}


def test_a_scan_for_another_service_finds_nobody(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakScanner

    jbd_bleak.add()
    other = "0000fff0-0000-1000-8000-00805f9b34fb"
    assert run(lambda: BleakScanner.discover(1.0, service_uuids=[other])) == []


def test_services_are_limited_to_those_asked_for(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add()

    async def work() -> list[str]:
        async with BleakClient(module.address_text, services=["ff00"]) as client:
            return [service.uuid[4:8] for service in client.services]

    assert run(work) == ["ff00"]


def test_nobody_at_an_address_is_a_device_not_found(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakDeviceNotFoundError

    jbd_bleak.add()

    async def work() -> None:
        await BleakClient("A5:C2:37:FF:FF:FF", timeout=3).connect()

    with pytest.raises(BleakDeviceNotFoundError):
        run(work)


def test_a_module_that_serves_another_client_is_not_found(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakDeviceNotFoundError

    module = jbd_bleak.add()

    async def work() -> bytes:
        async with BleakClient(module.address_text) as client:
            with pytest.raises(BleakDeviceNotFoundError):
                await BleakClient(module.address_text, timeout=3).connect()
            return await ask(client, BASIC)

    assert len(run(work)) == 34


def test_of_two_clients_at_once_one_is_served(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakDeviceNotFoundError

    module = jbd_bleak.add()

    async def work() -> list[object]:
        clients = [BleakClient(module.address_text, timeout=3) for _ in range(2)]
        ends = await asyncio.gather(*(c.connect() for c in clients), return_exceptions=True)
        [served] = [c for c in clients if c.is_connected]
        assert len(await ask(served, BASIC)) == 34
        await served.disconnect()
        return list(ends)

    ends = run(work)
    assert [type(end) for end in ends if end is not None] == [BleakDeviceNotFoundError]


def test_a_write_that_is_not_offered_is_a_protocol_error(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode

    module = jbd_bleak.add()

    async def work() -> None:
        async with BleakClient(module.address_text) as client:
            await client.write_gatt_char("ff02", BASIC, response=True)

    with pytest.raises(BleakGATTProtocolError) as caught:
        run(work)
    assert caught.value.code == BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED


def test_a_command_longer_than_the_link_carries_is_refused(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakError

    module = jbd_bleak.add()

    async def work() -> None:
        async with BleakClient(module.address_text) as client:
            await client.write_gatt_char("ff02", bytes(21), response=False)

    with pytest.raises(BleakError, match="21 bytes without response: must be 20 or less"):
        run(work)


def test_the_client_hears_of_the_end_of_its_link_once(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add()
    ends: list[bool] = []

    async def work() -> None:
        client = BleakClient(module.address_text, lambda c: ends.append(c.is_connected))
        await client.connect()
        [peripheral] = jbd_bleak.radio.peripherals
        assert peripheral.connection is not None
        await peripheral.connection.disconnect()
        await asyncio.sleep(0.1)
        assert not client.is_connected
        await client.disconnect()

    run(work)
    assert ends == [False]


@pytest.mark.parametrize(("mtu", "want"), [(None, 23), (185, 185), (517, 247)])
def test_the_mtu_is_asked_for_as_the_phone_does(
    jbd_bleak: VirtualBleak, mtu: int | None, want: int
) -> None:
    from bleak import BleakClient

    jbd_bleak.mtu = mtu
    module = jbd_bleak.add(generation="clone")

    async def work() -> int:
        async with BleakClient(module.address_text) as client:
            return client.mtu_size

    assert run(work) == want


def test_a_passkey_that_is_typed_opens_the_passkey_module(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add(generation="passkey")
    jbd_bleak.passkey = 123456

    async def work() -> bytes:
        async with BleakClient(module.address_text, pair=True) as client:
            return await ask(client, BASIC)

    assert len(run(work)) == 34


def test_a_wrong_passkey_is_said(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakError

    module = jbd_bleak.add(generation="passkey")
    jbd_bleak.passkey = 111111

    async def work() -> None:
        await BleakClient(module.address_text, pair=True).connect()

    with pytest.raises(BleakError, match="pairing failed"):
        run(work)


def test_who_paired_once_comes_back_without_a_passkey_and_a_stranger_does_not(
    jbd_bleak: VirtualBleak,
) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add(generation="passkey")
    jbd_bleak.passkey = 123456

    async def work() -> list[int]:
        sizes = []
        async with BleakClient(module.address_text, pair=True) as client:
            sizes.append(len(await ask(client, BASIC)))
        jbd_bleak.passkey = None
        for _ in range(2):
            async with BleakClient(module.address_text) as client:
                sizes.append(len(await ask(client, BASIC)))
        await client.unpair()
        async with BleakClient(module.address_text) as client:
            sizes.append(len(await ask(client, BASIC)))
        return sizes

    assert run(work) == [34, 34, 34, len(BASIC)]


def test_a_module_that_forgot_the_key_is_told_apart(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient
    from bleak.exc import BleakError

    module = jbd_bleak.add(generation="passkey")
    jbd_bleak.passkey = 123456

    async def work() -> None:
        async with BleakClient(module.address_text, pair=True):
            pass
        [peripheral] = jbd_bleak.radio.peripherals
        keystore = peripheral.device.keystore
        assert keystore is not None
        await keystore.delete_all()
        await BleakClient(module.address_text).connect()

    with pytest.raises(BleakError, match="does not know the key any more"):
        run(work)


def test_a_unit_lives_on_over_two_event_loops(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient

    module: BleModule = jbd_bleak.add()

    async def rename() -> None:
        async with BleakClient(module.address_text) as client:
            await client.write_gatt_char("ff02", bytes.fromhex("ffaa070358595a15"))

    async def read() -> bytes:
        async with BleakClient(module.address_text) as client:
            return bytes(await client.read_gatt_char("2a00"))

    run(rename)
    assert run(read) == b"XYZ"


def test_a_thousand_exchanges_lose_nothing_and_keep_their_order(jbd_bleak: VirtualBleak) -> None:
    from bleak import BleakClient

    module = jbd_bleak.add()

    async def work() -> list[int]:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        sizes = []
        async with BleakClient(module.address_text) as client:
            await client.start_notify("ff01", lambda _, data: heard.put_nowait(bytes(data)))
            for request in (BASIC, CELLS) * 500:
                await client.write_gatt_char("ff02", request, response=False)
                for _ in range(2 if request is BASIC else 1):
                    sizes.append(len(await heard.get()))
        return sizes

    assert run(work) == [20, 14, 15] * 500


LIBRARY = """
import asyncio
from bleak import BleakClient, BleakScanner

async def name_of(address):
    found = await BleakScanner.find_device_by_address(address)
    async with BleakClient(found) as client:
        return (await client.read_gatt_char("2a00")).decode()

def test_a_library_that_makes_its_own_client(jbd_bleak):
    module = jbd_bleak.add("0x21?board=4s", name="JBD-SHED")
    assert asyncio.run(name_of(module.address_text)) == "JBD-SHED"

def test_the_next_test_has_the_platform_again():
    import bleak
    assert "get_platform_client_backend_type" in repr(bleak.get_platform_client_backend_type)
"""


@pytest.mark.slow
def test_the_fixture_selects_the_backend_for_one_test(pytester: pytest.Pytester) -> None:
    assert HAS_STACK
    pytester.makepyfile(LIBRARY)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-Werror")
    result.assert_outcomes(passed=2)
