"""Leave to write: what a target may be changed in, and the guard that holds to it.

A board is touched by one option and written to by another. Without leave a write request is
refused here, in this process, and none of its bytes reach the board.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

from jbd_protocol import JbdError, LocalError

from ._link import Link, radio_of
from ._outgoing import OutgoingWrite, WriteFinder

SETTINGS: Final = "settings"
FETS: Final = "fets"
BALANCE: Final = "balance"
PASSWORD: Final = "password"  # noqa: S105  # the name of a leave
CAPACITY: Final = "capacity"
CALIBRATION: Final = "calibration"
RESET: Final = "reset"
REVERSIBLE: Final = frozenset({SETTINGS, FETS, BALANCE})
"""What is read before and put back after: no trace of it stays but the error counters, which a
save clears."""
ALL_LEAVES: Final = REVERSIBLE | {PASSWORD, CAPACITY, CALIBRATION, RESET}
"""``settings``: factory mode, 0x10..0x47, 0xA0..0xA2, 0xFA. ``fets``: 0xE1, 0xFB, heating, FET
test. ``balance``: the balance test 0xE2, 0xF4. ``password``: 06, 07, 09, 0F and the module's own.
``capacity``: 0xE0 and the learning of it. ``calibration``: 0xAD..0xD7. ``reset``: 0x0A, 0x0B,
0x0E, 0xE3 and whatever no source names."""

# App key, random byte and the three logins change nothing; all else of the module does.
MODULE_LOGINS: Final = frozenset({0x15, 0x17, 0x18, 0x1B, 0x1D})

_LEAVES: Final[tuple[tuple[str, Iterable[int]], ...]] = (
    (SETTINGS, (0x00, 0x01, *range(0x10, 0x48), 0xA0, 0xA1, 0xA2, 0xF6, 0xFA)),
    (FETS, (0x0C, 0xE1, 0xE4, 0xFB, 0xFC)),
    (BALANCE, (0xE2, 0xF4)),
    (PASSWORD, (0x06, 0x07, 0x08, 0x09, 0x0F)),
    (CAPACITY, (0x0D, 0xE0)),
    (CALIBRATION, range(0xAD, 0xD8)),
)
_BY_REGISTER: Final = {address: leave for leave, rows in _LEAVES for address in rows}


class Tier(StrEnum):
    """How deep a test may reach into a board."""

    READ_ONLY = "read-only"
    REVERSIBLE = "reversible"
    DESTRUCTIVE = "destructive"


def tier_of(leaves: Collection[str]) -> Tier:
    """Return the tier that a set of leaves comes to."""
    if not leaves:
        return Tier.READ_ONLY
    return Tier.REVERSIBLE if REVERSIBLE.issuperset(leaves) else Tier.DESTRUCTIVE


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
    """Return the leaves of a comma list; ``reversible``, ``all`` and ``none`` are understood.

    Raises:
        LocalError: an unknown leave.
    """
    names = frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}
    if names == {"all"}:
        return ALL_LEAVES
    if Tier.REVERSIBLE in names:
        names = names - {Tier.REVERSIBLE} | REVERSIBLE
    if unknown := sorted(names - ALL_LEAVES):
        raise LocalError(
            f"allow {unknown[0]!r}: must be of {', '.join(sorted(ALL_LEAVES))}, reversible, all "
            "or none"
        )
    return names


class LeaveGuard:
    """A link that refuses writes without leave; see :class:`WriteFinder` for what counts as one.

    Attributes:
        left_s: when the last bytes were let go, on the link's clock; None for never. A guard that
            asks the board first lets them go later than they were given to it.
    """

    def __init__(self, link: Link, leaves: frozenset[str]) -> None:
        self.name, self.clock = link.name, link.clock
        self.leaves, self.radio = leaves, radio_of(link)
        self.left_s: float | None = None
        self._link = link
        self._finder = WriteFinder()

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            WriteRefused: they hold a write that the target has no leave for; none of these bytes
                was sent.
            LinkError: the link is gone.
        """
        if self.leaves >= ALL_LEAVES:
            self._let_go(data)
            return
        self._send(data)

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive; see :class:`Link`."""
        return self._link.read(until_s)

    def reconnect(self) -> None:
        """Drop the connection and make it again."""
        self._finder.reset()
        self._link.reconnect()

    def close(self) -> None:
        """Give the link up."""
        self._link.close()

    def _send(self, data: bytes) -> None:
        ready, writes = self._finder.take(data)
        try:
            for one in writes:
                self._check(one)
            for one in writes:
                self._announce(one)
        except BaseException:
            self._finder.reset()
            raise
        if ready:
            self._let_go(ready)

    def _let_go(self, data: bytes) -> None:
        self.left_s = self.clock.now_s()
        self._link.write(data)

    def _check(self, write: OutgoingWrite) -> None:
        """Refuse what there is no leave for."""
        if write.module and write.register in MODULE_LOGINS:
            return
        leave = PASSWORD if write.module else needed_leave(write.register)
        if leave not in self.leaves:
            raise WriteRefused(write.register, leave, self.name)

    def _announce(self, write: OutgoingWrite) -> None:
        """Called for every permitted write before its bytes leave."""
