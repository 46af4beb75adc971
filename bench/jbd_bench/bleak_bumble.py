"""bleak without a radio: backends that reach emulated units on a virtual radio.

Every client library on bleak 3 runs against the emulator with no adapter and no kernel support::

    radio = VirtualBleak()
    module = radio.add("0x21?board=4s")
    async with BleakClient(module.address_text, backend=radio.client) as client:
        ...

A library that makes its own ``BleakClient`` takes ours where :meth:`VirtualBleak.select` has put
it in the place of the platform's; the pytest fixture ``jbd_bleak`` does that for one test.

The radio is Bumble's link between controllers: no loss, no connection interval, no range. Every
client is a central of its own, as if each ran on another phone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final, cast

import bleak
from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci, pairing
from bumble.device import Advertisement, Connection, Device
from bumble.gatt import Characteristic
from bumble.gatt_client import CharacteristicProxy, Client, ServiceProxy
from bumble.keys import KeyStore

from jbd_emulator import BleModule, Unit, VirtualRadio

_UUID16, _UUID128, _NAME, _MANUFACTURER = (2, 3), (6, 7), (8, 9), 0xFF
_PROPERTIES: Final[dict[int, CharacteristicPropertyName]] = {
    0x01: "broadcast",
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
}
_CLIENT_CHOICE: Final = "get_platform_client_backend_type"
_SCANNER_CHOICE: Final = "get_platform_scanner_backend_type"
"""Where bleak asks which backend to take when nobody said."""
_HEADER: Final = 3
"""Bytes of a notification or write command that are not its value."""
Patch = Callable[[object, str, object], None]


class VirtualBleak:
    """A virtual radio, and bleak's backend classes on it.

    Attributes:
        client, scanner: for the ``backend=`` of ``BleakClient`` and ``BleakScanner``.
        mtu: what clients ask for: 517 as BlueZ does, 185 as iOS does, None as Android does.
        passkey: what the person types when a module wants to be paired, None for nothing.
        bonds: by module, the central that paired with it and its keys: the next client of that
            module takes its place, as an app on a phone that is paired does.
        unasked: what was notified to a client that had not subscribed, oldest first; stacks drop
            it, logs of phones show it.
    """

    def __init__(self) -> None:
        self.radio = VirtualRadio()
        self.mtu: int | None = 517
        self.passkey: int | None = None
        self.bonds: dict[str, tuple[hci.Address, KeyStore]] = {}
        self.unasked: list[bytes] = []
        self.client = type("BumbleClient", (_BumbleClient,), {"air": self})
        self.scanner = type("BumbleScanner", (_BumbleScanner,), {"air": self})

    def add(
        self, unit: Unit | str = "0x21?board=4s", generation: str = "telink", **more: Any
    ) -> BleModule:
        """Put a unit with its module on the air; arguments as ``VirtualRadio.add``.

        Raises:
            ConfigError: one of them is wrong.
        """
        return self.radio.add(unit, generation, **more)

    def select(self, patch: Patch = setattr) -> None:
        """Make every ``BleakClient`` and ``BleakScanner`` use this radio.

        Args:
            patch: pytest's ``monkeypatch.setattr``, or whatever else can undo it.
        """
        client = (self.client, "bumble")
        scanner = (self.scanner, "bumble")
        patch(bleak, _CLIENT_CHOICE, lambda: client)
        patch(bleak, _SCANNER_CHOICE, lambda: scanner)

    @contextlib.contextmanager
    def selected(self) -> Iterator[None]:
        """Do what :meth:`select` does for the length of a ``with``."""
        kept = {name: getattr(bleak, name) for name in (_CLIENT_CHOICE, _SCANNER_CHOICE)}
        self.select()
        try:
            yield
        finally:
            for name, choice in kept.items():
                setattr(bleak, name, choice)


class _BumbleScanner(BaseBleakScanner):
    """Hears what is on the virtual radio."""

    air: ClassVar[VirtualBleak]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None = None,
        service_uuids: list[str] | None = None,
        scanning_mode: str = "active",
        **kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._central: Device | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self.seen_devices = {}
        self._central = await self.air.radio.central()
        self._central.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await self._central.start_scanning(active=True, filter_duplicates=False)

    async def stop(self) -> None:
        """Stop listening."""
        central, self._central = self._central, None
        if central is not None:
            await central.stop_scanning()
            self.air.radio.remove(central)

    def _on_advertisement(self, heard: Advertisement) -> None:
        data = _advertisement_data(heard)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = heard.address.to_string(False)
        device = self.create_or_update_device(address, address, data.local_name, None, data)
        self.call_detection_callbacks(device, data)


class _BumbleClient(BaseBleakClient):
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
        with _protocol_errors():
            await self._link().gatt_client.subscribe(characteristic.obj, forward)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Switch notifications off."""
        forward = self._subscribers.pop(characteristic.handle, None)
        with _protocol_errors():
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
            mitm=typed is not None, delegate=_Typist(typed)
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
            uuid = _long(service.uuid)
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
                _long(proxy.uuid),
                _property_names(proxy),
                lambda: self.mtu_size - _HEADER,
                shown,
            )
            found.add_characteristic(characteristic)
            for descriptor in await proxy.discover_descriptors():
                found.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, _long(descriptor.type), characteristic
                    )
                )

    async def _read(self, handle: int) -> bytearray:
        with _protocol_errors():
            return bytearray(await self._link().gatt_client.read_value(handle))

    async def _write(self, handle: int, data: bytes, response: bool) -> None:
        with _protocol_errors():
            await self._link().gatt_client.write_value(handle, data, with_response=response)

    def _link(self) -> Connection:
        if self._connection is None:
            raise BleakError("not connected")
        return self._connection

    def _on_connection(self, connection: Connection) -> None:
        # Before the first packet: the byte at link-up comes ahead of everything.
        connection.gatt_client = _GattClient(connection, self.air.unasked)

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


