"""The client of bleak on a virtual radio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble import core, hci, pairing
from bumble.device import Connection, Device
from bumble.gatt_client import ServiceProxy

from ._gatt import GattClient, Typist, long_uuid, property_names, protocol_errors

if TYPE_CHECKING:
    from . import VirtualBleak

_HEADER: Final = 3
"""Bytes of a notification or write command that are not its value."""


class BumbleClient(BaseBleakClient):
    """A central of its own on the virtual radio."""

    air: ClassVar[VirtualBleak]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        known = isinstance(address_or_ble_device, BLEDevice)
        self._name = cast(BLEDevice, address_or_ble_device).name if known else None
        self._wanted = services
        self._central: Device | None = None
        self._connection: Connection | None = None
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The name it was found under, or its address with dashes."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The ATT MTU of the link."""
        return int(self._link().att_mtu)

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect and look at all that is there.

        Raises:
            BleakDeviceNotFoundError: nobody of this address takes connections.
        """
        if self.is_connected:
            raise BleakError("already connected")
        bond = self.air.bonds.get(self.address)
        self._central = await self.air.radio.central(None if bond is None else bond[0])
        if bond is not None:
            self._central.keystore = bond[1]
        try:
            await self._connect(pair)
        except BaseException:
            self._leave()
            raise

    async def disconnect(self) -> None:
        """Leave."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(core.BaseBumbleError):
                await connection.disconnect()
        self._leave()

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Pair, with the passkey of the radio where the module wants one.

        Raises:
            BleakError: the module refuses.
        """
        connection, central = self._link(), self._central
        assert central is not None
        if self.address in self.air.bonds:
            return
        try:
            await connection.pair()
        except core.BaseBumbleError as error:
            raise BleakError(f"pairing failed: {error}") from None
        if central.keystore is not None:
            self.air.bonds[self.address] = (central.random_address, central.keystore)

    async def unpair(self) -> None:
        """Forget the module: its next client is a stranger."""
        self.air.bonds.pop(self.address, None)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a characteristic."""
        return await self._read(characteristic.handle)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Read a descriptor."""
        return await self._read(descriptor.handle)

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a characteristic.

        Raises:
            BleakError: longer than a write without response can be.
            BleakGATTProtocolError: the module refuses.
        """
        limit = self.mtu_size - _HEADER
        if not response and len(data) > limit:
            raise BleakError(f"{len(data)} bytes without response: must be {limit} or less")
        await self._write(characteristic.handle, bytes(data), response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        await self._write(descriptor.handle, bytes(data), True)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        """Switch notifications on."""

        def forward(value: bytes) -> None:
            callback(bytearray(value))

        self._subscribers[characteristic.handle] = forward
        with protocol_errors():
            await self._link().gatt_client.subscribe(characteristic.obj, forward)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Switch notifications off."""
        forward = self._subscribers.pop(characteristic.handle, None)
        with protocol_errors():
            await self._link().gatt_client.unsubscribe(characteristic.obj, forward)

    async def _connect(self, pair: bool) -> None:
        central = self._central
        assert central is not None
        central.on(Device.EVENT_CONNECTION, self._on_connection)
        address = hci.Address(self.address, hci.Address.RANDOM_DEVICE_ADDRESS)
        try:
            connection = await central.connect(address, timeout=self._timeout)
        except (core.TimeoutError, TimeoutError, core.ConnectionError):
            raise BleakDeviceNotFoundError(
                self.address, f"nobody at {self.address} takes connections"
            ) from None
        if connection.handle not in central.connections:
            # Turned away before anybody could listen for it.
            raise self._taken()
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        typed = self.air.passkey
        central.pairing_config_factory = lambda _: pairing.PairingConfig(
            mitm=typed is not None, delegate=Typist(typed)
        )
        if self.address in self.air.bonds:
            await self._encrypt(connection)
        if pair:
            await self.pair()
        try:
            if self.air.mtu is not None:
                await connection.gatt_client.request_mtu(self.air.mtu)
            self.services = await self._discover(connection)
        except (core.BaseBumbleError, asyncio.CancelledError) as error:
            if self._connection is None:
                raise self._taken() from error
            raise

    async def _encrypt(self, connection: Connection) -> None:
        """Come back with the key of an earlier pairing; raises BleakError where it is refused."""
        try:
            await connection.encrypt()
        except core.BaseBumbleError as error:
            raise BleakError(f"the module does not know the key any more: {error}") from None

    def _taken(self) -> BleakDeviceNotFoundError:
        return BleakDeviceNotFoundError(self.address, f"{self.address} took another connection")

    async def _discover(self, connection: Connection) -> BleakGATTServiceCollection:
        found = BleakGATTServiceCollection()
        for service in await connection.gatt_client.discover_services():
            uuid = long_uuid(service.uuid)
            if self._wanted is None or uuid in self._wanted:
                await self._add_service(found, service, uuid)
        return found

    async def _add_service(
        self, found: BleakGATTServiceCollection, service: ServiceProxy, uuid: str
    ) -> None:
        shown = BleakGATTService(service, service.handle, uuid)
        found.add_service(shown)
        for proxy in await service.discover_characteristics():
            characteristic = BleakGATTCharacteristic(
                proxy,
                proxy.handle,
                long_uuid(proxy.uuid),
                property_names(proxy),
                lambda: self.mtu_size - _HEADER,
                shown,
            )
            found.add_characteristic(characteristic)
            for descriptor in await proxy.discover_descriptors():
                found.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, long_uuid(descriptor.type), characteristic
                    )
                )

    async def _read(self, handle: int) -> bytearray:
        with protocol_errors():
            return bytearray(await self._link().gatt_client.read_value(handle))

    async def _write(self, handle: int, data: bytes, response: bool) -> None:
        with protocol_errors():
            await self._link().gatt_client.write_value(handle, data, with_response=response)

    def _link(self) -> Connection:
        if self._connection is None:
            raise BleakError("not connected")
        return self._connection

    def _on_connection(self, connection: Connection) -> None:
        # Before the first packet: the byte at link-up comes ahead of everything.
        connection.gatt_client = GattClient(connection, self.air.unasked)

    def _on_disconnection(self, reason: int) -> None:
        self._leave()

    def _leave(self) -> None:
        central, self._central = self._central, None
        was_up = self._connection is not None
        self._connection = None
        self._subscribers.clear()
        if central is not None:
            self.air.radio.remove(central)
        if was_up and self._disconnected_callback is not None:
            self._disconnected_callback()
