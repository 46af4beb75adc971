"""From HCI packets to attribute traffic: connections, L2CAP fragments, ATT, handles by UUID.

Source: Bluetooth Core 5.4, Vol 4 Part E 5.4.2 and 7.7.65 (ACL, LE events), Vol 3 Part A 3.1
(L2CAP), Vol 3 Part F 3.4 (ATT).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ._hci import ACL, EVENT, Packet

_DISCONNECTED, _LE_META = 0x05, 0x3E
_CONNECTED: Final = (0x01, 0x0A, 0x29)
"""Connection complete, and its two later forms, which begin alike."""
_ATT_CHANNEL: Final = 4
_BY_TYPE_REQUEST, _BY_TYPE_RESPONSE = 0x08, 0x09
_WRITES: Final = (0x12, 0x52)
_NOTIFICATIONS: Final = (0x1B, 0x1D)
_CHARACTERISTIC: Final = (0x2803).to_bytes(2, "little")
_BASE_UUID: Final = bytes.fromhex("fb349b5f8000008000100000")
"""The Bluetooth base UUID, least significant byte first, up to where 16 bits are the name."""


class Value(NamedTuple):
    """A value that was written (``written``) or notified."""

    t_s: float
    written: bool
    handle: int
    data: bytes


@dataclass(slots=True)
class Connection:
    """One connection of the log.

    Attributes:
        peer: address of the other side, or the connection's handle where the log begins later.
        values: what was written and notified, in order.
        handles: value handles by 16-bit UUID, as far as they were discovered.
    """

    peer: str
    values: list[Value] = field(default_factory=list)
    handles: dict[int, int] = field(default_factory=dict)
    asked_for: bytes = b""
    """Attribute type of the last Read By Type request; its response does not repeat it."""
    parts: dict[bool, bytes] = field(default_factory=dict)
    """L2CAP bytes that wait for more, by whether the host sent them."""


def connections(packets: Iterable[Packet]) -> list[Connection]:
    """Return the connections of a log with their attribute traffic, oldest first."""
    found: list[Connection] = []
    open_: dict[int, Connection] = {}
    for packet in packets:
        if packet.kind == EVENT:
            _event(packet.data, open_, found)
        elif packet.kind == ACL and len(packet.data) > 4:
            handle = int.from_bytes(packet.data[:2], "little") & 0x0FFF
            if handle not in open_:
                # The log began after the connection did.
                open_[handle] = Connection(f"connection 0x{handle:04X}")
                found.append(open_[handle])
            _acl(packet, open_[handle])
    return found


def _event(data: bytes, open_: dict[int, Connection], found: list[Connection]) -> None:
    if len(data) >= 5 and data[0] == _DISCONNECTED:
        open_.pop(int.from_bytes(data[3:5], "little") & 0x0FFF, None)
    elif len(data) >= 14 and data[0] == _LE_META and data[2] in _CONNECTED and data[3] == 0:
        handle = int.from_bytes(data[4:6], "little") & 0x0FFF
        peer = data[8:14][::-1].hex(":").upper()
        open_[handle] = Connection(peer)
        found.append(open_[handle])


def _acl(packet: Packet, connection: Connection) -> None:
    goes_on = packet.data[1] >> 4 & 3 == 1
    size = int.from_bytes(packet.data[2:4], "little")
    held = connection.parts.pop(packet.sent, b"") if goes_on else b""
    if goes_on and not held:
        return
    held += packet.data[4 : 4 + size]
    if len(held) < 4 or len(held) < 4 + int.from_bytes(held[:2], "little"):
        connection.parts[packet.sent] = held
        return
    if int.from_bytes(held[2:4], "little") == _ATT_CHANNEL:
        end = 4 + int.from_bytes(held[:2], "little")
        _att(packet.t_s, held[4:end], connection)


def _att(t_s: float, pdu: bytes, connection: Connection) -> None:
    if not pdu:
        return
    code = pdu[0]
    if code == _BY_TYPE_REQUEST:
        connection.asked_for = pdu[5:]
    elif code == _BY_TYPE_RESPONSE and connection.asked_for == _CHARACTERISTIC:
        _characteristics(pdu[1:], connection)
    elif code in (*_WRITES, *_NOTIFICATIONS) and len(pdu) >= 3:
        handle = int.from_bytes(pdu[1:3], "little")
        connection.values.append(Value(t_s, code in _WRITES, handle, pdu[3:]))


def _characteristics(data: bytes, connection: Connection) -> None:
    size = data[0] if data else 0
    if size not in (7, 21):
        return
    for at in range(1, len(data) - size + 1, size):
        entry = data[at : at + size]
        uuid = entry[5:]
        if len(uuid) == 16:
            if uuid[:12] != _BASE_UUID or uuid[14:] != b"\0\0":
                continue
            uuid = uuid[12:14]
        connection.handles[int.from_bytes(uuid, "little")] = int.from_bytes(entry[3:5], "little")
