"""The generations of the module: one row each, later rows say what differs.

Sources, by the names used below: "app captures 2022" are three Android sessions on an SP04S034
with version 0x80, "app capture 2025" an Android one on its V1.3 with 0x44, "iOS capture 2024" one
on another 0x44; "module sniff" is the UART behind the module of an SP04S060; ESP and its numbers
are the esphome-jbd-bms tracker; AIO is aiobmsble; OBLE is Overkill Solar's note on the module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from jbd_protocol import APP_KEY, Evidence, Grade

from .._rules import Fact
from ._gatt import FA00, FFF0, OLDER, PASSKEY, TELINK_OTA, Characteristic, Properties, Service

ValueT = TypeVar("ValueT")

MIN_MTU: Final = 23
ATT_HEADER: Final = 3
"""Bytes of a notification or write command that are not its value."""


class Level(IntEnum):
    """How far a central has logged in on this link; each includes the ones before."""

    NONE = 0
    KEY = 1
    """0x15 accepted."""
    USER = 2
    """0x18 accepted."""
    SECOND = 3
    """0x1B accepted."""
    ROOT = 4
    """0x1D accepted."""


class AddressLayout(StrEnum):
    """How the manufacturer field of the advertisement holds the device address."""

    REVERSED = "least significant byte first"
    FORWARD = "most significant byte first"
    NONE = "no manufacturer field"


@dataclass(frozen=True, slots=True)
class LinkParameters:
    """What the module asks the central for, ``after_s`` seconds into the link."""

    interval_min_ms: float
    interval_max_ms: float
    latency: int
    supervision_ms: int
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of the module; every field but the first two carries its evidence.

    Attributes:
        key: what selects it.
        title: what people call it.
        services: the attribute table.
        serial: UUID of the service that carries the serial line.
        mtu: ATT MTU the module answers with, whatever it is asked for.
        piece: most bytes of one notification; MTU - 3 where that is less.
        collects: whether the board's whole answer is collected before the first piece leaves.
        write_limit: bytes of one write command that reach the board; what is beyond is lost.
        link_up_byte: whether one byte ``00`` is notified at link-up, before any subscription.
        parameters: connection parameters it asks for, None for none.
        commands: FF AA commands it answers; others are taken and met with silence.
        opens_at: login from which DD frames pass; before it they vanish.
        app_key: what 0x15 compares; None for the user's own password.
        password: the user password it is delivered with, None for none.
        passkey: passkey of the pairing without which it echoes what is written, None for none.
        start_up: whether it talks to the board at power-up by itself.
        ffaa_s: time from an FF AA frame to its answer, in seconds.
        prefix: first three address bytes.
        layout: how the advertisement holds the address.
        name_size: bytes that a read of the device name gives, filled up with NULs; 0 for the name
            alone.
        advertised: UUIDs in the advertisement.
    """

    key: str
    title: str
    services: Fact[tuple[Service, ...]]
    serial: Fact[str]
    mtu: Fact[int]
    piece: Fact[int]
    collects: Fact[bool]
    write_limit: Fact[int]
    link_up_byte: Fact[bool]
    parameters: Fact[LinkParameters | None]
    commands: Fact[frozenset[int]]
    opens_at: Fact[Level]
    app_key: Fact[bytes | None]
    password: Fact[str | None]
    passkey: Fact[str | None]
    start_up: Fact[bool]
    ffaa_s: Fact[float]
    prefix: Fact[bytes]
    layout: Fact[AddressLayout]
    name_size: Fact[int]
    advertised: Fact[tuple[str, ...]]

    @property
    def service(self) -> Service:
        """The service that carries the serial line."""
        return next(s for s in self.services.value if s.uuid == self.serial.value)

    @property
    def notifies(self) -> Characteristic:
        """The characteristic that answers come from, FF01 on most."""
        return self.service.characteristics[0]

    @property
    def takes(self) -> Characteristic:
        """The characteristic that requests are written to, FF02 on most."""
        return self.service.characteristics[1]

    def accepts(self, *, with_response: bool) -> bool:
        """Return whether this kind of write is among the properties."""
        wanted = Properties.WRITE if with_response else Properties.WRITE_WITHOUT_RESPONSE
        return bool(self.takes.properties & wanted)

    def facts(self) -> Iterator[tuple[str, Fact[object]]]:
        """Yield every fact by field name, in the order of the fields."""
        for row in fields(self):
            value = getattr(self, row.name)
            if isinstance(value, Fact):
                yield row.name, value


def _captured(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.CAPTURED, source))


def _reported(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.REPORTED, source))


def _assumed(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.ASSUMED, source))


_NAME: Final = frozenset({0x07})
LOGIN_COMMANDS: Final = frozenset(
    {0x07, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1B, 0x1D, 0x1E, 0x1F, 0x20, 0x22, 0x23}
)
_ASKED: Final = LinkParameters(15.0, 18.75, 99, 4000, 1.0)
_AS_TELINK: Final = "as the Telink module, which was captured"

