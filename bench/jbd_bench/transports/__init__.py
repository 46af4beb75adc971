"""Links to boards, each named by a string and imported when it is opened.

==============================================  ============================================
``emulator:0x21?board=4s&pin=123456``           the emulator in this process, behind a real
                                                pseudo-terminal and pyserial; time jumps
``serial:/dev/ttyUSB0?baud=9600``               a serial port
``rfc2217://host:port``                         a serial port behind a terminal server
``socket://host:port``                          a raw TCP socket
``ble:A5:C2:37:00:00:01``, ``ble:name=JBD-...`` a Bluetooth module in reach
``labgrid:PLACE``                               the serial port of a labgrid place
``replay:FILE``                                 a recording, see ``recordings``; time jumps
``emulator-ble:0x21?module=telink``             the emulator behind a virtual radio; time jumps
==============================================  ============================================

Other packages add schemes through the entry-point group ``jbd_bench.transports``: the name is
the scheme, the object has ``open(target: Target) -> Link``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Final, Protocol, cast

from .._extras import remedy
from .._link import Link, LinkError
from ._target import DEFAULT_TARGET, Target, parse_target, port_of

__all__ = [
    "DEFAULT_TARGET",
    "KNOWN_SCHEMES",
    "Target",
    "check_target",
    "claim",
    "open_target",
    "parse_target",
    "port_of",
    "release",
]

_HOMES: Final = MappingProxyType(
    {
        "ble": ("jbd_bench.transports._ble", "BleLink"),
        "emulator": ("jbd_bench.transports._embedded", "EmbeddedLink"),
        "emulator-ble": ("jbd_bench.transports._air", "AirLink"),
        "labgrid": ("jbd_bench.transports._labgrid", "LabgridLink"),
        "replay": ("jbd_bench.transports._replay", "ReplayLink"),
        "rfc2217": ("jbd_bench.transports._wire", "Rfc2217Link"),
        "serial": ("jbd_bench.transports._wire", "SerialLink"),
        "socket": ("jbd_bench.transports._wire", "SocketLink"),
    }
)
KNOWN_SCHEMES: Final = tuple(_HOMES)
"""What is built in; entry points may add to it."""
_GROUP: Final = "jbd_bench.transports"
_claimed: set[tuple[str, str]] = set()
"""Ports whose boards are under test: whoever wants one goes through its guard."""


class _Opener(Protocol):
    def open(self, target: Target) -> Link: ...


def open_target(text: str) -> Link:
    """Return a link to what ``text`` names.

    Raises:
        LinkError: an unknown scheme, a bad option, no such port, nobody listening.
        ConfigError: an emulator target that names an unknown firmware, board or option.
    """
    target = parse_target(text)
    if _claimed and port_of(text) in _claimed:
        raise LinkError(f"{text}: under test; a second link would go past its guard: use jbd_link")
    return _opener(target).open(target)


def claim(text: str) -> None:
    """Let nobody else in this process open a port, until :func:`release`."""
    _claimed.add(port_of(text))


def release(text: str) -> None:
    """Give a claimed port back; one that is not claimed stays so."""
    _claimed.discard(port_of(text))


def check_target(target: Target) -> None:
    """Refuse a target whose scheme nobody serves; opens nothing.

    Raises:
        LinkError: an unknown scheme, or the package it needs is not installed.
    """
    _opener(target)


def _opener(target: Target) -> _Opener:
    home = _HOMES.get(target.scheme)
    if home is None:
        found = entry_points(group=_GROUP)
        if target.scheme in found.names:
            return cast(_Opener, found[target.scheme].load())
        known = ", ".join(sorted({*_HOMES, *found.names}))
        raise LinkError(f"target {target.text!r}: unknown scheme {target.scheme!r}; known: {known}")
    try:
        module = import_module(home[0])
    except ModuleNotFoundError as error:
        needs = remedy(error)
        if needs is None:
            raise
        raise LinkError(f"target {target.text!r}: {needs}") from None
    return cast(_Opener, getattr(module, home[1]))
