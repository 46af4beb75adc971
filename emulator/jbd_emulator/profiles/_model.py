"""What can differ between firmwares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from jbd_protocol import Evidence, PinEncoding

from .._rules import Fact


class PasswordFunction(StrEnum):
    """Whether 06, 07 and 09 exist."""

    ABSENT = "absent"
    """Every one of them is answered 0x80."""
    PRESENT = "present"


class CapacityPoints(StrEnum):
    """What 0x42..0x47, the 10 % points, do."""

    FORGOTTEN = "writes acknowledged and forgotten, reads refused"
    ABSENT = "absent"
    PRESENT = "present"


class ParameterAccess(StrEnum):
    """What 0xFA, parameters by number, does."""

    ABSENT = "absent"
    SILENT = "silent"
    SERVED = "served"


class PairingEnds(StrEnum):
    """When a PIN that was presented has to be presented again."""

    POWER_OR_SLEEP = "at power-off or sleep"
    FACTORY_EXIT = "when factory mode is left"
    NEVER = "never"


class FirmwareProfile(NamedTuple):
    """One firmware version; every field but the first two carries its own evidence.

    Attributes:
        version: the byte 0x03 answers.
        title: what people call it.
        password: whether 06, 07 and 09 exist.
        pin_encoding: what a digit of the stored PIN is on the wire.
        wrong_pin: status of a 06 or 07 with a wrong PIN.
        open_entry: status of enter-factory while no PIN is in the way.
        locked_entry: status of enter-factory while a PIN is set and not presented.
        blank_accepted: whether the blank PIN is accepted while none is set.
        pairing_ends: when a PIN has to be presented again.
        closed_setting: status of a setting read or written outside factory mode.
        capacity_points: what 0x42..0x47 do.
        counter_words: words of 0xAA, 11 or 12.
        chip_type: chip number 0x00 answers to a read; None for silence.
        parameters: what 0xFA does.
        new_commands: whether 0x0F, 0xFB and 0xFC, the vendor's new line, exist.
        tail_bytes: bytes of 0x03 behind the temperatures on the boards seen with it.
        zero_checksum_refusal: whether a refusal carries checksum 0000.
        command_evidence: where one of 06, 07, 09 is known better or worse than the password
            function as a whole: its evidence by command.
    """

    version: int
    title: str
    password: Fact[PasswordFunction]
    pin_encoding: Fact[PinEncoding]
    wrong_pin: Fact[int]
    open_entry: Fact[int]
    locked_entry: Fact[int]
    blank_accepted: Fact[bool]
    pairing_ends: Fact[PairingEnds]
    closed_setting: Fact[int]
    capacity_points: Fact[CapacityPoints]
    counter_words: Fact[int]
    chip_type: Fact[int | None]
    parameters: Fact[ParameterAccess]
    new_commands: Fact[bool]
    tail_bytes: Fact[int]
    zero_checksum_refusal: Fact[bool]
    command_evidence: Mapping[int, Evidence] = MappingProxyType({})

    @property
    def version_text(self) -> str:
        """``2.1`` for 0x21."""
        return f"{self.version >> 4}.{self.version & 0xF}"

    def facts(self) -> Iterator[tuple[str, Fact[object]]]:
        """Yield every fact by field name, in the order of the fields."""
        for name, value in zip(self._fields, self, strict=True):
            if isinstance(value, Fact):
                yield name, value
