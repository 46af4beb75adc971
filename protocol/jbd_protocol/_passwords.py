"""PINs and the frames that present, change and clear them.

Real clients disagree about what a digit is on the wire: the vendor's apps and JBDTools V2.9
send its number (01), JBDTools V1.B of 2018 and BMS-Tools its character (31). A board compares
six raw bytes, so a PIN set one way cannot be entered the other way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ._errors import LocalError
from ._frames import MAX_DATA, WriteRequest
from ._registers import CLEAR_MAGIC, EXIT_DISCARD, EXIT_SAVE, FACTORY_CODE

PIN_LENGTH: Final = 6


class PinEncoding(StrEnum):
    """What a digit is on the wire."""

    DIGITS = "digits"
    """Numbers 00 to 09. Source: vendor V11 examples; apps; JBDTools V2.9 (measured)."""
    ASCII = "ascii"
    """Characters 30 to 39. Source: JBDTools V1.B, BMS-Tools 1.2.0 given text (measured)."""


BLANK_PIN: Final = bytes(PIN_LENGTH)
"""What apps present where the user set no PIN: 000000 as digits (captured)."""


def encode_pin(pin: str, encoding: PinEncoding = PinEncoding.DIGITS) -> bytes:
    """Return the six bytes of a PIN.

    Args:
        pin: exactly six of 0 to 9.
        encoding: what a digit is on the wire.
    Raises:
        LocalError: not six digits.
    """
    if len(pin) != PIN_LENGTH or any(c not in "0123456789" for c in pin):
        raise LocalError(f"pin {pin!r}: must be {PIN_LENGTH} digits 0 to 9")
    raw = pin.encode("ascii")
    return raw if encoding is PinEncoding.ASCII else bytes(c - 0x30 for c in raw)


def decode_pin(raw: bytes) -> tuple[str, PinEncoding] | None:
    """Return the digits and their encoding, or None where the bytes are no PIN of either."""
    if len(raw) != PIN_LENGTH:
        return None
    if all(byte <= 9 for byte in raw):
        return "".join(map(str, raw)), PinEncoding.DIGITS
    if all(0x30 <= byte <= 0x39 for byte in raw):
        return raw.decode("ascii"), PinEncoding.ASCII
    return None


def pair(pin: bytes = BLANK_PIN) -> WriteRequest:
    """Return 06, present a PIN of any bytes.

    Raises:
        LocalError: more bytes than a frame carries.
    """
    return WriteRequest(0x06, _sized(pin))


def change_pin(old: bytes, new: bytes) -> WriteRequest:
    """Return 07, replace the PIN ``old`` by ``new``; same errors as :func:`pair`."""
    return WriteRequest(0x07, _sized(old + new))


def _sized(body: bytes) -> bytes:
    if len(body) >= MAX_DATA:
        raise LocalError(f"PIN data of {len(body)} bytes: must be 0 to {MAX_DATA - 1}")
    return bytes((len(body),)) + body


CLEAR_PIN: Final = WriteRequest(0x09, _sized(CLEAR_MAGIC))
ENTER_FACTORY: Final = WriteRequest(0x00, FACTORY_CODE)
LEAVE_FACTORY: Final = WriteRequest(0x01, EXIT_DISCARD)
SAVE_AND_LEAVE_FACTORY: Final = WriteRequest(0x01, EXIT_SAVE)