_TELINK = Generation(
    key="telink",
    title="Telink module, 2022: no login",
    services=_captured(TELINK_OTA, "discovery in the app captures 2022; texts and values assumed"),
    serial=_captured("ff00", "app captures 2022"),
    mtu=_captured(MIN_MTU, "Android never asked for more; on FA00, iOS asked 185 and got 23"),
    piece=_captured(20, "36 bytes as 20 + 16; 41 bytes of version 0x67 as 20 + 20 + 1"),
    collects=_captured(True, "pieces 0.2 to 6 ms apart, a 9600 baud line takes 16.7 ms"),
    write_limit=_assumed(20, "MTU 23; all captured requests fit in 20 bytes and one write"),
    link_up_byte=_captured(
        True, "first packet of three links of three in 2022; one of six in 2025"
    ),
    parameters=_captured(_ASKED, "app captures 2022 and 2025, nine links"),
    commands=_captured(_NAME, "OBLE: renaming with its answer; apps take silence on 15 for old"),
    opens_at=_captured(Level.NONE, "app captures 2022: DD frames pass at once"),
    app_key=_assumed(None, "0x15 is not answered, so nothing is compared"),
    password=_assumed(None, "no login"),
    passkey=_captured(None, "app captures 2022: no pairing"),
    start_up=_assumed(True, "as the module of an SP04S060, captured"),
    ffaa_s=_assumed(0.023, "as 2025; only login modules were timed"),
    prefix=_reported(bytes.fromhex("a5c237"), "scanner records, 13 of 38"),
    layout=_reported(AddressLayout.REVERSED, "scanner records, 19 of 38, most of a5:c2:37"),
    name_size=_assumed(0, "nobody reads it in the app captures"),
    advertised=_reported(("ff00",), "scanner records, all 38"),
)
_OLDER = replace(
    _TELINK,
    key="older",
    title="older module: FF02 takes writes with response",
    services=_reported(OLDER, "OBLE: READ and WRITE; handles and the other services assumed"),
    serial=_reported("ff00", "OBLE"),
    mtu=_assumed(MIN_MTU, _AS_TELINK),
    piece=_reported(20, "OBLE: basic info comes in two notifications"),
    collects=_assumed(True, _AS_TELINK),
    link_up_byte=_assumed(False, "not reported by those who used it"),
    parameters=_assumed(None, "nothing known"),
    opens_at=_reported(Level.NONE, "OBLE: what is written goes to the serial line"),
    passkey=_reported(None, "OBLE: plain writes"),
    prefix=_reported(bytes.fromhex("a4c138"), "AIO; which generation has it is assumed"),
)
_TELINK_LOGIN = replace(
    _TELINK,
    key="telink-login",
    title="FF AA login module, 2025",
    services=_captured(TELINK_OTA, "discovery in the app capture 2025; texts and values assumed"),
    serial=_captured("ff00", "app capture 2025"),
    commands=_reported(LOGIN_COMMANDS, "15 16 17 18 1D captured, the rest named by app analysis"),
    opens_at=_captured(
        Level.USER, "03 and 04 answered after 18 and before 1D, first link of 2025; silence without"
    ),
    app_key=_captured(APP_KEY, "000000 accepted six times of six, whatever the password"),
    password=_captured("123456", "app capture 2025; 123412 and 123123 in 2024"),
    passkey=_captured(None, "app capture 2025: no pairing"),
    ffaa_s=_captured(0.0233, "app capture 2025, median of ten"),
    prefix=_captured(bytes.fromhex("10a562"), "app capture 2025"),
    layout=_reported(AddressLayout.NONE, "scanner record of a CHINS pack, same prefix"),
)
_FA00_LOGIN = replace(
    _TELINK_LOGIN,
    key="fa00-login",
    title="FF AA login module with service FA00, 2024",
    services=_captured(FA00, "discovery in the iOS capture 2024; texts and values assumed"),
    serial=_captured("ff00", "iOS capture 2024"),
    link_up_byte=_captured(False, "iOS capture 2024: none in four links"),
    parameters=_assumed(_ASKED, "the iOS log holds no such packets; " + _AS_TELINK),
    opens_at=_assumed(Level.USER, "iOS capture 2024 shows DD frames after 1D alone; as 2025"),
    password=_captured("123123", "iOS capture 2024, set there"),
    passkey=_captured(None, "iOS capture 2024: no pairing"),
    ffaa_s=_captured(0.055, "iOS capture 2024, median of fifteen, on a 30 ms grid"),
    prefix=_captured(bytes.fromhex("a4c137"), "iOS capture 2024"),
    layout=_reported(AddressLayout.REVERSED, "scanner records, most of a4:c1:37"),
    name_size=_captured(30, "iOS capture 2024: 19 + 11 bytes; left-over memory there is NULs here"),
)
_KEY_LOGIN = replace(
    _TELINK_LOGIN,
    key="key-login",
    title="module that 0x15 with the user's own password opens",
    services=_assumed(TELINK_OTA, _AS_TELINK),
    serial=_reported("ff00", "AIO"),
    mtu=_assumed(MIN_MTU, _AS_TELINK),
    piece=_assumed(20, _AS_TELINK),
    collects=_assumed(True, _AS_TELINK),
    link_up_byte=_assumed(False, "nothing known"),
    parameters=_assumed(_ASKED, _AS_TELINK),
    commands=_assumed(LOGIN_COMMANDS, "as the captured login modules"),
    opens_at=_reported(Level.KEY, "AIO: polls right after 0x15 is answered 00"),
    app_key=_reported(None, "AIO: sends the user's secret; captures show a fixed 000000 instead"),
    password=_reported("000000", "AIO: default"),
    passkey=_reported(None, "AIO: no pairing"),
    ffaa_s=_assumed(0.023, "as 2025"),
    prefix=_reported(bytes.fromhex("a4c137"), "AIO; which generation has it is assumed"),
    layout=_assumed(AddressLayout.REVERSED, "as most of its prefix"),
)
_PASSKEY = replace(
    _TELINK,
    key="passkey",
    title="LIONTRON module that wants a passkey pairing",
    services=_reported(PASSKEY, "ESP 245; handles assumed"),
    serial=_reported("ff00", "ESP 245"),
    mtu=_assumed(MIN_MTU, _AS_TELINK),
    piece=_assumed(20, _AS_TELINK),
    collects=_assumed(True, _AS_TELINK),
    link_up_byte=_assumed(False, "ESP 245 does not mention it"),
    parameters=_assumed(_ASKED, _AS_TELINK),
    commands=_reported(frozenset(), "ESP 245: paired, DD frames work and FF AA is obsolete"),
    opens_at=_reported(Level.NONE, "ESP 245: nothing but the pairing"),
    passkey=_reported("123456", "batmon-ha; ESP 245 for the need of one"),
    prefix=_reported(bytes.fromhex("a4c138"), "ESP 245"),
    layout=_reported(AddressLayout.FORWARD, "scanner record of a LionTron, same prefix"),
)
_CLONE = replace(
    _TELINK,
    key="clone",
    title="clone that notifies a whole answer, 46 bytes, at once",
    services=_assumed(TELINK_OTA, _AS_TELINK),
    serial=_assumed("ff00", _AS_TELINK),
    mtu=_assumed(247, "46 bytes in one notification need 49 or more"),
    piece=_assumed(244, "46 bytes at once is what it is asked for; no source was found"),
    collects=_assumed(True, "a whole answer at once"),
    write_limit=_assumed(244, "its MTU - 3"),
    link_up_byte=_assumed(False, "nothing known"),
    parameters=_assumed(None, "nothing known"),
    commands=_assumed(frozenset(), "nothing known"),
    opens_at=_assumed(Level.NONE, "nothing known"),
    passkey=_assumed(None, "nothing known"),
    start_up=_assumed(False, "nothing known"),
    prefix=_assumed(bytes.fromhex("a5c237"), "as the module it copies"),
    layout=_assumed(AddressLayout.REVERSED, "as the module it copies"),
    advertised=_assumed(("ff00",), "as the module it copies"),
)
_FFF0 = replace(
    _TELINK,
    key="fff0",
    title="DH04SC02: FFF0 with FFF1 and FFF2",
    services=_reported(FFF0, "ESP 232; handles assumed"),
    serial=_reported("fff0", "ESP 232"),
    mtu=_assumed(MIN_MTU, _AS_TELINK),
    piece=_assumed(20, _AS_TELINK),
    collects=_assumed(True, _AS_TELINK),
    link_up_byte=_assumed(False, "ESP 232 does not mention it"),
    parameters=_assumed(None, "nothing known"),
    commands=_assumed(_NAME, _AS_TELINK),
    opens_at=_reported(Level.NONE, "ESP 232: works with the UUIDs changed alone"),
    passkey=_reported(None, "ESP 232"),
    prefix=_reported(bytes.fromhex("aac237"), "ESP 232"),
    layout=_reported(AddressLayout.FORWARD, "scanner record, same prefix"),
    advertised=_assumed(("fff0",), "as its service"),
)

GENERATIONS: Final[Mapping[str, Generation]] = MappingProxyType(
    {
        row.key: row
        for row in (
            _OLDER, _TELINK, _TELINK_LOGIN, _FA00_LOGIN, _KEY_LOGIN, _PASSKEY, _CLONE, _FFF0,
        )
    }
)  # fmt: skip
"""By key."""
