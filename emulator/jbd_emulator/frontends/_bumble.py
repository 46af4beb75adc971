"""A module on Bumble: a controller of its own, the adapter of a kernel, or a virtual radio.

Bumble is imported with this module, and this module when it is asked for. What is worked around
in Bumble is listed in ``decisions/0007``, each with the test that watches it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bumble import att, gatt, hci, pairing
from bumble.core import UUID, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt_server import Server
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink, Transport, TransportSpecError

from .._config import ConfigError
from ..module import BleModule, Characteristic, Generation, Properties
from ._ble import ModuleDriver
from ._radio import RadioController, new_link

if TYPE_CHECKING:
    from ..faults import HangUp

INTERVAL_MS: Final = 100.0
"""Advertising interval. Assumed: no capture holds advertising."""
_VIRTUAL_INTERVAL_MS: Final = 20.0
"""The shortest there is: nobody's battery pays for it."""
_ADAPTER: Final = "adapter:"
_ENDED: Final = 0x13
"""Remote user terminated connection."""
_POWER_ON_S: Final = 10.0
_SUCH: Final = "must be such as usb:0, serial:/dev/ttyUSB0,1000000 or tcp-client:127.0.0.1:9000"
_READ_WRITE: Final = att.Attribute.Permissions.READABLE | att.Attribute.Permissions.WRITEABLE


class ModuleServer(Server):
    """A GATT server with the attribute table of a module, handle by handle.

    Bumble's own takes any kind of write on any characteristic; this one leaves the decision to
    the module, and answers a refused request with "write not permitted".
    """

    def __init__(self, device: Device, module: BleModule, driver: ModuleDriver) -> None:
        super().__init__(device)
        self._driver = driver
        row = module.generation
        self._takes = row.takes.handle
        # A client that asks for more gets the module's own, as the captured iOS one got 23.
        self.max_mtu = row.mtu.value
        self.notifies = self._build(module, row)

    def on_att_write_request(self, bearer: att.Bearer, request: att.ATT_Write_Request) -> None:
        """Take a write that wants an answer."""
        if request.attribute_handle != self._takes:
            super().on_att_write_request(bearer, request)
            return
        if self._driver.written(request.attribute_value, with_response=True):
            self.send_response(bearer, att.ATT_Write_Response())
            return
        raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED, request.attribute_handle)

    def on_att_write_command(self, bearer: att.Bearer, request: att.ATT_Write_Command) -> None:
        """Take a write that wants none."""
        if request.attribute_handle != self._takes:
            super().on_att_write_command(bearer, request)
            return
        self._driver.written(request.attribute_value, with_response=False)

    def on_att_prepare_write_request(
        self, bearer: att.Bearer, request: att.ATT_Prepare_Write_Request
    ) -> None:
        """Refuse long writes: no module has shown any."""
        raise att.ATT_Error(att.ErrorCode.REQUEST_NOT_SUPPORTED, request.attribute_handle)

    def notify(self, connection: Connection, value: bytes) -> None:
        """Send one notification now, whatever the client has subscribed to."""
        pdu = att.ATT_Handle_Value_Notification(
            attribute_handle=self.notifies.handle, attribute_value=value
        )
        self.send_gatt_pdu(connection, bytes(pdu))

    def _build(self, module: BleModule, row: Generation) -> gatt.Characteristic[bytes]:
        """Put every attribute where the table has it; Bumble would number them without gaps."""
        for service in row.services.value:
            parts = [self._characteristic(module, part) for part in service.characteristics]
            declared = gatt.Service(service.uuid, parts)
            self._place(declared, service.start, service.end)
            self.services.append(declared)
            for part, made in zip(service.characteristics, parts, strict=True):
                self._place_characteristic(part, made)
        return self._value_of(row.notifies.handle)

    def _characteristic(
        self, module: BleModule, part: Characteristic
    ) -> gatt.Characteristic[bytes]:
        writable = part.properties & (Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE)
        value = att.AttributeValue[bytes](
            read=lambda _: module.read(part.uuid), write=_forget if writable else _refuse
        )
        return gatt.Characteristic(
            UUID(part.uuid),
            gatt.Characteristic.Properties(int(part.properties)),
            _READ_WRITE,
            value,
        )

    def _place_characteristic(self, part: Characteristic, made: gatt.Characteristic[bytes]) -> None:
        last = part.descriptors[-1].handle if part.descriptors else part.handle
        declaration = gatt.CharacteristicDeclaration(made, part.handle)
        self._place(declaration, part.declaration, last)
        self._place(made, part.handle, last)
        for descriptor in part.descriptors:
            switch = descriptor.uuid == "2902"
            text = part.description.encode("ascii")
            value = self.make_descriptor_value(made) if switch else text
            attribute = gatt.Descriptor(UUID(descriptor.uuid), _READ_WRITE, value)
            self._place(attribute, descriptor.handle, descriptor.handle)

    def _place(self, attribute: att.Attribute[bytes], handle: int, end: int) -> None:
        attribute.handle, attribute.end_group_handle = handle, end
        self.attributes.append(attribute)

    def _value_of(self, handle: int) -> gatt.Characteristic[bytes]:
        found = self.get_attribute(handle)
        assert isinstance(found, gatt.Characteristic)
        return found


