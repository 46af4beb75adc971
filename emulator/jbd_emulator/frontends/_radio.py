"""A virtual radio: modules and centrals of one process that hear each other.

It does not model loss, range, connection intervals or the length of a packet in the air.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import TYPE_CHECKING, Final

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import BaseBumbleError
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from .._config import parse_unit
from .._unit import Unit
from ..module import BleModule, Timing
from ._ble import check_password

if TYPE_CHECKING:
    from ._bumble import BumblePeripheral

# Bumble warns of what the captures are full of, such as a notification before the subscription.
logging.getLogger("bumble").addHandler(logging.NullHandler())

_RSSI: Final = -50
_CENTRAL: Final = "C0:00:00:00:{:02X}:{:02X}"
# Bumble never sends the enhanced connection event that a Linux kernel waits for where these two
# are offered, and its extended advertising has no scan response.
_CLEARED: Final = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING


def new_link() -> LocalLink:
    """Return a link between controllers with nobody on it."""
    return LocalLink()  # type: ignore[no-untyped-call]  # Bumble's own, without annotations


class RadioController(Controller):
    """Bumble's controller with what our radio needs and it lacks; see ``decisions/0007``.

    Never give it a public address: Bumble then addresses what it sends wrongly.
    """

    def __init__(self, name: str, link: LocalLink) -> None:
        super().__init__(name, link=link)
        self.le_features &= ~_CLEARED

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report advertising and scan response; Bumble reports the first one twice."""
        address = pdu.advertiser_address
        kinds = hci.HCI_LE_Advertising_Report_Event.EventType
        if self.le_scan_enable:
            for kind, data in (
                (kinds.ADV_IND, pdu.data),
                (kinds.SCAN_RSP, self._scan_response_of(address)),
            ):
                report = hci.HCI_LE_Advertising_Report_Event.Report(
                    event_type=kind,
                    address_type=address.address_type,
                    address=address,
                    data=data,
                    rssi=_RSSI,
                )
                self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == address:
            self.create_le_connection(address)

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        """Take a connection; turn away who comes second, who would believe to be connected."""
        mine = packet.advertiser_address == self.random_address
        if mine and not self.le_legacy_advertiser.enabled:
            assert self.link is not None
            self.link.send_ll_control_pdu(
                sender_address=packet.advertiser_address,
                receiver_address=packet.initiator_address,
                packet=ll.TerminateInd(hci.HCI_CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR),
            )
            return
        super().on_le_connect_ind(packet)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up connecting, and say so; Bumble says nothing, and its host waits for ever."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        ended = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def lose(self, peer: hci.Address) -> None:
        """Notice that a peer has not been heard for the supervision timeout."""
        connection = self.le_connections.get(peer)
        if connection is not None:
            self.on_le_disconnected(connection, hci.HCI_CONNECTION_TIMEOUT_ERROR)

    def _scan_response_of(self, address: hci.Address) -> bytes:
        assert self.link is not None
        other = self.link.find_le_controller(address)
        return other.le_legacy_advertiser.scan_response_data if other is not None else b""


class VirtualRadio:
    """Modules on the air, and centrals that look for them, in one process and one event loop.

    The loop may be another one each time: a test that calls ``asyncio.run`` twice finds the
    modules as the first run left them, with nobody connected and as old as they were.
    """

    def __init__(self) -> None:
        self.modules: list[BleModule] = []
        self.peripherals: list[BumblePeripheral] = []
        self._link: LocalLink | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Lock | None = None
        self._count = 0
        self._began_s = 0.0
        """When the radio's time began, on the loop's clock."""

    def now_s(self) -> float:
        """Return the seconds that the radio has lived."""
        return 0.0 if self._loop is None else self._loop.time() - self._began_s

    def add(
        self,
        unit: Unit | str = "0x21?board=4s",
        generation: str = "telink",
        *,
        address: str | None = None,
        password: str | None = None,
        name: str = "",
        paced: bool = False,
    ) -> BleModule:
        """Put a unit with its module on the air; it is heard from the next central on.

        Args:
            unit: the board, or what describes it, ``0x21?board=4s&pin=123456``.
            generation: key of the module's row.
            address: of the module; None makes one of the generation's prefix.
            password: user password of a login module, empty for none; None takes the
                generation's.
            name: what it advertises; empty takes what the board says.
            paced: keep the times of the captures; else answers leave at once.
        Raises:
            ConfigError: one of them is wrong.
        """
        if password:
            # Of a module without a login it would be forgotten without a word.
            check_password(password, generation, "password")
        module = BleModule(
            Unit(parse_unit(unit), self.now_s()) if isinstance(unit, str) else unit,
            generation,
            rng=random.Random(len(self.modules)),
            address=address,
            password=password,
            name=name,
            timing=Timing.PACED if paced else Timing.IMMEDIATE,
        )
        module.power_up(self.now_s())
        self.modules.append(module)
        return module

    async def start(self) -> LocalLink:
        """Put on the air, in the running loop, what is not there yet."""
        from ._bumble import BumblePeripheral

        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._link is None or self._starting is None:
            lived_s = self.now_s()
            for module in self.modules:
                module.disconnected(lived_s)
            # A machine's clock counts from its start: a unit must not live through all that.
            self._began_s = loop.time() - lived_s
            self._loop, self._link, self._starting = loop, new_link(), asyncio.Lock()
            self.peripherals = []
        async with self._starting:
            for module in self.modules[len(self.peripherals) :]:
                peripheral = BumblePeripheral.on_link(module, self._link, clock=self.now_s)
                self.peripherals.append(peripheral)
                await peripheral.start()
        return self._link

    async def central(self, address: hci.Address | None = None) -> Device:
        """Return a central, powered; give it back with :meth:`remove`.

        Args:
            address: of one that was there before; None makes a new one.
        """
        link = await self.start()
        self._count += 1
        if address is None:
            address = hci.Address(_CENTRAL.format(self._count >> 8 & 0xFF, self._count & 0xFF))
        controller = RadioController(f"central {self._count}", link)
        config = DeviceConfiguration(name=f"central {self._count}", address=address)
        device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))
        await device.power_on()
        return device

    def remove(self, central: Device) -> None:
        """Take a central off the air; a peer it is connected to misses it at once.

        What a supervision timeout of four seconds would bring is brought now.
        """
        self._silence(central.random_address)

    async def withdraw(self, module: BleModule) -> None:
        """Take a module off the air, as when its board loses power; its unit can be added again."""
        place = self.modules.index(module)
        del self.modules[place]
        if place < len(self.peripherals):
            peripheral = self.peripherals.pop(place)
            self._silence(peripheral.device.random_address)
            await peripheral.close()

    def _silence(self, address: hci.Address) -> None:
        if self._link is None:
            return
        for controller in tuple(self._link.controllers):
            if controller.random_address == address:
                self._link.remove_controller(controller)
        for controller in self._link.controllers:
            if isinstance(controller, RadioController):
                controller.lose(address)

    async def stop(self) -> None:
        """Take everything off the air."""
        if self._loop is asyncio.get_running_loop():
            for peripheral in self.peripherals:
                with contextlib.suppress(BaseBumbleError):
                    await peripheral.close()
        self.peripherals, self._link = [], None
