"""Exchanges over Bluetooth: paced against the captures, unpaced against a server that does nothing.

Both sides are Bumble on a virtual radio in this process, in real time: what a machine's own
adapter and the air would add is not in it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from _measure import Row, Side, ratio, skipped
from _wire import READ_BASIC_INFO, Bench

GROUP = "air"
_EXCHANGES, _ROUNDS = 40, 10
_BARE_EXCHANGES = 100
_INFO = bytes.fromhex(READ_BASIC_INFO)
_CELLS = bytes.fromhex("dda50400fffc77")
_RANDOM = bytes.fromhex("ffaa170017")
_LIMIT_PERCENT = 20.0
_CAPTURED: tuple[tuple[str, str, str, bytes, int, float], ...] = (
    ("basic information", "0x21?board=4s", "telink", _INFO, 34, 78.0),
    ("cell voltages", "0x21?board=4s", "telink", _CELLS, 15, 47.0),
    ("the module's own frame, Android", "0x44?board=4s", "telink-login", _RANDOM, 6, 23.3),
    ("the module's own frame, iOS", "0x44?board=4s", "fa00-login", _RANDOM, 6, 55.0),
)
"""What, unit, generation, request, bytes of the answer, and the captured median in ms."""
# Any: Bumble's own types; it is loaded where this group runs.
Exchange = Callable[[], Awaitable[float]]


class Handles(NamedTuple):
    """Attributes of a serial line: what notifies, its switch, what takes requests."""

    up: int
    switch: int
    down: int


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    try:
        import bumble  # noqa: F401  # whether it is there
    except ModuleNotFoundError as error:
        yield skipped(GROUP, "exchanges over Bluetooth", f"{error.name} cannot be imported")
        return
    for what, unit, generation, request, size, captured_ms in _CAPTURED:
        count = 5 if bench.quick else _EXCHANGES
        took = asyncio.run(_paced(unit, generation, request, size, count))
        ours = Side("jbd-emulator", "ms", took)
        yield Row(
            group=GROUP, what=f"{what} over a virtual radio, paced, off the captured median",
            ours=ours, other=Side("capture", "ms", [captured_ms]),
            value=abs(ours.median / captured_ms - 1) * 100, unit="%", limit=_LIMIT_PERCENT,
        )  # fmt: skip
    module, bare = asyncio.run(_unpaced(bench.rounds(_ROUNDS), 10 if bench.quick else None))
    yield ratio(
        GROUP, "basic information over a virtual radio, unpaced, against a bare GATT server",
        Side("jbd-emulator", "ms", module), Side("bare Bumble", "ms", bare), at_most=1.4,
    )  # fmt: skip


async def _paced(unit: str, generation: str, request: bytes, size: int, count: int) -> list[float]:
    from jbd_emulator import VirtualRadio

    radio = VirtualRadio()
    module = radio.add(unit, generation, paced=True)
    ask = await _phone(radio, module.address_text, _handles(module), request, size)
    took = [await ask() for _ in range(count)]
    await radio.stop()
    return took


async def _unpaced(rounds: int, count: int | None) -> tuple[list[float], list[float]]:
    """Return medians of interleaved runs, in ms: the module's and a constant answer's."""
    from jbd_emulator import VirtualRadio

    exchanges = count or _BARE_EXCHANGES
    radio = VirtualRadio()
    module = radio.add("0x21?board=4s")
    answer = await _answer_of(radio, module)
    address, handles = await _bare_server(await radio.start(), answer)
    ours = await _phone(radio, module.address_text, _handles(module), _INFO, len(answer))
    bare = await _phone(radio, address, handles, _INFO, len(answer))
    medians: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(rounds):
        pair = [("ours", ours), ("bare", bare)]
        for name, ask in pair if number % 2 else pair[::-1]:
            medians[name].append(statistics.median([await ask() for _ in range(exchanges)]))
    await radio.stop()
    return medians["ours"], medians["bare"]


async def _answer_of(radio: Any, module: Any) -> bytes:
    heard: list[bytes] = []
    ask = await _phone(radio, module.address_text, _handles(module), _INFO, 34, heard, leave=True)
    await ask()
    return b"".join(heard[-2:])


def _handles(module: Any) -> Handles:
    row = module.generation
    return Handles(row.notifies.handle, row.notifies.descriptors[0].handle, row.takes.handle)


async def _phone(
    radio: Any, address: str, handles: Handles, request: bytes, size: int,
    heard: list[bytes] | None = None, *, leave: bool = False,
) -> Exchange:  # fmt: skip
    """Return what asks once over a link of its own, and says how many ms it took."""
    from bumble import hci

    device = await radio.central()
    wanted = hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS)
    connection = await device.connect(wanted, timeout=5)
    client = connection.gatt_client
    arrived = asyncio.Event()
    left = 0

    def on_piece(value: bytes) -> None:
        nonlocal left
        left -= len(value)
        if heard is not None:
            heard.append(bytes(value))
        if left <= 0:
            arrived.set()

    client.notification_subscribers[handles.up] = {on_piece}
    await client.write_value(handles.switch, b"\x01\x00", with_response=True)
    await asyncio.sleep(0.05)

    async def ask() -> float:
        nonlocal left
        left = size
        arrived.clear()
        started = time.perf_counter()
        await client.write_value(handles.down, request)
        await asyncio.wait_for(arrived.wait(), 5)
        took_ms = (time.perf_counter() - started) * 1000
        if leave:
            await connection.disconnect()
        return took_ms

    return ask


async def _bare_server(link: Any, answer: bytes) -> tuple[str, Handles]:
    """Put a GATT server on the air that notifies the same bytes in the same pieces, unread."""
    from bumble import att, gatt, hci
    from bumble.device import Device, DeviceConfiguration
    from bumble.host import Host
    from bumble.transport.common import AsyncPipeSink

    from jbd_emulator.frontends._radio import RadioController

    address = "D1:00:00:00:00:01"
    controller = RadioController("bare", link)
    config = DeviceConfiguration(
        name="bare", address=hci.Address(address),
        advertising_interval_min=20, advertising_interval_max=20,
    )  # fmt: skip
    device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))

    def on_write(connection: Any, _: bytes) -> None:
        for at in range(0, len(answer), 20):
            pdu = att.ATT_Handle_Value_Notification(
                attribute_handle=up.handle, attribute_value=answer[at : at + 20]
            )
            device.gatt_server.send_gatt_pdu(connection, bytes(pdu))

    allowed = att.Attribute.Permissions.READABLE | att.Attribute.Permissions.WRITEABLE
    up: Any = gatt.Characteristic("FF01", gatt.Characteristic.Properties.NOTIFY, allowed, b"")
    down: Any = gatt.Characteristic(
        "FF02", gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE, allowed,
        att.AttributeValue(write=on_write),
    )  # fmt: skip
    device.add_service(gatt.Service("FF00", [up, down]))
    await device.power_on()
    await device.start_advertising(
        own_address_type=hci.OwnAddressType.RANDOM, advertising_data=b"\x02\x01\x06"
    )
    # Bumble puts the switch right behind the value.
    return address, Handles(up.handle, up.handle + 1, down.handle)
