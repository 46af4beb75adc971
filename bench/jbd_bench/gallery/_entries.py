"""The entries: one row for each bug that the field reported about clients of JBD boards."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jbd_protocol import Evidence, Grade

from ._entry import (
    CAPACITY,
    CHARGE,
    MONITOR,
    SETTINGS,
    WRITE,
    Entry,
    all_of,
    invents_nothing,
    shows_in_the_end,
    shows_within,
)
from ._look import Truth, Use


def _reaches_settings(use: Use, truth: Truth) -> str:
    return f"no settings: {use.settings}" if use.settings else ""


def _admits_nothing(use: Use, truth: Truth) -> str:
    return "shows data, and the board was never reached" if any(
        look.shows for look in use.looks
    ) else ""  # fmt: skip


def _tells_refusal(use: Use, truth: Truth) -> str:
    words = (use.settings or "").lower()
    if use.settings == "":
        return "shows settings that were never read"
    blamed = next((word for word in _BROKEN_LINE if word in words), None)
    return f"blames the line for the board's no: {use.settings}" if blamed else ""


_BROKEN_LINE: Final = ("communicat", "timeout", "time out", "no answer", "not answered")


def _leaves_factory(use: Use, truth: Truth) -> str:
    return "leaves the board in factory mode" if use.left_open else ""


def _tells_of_the_write(use: Use, truth: Truth) -> str:
    return "" if use.written else "tells the user that the setting is stored, and it is not"


_ROWS: Final = (
    Entry(
        id="android-3-1-1026-lockout",
        title="Firmware 2.1 has no PIN function, and the app insists on a PIN",
        reported=Evidence(Grade.REPORTED, "smagicld/xiaoxiangBMS 195; CLIENTS.md 11"),
        good="shows live data, and settings where it has a page for them",
        bug="takes 80 to 06 for a wrong PIN and asks for ever",
        judge=all_of(invents_nothing, shows_in_the_end, _reaches_settings),
        uses=frozenset({SETTINGS}),
    ),
    Entry(
        id="split-20-20-1",
        title="41 bytes of basic info come as 20 + 20 + 1, and now and then the 1 is lost",
        reported=Evidence(Grade.CAPTURED, "syssi/esphome-jbd-bms 20; CLIENTS.md 1 (Android)"),
        good="waits for the last byte, asks again where it does not come",
        bug="has room for forty bytes",
        judge=all_of(invents_nothing, shows_in_the_end),
        module="telink",
    ),
    Entry(
        id="ghost-cells",
        title="A request arrives twice, and the two answers come in one piece",
        reported=Evidence(
            Grade.REPORTED, "Louisvdw/dbus-serialbattery 1094: cell count 16, populated 32"
        ),
        good="takes one answer and lets the other go",
        bug="counts as many cells as there are bytes",
        judge=all_of(invents_nothing, shows_in_the_end),
    ),
    Entry(
        id="zero-volt-cells",
        title="An answer ends early",
        reported=Evidence(
            Grade.REPORTED, "Louisvdw/dbus-serialbattery 1046: cell voltages low in a single read"
        ),
        good="drops the frame and asks again",
        bug="reads what is missing as cells of 0 V",
        judge=all_of(invents_nothing, shows_in_the_end),
    ),
    Entry(
        id="refusal-taken-for-silence",
        title="A board refuses to tell its name",
        reported=Evidence(Grade.REPORTED, "patman15/BMS_BLE-HA 795: 05 answered 80, set-up fails"),
        good="shows live data of a board without a name",
        bug="waits for a better answer, and never comes to live data",
        judge=all_of(invents_nothing, shows_in_the_end),
    ),
    Entry(
        id="framing-error-for-ever",
        title="Three answers lose a byte, then all is well",
        reported=Evidence(
            Grade.REPORTED, "patman15/BMS_BLE-HA 778: incorrect frame end, then timeouts"
        ),
        good="is back with the first good answer",
        bug="keeps the broken frame in its buffer, and with it every later one",
        judge=all_of(invents_nothing, shows_in_the_end),
    ),
    Entry(
        id="slow-pieces",
        title="The pieces of an answer are 80 ms apart",
        reported=Evidence(
            Grade.REPORTED, "CLIENTS.md 7: a quiet time of 150 ms; rakhmaevao/JbdBms 16"
        ),
        good="waits for as long as the frame announces bytes",
        bug="takes 50 quiet milliseconds for the end",
        judge=all_of(invents_nothing, shows_in_the_end),
    ),
    Entry(
        id="first-request-after-sleep",
        title="A sleeping board loses the first request",
        reported=Evidence(Grade.CAPTURED, "PROTOCOL.md 1.1; CLIENTS.md 1: every Android start"),
        good="asks again",
        bug="says that there is no board",
        judge=all_of(invents_nothing, shows_within(6), shows_in_the_end),
    ),
    Entry(
        id="stray-first-byte",
        title="A notification of one byte, 00, comes before the first answer",
        reported=Evidence(Grade.CAPTURED, "CLIENTS.md 1: four Android links; CLIENT-TRAFFIC.md 3"),
        good="skips to the first DD",
        bug="looks at the fourth byte of one, and breaks",
        judge=all_of(invents_nothing, shows_within(6), shows_in_the_end),
        module="telink",
    ),
    Entry(
        id="echo-until-paired",
        title="A module echoes what is written until it is paired",
        reported=Evidence(Grade.REPORTED, "syssi/esphome-jbd-bms 245"),
        good="knows its own request, and shows nothing",
        bug="takes the echo for an answer with empty values",
        judge=all_of(invents_nothing, _admits_nothing),
        module="passkey",
        looks=4,
    ),
    Entry(
        id="silent-until-login",
        title="A module lets nothing through before its FF AA login",
        reported=Evidence(Grade.CAPTURED, "syssi/esphome-jbd-bms 94 and 148; CLIENTS.md 1"),
        good="logs in with the user's password, then shows live data",
        bug="speaks to the board at once, and takes the silence for a flat battery",
        judge=all_of(invents_nothing, shows_in_the_end),
        module="telink-login",
        secret="123123",  # noqa: S106  # the modules' default, as published
        looks=6,
    ),
    Entry(
        id="forgotten-write",
        title="A write is acknowledged, and the register does not exist (0x15)",
        reported=Evidence(Grade.CAPTURED, "PROTOCOL.md 1.3: 42 on 0x15 and 0x16"),
        good="reads back and tells the user",
        bug="believes the acknowledgement",
        judge=_tells_of_the_write,
        needs=frozenset({WRITE}),
        uses=frozenset({WRITE}),
        looks=2,
    ),
    Entry(
        id="refusal-without-checksum",
        title="Factory mode is refused by DD 00 81 00 00 00 77, its checksum zero",
        reported=Evidence(Grade.REPORTED, "fl4p/batmon-ha 4; PROTOCOL.md 1.3"),
        good="says that the board wants its PIN",
        bug="says that communication failed",
        judge=all_of(invents_nothing, shows_in_the_end, _tells_refusal),
        needs=frozenset({MONITOR, SETTINGS}),
        uses=frozenset({SETTINGS}),
        looks=4,
    ),
    Entry(
        id="capacity-over-655-ah",
        title="840 Ah do not fit 16 bits of 10 mAh; a bit says that counts are 100 mAh",
        reported=Evidence(Grade.REPORTED, "smagicld/xiaoxiangBMS 74, 109 and 221; vendor V11"),
        good="shows 840 Ah",
        bug="shows 84 Ah",
        judge=all_of(invents_nothing, shows_in_the_end),
        needs=frozenset({MONITOR, CAPACITY}),
        looks=4,
    ),
    Entry(
        id="forty-six-bytes",
        title="A clone notifies 46 bytes at once",
        reported=Evidence(Grade.REPORTED, "patman15/BMS_BLE-HA 795"),
        good="takes a notification as long as it comes",
        bug="keeps twenty bytes of each",
        judge=all_of(invents_nothing, shows_in_the_end),
        module="clone",
    ),
    Entry(
        id="factory-mode-left-open",
        title="A register is refused in the middle of the settings",
        reported=Evidence(
            Grade.REPORTED, "CLIENTS.md 7: dbus-serialbattery never sends 01; CLIENT-TRAFFIC.md 3"
        ),
        good="leaves factory mode whatever happened",
        bug="leaves the board in it",
        judge=all_of(invents_nothing, _leaves_factory),
        needs=frozenset({SETTINGS}),
        uses=frozenset({SETTINGS}),
        looks=2,
    ),
    Entry(
        id="charge-by-division",
        title="The board's charge counts from the cycle capacity, not from the nominal one",
        reported=Evidence(Grade.REPORTED, "Louisvdw/dbus-serialbattery 729 and 760"),
        good="shows the charge that the board says",
        bug="divides remaining by nominal capacity, and is never full",
        judge=all_of(invents_nothing, shows_in_the_end),
        needs=frozenset({MONITOR, CHARGE}),
        looks=4,
    ),
)

ENTRIES: Final[Mapping[str, Entry]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every entry by its id; scenarios are named alike."""
