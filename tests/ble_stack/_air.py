"""The air around the machine: BlueZ's adapter, emulated modules and Bumble centrals on one link.

It lives on an event loop in a thread of its own, so that a test may block in bleak or wait for a
program. The controllers are Bumble's, as in the virtual radio; what hears them is a real kernel.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from jbd_emulator import BleModule, Unit, VirtualRadio
from jbd_emulator.frontends._radio import RadioController
from jbd_emulator.module import GENERATIONS, format_address

if TYPE_CHECKING:
    from jbd_emulator.frontends._bumble import BumblePeripheral

ValueT = TypeVar("ValueT")
_CALL_S = 60.0


class Air:
    """One radio for the whole run.

    Args:
        hci: unix socket of the machine on which a connection makes an adapter.
        door: unix socket to make; whoever connects drives a controller of its own on the air.
    """

    def __init__(self, hci: Path, door: Path) -> None:
        self.radio = VirtualRadio()
        self.door = door
        self.adapter = ""
        """Name of BlueZ's own adapter here, once it is known."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="air", daemon=True)
        self._thread.start()
        self._count = itertools.count()
        self._modules = 0
        self._hci = hci
        self._ends: list[Plug | asyncio.AbstractServer] = []
        self.call(self._open())

    def call(self, work: Coroutine[Any, Any, ValueT], timeout_s: float = _CALL_S) -> ValueT:
        """Do something on the air's loop; return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def add(
        self, unit: Unit | str = "0x21?board=4s", generation: str = "telink", **more: Any
    ) -> BleModule:
        """Put a unit on the air; arguments as ``VirtualRadio.add``, the address a new one."""
        prefix = GENERATIONS[generation].prefix.value
        self._modules += 1
        # BlueZ remembers a device it has seen, its name among the rest.
        more.setdefault("address", format_address(prefix + self._modules.to_bytes(3, "big")))

        async def work() -> BleModule:
            module = self.radio.add(unit, generation, **more)
            await self.radio.start()
            return module

        return self.call(work())

    def put(self, module: BleModule) -> None:
        """Put a module on the air that was made elsewhere."""

        async def work() -> None:
            self.radio.modules.append(module)
            await self.radio.start()

        self.call(work())

    def peripheral(self, module: BleModule) -> BumblePeripheral:
        """Return the front end of a module on the air."""
        return self.radio.peripherals[self.radio.modules.index(module)]

    def drop_central(self, module: BleModule) -> None:
        """Let a module end its link."""

        async def work() -> None:
            connection = self.peripheral(module).connection
            assert connection is not None
            await connection.disconnect()

        self.call(work())

    def plug_in(self) -> Plug:
        """Give BlueZ one more adapter on this air."""
        return self.call(self._plug_in())

    def unplug(self, plug: Plug) -> None:
        """Take an adapter from BlueZ; on the loop itself, call :meth:`Plug.pull`."""

        async def work() -> None:
            plug.pull()

        self.call(work())

    def withdraw(self, module: BleModule) -> None:
        """Take a unit off the air, with whatever link it has."""
        self.call(self.radio.withdraw(module))

    def close(self) -> None:
        """End everything on the air."""

        async def work() -> None:
            await self.radio.stop()
            for end in self._ends:
                end.close()

        self.call(work())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        await self._plug_in()
        self._ends.append(await self._loop.create_unix_server(await self._maker(), str(self.door)))

    async def _plug_in(self) -> Plug:
        _, plug = await self._loop.create_unix_connection(await self._maker(), str(self._hci))
        self._ends.append(plug)
        return plug

    async def _maker(self) -> Callable[[], Plug]:
        link = await self.radio.start()
        return lambda: Plug(link, f"plug {next(self._count)}")


class Plug(StreamPacketSource):
    """A controller on the air whose host is at the other end of a socket."""

    def __init__(self, link: LocalLink, name: str) -> None:
        super().__init__()
        self._link = link
        self._controller = RadioController(name, link)
        self._wire: asyncio.WriteTransport | None = None
        self.set_packet_sink(self._controller)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the controller its host."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._wire = transport
        self._controller.host = StreamPacketSink(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the host is gone."""
        self.pull()

    def pull(self) -> None:
        """Take it off the air at once; who was connected misses it. A second call does nothing."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        self._link.remove_controller(self._controller)
        for other in self._link.controllers:
            if isinstance(other, RadioController):
                other.lose(self._controller.random_address)
        wire.abort()

    close = pull
