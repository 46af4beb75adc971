"""What was written to a board and not yet put back, folded from the writes one by one.

The run that writes and the start that finds a journal fold the same entries with the same code.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from jbd_protocol import (
    CONTROL_CODES,
    EXIT_SAVE,
    PARAMETERS,
    PIN_LENGTH,
    SETTINGS,
    FrameError,
    parse_module_frame,
    register,
)

from .._leave import MODULE_LOGINS
from .._outgoing import OutgoingWrite

_LEAVES_NO_TRACE: Final = ("clear_protection", "auto_balance")


@dataclass(slots=True)
class Ledger:
    """What may differ from what was found.

    Attributes:
        touched: settings that were written, by address.
        numbers: parameters of 0xFA that were written and are no setting, by number of the word.
        written: every value a setting was given, by address; kept when the rest is put back, for
            a board that lost power may come back with any of them.
        in_parts: settings that were given a part of their bytes by number, so that what they hold
            is not known; kept likewise.
        saved: a save (01 2828) left while something had been written: the EEPROM may hold it.
        factory: factory mode was entered and not left.
        leaving: the last that was announced is to leave it.
        fets: MOSFET control was used.
        balance: a balance test was begun.
        heating: heating was commanded.
        pin: the PIN was changed or cleared.
        pins: PINs that were presented or set, the newest last.
        codes: factory codes, (old, new), as they were changed.
        capacity: the remaining capacity was set.
        counters: what cleared the error counters, if anything did.
        everything: a command left that may have changed any setting.
        lasting: changes that nobody can take back, in words.
    """

    touched: set[int] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    written: dict[int, set[bytes]] = field(default_factory=dict)
    in_parts: set[int] = field(default_factory=set)
    saved: bool = False
    factory: bool = False
    leaving: bool = False
    fets: bool = False
    balance: bool = False
    heating: bool = False
    pin: bool = False
    pins: list[bytes] = field(default_factory=list)
    codes: list[tuple[bytes, bytes]] = field(default_factory=list)
    capacity: bool = False
    counters: str | None = None
    everything: bool = False
    lasting: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether the board is as it was found, as far as this knows."""
        return not (
            self.touched or self.numbers or self.saved or self.fets
            or (self.factory and not self.leaving)
            or self.balance or self.heating or self.pin or self.codes or self.capacity
            or self.counters or self.everything or self.lasting
        )  # fmt: skip

    @property
    def lines(self) -> list[str]:
        """What is to be put back, in words for a person."""
        settings = [f"0x{address:02X}" for address in sorted(self.touched)]
        rows = [
            (settings, f"settings written: {', '.join(settings)}"),
            (self.numbers, f"parameters written: {', '.join(map(str, sorted(self.numbers)))}"),
            (self.saved, "they were saved"),
            (self.factory, "factory mode entered"),
            (self.fets, "MOSFET control used"),
            (self.balance, "balance test begun"),
            (self.heating, "heating commanded"),
            (self.pin, "PIN changed or cleared"),
            (self.codes, "factory code changed"),
            (self.capacity, "remaining capacity set"),
            (self.counters, f"error counters cleared by {self.counters}"),
        ]
        return [text for there, text in rows if there] + self.lasting

    def put_back(self) -> None:
        """Forget what was put back; what a setting was once given stays known."""
        fresh = Ledger(written=self.written, in_parts=self.in_parts, pins=self.pins)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def doubt_the_last(self) -> None:
        """Take into account that the last write may have been announced and never have left."""
        self.leaving = False

    def note(self, write: OutgoingWrite) -> None:
        """Take a write into account that may have reached the board."""
        address, data = write.register, write.data
        if self.leaving:
            self.factory = self.leaving = False
        if write.module:
            self._module(write)
        elif address in SETTINGS:
            self._setting(address, data)
        elif address == 0xFA:
            self._parameters(data)
        elif 0xAD <= address <= 0xD7:
            row = register(address, write=True)
            title = row.title if row is not None else f"calibration 0x{address:02X}"
            self._last(f"{title} (0x{address:02X}) was given 0x{data.hex().upper()}")
        else:
            self._command(address, data)

    def _module(self, write: OutgoingWrite) -> None:
        # Noise before a request can look like the head of a module's frame; the sum tells.
        with suppress(FrameError):
            command = parse_module_frame(write.frame).command
            if command not in MODULE_LOGINS:
                self._last(f"the Bluetooth module was sent command 0x{command:02X}")

    def _setting(self, address: int, data: bytes) -> None:
        self.touched.add(address)
        if data:
            self.written.setdefault(address, set()).add(data)

    def _parameters(self, data: bytes) -> None:
        if len(data) < 3:
            self.everything = True
            return
        first, words = int.from_bytes(data[:2], "big"), data[3:]
        for number in range(first, first + max(data[2], len(words) // 2)):
            row = next((p for p in PARAMETERS.values() if 0 <= number - p.number < p.words), None)
            if row is None or row.address is None:
                self.numbers.add(number)
                continue
            word = words[2 * (number - first) : 2 * (number - first) + 2]
            # Half a packed setting says nothing of the whole; a text begins with its first word.
            whole = row.byte is None and row.words == 1
            self._setting(row.address, word if whole else b"")
            if not whole:
                self.in_parts.add(row.address)

    def _command(self, address: int, data: bytes) -> None:
        name = CONTROL_CODES.get(int.from_bytes(data, "big")) if address == 0x0A else None
        if address == 0x00:
            self.factory = True
        elif address == 0x01:
            # A frame that never became whole may have left factory mode or not.
            self.leaving = bool(data)
            if data in (EXIT_SAVE, b""):
                self.saved = self.saved or bool(self.touched or self.numbers or self.everything)
                self.counters = self.counters or "a save (01 2828)"
        elif address in (0xE1, 0xFB):
            self.fets = True
        elif address == 0xE2:
            self.balance = True
        elif address == 0xFC:
            self.heating = True
        elif address in (0x06, 0x07, 0x09):
            self._pin(address, data)
        elif address == 0x0F and len(data) == 4:
            self.codes.append((data[:2], data[2:]))
        elif address == 0xE0 or name == "reset_capacity":
            self.capacity = True
        elif address == 0x0B or name == "clear_history":
            self.counters = f"a clear ({'0B' if address == 0x0B else '0A 0200'})"
        elif name not in _LEAVES_NO_TRACE:
            self.everything = True
            shown = f"command 0x{address:02X} {data.hex().upper()}".strip()
            self._last(f"{shown} was sent" + (f" ({name.replace('_', ' ')})" if name else ""))

    def _pin(self, address: int, data: bytes) -> None:
        self.pin = self.pin or address != 0x06
        body = data[1:]
        if address != 0x09 and len(body) in (PIN_LENGTH, 2 * PIN_LENGTH):
            for at in range(0, len(body), PIN_LENGTH):
                one = body[at : at + PIN_LENGTH]
                if one in self.pins:
                    self.pins.remove(one)
                self.pins.append(one)

    def _last(self, text: str) -> None:
        if text not in self.lasting:
            self.lasting.append(text)
