"""The Bluetooth module's own frames: ``FF AA command length data sum``.

The module answers them by itself, also while the board sleeps. Its passwords have nothing to
do with the board's PIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ._checksum import module_checksum
from ._decoder import Decoder
from ._errors import FrameError, LocalError
from ._frames import Fault
from ._units import Quantity

MODULE_START: Final = b"\xff\xaa"
_OVERHEAD: Final = 5
ROOT_PASSWORD: Final = b"JBDbtpwd!@#2023"
"""Constant of every captured 0x1D, two boards."""
APP_KEY: Final = b"000000"
"""Plain text of every captured 0x15."""


class ModuleCommand(IntEnum):
    """Commands with evidence; 0x07 and 0x15..0x18, 0x1D captured, the rest app analysis."""

    SET_NAME = 0x07
    APP_KEY = 0x15
    CHANGE_PASSWORD = 0x16
    RANDOM = 0x17
    LOGIN = 0x18
    CHANGE_SECOND_PASSWORD = 0x19
    SECOND_LOGIN = 0x1B
    ROOT_LOGIN = 0x1D


class ModuleStatus(IntEnum):
    """The one byte the module answers a login with. 00 and 01 captured, 02 reported."""

    ACCEPTED = 0
    REFUSED = 1
    NO_PASSWORD = 2


@dataclass(frozen=True, slots=True)
class ModuleFrame:
    """A frame of the module, either way: requests and answers have one grammar."""

    command: int
    data: bytes = b""

    def to_wire(self) -> bytes:
        """Return the frame's bytes.

        Raises:
            LocalError: a field does not fit its byte.
        """
        if not 0 <= self.command <= 0xFF or len(self.data) > 0xFF:
            raise LocalError(
                f"module command {self.command} of {len(self.data)} bytes: 0 to 255 each"
            )
        body = bytes((self.command, len(self.data))) + self.data
        return MODULE_START + body + bytes((module_checksum(body),))

    def values(self, *, answer: bool = False) -> dict[str, Quantity]:
        """Return what the data says, as an answer or as a request."""
        if answer and len(self.data) == 1:
            name = "random" if self.command == ModuleCommand.RANDOM else "result"
            return {name: Quantity(f"0x{self.data[0]:02X}")}
        plain = (ModuleCommand.SET_NAME, ModuleCommand.APP_KEY, ModuleCommand.CHANGE_PASSWORD)
        if not answer and self.command in plain:
            return {"text": Quantity(self.data.decode("latin-1"))}
        return {"data": Quantity(self.data)} if self.data else {}


def parse_module_frame(raw: bytes) -> ModuleFrame:
    """Return the one module frame that ``raw`` holds, whole and alone.

    Raises:
        FrameError: it is none; ``reason`` says why.
    """
    if raw[:2] != MODULE_START:
        raise FrameError(Fault.HEADER, raw)
    if len(raw) < _OVERHEAD or len(raw) < raw[3] + _OVERHEAD:
        raise FrameError(Fault.TRUNCATED, raw)
    if len(raw) > raw[3] + _OVERHEAD:
        raise FrameError(Fault.LENGTH, raw)
    if module_checksum(raw[2:-1]) != raw[-1]:
        raise FrameError(Fault.CHECKSUM, raw)
    return ModuleFrame(raw[2], raw[4:-1])


class ModuleDecoder(Decoder[ModuleFrame]):
    """Bytes in, module frames out; resynchronises as the DD decoders do."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()

    def _find_start(self) -> int:
        at = self._buffer.find(MODULE_START)
        # A lone FF at the end may be the first half of a start.
        return at if at >= 0 else len(self._buffer) - self._buffer.endswith(MODULE_START[:1])

    def _announced(self) -> int:
        return _OVERHEAD + (self._buffer[3] if len(self._buffer) > 3 else 0)

    def _fault(self, raw: bytes) -> Fault | None:
        return None if module_checksum(raw[2:-1]) == raw[-1] else Fault.CHECKSUM

    def _frame(self, raw: bytes) -> ModuleFrame:
        return ModuleFrame(raw[2], raw[4:-1])


def obfuscate(plain: bytes, address: bytes, random: int) -> bytes:
    """Return a login password as it goes over the air.

    Args:
        plain: the password's characters; 6 for 0x18, 15 for 0x1D.
        address: the module's Bluetooth address, 6 bytes, most significant first.
        random: the byte of the latest answer to 0x17.
    Raises:
        LocalError: the address is not 6 bytes, or ``random`` no byte.
    Source: ``((plain XOR address) + random) mod 256``, address zero beyond its end; computed
        for every captured payload of two boards.
    """
    padded = _padded(address, random, len(plain))
    return bytes(((p ^ a) + random) & 0xFF for p, a in zip(plain, padded, strict=True))


def reveal(wire: bytes, address: bytes, random: int) -> bytes:
    """Return the password that :func:`obfuscate` hid; same arguments, same errors."""
    padded = _padded(address, random, len(wire))
    return bytes((w - random & 0xFF) ^ a for w, a in zip(wire, padded, strict=True))


def _padded(address: bytes, random: int, length: int) -> bytes:
    if len(address) != 6:
        raise LocalError(f"address of {len(address)} bytes: must be 6")
    if not 0 <= random <= 0xFF:
        raise LocalError(f"random {random}: must be 0 to 255")
    return address[:length] + bytes(max(0, length - 6))
