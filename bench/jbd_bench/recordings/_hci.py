"""Bluetooth logs of phones: the HCI packets in btsnoop and PacketLogger files.

btsnoop: Frontline's description of the format (after RFC 1761), data links H1 and H4. Android
writes H4. ``btmon -w`` of BlueZ writes the same with the data link of Linux's monitor, whose flags
are adapter and opcode (BlueZ, src/shared/btsnoop.h). PacketLogger: Apple publishes no description;
the layout is the one that Wireshark reads (wiretap/packetlogger.c).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_BTSNOOP: Final = b"btsnoop\0"
_EPOCH_US: Final = 0x00DCDDB30F2F8000
"""1970 in btsnoop's microseconds, which count from year 0."""
_H1, _H4, _MONITOR = 1001, 1002, 2001
COMMAND, ACL, EVENT = 1, 2, 4
"""Kinds of packet, by the numbers of H4."""
_MONITOR_KINDS: Final = {2: (COMMAND, True), 3: (EVENT, False), 4: (ACL, True), 5: (ACL, False)}
_APPLE_KINDS: Final = {0: (COMMAND, True), 1: (EVENT, False), 2: (ACL, True), 3: (ACL, False)}
_LONGEST: Final = 0x10000
"""More than any HCI packet, so that a damaged file is told from a long record."""


class Packet(NamedTuple):
    """One HCI packet.

    Attributes:
        t_s: seconds since 1970.
        kind: ``COMMAND``, ``ACL`` or ``EVENT``.
        sent: whether the host sent it.
        data: without the byte that H4 puts before it.
    """

    t_s: float
    kind: int
    sent: bool
    data: bytes


def looks_like_hci(raw: bytes) -> bool:
    """Return whether a file is a Bluetooth log of a known kind."""
    return raw.startswith(_BTSNOOP) or _apple_order(raw) is not None


def packets(raw: bytes) -> Iterator[Packet]:
    """Yield the commands, events and ACL packets of a log; a torn last record is left out.

    Raises:
        RecordingError: a version or data link that is not known, or a damaged record.
    """
    return _btsnoop(raw) if raw.startswith(_BTSNOOP) else _packet_logger(raw)


def _btsnoop(raw: bytes) -> Iterator[Packet]:
    from ._read import RecordingError

    if len(raw) < 16:
        raise RecordingError("btsnoop: ends in its header")
    version, link = struct.unpack_from(">II", raw, 8)
    if version != 1 or link not in (_H1, _H4, _MONITOR):
        raise RecordingError(
            f"btsnoop: version {version}, data link {link}: must be version 1, "
            f"data link {_H1} (H1), {_H4} (H4) or {_MONITOR} (Linux's monitor)"
        )
    at = 16
    while at + 24 <= len(raw):
        _, size, flags, _, when_us = struct.unpack_from(">IIIIq", raw, at)
        if size > _LONGEST:
            raise RecordingError(f"btsnoop: record of {size} bytes at {at}: at most {_LONGEST}")
        data = raw[at + 24 : at + 24 + size]
        at += 24 + size
        if len(data) < size:
            return
        if data and (kind := _kind(link, flags, data)) is not None:
            body = data[1:] if link == _H4 else data
            yield Packet((when_us - _EPOCH_US) / 1e6, *kind, body)


def _kind(link: int, flags: int, data: bytes) -> tuple[int, bool] | None:
    """Return the kind of a btsnoop record, and whether the host sent it; None for others."""
    if link == _MONITOR:
        return _MONITOR_KINDS.get(flags & 0xFFFF)
    sent = not flags & 1
    if link == _H1:
        return ((COMMAND if sent else EVENT) if flags & 2 else ACL), sent
    return (data[0], sent) if data[0] in (COMMAND, ACL, EVENT) else None


def _apple_order(raw: bytes) -> str | None:
    """Return the byte order of a PacketLogger file, None where it is none."""
    if len(raw) < 13:
        return None
    for order in ">", "<":
        size, _, microseconds = struct.unpack_from(f"{order}III", raw)
        if 9 <= size <= _LONGEST and microseconds < 1_000_000 and len(raw) >= 4 + size:
            kind = raw[12]
            if kind in _APPLE_KINDS or kind >= 0xF7 or 8 <= kind <= 0x0B:
                return order
    return None


def _packet_logger(raw: bytes) -> Iterator[Packet]:
    from ._read import RecordingError

    order, at = _apple_order(raw), 0
    while at + 13 <= len(raw):
        size, seconds, microseconds = struct.unpack_from(f"{order}III", raw, at)
        if not 9 <= size <= _LONGEST:
            raise RecordingError(
                f"PacketLogger: record of {size} bytes at {at}: must be 9 to {_LONGEST}"
            )
        data = raw[at + 12 : at + 4 + size]
        at += 4 + size
        if len(data) < size - 8:
            return
        if data[0] in _APPLE_KINDS:
            kind, sent = _APPLE_KINDS[data[0]]
            yield Packet(seconds + microseconds / 1e6, kind, sent, data[1:])
