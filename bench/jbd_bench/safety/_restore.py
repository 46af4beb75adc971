"""Puts back on a board what a journal says was changed, reads it back, and says how that went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jbd_protocol import ReplyTimeout, WriteRequest

from .._client import BmsClient
from ._outcome import Outcome
from ._put_rest import RestBack
from ._put_settings import SettingsBack
from ._speaker import Speaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._record import Record

_STOP_HEATING: Final = WriteRequest(0xFC, b"\x02\x00\x00\x00\x00")


class Restorer:
    """Restores one board.

    Args:
        client: of the board, on a link that nothing stands before but what announces its writes.
        record: what the journal says.
        pin: the PIN that the target is said to have, six bytes.
        announce: called with every write before it leaves, to put it into the journal.
    """

    def __init__(
        self,
        client: BmsClient,
        record: Record,
        pin: bytes | None,
        announce: Callable[[WriteRequest], None],
    ) -> None:
        self._record, self.outcome = record, Outcome()
        self._say = Speaker(client, announce, pin, record.ledger.pins, self.outcome)

    def run(self, *, whole: bool, stranger: bool = False) -> Outcome:
        """Put everything back.

        Args:
            whole: compare all settings with the snapshot, not only those that were written.
            stranger: the board may be another one: look at its serial number and texts first.
        Raises:
            AnotherBoard: it is another; nothing but factory mode was entered and left.
            LinkError: the link is gone.
        """
        ledger = self._record.ledger
        rest = RestBack(self._say, self._record)
        try:
            if ledger.codes:
                rest.factory_code()
            if self._needs_factory(whole=whole):
                SettingsBack(self._say, self._record).put_back(whole=whole, stranger=stranger)
            elif ledger.factory:
                self._say.leave(save=False)
            if ledger.heating:
                self._say.told(_STOP_HEATING, "heating is stopped", "heating is not stopped")
            if ledger.fets:
                rest.fets()
            if ledger.pin:
                rest.password()
            if ledger.counters or ledger.everything:
                rest.counters()
        except ReplyTimeout as error:
            self.outcome.failed.append(f"the board does not answer: {error}")
            self.outcome.silent = True
        self.outcome.lasting += ledger.lasting
        return self.outcome

    def _needs_factory(self, *, whole: bool) -> bool:
        ledger, snapshot = self._record.ledger, self._record.snapshot
        comparing = whole and snapshot is not None and snapshot.complete
        return bool(
            comparing or ledger.touched or ledger.numbers or ledger.saved or ledger.balance
            or ledger.capacity or ledger.everything
        )  # fmt: skip
