"""The firmware table. Later rows say only what differs from the row they replace.

Sources, by the names used below: CLIENTS 10 is the table of answers per firmware of the project's
protocol notes; "app captures" are the Android sessions of 2022 on version 0x80 and of 2025 on
0x44; "module sniff" is the UART of an SP04S060 with version 0x25; "capacity-register notes" and
"register map" are those of the Overkill Solar repository; XI is the xiaoxiangBMS tracker.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from jbd_protocol import Evidence, Grade, PinEncoding, Status

from .._rules import Fact
from ._model import (
    CapacityPoints,
    FirmwareProfile,
    PairingEnds,
    ParameterAccess,
    PasswordFunction,
)

ValueT = TypeVar("ValueT")


def _captured(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.CAPTURED, source))


def _vendor(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.VENDOR_DOCUMENT, source))


def _reported(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.REPORTED, source))


def _assumed(value: ValueT, source: str) -> Fact[ValueT]:
    return Fact(value, Evidence(Grade.ASSUMED, source))


_FW_15 = FirmwareProfile(
    version=0x15,
    title="1.5, before the password",
    password=_reported(
        PasswordFunction.ABSENT,
        "register map: passwords from 0x16 on, the field: from 0x17 (2021) on",
    ),
    command_evidence=MappingProxyType(
        {
            command: Evidence(Grade.ASSUMED, "CLIENTS 10: as any command that does not exist")
            for command in (0x06, 0x07, 0x09)
        }
    ),
    pin_encoding=_vendor(PinEncoding.DIGITS, "V11 examples; app captures"),
    wrong_pin=_vendor(Status.WRONG_PASSWORD, "V11: 83 is the password pairing error; never seen"),
    open_entry=_assumed(Status.OK, "CLIENTS 10; as 0x25, 0x44 and 0x80, which were captured"),
    locked_entry=_reported(Status.INVALID, "batmon-ha issue 4; meaning of 81: vendor V11"),
    blank_accepted=_assumed(True, "as 0x25 and 0x80, which were captured"),
    pairing_ends=_assumed(
        PairingEnds.POWER_OR_SLEEP,
        "not shown; an app presents it once per connection and never again in minutes",
    ),
    closed_setting=_assumed(Status.INVALID, "as 0x44, captured on register 24"),
    capacity_points=_captured(
        CapacityPoints.FORGOTTEN,
        "capacity-register notes 1 and 2: 4S 0x15, 8S 0x16; the write to 42 is assumed alike",
    ),
    counter_words=_vendor(11, "V4: eleven counters before the restart counter"),
    chip_type=_vendor(None, "V11: no answer means the TI front end"),
    parameters=_assumed(ParameterAccess.ABSENT, "the vendor's new line came later"),
    new_commands=_assumed(False, "the vendor's new line came later"),
    tail_bytes=_captured(0, "basic info of versions 12, 16, 17, 20, 44, 80 has none"),
    zero_checksum_refusal=_assumed(
        False, "every captured refusal has a valid checksum; batmon-ha issue 4 quotes 0000 once"
    ),
)
_FW_16 = _FW_15._replace(
    version=0x16,
    title="1.6, before the password",
    password=_assumed(
        PasswordFunction.ABSENT,
        "CLIENTS 10; the register map says from 0x16 on, the field from 0x17 on",
    ),
)
_FW_17 = _FW_15._replace(
    version=0x17,
    title="1.7 (2021), first with a password",
    password=_reported(
        PasswordFunction.PRESENT, "the field: a PIN can lock the settings from 2021"
    ),
    command_evidence=MappingProxyType({}),
    blank_accepted=_assumed(True, "CLIENTS 10; as 0x25 and 0x80, which were captured"),
    capacity_points=_assumed(CapacityPoints.ABSENT, "CLIENTS 10: between 0x16 and 0x20"),
    counter_words=_vendor(12, "V11; captured on 0x80"),
)
_FW_20 = _FW_17._replace(
    version=0x20,
    title="2.0",
    password=_reported(PasswordFunction.PRESENT, "register map: from 0x16 on; no capture"),
    capacity_points=_captured(
        CapacityPoints.PRESENT, "capacity-register notes: 4S and 16S with 0x20"
    ),
)
_FW_21 = _FW_20._replace(
    version=0x21,
    title="2.1 (May 2022), no password function",
    password=_captured(
        PasswordFunction.ABSENT,
        "XI 195, with bytes: the blank PIN is answered DD 06 80 00 FF 80 77",
    ),
    command_evidence=MappingProxyType(
        {command: Evidence(Grade.ASSUMED, "as 06, CLIENTS 10") for command in (0x07, 0x09)}
    ),
    open_entry=_reported(Status.OK, "XI 195: parameters are served without a PIN"),
    capacity_points=_captured(CapacityPoints.PRESENT, "capacity-register notes: 4S with 0x21"),
)
_FW_25 = _FW_17._replace(
    version=0x25,
    title="2.5",
    password=_captured(
        PasswordFunction.PRESENT, "module sniff, SP04S060: the blank PIN is answered 00"
    ),
    blank_accepted=_captured(True, "module sniff, SP04S060"),
    open_entry=_captured(Status.OK, "module sniff, SP04S060"),
    capacity_points=_assumed(CapacityPoints.PRESENT, "later than 0x21; CLIENTS 10: board option"),
    parameters=_vendor(
        ParameterAccess.SERVED, "V11 section 5; an app takes a long basic info for the new line"
    ),
    new_commands=_assumed(True, "goes with the long basic info"),
    tail_bytes=_captured(9, "module sniff, SP04S060; a 6S board with 0x25 has none"),
)
_FW_44 = _FW_25._replace(
    version=0x44,
    title="4.4 (2025), behind a module with a login of its own",
    password=_captured(PasswordFunction.PRESENT, "app capture 2025: 09 is answered 00"),
    command_evidence=MappingProxyType(
        {0x09: Evidence(Grade.CAPTURED, "app capture 2025, outside factory mode")}
    ),
    open_entry=_captured(Status.OK, "app capture 2025; again while it is on"),
    blank_accepted=_assumed(True, "as 0x25 and 0x80, which were captured"),
    closed_setting=_captured(Status.INVALID, "app capture 2025: register 24"),
    chip_type=_captured(None, "app capture 2025: four of four reads unanswered"),
    parameters=_captured(ParameterAccess.SILENT, "iOS capture 2024: FA read unanswered"),
    new_commands=_assumed(False, "basic info is short and FA is silent"),
    tail_bytes=_captured(0, "app captures 2024 and 2025"),
)
_FW_80 = _FW_25._replace(
    version=0x80,
    title="8.0 (March 2022)",
    password=_captured(PasswordFunction.PRESENT, "app captures 2022: the blank PIN is answered 00"),
    blank_accepted=_captured(True, "app captures 2022, three sessions"),
    open_entry=_captured(Status.OK, "app captures 2022"),
    counter_words=_captured(12, "app captures 2022: 24 bytes"),
    parameters=_assumed(ParameterAccess.ABSENT, "basic info is short, by which apps tell"),
    new_commands=_assumed(False, "basic info is short"),
    tail_bytes=_captured(0, "app captures 2022"),
)

FIRMWARE: Final[Mapping[int, FirmwareProfile]] = MappingProxyType(
    {row.version: row for row in (_FW_15, _FW_16, _FW_17, _FW_20, _FW_21, _FW_25, _FW_44, _FW_80)}
)
"""By version byte. The numbers are not one time line: 0x80 is of 2022, 0x44 of 2025."""
