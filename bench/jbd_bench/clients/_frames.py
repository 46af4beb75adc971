"""The frames clients send, by the short names of the field's descriptions, and their orders."""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    APP_KEY,
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    BasicInfo,
    ModuleCommand,
    ModuleFrame,
    PayloadError,
    PinEncoding,
    ReadRequest,
    Response,
    encode_pin,
    pair,
    parse_basic_info,
)

R03: Final = ReadRequest(0x03).to_wire()
R04: Final = ReadRequest(0x04).to_wire()
R05: Final = ReadRequest(0x05).to_wire()
P0: Final = pair().to_wire()
CLR: Final = CLEAR_PIN.to_wire()
FE: Final = ENTER_FACTORY.to_wire()
FX: Final = LEAVE_FACTORY.to_wire()
CHIP: Final = ReadRequest(0x00, b"\0\0").to_wire()
K15: Final = ModuleFrame(ModuleCommand.APP_KEY, APP_KEY).to_wire()
K17: Final = ModuleFrame(ModuleCommand.RANDOM).to_wire()


def pairing(pin: str, encoding: PinEncoding = PinEncoding.DIGITS) -> bytes:
    """Return 06 with the PIN a user typed.

    Raises:
        LocalError: not six digits.
    """
    return pair(encode_pin(pin, encoding)).to_wire()


def reading(register: int) -> bytes:
    """Return the frame that reads a register."""
    return ReadRequest(register).to_wire()


def _order(text: str) -> tuple[int, ...]:
    """``"24 18-1F 38*4"`` as register numbers."""
    numbers: list[int] = []
    for word in text.split():
        if "-" in word:
            first, last = (int(part, 16) for part in word.split("-"))
            numbers += range(first, last + 1)
        else:
            register, _, times = word.partition("*")
            numbers += [int(register, 16)] * int(times or 1)
    return tuple(numbers)


ANDROID_31_ORDER: Final = _order(
    "24 25 3D 26 27 3D 20 21 3C 22 23 3C 18 19 3A 1A 1B 3A 1C 1D 3B 1E 1F 3B 28 3E*2 29 3F*2 "
    "2C 38*4 36 39 37 39*2 2A 2B 30 10 11 12 13 32 33 34 35 14 2F 17 16 15 A1 A0 A2"
)
"""Captured on firmware 0x80; the two-part registers are read once for each field they fill."""
ANDROID_32_ORDER: Final = _order("2F 12 24 25 3D 26 27 3D 20 21 3C 22 23 3C 36 37 39")
"""The "old" protect page. App analysis of 3.2.033."""
JBDTOOLS_ORDER: Final = _order("10-3F 40 41")
"""Measured, JBDTools V2.9; 42 to 47 and the texts follow."""
JBDTOOLS_CAPACITY: Final = _order("43-47")
JBDTOOLS_TAIL: Final = _order("A0 A1 A2 AA")
BMSTOOLS_ORDER: Final = _order(
    "24 25 26 27 20-23 18-1F 28 29 3D 3C 3A 3B 3E 3F 36-39 2D 2E 2A 2B 2C 2F 17 16 A0 A1 A2 15 "
    "10 11 14 12 32-35 13 30 31 AA"
)
"""Measured, bmstools 1.2.0; the same in 1.1.4."""
ALL_SETTINGS: Final = _order("10-14 18-1F 20-2B 2D 2E 2F 32-35 3A-3F A1 A2")
"""Every register a parameter page needs; for clients whose own order is not known."""


def seen(response: Response | None) -> BasicInfo | None:
    """Return basic info where an answer is good enough to be shown, else None."""
    if response is None or response.status:
        return None
    try:
        return parse_basic_info(response.data)
    except PayloadError:
        return None
