"""The scanner of bleak on a virtual radio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bumble import core
from bumble.device import Advertisement, Device

from ._gatt import long_uuid

if TYPE_CHECKING:
    from . import VirtualBleak

_UUID16: Final = (2, 3)
_UUID128: Final = (6, 7)
_NAME: Final = (8, 9)
_MANUFACTURER: Final = 0xFF


class BumbleScanner(BaseBleakScanner):
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
            uuids += [long_uuid(core.UUID.from_bytes(part)) for part in parts]
        elif kind == _MANUFACTURER:
            manufacturer[int.from_bytes(data[:2], "little")] = data[2:]
    return AdvertisementData(name, manufacturer, {}, uuids, None, heard.rssi, ())
