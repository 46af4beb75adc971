"""Bumble on both ends of a virtual link, in one process, on time that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from bumble.device import Connection, Device

    from jbd_emulator import BleModule, VirtualRadio

ValueT = TypeVar("ValueT")
BASIC = bytes.fromhex("dda50300fffd77")
CELLS = bytes.fromhex("dda50400fffc77")
NEEDS = "needs bumble and bleak, pip install 'jbd-bench[ble]'; tox -e ble-quick has them"

HAS_STACK = find_spec("bumble") is not None and find_spec("bleak") is not None


@pytest.fixture(autouse=True)
def _stack_is_there() -> None:
    if not HAS_STACK:
        pytest.skip(NEEDS)


def run(work: Callable[[], Coroutine[Any, Any, ValueT]]) -> ValueT:
    """Run to the end on time that jumps: what waits, waits for nothing."""
    from jbd_bench.transports._air import JumpingLoop

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work())


@pytest.fixture
def radio() -> VirtualRadio:
    from jbd_emulator import VirtualRadio

    return VirtualRadio()


@dataclass
class Phone:
    """A central that looks at every notification, asked for or not."""

    device: Device
    connection: Connection
    module: BleModule
    heard: list[bytes] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    async def subscribe(self, *, on: bool = True) -> None:
        switch = self.module.generation.notifies.descriptors[0].handle
        value = b"\x01\x00" if on else b"\x00\x00"
        await self.connection.gatt_client.write_value(switch, value, with_response=True)

    async def write(self, data: bytes, *, with_response: bool = False) -> None:
        handle = self.module.generation.takes.handle
        await self.connection.gatt_client.write_value(handle, data, with_response=with_response)

    async def quiet(self, seconds: float = 0.3) -> list[bytes]:
        """Let time pass; return what was notified since the last call."""
        await asyncio.sleep(seconds)
        heard = list(self.heard)
        self.heard.clear()
        return heard

    async def ask(self, data: bytes) -> list[bytes]:
        await self.quiet()
        await self.write(data)
        return await self.quiet()

    async def leave(self) -> None:
        if not self.lost:
            await self.connection.disconnect()


async def call(radio: VirtualRadio, module: BleModule, *, timeout_s: float = 1.0) -> Phone:
    """Return a phone that is connected to a module."""
    from bumble import hci

    device = await radio.central()
    address = hci.Address(module.address_text, hci.Address.RANDOM_DEVICE_ADDRESS)
    connection = await device.connect(address, timeout=timeout_s)
    phone = Phone(device, connection, module)

    def note(value: bytes) -> None:
        phone.heard.append(bytes(value))
        phone.at_s.append(asyncio.get_running_loop().time())

    handle = module.generation.notifies.handle
    connection.gatt_client.notification_subscribers[handle] = {note}
    connection.on("disconnection", phone.lost.append)
    if connection.handle not in device.connections:
        phone.lost.append(0)
    return phone


@pytest.fixture
def with_phone(radio: VirtualRadio) -> Callable[..., Any]:
    """``with_phone(work, unit, generation, ...)`` runs ``work(phone)`` on a fresh unit."""

    def go(
        work: Callable[[Phone], Awaitable[ValueT]],
        unit: str = "0x21?board=4s",
        generation: str = "telink",
        **more: Any,
    ) -> ValueT:
        module = radio.add(unit, generation, **more)

        async def all_of_it() -> ValueT:
            phone = await call(radio, module)
            try:
                return await work(phone)
            finally:
                await phone.leave()
                await radio.stop()

        return run(all_of_it)

    return go
