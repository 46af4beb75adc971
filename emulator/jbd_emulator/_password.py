"""The PIN of a board: six bytes it compares, and whether they were presented."""

from __future__ import annotations

from typing import Final

from jbd_protocol import BLANK_PIN, CLEAR_MAGIC, PIN_LENGTH, Evidence, Status

from ._rules import Rule, assumed, reported, vendor
from .profiles import FirmwareProfile, PairingEnds, PasswordFunction

_MALFORMED: Final = assumed(
    "a password command of the wrong shape never matches and never clears",
    "JBDTools V2.9 sends such retries (measured); what boards answer was never seen",
)
_CHANGED: Final = vendor("the old PIN matches, the new one is stored", "V11; never captured")
_FIRST: Final = assumed("no PIN is set, so none is compared; the new one is stored", "CLIENTS 10")
_CLEARED: Final = reported(
    "the clear word removes any PIN, without PIN and without factory mode",
    "the field; captured on 0x44 outside factory mode",
)


class PinGuard:
    """The password function of one board.

    Args:
        firmware: whether the function exists and what it answers.
        stored: the six bytes of the PIN, None where none is set.
    Attributes:
        kept: those six bytes, also where the firmware has no password function: a PIN lies in
            the EEPROM, and another firmware finds it again.
        paired: whether the PIN was presented.
    """

    __slots__ = ("_firmware", "kept", "paired")

    def __init__(self, firmware: FirmwareProfile, stored: bytes | None = None) -> None:
        self._firmware = firmware
        self.kept = stored
        self.paired = False

    @property
    def stored(self) -> bytes | None:
        """The PIN that this firmware looks at: six bytes, or None."""
        return None if self._absent else self.kept

    @stored.setter
    def stored(self, pin: bytes | None) -> None:
        self.kept = pin

    @property
    def locked(self) -> bool:
        """Whether settings are closed: a PIN is set and was not presented."""
        return self.stored is not None and not self.paired

    def end_pairing(self, occasion: PairingEnds) -> None:
        """Let a presented PIN lapse if this firmware says that it does on this occasion."""
        if self._firmware.pairing_ends.value is occasion:
            self.paired = False

    def present(self, body: bytes) -> tuple[int, Rule]:
        """06: compare the six bytes behind the length byte."""
        if self._absent:
            return self._no_function(0x06)
        if not _shaped(body, PIN_LENGTH):
            return Status.INVALID, _MALFORMED
        if self._matches(body[1:]):
            self.paired = True
            return self._accepted()
        return self._mismatch()

    def change(self, body: bytes) -> tuple[int, Rule]:
        """07: replace the PIN where the old one matches or none is set; the blank PIN unsets it."""
        if self._absent:
            return self._no_function(0x07)
        if not _shaped(body, 2 * PIN_LENGTH):
            return Status.INVALID, _MALFORMED
        old, new = body[1 : 1 + PIN_LENGTH], body[1 + PIN_LENGTH :]
        was_set = self.stored is not None
        if was_set and old != self.stored:
            return self._mismatch()
        self.stored = None if new == BLANK_PIN else new
        self.paired = True
        return Status.OK, _CHANGED if was_set else _FIRST

    def clear(self, body: bytes) -> tuple[int, Rule]:
        """09: remove the PIN where the body is exactly the clear word."""
        if self._absent:
            return self._no_function(0x09)
        if not _shaped(body, len(CLEAR_MAGIC)) or body[1:] != CLEAR_MAGIC:
            return Status.INVALID, _MALFORMED
        self.stored = None
        self.paired = False
        known = self._firmware.command_evidence.get(0x09, _CLEARED.evidence)
        return Status.OK, Rule(_CLEARED.text, known)

    @property
    def _absent(self) -> bool:
        return self._firmware.password.value is PasswordFunction.ABSENT

    def _matches(self, presented: bytes) -> bool:
        if self.stored is not None:
            return presented == self.stored
        return presented == BLANK_PIN and self._firmware.blank_accepted.value

    def _no_function(self, command: int) -> tuple[int, Rule]:
        return Status.NO_SUCH_COMMAND, Rule(
            f"firmware 0x{self._firmware.version:02X} has no password function",
            self._evidence(command),
        )

    def _evidence(self, command: int) -> Evidence:
        firmware = self._firmware
        return firmware.command_evidence.get(command, firmware.password.evidence)

    def _accepted(self) -> tuple[int, Rule]:
        if self.stored is None:
            fact = self._firmware.blank_accepted
            return Status.OK, Rule("no PIN is set and the blank PIN is accepted", fact.evidence)
        return Status.OK, reported("the PIN matches", "batmon-ha issue 4, with bytes; vendor V11")

    def _mismatch(self) -> tuple[int, Rule]:
        fact = self._firmware.wrong_pin
        return fact.value, Rule("the PIN does not match", fact.evidence)


def _shaped(body: bytes, length: int) -> bool:
    return len(body) == 1 + length and body[0] == length
