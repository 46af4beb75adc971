"""FETs, PIN, factory code and error counters: what is no setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    COUNTERS,
    Fets,
    Protection,
    ReadRequest,
    WriteRequest,
    change_pin,
    pair,
    parse_error_counters,
    status_name,
)

from ._words import on

if TYPE_CHECKING:
    from ._record import Record
    from ._speaker import Speaker

_BOTH: Final = Fets.CHARGE | Fets.DISCHARGE
_SETTLED_S: Final = 2.5
"""How long 0x03 may take to show the FETs as they were told; boards measure once a second."""


class RestBack:
    """Puts back what is no setting, by a record."""

    def __init__(self, speaker: Speaker, record: Record) -> None:
        self._say, self._record = speaker, record

    def fets(self) -> None:
        """Give MOSFET control back what it held, as far as 0x03 told."""
        snapshot = self._record.snapshot
        assert snapshot is not None, "no write leaves before 0x03 was read"
        before = snapshot.info
        locked = bool(before.protections & Protection.SOFTWARE_LOCK)
        mask = int(_BOTH & ~before.fets) if locked else 0
        others = before.protection_bits & 0x0FFF
        status = self._say.command(WriteRequest(0xE1, bytes((0, mask))))
        if status:
            self._say.outcome.failed.append(f"MOSFET control: refused, {status_name(status)}")
            return
        clock = self._say.client.link.clock
        until_s = clock.now_s() + _SETTLED_S
        while True:
            now = self._say.client.basic_info()
            held = bool(now.protections & Protection.SOFTWARE_LOCK) == locked
            # A protection that stands turns FETs off whatever MOSFET control says.
            same = now.fets & _BOTH == before.fets & _BOTH or bool(now.protection_bits & 0x0FFF)
            if (held and same) or clock.now_s() >= until_s:
                break
            clock.sleep_until(min(until_s, clock.now_s() + 0.2))
        shown = f"charge FET {on(now, Fets.CHARGE)}, discharge FET {on(now, Fets.DISCHARGE)}"
        if not (held and same):
            self._say.outcome.failed.append(f"MOSFET control is back at 00{mask:02X}, but {shown}")
            return
        self._say.outcome.restored.append(f"MOSFET control: {shown}")
        if locked and others:
            self._say.outcome.lasting.append(
                "MOSFET control was in use while a protection stood; which FETs it held off was "
                "concluded from what was off"
            )

    def password(self) -> None:
        """Take away or set again the PIN, as it was."""
        record = self._record
        if record.password is False:
            return
        if record.pin is None:
            self._say.outcome.failed.append("PIN: nobody looked whether one was set")
        elif not record.pin:
            if self._say.command(pair(BLANK_PIN)) == 0 or self._cleared():
                self._say.outcome.restored.append("PIN: none is set")
            else:
                self._say.outcome.failed.append("PIN: one is set, and the clear (09) is refused")
        elif self._say.command(pair(record.pin)) == 0 and self._say.command(pair(BLANK_PIN)):
            self._say.outcome.restored.append("PIN: the one before is set")
        elif (
            self._cleared()
            and self._say.command(change_pin(BLANK_PIN, record.pin)) == 0
            and self._say.command(pair(record.pin)) == 0
        ):
            self._say.outcome.restored.append("PIN: the one before is set again")
        else:
            self._say.outcome.failed.append("PIN: the one before cannot be set again")

    def _cleared(self) -> bool:
        """Clear the PIN; until that was seen to work no PIN is set here either."""
        return self._say.command(CLEAR_PIN) == 0

    def factory_code(self) -> None:
        """Change the factory code back."""
        for old, new in reversed(self._record.ledger.codes):
            if self._say.command(WriteRequest(0x0F, new + old)) == 0:
                self._say.outcome.restored.append(f"factory code: {old.hex().upper()}")

    def counters(self) -> None:
        """Say what the error counters were, where they are less now."""
        ledger, snapshot = self._record.ledger, self._record.snapshot
        raw = snapshot.payloads.get(0xAA) if snapshot is not None else None
        before = parse_error_counters(raw).counts if raw else ()
        if not before:
            self._say.outcome.lasting.append("error counters were cleared; nobody read them before")
            return
        answer = self._say.client.exchange(ReadRequest(0xAA))
        now = (
            parse_error_counters(answer.data).counts
            if answer is not None and not answer.status
            else ()
        )
        lost = [
            f"{COUNTERS[n].removesuffix('_err_cnt').removesuffix('_cnt')} {was}"
            for n, was in enumerate(before)
            if n < len(now) and now[n] < was
        ]
        if lost:
            why = ledger.counters or "a command"
            self._say.outcome.lasting.append(
                f"error counters were cleared by {why}; they were: {', '.join(lost)}"
            )