class BumblePeripheral:
    """One module behind one controller that Bumble talks to."""

    def __init__(
        self,
        module: BleModule,
        host: Host,
        transport: Transport | None = None,
        *,
        interval_ms: float = INTERVAL_MS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.module = module
        self.limits = "the address goes out as a random one, the central decides on link parameters"
        self.connection: Connection | None = None
        self._silent_s = 0.0
        """How long it does not advertise when the link has ended."""
        self._advertising: asyncio.Task[None] | None = None
        self._closing = False
        self._transport = transport
        self._where = "ble"
        self._tasks: set[asyncio.Task[None]] = set()
        config = DeviceConfiguration(
            name=module.name,
            address=hci.Address(module.address_text, hci.Address.RANDOM_DEVICE_ADDRESS),
            advertising_interval_min=interval_ms,
            advertising_interval_max=interval_ms,
            gap_service_enabled=False,
            gatt_service_enabled=False,
        )
        self.device = Device(config=config, host=host)
        self.driver = ModuleDriver(module, self._notify, clock, self._hang_up, self._plug)
        self.server = ModuleServer(self.device, module, self.driver)
        self.device.gatt_server = self.server
        self.server.notifies.on(gatt.Characteristic.EVENT_SUBSCRIPTION, self._on_subscription)
        self.device.on(Device.EVENT_CONNECTION, self._on_connection)
        passkey = module.generation.passkey.value
        self.device.pairing_config_factory = lambda _: _pairing(passkey)

    @classmethod
    async def open(cls, module: BleModule, moniker: str) -> BumblePeripheral:
        """Put a module on what a Bumble moniker names.

        ``vhci``, and what stands behind ``adapter:``, takes the other side: there Bumble is the
        adapter, and the module is what that adapter hears on a virtual radio.

        Raises:
            ConfigError: the transport cannot be opened, or no controller answers on it.
        """
        if moniker.startswith(("vhci", _ADAPTER)):
            return await cls._behind_adapter(module, moniker.removeprefix(_ADAPTER))
        transport = await _open(moniker)
        peripheral = cls(module, Host(transport.source, transport.sink), transport)
        await peripheral.start(f"ble bumble:{moniker}")
        return peripheral

    @classmethod
    async def _behind_adapter(cls, module: BleModule, moniker: str) -> BumblePeripheral:
        transport = await _open(moniker)
        link = new_link()
        adapter = RadioController("adapter", link)
        adapter.host = transport.sink
        transport.source.set_packet_sink(adapter)
        peripheral = cls.on_link(module, link, transport)
        await peripheral.start(f"ble bumble:{moniker}")
        return peripheral

    @classmethod
    def on_link(
        cls,
        module: BleModule,
        link: LocalLink,
        transport: Transport | None = None,
        *,
        clock: Callable[[], float] | None = None,
    ) -> BumblePeripheral:
        """Return a peripheral with a controller of its own on a virtual link, not yet started."""
        controller = RadioController(module.name, link)
        host = Host(controller, AsyncPipeSink(controller))
        peripheral = cls(module, host, transport, interval_ms=_VIRTUAL_INTERVAL_MS, clock=clock)
        peripheral.limits = "a virtual radio: no loss, no interval, no range"
        return peripheral

    @property
    def address(self) -> str:
        """The address that centrals see."""
        return self.module.address_text

    @property
    def name(self) -> str:
        """The name that it advertises."""
        return self.module.name

    async def start(self, what: str = "ble") -> None:
        """Power the controller and advertise.

        Raises:
            ConfigError: the controller does not answer, or refuses.
        """
        self._where = what
        if self._transport is not None:
            self._transport.source.terminated.add_done_callback(self._on_gone)
        try:
            async with asyncio.timeout(_POWER_ON_S):
                await self.device.power_on()
                if self.module.unit.plugged:
                    await self._advertise()
        except TimeoutError:
            await self.close()
            raise ConfigError(f"{what}: no controller answers within {_POWER_ON_S:g} s") from None
        except (BaseBumbleError, OSError) as error:
            await self.close()
            raise ConfigError(f"{what}: the controller refuses: {error}") from None

    async def close(self) -> None:
        """Stop advertising, drop the central, give the transport back."""
        self._closing = True
        for task in self._tasks - {self._advertising}:
            task.cancel()
        if self._advertising is not None:
            # Bumble takes the answer to a command that nobody waits for any more for a fault.
            await asyncio.wait({self._advertising}, timeout=1.0)
        self.driver.close()
        if self.device.powered_on:
            # A controller that is gone already cannot be switched off.
            with contextlib.suppress(BaseBumbleError, TimeoutError, OSError):
                async with asyncio.timeout(1.0):
                    await self.device.stop_advertising()
                    if self.connection is not None:
                        await self.connection.disconnect()
                    await self.device.power_off()
        if self._transport is not None:
            await self._transport.close()

    async def _advertise(self) -> None:
        shown = self.module.advertisement()
        await self.device.start_advertising(
            own_address_type=hci.OwnAddressType.RANDOM,
            auto_restart=False,
            advertising_data=shown.advertising_data(),
            scan_response_data=shown.scan_response(),
        )

    def _notify(self, piece: bytes) -> None:
        if self.connection is not None:
            self.server.notify(self.connection, piece)

    def _hang_up(self, how: HangUp) -> None:
        self._silent_s = how.down_s
        self._spawn(self._end_link(how.reason))

    def _plug(self, plugged: bool) -> None:
        self._spawn(self._advertise() if plugged else self._end_link(_ENDED))

    async def _end_link(self, reason: int) -> None:
        # A link that is gone already, or a controller, cannot be ended.
        with contextlib.suppress(BaseBumbleError):
            if self.connection is not None:
                await self.connection.disconnect(reason)
            elif not self.module.unit.plugged:
                await self.device.stop_advertising()

    def _on_connection(self, connection: Connection) -> None:
        if self.connection is not None:
            # It must not change what is known of the link that there is.
            self._spawn(connection.disconnect())
            return
        connection.on(Connection.EVENT_DISCONNECTION, lambda _: self._on_end(connection))
        connection.on(
            Connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self.module.mtu_changed(connection.att_mtu),
        )
        connection.on(Connection.EVENT_PAIRING, self._on_pairing)
        connection.on(
            Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE,
            lambda: self._spawn(self._on_encryption(connection)),
        )
        self.connection = connection
        self.driver.connected()
        if self.module.generation.parameters.value is not None:
            self._spawn(self._ask_parameters(connection))

    def _on_end(self, connection: Connection) -> None:
        if connection is not self.connection:
            return
        self.connection = None
        self.driver.disconnected()
        self._spawn(self._come_back())

    def _on_gone(self, _: asyncio.Future[None]) -> None:
        """Say that the controller is gone: the dongle was pulled, the wire was cut."""
        if self._closing:
            return
        self._closing = True
        self.connection = None
        self.driver.disconnected()
        self._say("the controller is gone, and nobody hears the module any more; serve it anew")

    def _say(self, trouble: str) -> None:
        if self.module.unit.complain is not None:
            self.module.unit.complain(f"{self._where}: {trouble}")

    async def _come_back(self) -> None:
        """Advertise again, with the name that may have been changed on the link."""
        silent_s, self._silent_s = self._silent_s, 0.0
        if silent_s:
            await asyncio.sleep(silent_s)
        if self.module.unit.plugged and not self._closing:
            self._advertising = asyncio.current_task()
            try:
                await self._advertise()
            except BaseBumbleError as error:
                if not self._closing:
                    self._say(f"the controller does not advertise any more: {error}")
            finally:
                self._advertising = None

    def _on_subscription(self, _: object, notify: bool, indicate: bool) -> None:
        self.driver.subscribed(on=notify)

    def _on_pairing(self, keys: object) -> None:
        key = getattr(keys, "ltk", None) or getattr(keys, "ltk_central", None)
        passkey = bool(key is not None and key.authenticated)
        self.driver.paired(with_passkey=passkey)

    async def _on_encryption(self, connection: Connection) -> None:
        """Let in who paired on an earlier link and comes back with its key."""
        keystore = self.device.keystore
        if keystore is None or not connection.is_encrypted:
            return
        keys = await keystore.get(str(connection.peer_address))
        # While a pairing is under way there is no key yet: its own event follows.
        if keys is not None and connection is self.connection:
            self._on_pairing(keys)

    async def _ask_parameters(self, connection: Connection) -> None:
        wanted = self.module.generation.parameters.value
        assert wanted is not None
        await asyncio.sleep(wanted.after_s)
        if connection is not self.connection:
            return
        # A central that refuses, or is gone by now, keeps what it has.
        with contextlib.suppress(BaseBumbleError, TimeoutError):
            await self.device.update_connection_parameters(
                connection,
                wanted.interval_min_ms,
                wanted.interval_max_ms,
                wanted.latency,
                wanted.supervision_ms,
                use_l2cap=True,
            )

    def _spawn(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        # What a link that ends does to a request under way is no fault of ours.
        if error is not None and not isinstance(error, BaseBumbleError):
            raise error


async def _open(moniker: str) -> Transport:
    what = f"ble bumble:{moniker}"
    try:
        return await open_transport(moniker)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{what}: needs {error.name}, install 'bumble[android]'") from None
    except (AssertionError, TransportSpecError):
        raise ConfigError(f"{what}: no such transport, or too little said of it; {_SUCH}") from None
    except Exception as error:  # every transport of Bumble has errors of its own
        if type(error) is ValueError:
            # Of its own taking apart of what stands behind the colon.
            raise ConfigError(f"{what}: {_SUCH}") from None
        # What gRPC raises tells its reason when asked; as text it begins with none.
        details = getattr(error, "details", str)()
        reason = getattr(error, "strerror", None) or details or str(error) or type(error).__name__
        raise ConfigError(f"{what}: {str(reason).splitlines()[0].lower()}") from None


def _forget(_connection: Connection, _value: bytes) -> None:
    """Take what is written to any attribute but the serial line, to no effect (assumed).

    BlueZ writes its features to 2B29, and where that fails no subscription works.
    """


def _refuse(_connection: Connection, _value: bytes) -> None:
    """Answer a write to what is only read; Bumble itself does not look."""
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)


def _pairing(passkey: str | None) -> pairing.PairingConfig:
    """Return how the module pairs: with its printed passkey, or just so."""
    if passkey is None:
        return pairing.PairingConfig(mitm=False, delegate=pairing.PairingDelegate())
    return pairing.PairingConfig(mitm=True, delegate=_PrintedPasskey(int(passkey)))


class _PrintedPasskey(pairing.PairingDelegate):
    """A device whose passkey stands on its label."""

    def __init__(self, passkey: int) -> None:
        super().__init__(pairing.PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        """Return the number on the label."""
        return self._passkey

    async def display_number(self, number: int, digits: int) -> None:
        """Do nothing: the label is printed."""
