"""Every BLE transcript, played to the module: the same pieces, live values excepted by name."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from jbd_emulator import BOARDS, FIRMWARE, Device, Unit, parse_unit
from jbd_emulator.module import BleModule, Timing

pytestmark = pytest.mark.shared


class Scripted(random.Random):
    """Hands out the random bytes of a capture, in its order."""

    def __init__(self, values: list[int]) -> None:
        super().__init__(0)
        self.left = list(values)

    def getrandbits(self, k: int, /) -> int:
        assert k == 8, f"the module drew {k} bits"
        return self.left.pop(0)


Span = Callable[[bytes], tuple[int, int]]


def _tail(payload: bytes) -> int:
    """Return where basic info goes on behind the temperatures."""
    return 23 + 2 * payload[22]


LIVE: dict[tuple[int, str], Span] = {
    (0x03, "pack voltage"): lambda payload: (0, 2),
    (0x03, "current"): lambda payload: (2, 4),
    (0x03, "remaining capacity"): lambda payload: (4, 6),
    (0x03, "state of charge"): lambda payload: (19, 20),
    (0x03, "temperatures"): lambda payload: (23, _tail(payload)),
    (0x03, "remaining capacity, again"): lambda payload: (_tail(payload) + 5, _tail(payload) + 7),
    (0x04, "cell voltages"): lambda payload: (0, len(payload)),
    (0xAA, "counters"): lambda payload: (0, len(payload)),
}
"""Bytes of a payload that the pack and its past decide, by register. Where one of them differs
the checksum does; everything else of every frame is compared."""
SILENT_THERE = {
    ("ble-sp04s034-v13-ffaa-android-2025", 6, "dda50300fffd77", 102.040444): (
        "the second frame after a sleep was lost as well; the emulated board wakes on the first"
    ),
}
"""Requests the capture leaves unanswered and the emulator answers: capture, link, bytes, time."""


@dataclass(frozen=True)
class Played:
    """A capture, and the unit and module that it is played to."""

    capture: str
    generation: str
    unit: str
    settings: dict[int, str]
    address: str = "A5:C2:37:00:00:01"
    password: str = ""
    version: int | None = None
    cut: bool = True
    """Whether the source shows where notifications began."""
    whole: bool = True
    """Whether the source begins with the link; an excerpt does not show the byte of link-up."""


APP_2022 = {0x10: "6d60", 0x15: "2c7c", 0x17: "0000", 0x2D: "0006", 0x2E: "0007"}
PLAYED = [
    Played("ble-sp04s034-u-params-2022", "telink", "0x80?sleep=1", APP_2022),
    Played("ble-sp04s034-u-fets-2022", "telink", "0x80?sleep=1", APP_2022),
    Played("ble-sp04s034-u-balancer-2022", "telink", "0x80?sleep=1", APP_2022),
    Played(
        "ble-sp04s034-ffaa-ios-2024", "fa00-login", "0x44",
        {0x10: "5334", 0x15: "309b", 0x17: "0001", 0x2E: "0007"},
        "A4:C1:37:04:2D:BE", "123412",
    ),
    Played(
        "ble-sp04s034-v13-ffaa-android-2025", "telink-login", "0x44?sleep=1",
        {0x10: "4e20", 0x15: "311a", 0x17: "0002", 0x2E: "0007"},
        "10:A5:62:32:75:36", "123456",
    ),
    Played(
        "ble-fw67-three-chunks", "telink", "0x25",
        {0x10: "6978", 0x15: "30b2", 0x2E: "0001"}, version=0x67, whole=False,
    ),
    Played(
        "ble-dp04s007-esphome", "telink", "0x25",
        {0x10: "4e20", 0x15: "2d14", 0x17: "0002", 0x2E: "0001"}, version=0x23, cut=False,
        whole=False,
    ),
]  # fmt: skip

Line = dict[str, Any]  # json's own type


@pytest.fixture(scope="session")
def captures(shared_dir: Path) -> Path:
    return shared_dir / "captures"


def links(folder: Path, capture: str) -> Iterator[tuple[int, list[Line]]]:
    text = (folder / f"{capture}.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    for number, group in groupby(lines, lambda line: line.get("conn", 1)):
        yield number, list(group)


def entry(folder: Path, capture: str) -> Line:
    index = json.loads((folder / "index.json").read_text())
    found: Line = next(row for row in index["captures"] if row["id"] == capture)
    return found


def build(folder: Path, played: Played) -> tuple[BleModule, Scripted]:
    """Return the module with the capture's register values, passwords and random bytes.

    The captured boards have as many probes as their 0x2E says; a kit's missing third one would
    read -30 degC and trip.
    """
    unit = Unit(parse_unit(played.unit))
    raw = {f"0x{address:02x}": value for address, value in played.settings.items()}
    raw |= entry(folder, played.capture).get("register_values", {})
    settings = {int(name, 16): bytes.fromhex(value) for name, value in raw.items()}
    firmware = unit.device.firmware
    kit = BOARDS["4s"]
    unit.device = Device(
        firmware if played.version is None else firmware._replace(version=played.version),
        kit._replace(
            ntcs=int.from_bytes(settings[0x2E], "big").bit_count(),
            capacity_mah=int.from_bytes(settings[0x10], "big") * 10,
            settings={**kit.settings, **settings},
        ),
        rng=random.Random(0),
        sleeps=unit.config.sleep,
    )
    drawn = [
        int(line["hex"][8:10], 16)
        for _, lines in links(folder, played.capture)
        for line in lines
        if line["dir"] == "rx" and line["hex"].startswith("ffaa17")
    ]
    rng = Scripted(drawn)
    module = BleModule(
        unit,
        played.generation,
        rng=rng,
        address=played.address,
        password=played.password,
        timing=Timing.IMMEDIATE,
    )
    return module, rng


def play(module: BleModule, capture: str, number: int, lines: list[Line]) -> list[bytes]:
    """Play one link; return what was notified, less the answers that the capture lacks."""
    at = [float(line["t"] or 0.0) for line in lines]
    assert module.connected(at[0])
    notified = module.take(at[0])
    module.subscribed(at[0])
    for line, now_s in zip(lines, at, strict=True):
        if line["dir"] != "tx":
            continue
        assert module.written(bytes.fromhex(line["hex"]), now_s)
        pieces = module.take(now_s)
        if (capture, number, line["hex"], now_s) in SILENT_THERE:
            assert pieces, "the capture's silence is no exception any more: take it off the list"
            continue
        notified += pieces
    module.disconnected(at[-1])
    return notified


def spared(frame: bytes) -> dict[tuple[int, str], tuple[int, int]]:
    """Return the excepted fields of a frame and where they stand in it."""
    if frame[:1] != b"\xdd" or frame[2]:
        return {}
    payload = frame[4 : 4 + frame[3]]
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for (register, name), span in LIVE.items():
        if register == frame[1]:
            start, end = span(payload)
            if end <= len(payload):
                found[register, name] = (4 + start, 4 + end)
    return found


def masked(frame: bytes) -> bytes:
    """Return a frame with its live bytes zeroed, the checksum over them included."""
    out = bytearray(frame)
    spans = list(spared(frame).values())
    if spans:
        spans.append((len(frame) - 3, len(frame) - 1))
    for start, end in spans:
        out[start:end] = bytes(end - start)
    return bytes(out)


def frames(pieces: list[bytes]) -> list[bytes]:
    """Return the frames that the pieces make, the lone byte of link-up as one of its own."""
    found: list[bytes] = []
    whole = b""
    for piece in pieces:
        whole += piece
        overhead = 7 if whole[0] == 0xDD else 5
        if len(whole) == 1 or len(whole) == whole[3] + overhead:
            found.append(whole)
            whole = b""
    assert not whole, f"half an answer: {whole.hex(' ')}"
    return found


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.capture)
def test_a_capture_gives_the_same_pieces(
    played: Played, captures: Path, record_property: Callable[[str, object], None]
) -> None:
    module, rng = build(captures, played)
    count = 0
    for number, lines in links(captures, played.capture):
        there = [bytes.fromhex(line["hex"]) for line in lines if line["dir"] == "rx"]
        here = play(module, played.capture, number, lines)
        if not played.whole:
            assert here.pop(0) == b"\x00"
        if played.cut:
            assert [len(piece) for piece in here] == [len(piece) for piece in there], number
        assert len(frames(here)) == len(frames(there))
        for ours, theirs in zip(frames(here), frames(there), strict=True):
            assert masked(ours).hex(" ") == masked(theirs).hex(" ")
        count += len(there)
    assert not rng.left, "a random byte was not asked for"
    record_property("checked", f"{played.capture}: {count} pieces")


def test_every_ble_transcript_is_played(captures: Path) -> None:
    index = json.loads((captures / "index.json").read_text())
    there = {row["id"] for row in index["captures"] if row["channel"] == "ble"}

    assert {played.capture for played in PLAYED} == there


def test_a_version_without_a_row_is_the_only_byte_lent_to_a_profile() -> None:
    lent = {played.version for played in PLAYED if played.version is not None}

    assert lent.isdisjoint(FIRMWARE), "a row has come: play the capture on it"


def test_every_exception_is_needed(captures: Path) -> None:
    """One that is not hides nothing, and comes off the list."""
    needed: set[tuple[int, str]] = set()
    for played in PLAYED:
        module, _ = build(captures, played)
        for number, lines in links(captures, played.capture):
            there = [bytes.fromhex(line["hex"]) for line in lines if line["dir"] == "rx"]
            here = play(module, played.capture, number, lines)
            if not played.whole:
                here.pop(0)
            for ours, theirs in zip(frames(here), frames(there), strict=True):
                needed |= {
                    field
                    for field, (start, end) in spared(theirs).items()
                    if ours[start:end] != theirs[start:end]
                }

    assert needed == set(LIVE)
    assert len(SILENT_THERE) == 1


def test_masking_hides_nothing_but_what_is_live() -> None:
    captured = bytes.fromhex(
        "dd03001d053600004ff253340001309b00000000000044600304030bb70bbf0bb9fa1677"
    )
    shown = masked(captured)

    assert shown.hex(" ") == (
        "dd 03 00 1d 00 00 00 00 00 00 53 34 00 01 30 9b 00 00 00 00 00 00 44 00 03 04 03 "
        "00 00 00 00 00 00 00 00 77"
    )
    assert masked(bytes.fromhex("dd248100ff7f77")).hex() == "dd248100ff7f77"


@pytest.mark.parametrize(
    "played", [p for p in PLAYED if "ffaa" in p.capture], ids=lambda p: p.capture
)
def test_captured_logins_are_accepted_and_the_wrong_ones_refused(
    played: Played, captures: Path
) -> None:
    module, _ = build(captures, played)
    logins: list[tuple[str, str]] = []
    for number, lines in links(captures, played.capture):
        answers = frames(play(module, played.capture, number, lines))
        logins += [
            (f"{raw[2]:02x}", f"{raw[4]:02x}")
            for raw in answers
            if raw[:3] in (b"\xff\xaa\x18", b"\xff\xaa\x1d")
        ]

    if "ios" in played.capture:
        assert logins == [
            ("18", "01"), ("18", "01"), ("18", "00"), ("1d", "00"), ("18", "00"), ("1d", "00"),
        ]  # fmt: skip
    else:
        assert logins == [("18", "00"), ("1d", "00"), ("18", "00"), ("1d", "00")]
