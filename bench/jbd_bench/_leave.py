"""Leave to write: what a target may be changed in, and the guard that holds to it.

A board is touched by one option and written to by another. Without leave a write request is
refused here, in this process, and none of its bytes reach the board.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from jbd_protocol import JbdError, LocalError

from ._link import Link, radio_of

SETTINGS: Final = "settings"
FETS: Final = "fets"
PASSWORD: Final = "password"  # noqa: S105  # the name of a leave
CAPACITY: Final = "capacity"
CALIBRATION: Final = "calibration"
RESET: Final = "reset"
ALL_LEAVES: Final = frozenset({SETTINGS, FETS, PASSWORD, CAPACITY, CALIBRATION, RESET})
"""``settings``: factory mode, 0x10..0x47, 0xA0..0xA2, 0xFA. ``fets``: 0xE1, 0xFB, balance test,
heating, FET test. ``password``: 06, 07, 09, 0F and the module's own. ``capacity``: 0xE0 and the
learning of it. ``calibration``: 0xAD..0xD7. ``reset``: 0x0A, 0x0B, 0x0E, 0xE3 and whatever no
source names."""

_START, _WRITE = 0xDD, 0x5A
_MODULE = b"\xff\xaa"
# App key, random byte and the three logins change nothing; all else of the module does.
_MODULE_READS: Final = frozenset({0x15, 0x17, 0x18, 0x1B, 0x1D})

_LEAVES: Final[tuple[tuple[str, Iterable[int]], ...]] = (
    (SETTINGS, (0x00, 0x01, *range(0x10, 0x48), 0xA0, 0xA1, 0xA2, 0xF6, 0xFA)),
    (FETS, (0x0C, 0xE1, 0xE2, 0xE4, 0xF4, 0xFB, 0xFC)),
    (PASSWORD, (0x06, 0x07, 0x08, 0x09, 0x0F)),
    (CAPACITY, (0x0D, 0xE0)),
    (CALIBRATION, range(0xAD, 0xD8)),
)
_BY_REGISTER: Final = {address: leave for leave, rows in _LEAVES for address in rows}


class WriteRefused(JbdError):
    """A write that the target has no leave for; no byte of it was sent.

    Attributes:
        register: what would have been written, or the command of a module.
        leave: the leave it needs.
        target: the name of the link.
    """

    def __init__(self, register: int, leave: str, target: str) -> None:
        super().__init__(
            f"write to 0x{register:02X} refused: {target} has no leave for {leave!r} "
            f"(--allow {leave})"
        )
        self.register, self.leave, self.target = register, leave, target


def needed_leave(register: int) -> str:
    """Return the leave that a write to ``register`` needs."""
    return _BY_REGISTER.get(register, RESET)


def parse_leaves(text: str) -> frozenset[str]:
    """Return the leaves of a comma list; ``all`` and ``none`` are understood.

    Raises:
        LocalError: an unknown leave.
    """
    names = frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}
    if names == {"all"}:
        return ALL_LEAVES
    if unknown := sorted(names - ALL_LEAVES):
        raise LocalError(
            f"allow {unknown[0]!r}: must be of {', '.join(sorted(ALL_LEAVES))}, all or none"
        )
    return names


class LeaveGuard:
    """A link that refuses writes without leave.

    It is strict before it is clever: any ``DD 5A register`` in what goes out counts as a write,
    be it inside another frame. Bytes that may still become the head of one are held back until
    they are told apart, so a write that is sent byte by byte does not get half way.
    """

    def __init__(self, link: Link, leaves: frozenset[str]) -> None:
        self.name, self.clock = link.name, link.clock
        self.leaves, self.radio = leaves, radio_of(link)
        self._link = link
        self._held = b""

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            WriteRefused: they hold a write that the target has no leave for.
            LinkError: the link is gone.
        """
        if self.leaves >= ALL_LEAVES:
            self._link.write(data)
            return
        stream, self._held = self._held + data, b""
        self._judge(stream)
        held = _undecided(stream)
        self._held = stream[len(stream) - held :]
        if whole := stream[: len(stream) - held]:
            self._link.write(whole)

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive; see :class:`Link`."""
        return self._link.read(until_s)

    def reconnect(self) -> None:
        """Drop the connection and make it again."""
        self._held = b""
        self._link.reconnect()

    def close(self) -> None:
        """Give the link up."""
        self._link.close()

    def _judge(self, stream: bytes) -> None:
        for at in range(len(stream) - 2):
            head, third = stream[at : at + 2], stream[at + 2]
            if head == bytes((_START, _WRITE)):
                leave = needed_leave(third)
            elif head == _MODULE and third not in _MODULE_READS:
                leave = PASSWORD
            else:
                continue
            if leave not in self.leaves:
                raise WriteRefused(third, leave, self.name)


def _undecided(stream: bytes) -> int:
    """Return how many bytes at the end may be the head of a write."""
    if stream[-2:] in (bytes((_START, _WRITE)), _MODULE):
        return 2
    return 1 if stream[-1:] in (b"\xdd", b"\xff") else 0