class _GattClient(Client):
    """A client that is not surprised by what it did not subscribe to: modules do that."""

    def __init__(self, connection: Connection, unasked: list[bytes]) -> None:
        super().__init__(connection)
        self._unasked = unasked

    def on_att_handle_value_notification(
        self, notification: att.ATT_Handle_Value_Notification
    ) -> None:
        """Hand a notification to its subscribers, or keep it where there are none."""
        if self.notification_subscribers.get(notification.attribute_handle):
            super().on_att_handle_value_notification(notification)
        else:
            self._unasked.append(bytes(notification.attribute_value))


class _Typist(pairing.PairingDelegate):
    """A person with a keyboard, or one who types nothing."""

    def __init__(self, passkey: int | None) -> None:
        kinds = pairing.PairingDelegate.IoCapability
        super().__init__(kinds.NO_OUTPUT_NO_INPUT if passkey is None else kinds.KEYBOARD_INPUT_ONLY)
        self._passkey = passkey

    async def get_number(self) -> int | None:
        """Return what is typed."""
        return self._passkey


@contextlib.contextmanager
def _protocol_errors() -> Iterator[None]:
    """Turn what Bumble raises into what bleak raises."""
    try:
        yield
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from None
    except core.BaseBumbleError as error:
        raise BleakError(str(error)) from None


def _long(uuid: core.UUID) -> str:
    return uuid.to_hex_str("-").lower() if len(uuid.uuid_bytes) == 16 else _widened(uuid)


def _widened(uuid: core.UUID) -> str:
    return f"0000{uuid.to_hex_str().lower()}-0000-1000-8000-00805f9b34fb"


def _property_names(proxy: CharacteristicProxy[bytes]) -> list[CharacteristicPropertyName]:
    held = Characteristic.Properties(proxy.properties)
    return [name for bit, name in _PROPERTIES.items() if held & bit]


def _advertisement_data(heard: Advertisement) -> AdvertisementData:
    name: str | None = None
    uuids: list[str] = []
    manufacturer: dict[int, bytes] = {}
    for kind, data in heard.data.ad_structures:
        if kind in _NAME:
            name = data.decode("utf-8", "replace")
        elif kind in _UUID16 or kind in _UUID128:
            size = 2 if kind in _UUID16 else 16
            parts = (data[at : at + size] for at in range(0, len(data), size))
            uuids += [_long(core.UUID.from_bytes(part)) for part in parts]
        elif kind == _MANUFACTURER:
            manufacturer[int.from_bytes(data[:2], "little")] = data[2:]
    return AdvertisementData(name, manufacturer, {}, uuids, None, heard.rssi, ())
