"""Attribute tables as data: what a GATT server shows of each generation.

Two tables are captured whole (discovery by an Android and by an iOS phone, nine and four
connections); the others are put together from posted characteristic lists, and their handles
follow the captured ones (assumed).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Final

_BASE: Final = "0000{}-0000-1000-8000-00805f9b34fb"
_OTA: Final = "00010203-0405-0607-0809-0a0b0c0d{}"


class Properties(IntFlag):
    """Characteristic properties, with the bits of the Bluetooth specification."""

    READ = 0x02
    WRITE_WITHOUT_RESPONSE = 0x04
    WRITE = 0x08
    NOTIFY = 0x10
    INDICATE = 0x20


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: 16-bit UUID in hexadecimal, attribute handle."""

    uuid: str
    handle: int


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One characteristic.

    Attributes:
        uuid: lower case, four hexadecimal digits for a 16-bit one.
        declaration, handle: attribute handles of declaration and value.
        properties: what it offers.
        descriptors: in the order of their handles.
        description: text of its 0x2901, empty where it has none.
        value: what a read gives where that never changes, else None.
    """

    uuid: str
    declaration: int
    handle: int
    properties: Properties
    descriptors: tuple[Descriptor, ...] = ()
    description: str = ""
    value: bytes | None = None

    @property
    def long_uuid(self) -> str:
        """The UUID in 128-bit form."""
        return long_uuid(self.uuid)


@dataclass(frozen=True, slots=True)
class Service:
    """One primary service with its handle range."""

    uuid: str
    start: int
    end: int
    characteristics: tuple[Characteristic, ...]

    @property
    def long_uuid(self) -> str:
        """The UUID in 128-bit form."""
        return long_uuid(self.uuid)


def long_uuid(uuid: str) -> str:
    """Return ``0000ff00-0000-1000-8000-00805f9b34fb`` for ``ff00``; a long one stays."""
    return _BASE.format(uuid) if len(uuid) == 4 else uuid


_READ: Final = Properties.READ
_NOTIFY: Final = Properties.READ | Properties.NOTIFY
_COMMAND: Final = Properties.READ | Properties.WRITE_WITHOUT_RESPONSE
_REQUEST: Final = Properties.READ | Properties.WRITE

# What the vendors of these modules left as the chip maker's example has it. Nobody posted the
# text of a JBD module; a LIONTRON one says the same with other words.
_TO_PHONE: Final = "Telink SPP: Module->Phone"
_TO_MODULE: Final = "Telink SPP: Phone->Module"
_TO_PHONE_LIONTRON: Final = "LIONTRON: Battery->Phone"
_TO_MODULE_LIONTRON: Final = "LIONTRON: Phone->Battery"
_PNP_ID: Final = bytes.fromhex("028a2466820100")
_PREFERRED: Final = bytes.fromhex("0c000f0063009001")
"""15 ms, 18.75 ms, latency 99, 4 s: what the module asks for after link-up (captured)."""

_GAP: Final = Service(
    "1800", 0x01, 0x07,
    (
        Characteristic("2a00", 0x02, 0x03, _NOTIFY),
        Characteristic("2a01", 0x04, 0x05, _READ, value=b"\x00\x00"),
        Characteristic("2a04", 0x06, 0x07, _READ, value=_PREFERRED),
    ),
)  # fmt: skip
_GENERIC: Final = Service(
    "1801", 0x08, 0x0B,
    (
        Characteristic(
            "2a05", 0x09, 0x0A, Properties.INDICATE, (Descriptor("2902", 0x0B),)
        ),
    ),
)  # fmt: skip
_DEVICE: Final = Service(
    "180a", 0x0C, 0x0E, (Characteristic("2a50", 0x0D, 0x0E, _READ, value=_PNP_ID),)
)
_OTA_SERVICE: Final = Service(
    _OTA.format("1912"), 0x17, 0x1B,
    (
        Characteristic(
            _OTA.format("2b12"), 0x18, 0x19, _COMMAND, (Descriptor("2901", 0x1A),),
            "OTA", b"\x00",
        ),
    ),
)  # fmt: skip


def _serial(
    service: str, write: Properties, *, at: int = 0x0F, described: tuple[str, str] | None
) -> Service:
    """Return the service that carries the serial line: XX01 up, XX02 down."""
    prefix = service[:3]
    up = [Descriptor("2902", at + 3)]
    down: list[Descriptor] = []
    up_text = down_text = ""
    command = at + 4
    if described is not None:
        up_text, down_text = described
        up.append(Descriptor("2901", at + 4))
        command = at + 5
        down.append(Descriptor("2901", command + 2))
    return Service(
        service,
        at,
        at + 7,
        (
            Characteristic(f"{prefix}1", at + 1, at + 2, _NOTIFY, tuple(up), up_text),
            Characteristic(f"{prefix}2", command, command + 1, write, tuple(down), down_text),
        ),
    )


_DESCRIBED: Final = (_TO_PHONE, _TO_MODULE)
_FF00: Final = _serial("ff00", _COMMAND, described=_DESCRIBED)

TELINK_OTA: Final = (_GAP, _GENERIC, _DEVICE, _FF00, _OTA_SERVICE)
"""2022 and 2025, Android: nine connections."""

OLDER: Final = (
    _GAP, _GENERIC, _DEVICE, _serial("ff00", _REQUEST, described=_DESCRIBED), _OTA_SERVICE,
)  # fmt: skip
"""FF02 with response; the rest as ``TELINK_OTA``."""

_FA01: Final = Characteristic(
    "fa01", 0x18, 0x19, _COMMAND | Properties.NOTIFY, (Descriptor("2902", 0x1A),), value=b"\x00"
)
# iOS did not ask for the descriptions, so the capture shows neither their presence nor absence.
FA00: Final = (_GAP, _GENERIC, _DEVICE, _FF00, Service("fa00", 0x17, 0x1B, (_FA01,)))
"""2024, iOS: four connections."""


def _info(number: int, uuid: str, text: str) -> Characteristic:
    return Characteristic(
        uuid, 0x0D + 2 * number, 0x0E + 2 * number, _READ, value=text.encode("ascii")
    )


PASSKEY: Final = (
    _GAP,
    _GENERIC,
    Service(
        "180a", 0x0C, 0x16,
        (
            _info(0, "2a29", "LIONTRON"),
            _info(1, "2a26", "F080.001"),
            _info(2, "2a28", "F000.062"),
            _info(3, "2a27", "FULL"),
            replace(_info(4, "2a50", ""), value=_PNP_ID),
        ),
    ),
    _serial("ff00", _COMMAND, at=0x17, described=(_TO_PHONE_LIONTRON, _TO_MODULE_LIONTRON)),
)  # fmt: skip
"""LIONTRON, posted: texts of 180A and of the descriptions, properties."""

FFF0: Final = (
    Service("1800", 0x01, 0x05, _GAP.characteristics[:2]),
    Service(
        "1801", 0x06, 0x0F,
        (
            Characteristic("2a05", 0x07, 0x08, Properties.INDICATE, (Descriptor("2902", 0x09),)),
            Characteristic("2b29", 0x0A, 0x0B, _REQUEST, value=b"\x00"),
            Characteristic("2b2a", 0x0C, 0x0D, _READ, value=bytes(16)),
            Characteristic("2b3a", 0x0E, 0x0F, _READ, value=b"\x00"),
        ),
    ),
    _serial("fff0", _COMMAND, at=0x10, described=None),
    Service("fa00", 0x18, 0x1A, (Characteristic("fa01", 0x19, 0x1A, _COMMAND, value=b"\x00"),)),
)  # fmt: skip
"""DH04SC02, posted: characteristics and properties."""
