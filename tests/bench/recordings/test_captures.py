"""Every captured transcript, replayed to the client that asks the same: same bytes, same pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jbd_bench.recordings import PIECE_GAP_S, Replay, read_recording

pytestmark = pytest.mark.shared

CAPTURES = (
    "ble-dp04s007-esphome",
    "ble-fw67-three-chunks",
    "ble-sp04s034-ffaa-ios-2024",
    "ble-sp04s034-u-balancer-2022",
    "ble-sp04s034-u-fets-2022",
    "ble-sp04s034-u-params-2022",
    "ble-sp04s034-v13-ffaa-android-2025",
    "uart-sp04s034-readme-esphome",
    "uart-sp04s034-u-esphome",
    "uart-sp04s034-u-jbdtool-9600",
    "uart-sp04s060-btmodule-sniff",
    "uart-sp25s003-esphome",
    "uart-tcp-relay-status80-2021",
    "uart-up16s020-rs485",
)
"""All there are; the last is of another protocol, and passes all the same."""


class Line(NamedTuple):
    t_s: float
    written: bool
    data: bytes
    connection: int


def path_of(shared_dir: Path, name: str) -> Path:
    return shared_dir / "captures" / f"{name}.jsonl"


def lines(path: Path) -> list[Line]:
    """Read a transcript without the code under test."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Line(row["t"] or 0.0, row["dir"] == "tx", bytes.fromhex(row["hex"]), row.get("conn", 1))
        for row in rows
    ]


def test_every_transcript_is_played(shared_dir: Path) -> None:
    found = {path.name.removesuffix(".jsonl") for path in (shared_dir / "captures").glob("*.jsonl")}
    transcripts = {name for name in found if not name.endswith(".frames")}
    assert transcripts - {"published-frames"} == set(CAPTURES)


@pytest.mark.parametrize("same_times", [True, False], ids=["same times", "at once"])
@pytest.mark.parametrize("name", CAPTURES)
def test_the_same_requests_get_the_same_bytes_in_the_same_pieces(
    name: str,
    same_times: bool,
    shared_dir: Path,
    record_property: Callable[[str, object], None],
) -> None:
    path = path_of(shared_dir, name)
    wanted = lines(path)
    replay = Replay(read_recording(path), same_times=same_times)
    seen: list[tuple[bool, bytes]] = []
    connection, now_s = None, 0.0
    timed = any(line.t_s for line in wanted)
    for line in wanted:
        # A client that keeps the recorded times, or one that asks whenever nothing more comes.
        now_s = line.t_s if same_times and timed else now_s + line.written * 0.05
        seen += [(False, piece) for piece in replay.take(now_s + 1e-6)]
        if line.connection != connection:
            connection = line.connection
            replay.connected(now_s)
            seen += [(False, piece) for piece in replay.take(now_s + 1e-6)]
        if line.written:
            seen.append((True, line.data))
            replay.receive(line.data, now_s)
    seen += [(False, piece) for piece in replay.take(float("inf"))]
    assert seen == [(line.written, line.data) for line in wanted]
    report = replay.report()
    assert (report.repeated, report.lacking, report.unasked) == (0, {}, {})
    assert report.played == sum(line.written for line in wanted)
    pieces = sum(not line.written for line in wanted)
    record_property("checked", f"{name}: {report.played} requests, {pieces} pieces replayed")


@pytest.mark.parametrize("name", [name for name in CAPTURES if name.startswith("ble-sp04s034-u")])
def test_pieces_come_as_late_as_they_came(name: str, shared_dir: Path) -> None:
    path = path_of(shared_dir, name)
    wanted = lines(path)
    replay = Replay(read_recording(path), same_times=True)
    due: list[float] = []
    connection = None
    for line in wanted:
        if line.connection != connection and connection is None:
            connection = line.connection
            replay.connected(line.t_s)
        while replay.due_s is not None and replay.due_s <= line.t_s + 1e-6:
            due.append(replay.due_s)
            replay.take(replay.due_s)
        if line.written:
            replay.receive(line.data, line.t_s)
    while replay.due_s is not None:
        due.append(replay.due_s)
        replay.take(replay.due_s)
    assert due == pytest.approx([line.t_s for line in wanted if not line.written], abs=1e-6)


@pytest.mark.parametrize("name", CAPTURES[:13])
def test_without_the_times_an_answer_is_there_at_once(name: str, shared_dir: Path) -> None:
    recording = read_recording(path_of(shared_dir, name))
    replay = Replay(recording)
    for exchange in recording.exchanges:
        replay.receive(exchange.request, 100.0)
        prompt = [piece for piece in exchange.answer if not piece.behind]
        for number, piece in enumerate(prompt):
            assert replay.due_s == pytest.approx(100.0 + number * PIECE_GAP_S)
            assert replay.take(replay.due_s or 0.0) == [piece.data]
        # What came behind a later request waits for that one.
        assert (replay.due_s is not None) == (len(prompt) < len(exchange.answer))
        replay.take(float("inf"))
