"""What Bumble's GATT client and pairing lack for a client of bleak, and their words in bleak's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att, core, pairing
from bumble.device import Connection
from bumble.gatt import Characteristic
from bumble.gatt_client import CharacteristicProxy, Client

_PROPERTIES: Final[dict[int, CharacteristicPropertyName]] = {
    0x01: "broadcast",
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
}


class GattClient(Client):
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


class Typist(pairing.PairingDelegate):
    """A person with a keyboard, or one who types nothing."""

    def __init__(self, passkey: int | None) -> None:
        kinds = pairing.PairingDelegate.IoCapability
        super().__init__(kinds.NO_OUTPUT_NO_INPUT if passkey is None else kinds.KEYBOARD_INPUT_ONLY)
        self._passkey = passkey

    async def get_number(self) -> int | None:
        """Return what is typed."""
        return self._passkey


@contextlib.contextmanager
def protocol_errors() -> Iterator[None]:
    """Turn what Bumble raises into what bleak raises."""
    try:
        yield
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from None
    except core.BaseBumbleError as error:
        raise BleakError(str(error)) from None


def long_uuid(uuid: core.UUID) -> str:
    """Return a UUID as bleak writes it: 128 bits, lower case, with dashes."""
    return uuid.to_hex_str("-").lower() if len(uuid.uuid_bytes) == 16 else _widened(uuid)


def _widened(uuid: core.UUID) -> str:
    return f"0000{uuid.to_hex_str().lower()}-0000-1000-8000-00805f9b34fb"


def property_names(proxy: CharacteristicProxy[bytes]) -> list[CharacteristicPropertyName]:
    """Return what a characteristic offers, in bleak's words."""
    held = Characteristic.Properties(proxy.properties)
    return [name for bit, name in _PROPERTIES.items() if held & bit]
