"""Puts back on a board what a journal says was changed, reads it back, and says how that went."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    COUNTERS,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    SETTINGS,
    TEXT_SETTINGS,
    BasicInfo,
    ErrorCounters,
    Fets,
    Protection,
    ReadRequest,
    ReplyTimeout,
    RequestRefused,
    WriteRequest,
    change_pin,
    decode_payload,
    pair,
    parse_error_counters,
    read_parameters,
    status_name,
)

from .._client import BmsClient
from ._same_board import HIDDEN, check_hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..board import Snapshot
    from ._journal import Record

_BOTH: Final = Fets.CHARGE | Fets.DISCHARGE
_ANY_SETTING: Final = 0x24
"""Served in factory mode alone, by every board seen so far."""
_SETTLED_S: Final = 2.5
"""How long 0x03 may take to show the FETs as they were told; boards measure once a second."""
_POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_HEATING: Final = WriteRequest(0xFC, b"\x02\x00\x00\x00\x00")


@dataclass(slots=True)
class Outcome:
    """How a restore went, in lines for a person.

    Attributes:
        restored: what was put back, and reads back as it was.
        confirmed: how many settings were read and hold what the snapshot holds.
        lasting: what cannot be put back by anybody; the board is as the line says.
        failed: what should have been put back and was not; the journal stays open for it.
    """

    restored: list[str] = field(default_factory=list)
    confirmed: int = 0
    lasting: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """All of it, the worst last."""
        return [
            *(f"restored: {line}" for line in self.restored),
            *(f"cannot be restored: {line}" for line in self.lasting),
            *(f"NOT RESTORED: {line}" for line in self.failed),
        ]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "restored": self.restored,
            "settings_confirmed": self.confirmed,
            "lasting": self.lasting,
            "failed": self.failed,
        }


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
        self._client, self._record, self._pin = client, record, pin
        self._announce = announce
        self.outcome = Outcome()

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
        try:
            if ledger.codes:
                self._factory_code()
            if self._needs_factory(whole=whole):
                self._settings(whole=whole, stranger=stranger)
            elif ledger.factory:
                self._leave(save=False)
            if ledger.heating:
                self._told(_STOP_HEATING, "heating is stopped", "heating is not stopped")
            if ledger.fets:
                self._fets()
            if ledger.pin:
                self._password()
            if ledger.counters or ledger.everything:
                self._counters()
        except ReplyTimeout as error:
            self.outcome.failed.append(f"the board does not answer: {error}")
        self.outcome.lasting += ledger.lasting
        return self.outcome

    # -- settings ----------------------------------------------------------------------------

    def _needs_factory(self, *, whole: bool) -> bool:
        ledger, snapshot = self._record.ledger, self._record.snapshot
        comparing = whole and snapshot is not None and snapshot.complete
        return bool(
            comparing or ledger.touched or ledger.numbers or ledger.saved or ledger.balance
            or ledger.capacity or ledger.everything
        )  # fmt: skip

    def _settings(self, *, whole: bool, stranger: bool) -> None:
        ledger, snapshot = self._record.ledger, self._record.snapshot
        if snapshot is None or not snapshot.complete:
            # No setting can have been written; factory mode can have been entered.
            self._leave(save=False)
            return
        addresses = set(snapshot.settings) if whole or ledger.everything else ledger.touched
        fixable = set(addresses) if ledger.everything else ledger.touched
        if not self._enter():
            return
        if stranger:
            self._look_closer()
        changed = self._put_back(snapshot, sorted(addresses & set(snapshot.settings)), fixable)
        numbers = self._put_back_numbers(snapshot)
        if ledger.capacity:
            self._capacity(snapshot.info)
        if not self._leave(save=ledger.saved):
            return
        if ledger.saved and not changed:
            self.outcome.restored.append("what is in force was saved once more")
        if ledger.balance:
            self.outcome.restored.append("balance test ended by entering factory mode")
        if changed or numbers or ledger.saved:
            self._verify(snapshot, sorted(addresses & set(snapshot.settings)), changed)
        for address in sorted(ledger.touched - set(snapshot.settings)):
            status = snapshot.refused.get(address)
            if status != 0x80:
                self.outcome.lasting.append(
                    f"{_title(address)} was written and could not be read before"
                )

    def _enter(self) -> bool:
        status = self._command(ENTER_FACTORY)
        if status:
            # The newest first: it is what the board was given last.
            for one in (*reversed(self._record.ledger.pins), *([self._pin] if self._pin else [])):
                if self._command(pair(one)) == 0:
                    status = self._command(ENTER_FACTORY)
                    break
        if status:
            self.outcome.failed.append(
                f"settings: factory mode is refused, {status_name(status)}"
                + ("; if a PIN is set, name it: TARGET?pin=123456" if status == 0x81 else "")
            )
        return not status

    def _look_closer(self) -> None:
        held = {a: raw for a in HIDDEN if (raw := self._read(a)) is not None}
        try:
            check_hidden(self._record, held, self._client.link.name)
        except BaseException:
            self._command(LEAVE_FACTORY)
            raise

    def _put_back(
        self, snapshot: Snapshot, addresses: Iterable[int], fixable: set[int]
    ) -> dict[int, bytes]:
        """Write what differs; return what it was before, by address."""
        changed: dict[int, bytes] = {}
        for address in addresses:
            wanted, held = snapshot.settings[address], self._read(address)
            if held is None:
                self.outcome.failed.append(f"{_title(address)} is not served any more")
            elif held == wanted:
                self.outcome.confirmed += 1
            elif address not in fixable:
                self.outcome.lasting.append(
                    f"{_title(address)} is {_shown(address, held)} and was "
                    f"{_shown(address, wanted)}; this run did not write it"
                )
            else:
                status = self._command(WriteRequest(address, wanted))
                if status:
                    self.outcome.failed.append(
                        f"{_title(address)}: the write is refused, {status_name(status)}"
                    )
                changed[address] = held
        return changed

    def _put_back_numbers(self, snapshot: Snapshot) -> list[int]:
        changed = []
        for number in sorted(self._record.ledger.numbers):
            wanted = snapshot.parameters.get(number)
            if wanted is None:
                self.outcome.lasting.append(
                    f"parameter {number} was written and could not be read before"
                )
                continue
            held = self._number(number)
            if held != wanted:
                self._command(WriteRequest(0xFA, number.to_bytes(2, "big") + b"\x01" + wanted))
                changed.append(number)
                if self._number(number) == wanted:
                    self.outcome.restored.append(f"parameter {number}: {wanted.hex()}")
                else:
                    self.outcome.failed.append(f"parameter {number} does not take {wanted.hex()}")
        return changed

    def _verify(
        self, snapshot: Snapshot, addresses: Iterable[int], changed: dict[int, bytes]
    ) -> None:
        """Enter once more and read: what was saved, and not what was only said."""
        if not self._enter():
            return
        for address in addresses:
            wanted = snapshot.settings[address]
            if address not in changed and not self._record.ledger.saved:
                continue
            held = self._read(address)
            if address not in changed:
                if held != wanted:
                    self.outcome.failed.append(f"{_title(address)} changed with the save")
            elif held == wanted:
                self.outcome.confirmed += 1
                self.outcome.restored.append(
                    f"{_title(address)}: {_shown(address, changed[address])} back to "
                    f"{_shown(address, wanted)}"
                )
            else:
                said = "nothing" if held is None else _shown(address, held)
                self.outcome.failed.append(
                    f"{_title(address)} reads {said} and not {_shown(address, wanted)}"
                )
        self._leave(save=False)

    def _capacity(self, before: BasicInfo) -> None:
        scale = 100 if before.fets & Fets.UNIT_X10 else 10
        counts = min(before.remaining_mah // scale, 0xFFFF)
        status = self._command(WriteRequest(0xE0, counts.to_bytes(2, "big")))
        if status:
            self.outcome.failed.append(f"remaining capacity: refused, {status_name(status)}")
        else:
            self.outcome.restored.append(f"remaining capacity: {before.remaining_mah} mAh")
            self.outcome.lasting.append(
                "what the board counted into the remaining capacity since, and what it was learning"
            )

    # -- what is no setting ------------------------------------------------------------------

    def _fets(self) -> None:
        snapshot = self._record.snapshot
        assert snapshot is not None, "no write leaves before 0x03 was read"
        before = snapshot.info
        locked = bool(before.protections & Protection.SOFTWARE_LOCK)
        mask = int(_BOTH & ~before.fets) if locked else 0
        others = before.protection_bits & 0x0FFF
        status = self._command(WriteRequest(0xE1, bytes((0, mask))))
        if status:
            self.outcome.failed.append(f"MOSFET control: refused, {status_name(status)}")
            return
        clock = self._client.link.clock
        until_s = clock.now_s() + _SETTLED_S
        while True:
            now = self._client.basic_info()
            held = bool(now.protections & Protection.SOFTWARE_LOCK) == locked
            # A protection that stands turns FETs off whatever MOSFET control says.
            same = now.fets & _BOTH == before.fets & _BOTH or bool(now.protection_bits & 0x0FFF)
            if (held and same) or clock.now_s() >= until_s:
                break
            clock.sleep_until(min(until_s, clock.now_s() + 0.2))
        shown = f"charge FET {_on(now, Fets.CHARGE)}, discharge FET {_on(now, Fets.DISCHARGE)}"
        if not (held and same):
            self.outcome.failed.append(f"MOSFET control is back at 00{mask:02X}, but {shown}")
            return
        self.outcome.restored.append(f"MOSFET control: {shown}")
        if locked and others:
            self.outcome.lasting.append(
                "MOSFET control was in use while a protection stood; which FETs it held off was "
                "concluded from what was off"
            )

    def _password(self) -> None:
        record = self._record
        if record.password is False:
            return
        if record.pin is None:
            self.outcome.failed.append("PIN: nobody looked whether one was set")
        elif not record.pin:
            if self._command(pair(BLANK_PIN)) == 0 or self._cleared():
                self.outcome.restored.append("PIN: none is set")
            else:
                self.outcome.failed.append("PIN: one is set, and the clear (09) is refused")
        elif self._command(pair(record.pin)) == 0 and self._command(pair(BLANK_PIN)):
            self.outcome.restored.append("PIN: the one before is set")
        elif (
            self._cleared()
            and self._command(change_pin(BLANK_PIN, record.pin)) == 0
            and self._command(pair(record.pin)) == 0
        ):
            self.outcome.restored.append("PIN: the one before is set again")
        else:
            self.outcome.failed.append("PIN: the one before cannot be set again")

    def _cleared(self) -> bool:
        """Clear the PIN; until that was seen to work no PIN is set here either."""
        return self._command(CLEAR_PIN) == 0

    def _factory_code(self) -> None:
        for old, new in reversed(self._record.ledger.codes):
            if self._command(WriteRequest(0x0F, new + old)) == 0:
                self.outcome.restored.append(f"factory code: {old.hex().upper()}")

    def _counters(self) -> None:
        ledger, snapshot = self._record.ledger, self._record.snapshot
        raw = snapshot.payloads.get(0xAA) if snapshot is not None else None
        before = parse_error_counters(raw).counts if raw else ()
        if not before:
            self.outcome.lasting.append("error counters were cleared; nobody read them before")
            return
        answer = self._client.exchange(ReadRequest(0xAA))
        now = _counts(answer.data) if answer is not None and not answer.status else ()
        lost = [
            f"{COUNTERS[n].removesuffix('_err_cnt').removesuffix('_cnt')} {was}"
            for n, was in enumerate(before)
            if n < len(now) and now[n] < was
        ]
        if lost:
            why = ledger.counters or "a command"
            self.outcome.lasting.append(
                f"error counters were cleared by {why}; they were: {', '.join(lost)}"
            )

    # -- frames ------------------------------------------------------------------------------

    def _read(self, address: int) -> bytes | None:
        try:
            return self._client.read(address)
        except RequestRefused:
            return None

    def _number(self, number: int) -> bytes | None:
        try:
            return self._client.read(0xFA, read_parameters(number, 1))[3:5]
        except RequestRefused:
            return None

    def _leave(self, *, save: bool) -> bool:
        status = self._command(SAVE_AND_LEAVE_FACTORY if save else LEAVE_FACTORY)
        if status and (save or self._read(_ANY_SETTING) is not None):
            self.outcome.failed.append(f"leaving factory mode: refused, {status_name(status)}")
            return False
        return True

    def _told(self, request: WriteRequest, good: str, bad: str) -> None:
        status = self._command(request)
        if status:
            self.outcome.failed.append(f"{bad}: {status_name(status)}")
        else:
            self.outcome.restored.append(good)

    def _command(self, request: WriteRequest) -> int:
        """Send a write and return its status; raises ReplyTimeout."""
        self._announce(request)
        try:
            self._client.request(request)
        except RequestRefused as error:
            return error.status
        return 0


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Ctrl-C and a polite end waiting until a restore is through."""
    if threading.current_thread() is not threading.main_thread():
        # Signals interrupt the main thread alone.
        yield
        return
    waiting: list[int] = []

    def wait(number: int, _: object) -> None:
        if not waiting:
            sys.stderr.write("jbd-bench: putting the board back first\n")
        waiting.append(number)

    before = {number: signal.signal(number, wait) for number in _POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python; the default is next to it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if waiting:
        signal.raise_signal(waiting[0])


def _counts(payload: bytes) -> tuple[int, ...]:
    counters: ErrorCounters = parse_error_counters(payload)
    return counters.counts


def _title(address: int) -> str:
    row = SETTINGS.get(address)
    return f"{row.title if row is not None else 'register'} (0x{address:02X})"


def _shown(address: int, raw: bytes) -> str:
    if address in TEXT_SETTINGS:
        return repr(raw[1 : 1 + raw[0]].decode("latin-1")) if raw else "nothing"
    values = decode_payload(address, raw).values()
    return ", ".join(
        f"{value.hex() if isinstance(value, bytes) else value} {unit}".rstrip()
        for value, unit in values.values()
    )


def _on(info: BasicInfo, fet: Fets) -> str:
    return "on" if info.fets & fet else "off"
