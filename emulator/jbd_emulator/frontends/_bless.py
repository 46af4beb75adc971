"""A module on the host's own adapter, through bless and BlueZ.

BlueZ keeps address, MTU and links to itself; what that leaves out is said in ``limits``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from bless.backends.attribute import GATTAttributePermissions
from bless.backends.bluezdbus.server import BlessServerBlueZDBus
from bless.backends.characteristic import BlessGATTCharacteristic, GATTCharacteristicProperties
from bless.backends.descriptor import GATTDescriptorProperties

from .._config import ConfigError
from ..module import BleModule, Characteristic
from ._ble import DEFAULT_ADAPTER, ModuleDriver

LIMITS: Final = (
    "bless: the address and the MTU are the adapter's, link-up is first known with the "
    "subscription, no manufacturer field, no link parameters, no passkey; BlueZ adds its own "
    "services and shows the serial one alone"
)
_OPEN_S: Final = 10.0
_READ: Final = GATTAttributePermissions.readable
_READ_WRITE: Final = GATTAttributePermissions.readable | GATTAttributePermissions.writeable


class BlessPeripheral:
    """One module on one adapter that BlueZ manages.

    Args:
        module: what is put on the air.
        adapter: ``hci1``; empty for ``hci0``.
    """

    def __init__(self, module: BleModule, adapter: str) -> None:
        self.module = module
        self.limits = LIMITS
        self._adapter = adapter or DEFAULT_ADAPTER
        self._address = ""
        row = module.generation
        self._service = row.service.long_uuid
        self._notifies, self._takes = row.notifies, row.takes
        # bless passes on no kind of write. BlueZ lets through what the properties allow, so a
        # characteristic that takes commands was written with one, any other with a request.
        self._with_response = not row.accepts(with_response=False)
        self.driver = ModuleDriver(module, self._notify)
        # Any: what is used of it hangs together by attributes that bless does not declare.
        self._server: Any = None
        self._started = False

    @classmethod
    async def open(cls, module: BleModule, adapter: str) -> BlessPeripheral:
        """Put a module on an adapter.

        Raises:
            ConfigError: no such adapter, no BlueZ, or BlueZ refuses.
        """
        peripheral = cls(module, adapter)
        try:
            async with asyncio.timeout(_OPEN_S):
                await peripheral.start()
        except Exception as error:  # bless raises plain ones, D-Bus a family of its own
            await peripheral.close()
            where = f"ble bless:{peripheral._adapter}"
            raise ConfigError(f"{where}: {_reason(error)}") from None
        return peripheral

    @property
    def address(self) -> str:
        """The adapter's address."""
        return self._address

    @property
    def name(self) -> str:
        """The name that it advertises."""
        return self.module.name

    async def start(self) -> None:
        """Register with BlueZ and advertise."""
        server = BlessServerBlueZDBus(
            name=self.name, loop=asyncio.get_running_loop(), adapter=self._adapter
        )
        self._server = server
        server.read_request_func = self._on_read
        server.write_request_func = self._on_write
        await server.setup_task
        # bless has no events of its own; these two it calls when BlueZ tells of a subscriber.
        server.app.StartNotify = lambda _: self._on_subscription(on=True)
        server.app.StopNotify = lambda _: self._on_subscription(on=False)
        # Any: D-Bus objects get their methods from what the bus says of them.
        adapter: Any = server.adapter.get_interface("org.bluez.Adapter1")
        if not await adapter.get_powered():
            raise ConfigError("the adapter is off; bluetoothctl power on")
        self._address = await adapter.get_address()
        # The serial service alone: bless makes every service but its first a secondary one,
        # which no client looks for, and BlueZ has 1800, 1801 and 180A of its own.
        await server.add_new_service(self._service)
        for part in (self._notifies, self._takes):
            await self._add(part)
        await server.start()
        self._started = True

    async def close(self) -> None:
        """Leave the air."""
        self.driver.close()
        if self._server is None:
            return
        self._server.setup_task.cancel()
        if self._started:
            # BlueZ may be gone, and bless then fails at any of its steps.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1.0):
                    await self._server.stop()
        bus = getattr(self._server, "bus", None)
        if bus is not None:
            await _hang_up(bus)

    async def _add(self, part: Characteristic) -> None:
        await self._server.add_new_characteristic(
            self._service,
            part.long_uuid,
            GATTCharacteristicProperties(int(part.properties)),
            bytearray(),
            _READ_WRITE,
        )
        for descriptor in part.descriptors:
            # 0x2902 is BlueZ's own.
            if descriptor.uuid == "2901":
                await self._server.add_new_descriptor(
                    self._service,
                    part.long_uuid,
                    "00002901-0000-1000-8000-00805f9b34fb",
                    GATTDescriptorProperties.read,
                    bytearray(part.description.encode("ascii")),
                    _READ,
                )

    def _notify(self, piece: bytes) -> None:
        self._server.get_characteristic(self._notifies.long_uuid).value = bytearray(piece)
        self._server.update_value(self._service, self._notifies.long_uuid)

    def _on_read(self, characteristic: BlessGATTCharacteristic, **_: object) -> bytearray:
        for part in (self._notifies, self._takes):
            if part.long_uuid == characteristic.uuid.lower():
                return bytearray(self.module.read(part.uuid))
        return bytearray()

    def _on_write(self, characteristic: BlessGATTCharacteristic, value: Any, **_: object) -> None:
        # A write may come before any subscription, and then it is the first sign of a central.
        self._link_up()
        # The link carries more in one write than the module's would: cut as a client does there.
        size = self.module.generation.write_limit.value
        for at in range(0, len(value), size):
            self.driver.written(bytes(value[at : at + size]), with_response=self._with_response)

    def _on_subscription(self, *, on: bool) -> None:
        # BlueZ ends the subscription when the link ends, and says nothing else about it.
        if on:
            self._link_up()
            self.driver.subscribed(on=True)
        else:
            self.driver.disconnected()

    def _link_up(self) -> None:
        if not self.module.busy:
            self.driver.connected()
            # bless passes the link's MTU on to nobody. BlueZ asks every central for a long one,
            # so that the module's own is what limits, as on its own radio.
            self.module.mtu_changed(self.module.generation.mtu.value)


async def _hang_up(bus: Any) -> None:
    """Leave the D-Bus; the library shuts its socket down and does not close it."""
    bus.disconnect()
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1.0):
            await bus.wait_for_disconnect()
    bus._stream.close()
    bus._sock.close()


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"BlueZ does not answer within {_OPEN_S:g} s"
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return "no system D-Bus: is dbus running?"
    text = (str(error) or type(error).__name__).splitlines()[0]
    if "org.bluez" in text and ("not provided" in text or "not activatable" in text):
        return "no BlueZ on the D-Bus: is bluetoothd running?"
    return text[:1].lower() + text[1:]
