"""A unit of the captured firmware answers a captured client as the captured board did.

The requests of each transcript are played in order and at their times. Every answer must have
the register, the status and the length of the captured one; settings are loaded from the
captures first and must come back byte for byte. What differs is listed, each with its reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from jbd_emulator import BoardKit, Unit, parse_unit
from jbd_emulator._parameters import factory_words
from jbd_protocol import (
    SETTINGS,
    BasicInfo,
    Protection,
    Response,
    WriteRequest,
    parse_basic_info,
    parse_error_counters,
    parse_response,
)

pytestmark = pytest.mark.shared

Row: TypeAlias = "dict[str, Any]"  # Any: JSON of the reference data, judged by comparison

FOUR_S = ("ble-sp04s034-u-params-2022", "ble-sp04s034-u-balancer-2022", "uart-sp04s034-u-esphome")


class Played(NamedTuple):
    unit: str
    settings_from: tuple[str, ...] = ()
    """More captures of the same board, for what this one does not read."""
    fet_lock: int = 0
    """Bits of 0xE1 written before the capture began."""


CAPTURES = {
    "ble-sp04s034-u-params-2022": Played("0x80?sleep=1", FOUR_S),
    "ble-sp04s034-u-fets-2022": Played("0x80?sleep=1", FOUR_S),
    "ble-sp04s034-u-balancer-2022": Played("0x80?sleep=1", FOUR_S),
    "uart-sp04s034-u-jbdtool-9600": Played("0x80", FOUR_S),
    "uart-sp04s034-u-esphome": Played("0x80", FOUR_S),
    "uart-sp04s034-readme-esphome": Played("0x80", FOUR_S, fet_lock=1),
    # The phone's login to the module had woken the board: its first request is answered.
    "ble-sp04s034-ffaa-ios-2024": Played("0x44"),
    "ble-sp04s034-v13-ffaa-android-2025": Played("0x44?sleep=1"),
    "uart-sp04s060-btmodule-sniff": Played("0x25"),
    "uart-sp25s003-esphome": Played("0x20?board=16s"),
}
NOT_OURS = {
    "ble-dp04s007-esphome": "version 0x23 has no firmware row",
    "ble-fw67-three-chunks": "version 0x67 has no firmware row",
    "uart-tcp-relay-status80-2021": "version not recorded; see the test of its two refusals",
    "uart-up16s020-rs485": "another protocol, without DD frames",
}
_NO_LOGIN = "the module lets nothing through without a login; the board never hears it"
_OVERTAKEN = "the board drops an answer in progress when the request is repeated; inferred"
SILENT_THERE = {
    ("ble-sp04s034-v13-ffaa-android-2025", 122): "before the second login step of the module; "
    "whether that is a gate or a slow awakening is open",
    **{
        ("ble-sp04s034-v13-ffaa-android-2025", n): _NO_LOGIN
        for n in (*range(104, 109), *range(109, 114), 114)
    },
    **{("uart-sp04s034-u-jbdtool-9600", n): _OVERTAKEN for n in (3, 9, 15)},
    ("uart-sp04s060-btmodule-sniff", 14): "one poll lost behind the 06; the sniffer's lists leave "
    "open which, and why",
}
"""Requests the captured board left unanswered and the unit answers, or never gets."""
OTHER_FETS = {
    "uart-sp25s003-esphome": "a bench board without a pack: empty by its own count",
}
"""Where the FETs depend on a pack that the unit does not have."""
OF_THE_PACK = {0x03, 0x04}
"""Their values come from the pack; register, status and length must agree."""


def rows(shared_dir: Path, name: str) -> list[Row]:
    path = shared_dir / "captures" / f"{name}.frames.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def answers(frames: list[Row]) -> dict[int, Row]:
    return {row["n"]: row for row in frames if row["dir"] == "rx"}


def captured_board(base: BoardKit, frames: list[Row]) -> BoardKit:
    """Return the captured board as one more kit: what it says of itself is what it holds."""
    settings, ntcs = dict(base.settings), base.ntcs
    # What a client wrote came later than what it read first; the first answer is the start.
    for row in reversed(frames):
        if row["proto"] != "dd" or row.get("status") != "0x00":
            continue
        register, data = int(row["reg"], 16), bytes.fromhex(row["payload"])
        if register == 0x03:
            info = parse_basic_info(data)
            ntcs = len(info.ntc_dk)
            for address, number in (
                (0x2F, info.cells), (0x2E, (1 << ntcs) - 1), (0x15, info.date_code),
                (0x17, info.cycles), (0x10, info.nominal_mah // 10),
            ):  # fmt: skip
                settings[address] = number.to_bytes(2, "big")
        elif register == 0x05:
            settings |= factory_words(data.decode("ascii"))
        elif register in SETTINGS and data:
            settings[register] = data
    return base._replace(settings=settings, ntcs=ntcs)


def counters(frames: list[Row]) -> list[int] | None:
    for row in frames:
        if row["dir"] == "rx" and row.get("reg") == "0xaa":
            return list(parse_error_counters(bytes.fromhex(row["payload"])).counts)
    return None


@pytest.mark.parametrize("name", CAPTURES)
def test_every_captured_request_is_answered_as_the_board_did(
    name: str,
    shared_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    how, frames = CAPTURES[name], rows(shared_dir, name)
    config = parse_unit(how.unit)
    kit = config.kit
    for more in (*how.settings_from, name):
        kit = captured_board(kit, rows(shared_dir, more))
    monkeypatch.setattr("jbd_emulator._config.BOARDS", {kit.key: kit})
    unit = Unit(config)
    unit.device.monitor.counters[:] = counters(frames) or unit.device.monitor.counters
    if how.fet_lock:
        unit.receive(WriteRequest(0xE1, bytes((0, how.fet_lock))).to_wire(), 0.0)
    replies, checked = answers(frames), Counter[str]()
    for row in frames:
        if row["dir"] == "rx" or row["proto"] != "dd":
            continue
        if SILENT_THERE.get((name, row["n"])) == _NO_LOGIN:
            assert row["unanswered"]
            checked["not delivered"] += 1
            continue
        # Where the source has no times, a tenth of a second between two requests.
        now_s = row["t"] if row["t"] is not None else row["n"] / 10
        wire = unit.receive(bytes.fromhex(row["hex"]), now_s)
        if row.get("unanswered"):
            assert (wire == b"") != ((name, row["n"]) in SILENT_THERE), row
            checked["unanswered there"] += 1
            continue
        captured = replies[row["resp"]]
        assert wire, f"{name} {row['n']}: {row['hex']} was answered {captured['hex']}"
        compare(name, parse_response(wire), parse_response(bytes.fromhex(captured["hex"])))
        checked["answered"] += 1
    requests = [row for row in frames if row["dir"] == "tx" and row["proto"] == "dd"]
    assert sum(checked.values()) == len(requests)
    record_property("checked", f"{name}: {checked['answered']} of {len(requests)} answers replayed")


def compare(name: str, ours: Response, theirs: Response) -> None:
    assert (ours.register, ours.status) == (theirs.register, theirs.status)
    assert len(ours.data) == len(theirs.data)
    if ours.register not in OF_THE_PACK:
        assert ours.to_wire() == theirs.to_wire()
    elif ours.register == 0x03:
        here, there = (parse_basic_info(response.data) for response in (ours, theirs))
        assert of_the_board(here) == of_the_board(there)
        if name not in OTHER_FETS:
            assert here.fet_bits == there.fet_bits


def of_the_board(info: BasicInfo) -> tuple[int, ...]:
    """Return what a basic info says that does not come from the pack."""
    return (
        info.version,
        info.cells,
        len(info.ntc_dk),
        info.date_code,
        info.cycles,
        info.protection_bits & Protection.SOFTWARE_LOCK,
    )


def test_every_transcript_is_played_or_says_why_not(shared_dir: Path) -> None:
    found = {
        path.name.removesuffix(".frames.jsonl")
        for path in (shared_dir / "captures").glob("*.frames.jsonl")
    }
    assert found == {*CAPTURES, *NOT_OURS}
    listed = {name for name, _ in SILENT_THERE}
    assert listed <= set(CAPTURES)


def test_every_silence_listed_is_one_of_the_capture(shared_dir: Path) -> None:
    for name in CAPTURES:
        silent = {row["n"] for row in rows(shared_dir, name) if row.get("unanswered")}
        assert {n for listed, n in SILENT_THERE if listed == name} <= silent


@pytest.mark.parametrize("firmware", ["0x20", "0x25", "0x44", "0x80"])
def test_the_two_captured_refusals_of_old_resets_come_out(firmware: str, shared_dir: Path) -> None:
    frames = rows(shared_dir, "uart-tcp-relay-status80-2021")
    unit, replies = Unit(parse_unit(firmware)), answers(frames)
    for row in frames:
        if row["dir"] == "tx":
            assert unit.receive(bytes.fromhex(row["hex"]), 0.0).hex() == replies[row["resp"]]["hex"]
