"""Frames of the UP series (RS485 inverter boards), a relative of the DD protocol.

Only the frame is known well enough to stand here: it lets a bench recognise such a board and
say so. Source: capture of two UP16S020 packs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ._checksum import crc16_modbus
from ._errors import FrameError, LocalError
from ._frames import Fault

_HEAD: Final = 8


@dataclass(frozen=True, slots=True)
class UpFrame:
    """Address, function, first and last register, data; a request carries no data."""

    address: int
    function: int
    first: int
    last: int
    data: bytes = b""

    def to_wire(self) -> bytes:
        """Return the frame's bytes.

        Raises:
            LocalError: a field does not fit.
        """
        try:
            body = (
                bytes((self.address, self.function))
                + self.first.to_bytes(2, "big")
                + self.last.to_bytes(2, "big")
                + len(self.data).to_bytes(2, "big")
                + self.data
            )
        except (ValueError, OverflowError) as error:
            raise LocalError(f"UP frame: {error}") from None
        return body + crc16_modbus(body).to_bytes(2, "little")


def parse_up_frame(raw: bytes) -> UpFrame:
    """Return the one UP frame that ``raw`` holds, whole and alone.

    Raises:
        FrameError: it is none; ``reason`` says why.
    """
    if len(raw) < _HEAD + 2:
        raise FrameError(Fault.TRUNCATED, raw)
    size = _HEAD + int.from_bytes(raw[6:8], "big") + 2
    if len(raw) != size:
        raise FrameError(Fault.TRUNCATED if len(raw) < size else Fault.LENGTH, raw)
    if crc16_modbus(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
        raise FrameError(Fault.CHECKSUM, raw)
    return UpFrame(
        raw[0],
        raw[1],
        int.from_bytes(raw[2:4], "big"),
        int.from_bytes(raw[4:6], "big"),
        raw[_HEAD:-2],
    )
