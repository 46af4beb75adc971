"""Captures that Wireshark opens: pcapng with one interface of link type USER0.

Source: draft-ietf-opsawg-pcapng, sections 4.1 to 4.3; link types: tcpdump.org.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

LINK_TYPE: Final = 147
"""USER0, for what no registered type fits; jbd.lua takes it."""
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_END, _COMMENT, _APPLICATION, _NAME, _FLAGS = 0, 1, 4, 2, 2
INBOUND, OUTBOUND = 1, 2
"""Directions of ``epb_flags``, as the client sees them: what the board sent is inbound."""


class PcapngWriter:
    """Writes a capture as it happens; every packet is on its way to the disk when it is written.

    Args:
        path: the file, written anew.
        interface: name of what was captured, the target string.
        application: who captured it.
    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, interface: str, application: str) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        body = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
        self._block(_SECTION, body, (_APPLICATION, application.encode()))
        # Snap length 0 is no limit; times are microseconds, the default.
        self._block(_INTERFACE, struct.pack("<HHI", LINK_TYPE, 0, 0), (_NAME, interface.encode()))

    def packet(self, wall_s: float, data: bytes, *, inbound: bool, comment: str = "") -> None:
        """Write a packet.

        Args:
            wall_s: seconds since 1970.
            data: the bytes of one piece.
            inbound: whether the board sent it.
            comment: what a person should read beside it.
        """
        microseconds = round(wall_s * 1e6)
        head = struct.pack(
            "<IIIII", 0, microseconds >> 32, microseconds & 0xFFFFFFFF, len(data), len(data)
        )
        options = [(_FLAGS, struct.pack("<I", INBOUND if inbound else OUTBOUND))]
        if comment:
            options.append((_COMMENT, comment.encode()))
        self._block(_PACKET, head + _padded(data), *options)

    def close(self) -> None:
        """End the capture."""
        self._file.close()

    def _block(self, kind: int, body: bytes, *options: tuple[int, bytes]) -> None:
        for code, value in options:
            body += struct.pack("<HH", code, len(value)) + _padded(value)
        body += struct.pack("<HH", _END, 0)
        size = len(body) + 12
        self._file.write(struct.pack("<II", kind, size) + body + struct.pack("<I", size))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
