"""Settings, parameters and the remaining capacity: what is put back in factory mode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jbd_protocol import LEAVE_FACTORY, BasicInfo, Fets, WriteRequest, status_name

from ._same_board import HIDDEN, check_hidden
from ._words import shown, title

if TYPE_CHECKING:
    from ..board import Snapshot
    from ._record import Record
    from ._speaker import Speaker


class SettingsBack:
    """Puts the settings of one board back, by a record."""

    def __init__(self, speaker: Speaker, record: Record) -> None:
        self._say, self._record = speaker, record

    def put_back(self, *, whole: bool, stranger: bool) -> None:
        """Put back what differs, and read it back.

        Args:
            whole: compare all settings, not only those that were written.
            stranger: look at serial number and texts first.
        Raises:
            AnotherBoard: they are another board's.
            ReplyTimeout: the board does not answer.
        """
        ledger, snapshot = self._record.ledger, self._record.snapshot
        if snapshot is None or not snapshot.complete:
            # No setting can have been written; factory mode can have been entered.
            self._say.leave(save=False)
            return
        addresses = set(snapshot.settings) if whole or ledger.everything else ledger.touched
        fixable = set(addresses) if ledger.everything else ledger.touched
        if not self._say.enter():
            return
        if stranger:
            self._look_closer()
        changed = self._write(snapshot, sorted(addresses & set(snapshot.settings)), fixable)
        numbers = self._write_numbers(snapshot)
        if ledger.capacity:
            self._capacity(snapshot.info)
        if not self._say.leave(save=ledger.saved):
            return
        if ledger.saved and not changed:
            self._say.outcome.restored.append("what is in force was saved once more")
        if ledger.balance:
            self._say.outcome.restored.append("balance test ended by entering factory mode")
        if changed or numbers or ledger.saved:
            self._verify(snapshot, sorted(addresses & set(snapshot.settings)), changed)
        for address in sorted(ledger.touched - set(snapshot.settings)):
            status = snapshot.refused.get(address)
            if status != 0x80:
                self._say.outcome.lasting.append(
                    f"{title(address)} was written and could not be read before"
                )

    def _look_closer(self) -> None:
        held = {a: raw for a in HIDDEN if (raw := self._say.read(a)) is not None}
        try:
            check_hidden(self._record, held, self._say.client.link.name)
        except BaseException:
            self._say.command(LEAVE_FACTORY)
            raise

    def _write(
        self, snapshot: Snapshot, addresses: Iterable[int], fixable: set[int]
    ) -> dict[int, bytes]:
        """Write what differs; return what it was before, by address."""
        changed: dict[int, bytes] = {}
        for address in addresses:
            wanted, held = snapshot.settings[address], self._say.read(address)
            if held is None:
                self._say.outcome.failed.append(f"{title(address)} is not served any more")
            elif held == wanted:
                self._say.outcome.confirmed += 1
            elif address not in fixable:
                self._say.outcome.lasting.append(
                    f"{title(address)} is {shown(address, held)} and was "
                    f"{shown(address, wanted)}; this run did not write it"
                )
            else:
                status = self._say.command(WriteRequest(address, wanted))
                if status:
                    self._say.outcome.failed.append(
                        f"{title(address)}: the write is refused, {status_name(status)}"
                    )
                changed[address] = held
        return changed

    def _write_numbers(self, snapshot: Snapshot) -> list[int]:
        changed = []
        for number in sorted(self._record.ledger.numbers):
            wanted = snapshot.parameters.get(number)
            if wanted is None:
                self._say.outcome.lasting.append(
                    f"parameter {number} was written and could not be read before"
                )
                continue
            held = self._say.number(number)
            if held != wanted:
                self._say.command(WriteRequest(0xFA, number.to_bytes(2, "big") + b"\x01" + wanted))
                changed.append(number)
                if self._say.number(number) == wanted:
                    self._say.outcome.restored.append(f"parameter {number}: {wanted.hex()}")
                else:
                    self._say.outcome.failed.append(
                        f"parameter {number} does not take {wanted.hex()}"
                    )
        return changed

    def _verify(
        self, snapshot: Snapshot, addresses: Iterable[int], changed: dict[int, bytes]
    ) -> None:
        """Enter once more and read: what was saved, and not what was only said."""
        if not self._say.enter():
            return
        for address in addresses:
            wanted = snapshot.settings[address]
            if address not in changed and not self._record.ledger.saved:
                continue
            held = self._say.read(address)
            if address not in changed:
                if held != wanted:
                    self._say.outcome.failed.append(f"{title(address)} changed with the save")
            elif held == wanted:
                self._say.outcome.confirmed += 1
                self._say.outcome.restored.append(
                    f"{title(address)}: {shown(address, changed[address])} back to "
                    f"{shown(address, wanted)}"
                )
            else:
                said = "nothing" if held is None else shown(address, held)
                self._say.outcome.failed.append(
                    f"{title(address)} reads {said} and not {shown(address, wanted)}"
                )
        self._say.leave(save=False)

    def _capacity(self, before: BasicInfo) -> None:
        scale = 100 if before.fets & Fets.UNIT_X10 else 10
        counts = min(before.remaining_mah // scale, 0xFFFF)
        status = self._say.command(WriteRequest(0xE0, counts.to_bytes(2, "big")))
        if status:
            self._say.outcome.failed.append(f"remaining capacity: refused, {status_name(status)}")
        else:
            self._say.outcome.restored.append(f"remaining capacity: {before.remaining_mah} mAh")
            self._say.outcome.lasting.append(
                "what the board counted into the remaining capacity since, and what it was learning"
            )
