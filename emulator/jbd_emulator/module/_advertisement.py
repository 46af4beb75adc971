"""What the module says on the air while nobody is connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .._config import ConfigError
from ._gatt import long_uuid
from ._generations import AddressLayout

NAME_LIMIT: Final = 29
"""Bytes of a name: the longest that a scan response holds. Assumed."""
DEFAULT_NAME: Final = "xiaoxiang BMS"
"""What scanners show of modules that nobody named. Reported."""
_FLAGS: Final = b"\x02\x01\x06"
_COMPLETE_UUID16, _COMPLETE_NAME, _MANUFACTURER = 0x03, 0x09, 0xFF


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a scanner sees.

    Attributes:
        name: complete local name.
        services: 16-bit service UUIDs in hexadecimal.
        address: six bytes, most significant first.
        manufacturer: the manufacturer field as it goes on the air, empty for none: the address
            stands where a company id should, so the "company" differs from module to module.
    """

    name: str
    services: tuple[str, ...]
    address: bytes
    manufacturer: bytes

    @property
    def company(self) -> int | None:
        """The first two bytes of the field, as stacks read them; None without one."""
        return int.from_bytes(self.manufacturer[:2], "little") if self.manufacturer else None

    @property
    def company_data(self) -> bytes:
        """The field behind the company."""
        return self.manufacturer[2:]

    @property
    def long_services(self) -> tuple[str, ...]:
        """Service UUIDs in 128-bit form."""
        return tuple(long_uuid(uuid) for uuid in self.services)

    def advertising_data(self) -> bytes:
        """Return the advertising packet's data: flags, services, manufacturer field.

        Which packet carries what is assumed: records of scanners are merged.
        """
        uuids = b"".join(bytes.fromhex(uuid)[::-1] for uuid in self.services)
        return _FLAGS + _field(_COMPLETE_UUID16, uuids) + _field(_MANUFACTURER, self.manufacturer)

    def scan_response(self) -> bytes:
        """Return the scan response's data: the name."""
        return _field(_COMPLETE_NAME, self.name.encode("utf-8")[:NAME_LIMIT])


def _field(kind: int, data: bytes) -> bytes:
    return bytes((len(data) + 1, kind)) + data if data else b""


def manufacturer_field(address: bytes, layout: AddressLayout) -> bytes:
    """Return the manufacturer field that a layout makes of an address."""
    if layout is AddressLayout.REVERSED:
        return address[::-1]
    return address if layout is AddressLayout.FORWARD else b""


def parse_address(text: str) -> bytes:
    """Return the six bytes of ``A4:C1:37:04:2D:BE``, most significant first.

    Raises:
        ConfigError: it is no address.
    """
    parts = text.split(":")
    try:
        raw = bytes(int(part, 16) for part in parts if len(part) == 2)
    except ValueError:
        raw = b""
    if len(raw) != 6 or len(parts) != 6:
        raise ConfigError(f"module address {text!r}: must be six bytes such as A4:C1:37:04:2D:BE")
    return raw


def format_address(address: bytes) -> str:
    """Return ``A4:C1:37:04:2D:BE``."""
    return address.hex(":").upper()
