"""What is worked around in bless, as far as it takes BlueZ to see it.

``decisions/0007`` lists it; a test that fails here after an upgrade says that a row can go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from . import _exchanges as ex

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak

    from ._air import Air


def test_the_bus_of_bless_leaves_its_socket_open(air: Air) -> None:
    from bless.backends.bluezdbus.server import BlessServerBlueZDBus

    async def work() -> int:
        server = BlessServerBlueZDBus("nobody", loop=asyncio.get_running_loop())
        await server.setup_task
        bus: Any = server.bus
        bus.disconnect()
        await bus.wait_for_disconnect()
        left = bus._sock.fileno()
        bus._stream.close()
        bus._sock.close()
        return int(left)

    assert air.call(work()) != -1


def test_bless_makes_every_service_but_its_first_a_secondary_one(
    air: Air, wired: VirtualBleak
) -> None:
    from bleak import BleakClient
    from bless.backends.attribute import GATTAttributePermissions
    from bless.backends.bluezdbus.server import BlessServerBlueZDBus
    from bless.backends.characteristic import GATTCharacteristicProperties

    async def serve() -> tuple[Any, str]:
        server: Any = BlessServerBlueZDBus("two services", loop=asyncio.get_running_loop())
        for service in ("ff00", "fa00"):
            await server.add_new_service(long(service))
            await server.add_new_characteristic(
                long(service),
                long(f"{service[:3]}1"),
                GATTCharacteristicProperties.read,
                None,
                GATTAttributePermissions.readable,
            )
        await server.start()
        adapter = server.adapter.get_interface("org.bluez.Adapter1")
        return server, await adapter.get_address()

    async def stop(server: Any) -> None:
        from jbd_emulator.frontends._bless import _hang_up

        await server.stop()
        await _hang_up(server.bus)

    async def seen(address: str) -> set[str]:
        async with BleakClient(address, backend=wired.client) as client:
            return {service.uuid for service in client.services}

    server, address = air.call(serve())
    try:
        shown = ex.run(seen(address))
    finally:
        air.call(stop(server))
    assert long("ff00") in shown
    assert long("fa00") not in shown


def long(uuid: str) -> str:
    return f"0000{uuid}-0000-1000-8000-00805f9b34fb"
