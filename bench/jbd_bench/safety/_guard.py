"""The link that tests get of a board: leave, journal, lockout guard and watchdog stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._client import BmsClient
from .._leave import MODULE_LOGINS, LeaveGuard
from .._link import Link, LinkError
from ._between import Between

if TYPE_CHECKING:
    from .._outgoing import OutgoingWrite
    from ._board import GuardedBoard


class GuardedLink(LeaveGuard):
    """A link of one test to a guarded board; of no use any more when the test is over."""

    def __init__(self, link: Link, board: GuardedBoard) -> None:
        super().__init__(link, board.leaves)
        self._board = board
        self._back = b""
        self._retired = False
        self._between = Between()

    @property
    def tap(self) -> Link:
        """What stands behind this link: it records, and refuses nothing."""
        return self._link

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            WriteRefused: they hold a write that the target has no leave for.
            NotSafe: they hold a write that could not be taken back.
            WatchdogTripped: a reading of the board is past its limits; nothing leaves any more.
            JournalError: the journal cannot be written, and so nothing is.
            LinkError: the link is gone.
        """
        self._check_alive()
        board = self._board
        board.check_running()
        try:
            now_s = self.clock.now_s()
            if self._between.is_quiet(now_s) and board.watchdog.is_due(now_s):
                board.look(self)
            self._send(data)
            self._between.sent(data, self.clock.now_s())
        except LinkError:
            board.lost = True
            raise

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive; see :class:`Link`."""
        self._check_alive()
        if self._back:
            data, self._back = self._back, b""
            return data
        try:
            data = self._link.read(until_s)
        except LinkError:
            self._board.lost = True
            raise
        if data:
            self._between.heard()
            self._board.pins.heard(data)
            self._board.heard(self.clock.now_s())
        return data

    def reconnect(self) -> None:
        """Drop the connection and make it again; the board is looked at before it is written to."""
        self._check_alive()
        self._back = b""
        self._between = Between()
        self._board.doubtful = True
        try:
            super().reconnect()
        except LinkError:
            self._board.lost = True
            raise

    def close(self) -> None:
        """Give the link up; the board's own stays open for the next test."""
        self._retired = True

    def aside(self) -> BmsClient:
        """Return a client that speaks past this link, for the guard's own questions.

        What lies in the port is kept for the test, which may still wait for it.
        """
        while data := self._link.read(self.clock.now_s()):
            self._board.pins.heard(data)
            self._back += data
        return BmsClient(self._link)

    def _announce(self, write: OutgoingWrite) -> None:
        if not write.module or write.register not in MODULE_LOGINS:
            self._board.before_write(write, self)

    def _check_alive(self) -> None:
        if self._retired:
            raise LinkError(f"{self.name}: the link is closed; every test gets its own")
