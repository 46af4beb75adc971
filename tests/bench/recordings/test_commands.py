"""`jbd-bench record` and `replay` as processes: real ports, real clients, clean ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from jbd_bench import BmsClient, open_target
from jbd_bench.recordings import read_recording
from jbd_protocol import ReadRequest

pytestmark = pytest.mark.slow
Serve = Callable[..., Any]  # the process and its units, see conftest
CELLS = ReadRequest(0x04).to_wire()


class Process:
    """A command that says ready and stopped as JSON."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "jbd_bench", *map(str, arguments), "--json"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.ready = json.loads(line)
        assert self.ready["event"] == "ready"

    def end(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, dict[str, Any]]:
        self.process.send_signal(sign)
        out, errors = self.process.communicate(timeout=20)
        assert errors == ""
        return self.process.returncode, json.loads(out.splitlines()[-1])


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def starter(*arguments: object) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    yield starter
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jbd_bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_client_is_recorded_on_its_way_to_a_board_and_back(
    start: Callable[..., Process], serve: Serve, tmp_path: Path, sign: signal.Signals
) -> None:
    log = tmp_path / "board.log"
    serve("--firmware", "0x21", "--serial", tmp_path / "board", "--log", log)
    record = start(
        "record", "--target", f"serial:{tmp_path / 'board'}", "--out", tmp_path / "a.jsonl",
        "--serial", tmp_path / "port", "--pcapng", tmp_path / "a.pcapng",
    )  # fmt: skip
    assert record.ready["serial"] == str(tmp_path / "port")
    with serial.Serial(str(tmp_path / "port"), 9600, timeout=5) as port:
        for _ in range(5):
            port.write(CELLS)
            assert len(port.read(15)) == 15
        # A client's own writes pass: no guard stands between.
        port.write(bytes.fromhex("dd5a00025678ff3077"))
        assert port.read(7).hex() == "dd000000000077"
    status, stopped = record.end(sign)
    assert status == 0
    assert (stopped["pieces_to_board"], stopped["bytes_to_board"]) == (6, 5 * 7 + 9)
    assert stopped["bytes_from_board"] == 5 * 15 + 7
    written = rows(tmp_path / "a.jsonl")
    assert written[0]["direction"] == "#"
    assert written[0]["target"] == f"serial:{tmp_path / 'board'}"
    heard = [row["hex"] for row in rows(log) if row["dir"] == "rx"]
    asked = [row["hex"].replace(" ", "").lower() for row in written if row["direction"] == ">"]
    assert asked == heard
    told = "".join(r["hex"].replace(" ", "").lower() for r in written if r["direction"] == "<")
    assert told == "".join(row["hex"] for row in rows(log) if row["dir"] == "tx")
    assert any(row["meaning"] == "write enter factory mode: code 0x5678" for row in written)
    assert not (tmp_path / "port").is_symlink()
    assert (tmp_path / "a.pcapng").stat().st_size > 500


def told_of_the_lockout(path: Path) -> str:
    """Let the library of BMS-Tools look, open the settings and look again; return its complaint."""
    from bmstools.jbd import JBD

    with serial.Serial(str(path), 9600) as port:
        client = JBD(port)
        assert client.readInfo()[0]["pack_mv"] == 13240
        with pytest.raises(Exception, match="bad password") as refused:
            client.readEeprom()
        assert client.readInfo()[0]["version"] == 0x21
    return type(refused.value).__name__


def test_bmstools_meets_its_lockout_recorded_and_replayed(
    start: Callable[..., Process], serve: Serve, tmp_path: Path
) -> None:
    board, port, talk = (tmp_path / name for name in ("board", "port", "talk.jsonl"))
    serve("--firmware", "0x21", "--serial", board)
    record = start("record", "--target", f"serial:{board}", "--out", talk, "--serial", port)
    complaint = told_of_the_lockout(port)
    assert record.end()[0] == 0
    pairings = [row for row in rows(talk) if row.get("meaning", "").startswith("pair: present")]
    assert len(pairings) == 10
    replay = start("replay", talk, "--serial", tmp_path / "again")
    assert told_of_the_lockout(tmp_path / "again") == complaint == "BMSPasswordError"
    status, stopped = replay.end()
    assert (status, stopped["lacking"]) == (0, [])


def test_what_is_recorded_can_be_replayed_to_the_same_client(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    record = start(
        "record", "--target", "emulator:0x21", "--out", tmp_path / "a.jsonl", "--tcp", "127.0.0.1:0"
    )  # fmt: skip
    read = bench("read", "--json", "--parameters", "--target", f"socket://{record.ready['tcp']}")
    assert record.end()[0] == 0
    marks = [row["meaning"] for row in rows(tmp_path / "a.jsonl") if row["direction"] == "#"]
    assert marks[1:] == ["client connected", "client left"]
    for option in ([], ["--same-times"]):
        replay = start("replay", tmp_path / "a.jsonl", "--tcp", "127.0.0.1:0", *option)
        target = f"socket://{replay.ready['tcp']}"
        again = bench("read", "--json", "--parameters", "--target", target)
        status, report = replay.end()
        assert json.loads(again.stdout) | {"target": ""} == json.loads(read.stdout) | {"target": ""}
        assert (status, report["lacking"], report["unasked"]) == (0, [], [])
        assert report["played"] == replay.ready["requests"] == 65


def test_a_replay_says_what_it_lacks_and_its_status_too(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        json.dumps({"t": 0, "dir": "tx", "hex": CELLS.hex()}) + "\n"
        + json.dumps({"t": 0, "dir": "rx", "hex": "dd0400080d660d610d680d59fe3c77"}) + "\n"
    )  # fmt: skip
    replay = start("replay", path, "--serial", tmp_path / "port")
    link = open_target(f"serial:{tmp_path / 'port'}")
    assert BmsClient(link).read(0x04).hex() == "0d660d610d680d59"
    link.write(ReadRequest(0x05).to_wire())
    assert link.read(link.clock.now_s() + 0.2) == b""
    link.close()
    status, report = replay.end(signal.SIGINT)
    assert status == 1
    assert report["lacking"] == [
        {"hex": "DD A5 05 00 FF FB 77", "meaning": "read board name", "count": 1}
    ]


def test_one_client_at_a_time_comes_in(start: Callable[..., Process], tmp_path: Path) -> None:
    record = start(
        "record", "--target", "emulator:0x21", "--out", tmp_path / "a.jsonl", "--tcp", "127.0.0.1:0"
    )  # fmt: skip
    host, _, port = record.ready["tcp"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as first:
        first.sendall(CELLS)
        assert len(first.recv(100)) == 15
        with socket.create_connection((host, int(port)), timeout=5) as second:
            assert second.recv(100) == b""
        first.sendall(CELLS)
        assert len(first.recv(100)) == 15
    record.end()
    marks = [row["meaning"] for row in rows(tmp_path / "a.jsonl") if row["direction"] == "#"]
    assert marks[1:] == ["client connected", "another client refused", "client left"]


def test_a_board_that_was_pulled_is_found_again_and_the_gap_is_noted(
    start: Callable[..., Process], serve: Serve, tmp_path: Path
) -> None:
    def board() -> subprocess.Popen[str]:
        process, _ = serve("--firmware", "0x21", "--serial", tmp_path / "board")
        assert isinstance(process, subprocess.Popen)
        return process

    first = board()
    out = tmp_path / "a.jsonl"
    record = start("record", "--target", f"serial:{tmp_path / 'board'}", "--out", out)
    with serial.Serial(record.ready["serial"], 9600, timeout=0.2) as port:
        port.write(CELLS)
        assert len(port.read(15)) == 15
        first.terminate()
        first.wait(timeout=10)
        wait_for(out, "the link is gone")
        port.write(CELLS)
        wait_for(out, "lost on the way to the board: DD A5 04 00 FF FC 77")
        board()
        wait_for(out, "the board is back")
        port.timeout = 5
        port.write(CELLS)
        assert len(port.read(15)) == 15
    assert record.end()[0] == 0
    assert len(read_recording(out).exchanges) == 2


def wait_for(path: Path, text: str, *, times: int = 1) -> None:
    deadline_s = time.monotonic() + 15
    while path.read_text().count(text) < times:
        assert time.monotonic() < deadline_s, path.read_text()
        time.sleep(0.02)


def test_what_was_recorded_before_a_kill_is_whole_lines(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    out = tmp_path / "a.jsonl"
    record = start("record", "--target", "emulator:0x21", "--out", out)
    with serial.Serial(record.ready["serial"], 9600, timeout=5) as port:
        for _ in range(20):
            port.write(CELLS)
            assert len(port.read(15)) == 15
    wait_for(out, "cell voltages: cells", times=20)
    os.kill(record.process.pid, signal.SIGKILL)
    record.process.wait(timeout=10)
    assert len(read_recording(out).exchanges) == 20


def test_a_recorder_in_between_costs_little(
    start: Callable[..., Process], serve: Serve, tmp_path: Path
) -> None:
    serve("--firmware", "0x21", "--serial", tmp_path / "board")
    record = start(
        "record", "--target", f"serial:{tmp_path / 'board'}", "--out", tmp_path / "a.jsonl"
    )
    times = []
    with serial.Serial(record.ready["serial"], 9600, timeout=5) as port:
        for _ in range(200):
            start_s = time.perf_counter()
            port.write(CELLS)
            assert len(port.read(15)) == 15
            times.append(time.perf_counter() - start_s)
    # A 15-byte answer takes 15 ms at 9600 baud; a recorder must disappear in that.
    assert sorted(times)[len(times) // 2] < 0.005


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record", "--out", "x"), "--target: must be given"),
        (("record", "--target", "emulator:0x21"), "--out: must be given"),
        (("record", "--target", "emulator:0x99", "--out", "x"), "firmware 0x99: unknown"),
        (("record", "--target", "replay:a.jsonl", "--out", "x"), "its time jumps"),
        (
            ("record", "--target", "emulator:0x21", "--out", "a.jsonl"),
            "a.jsonl: is there already; --overwrite takes its place",
        ),
        (("record", "--target", "emulator:0x21", "--out", "no/x"), "no/x: no such file"),
        (("record", "--target", "emulator:0x21", "--out", "x", "--tcp", "host"), "HOST:PORT"),
        (("replay", "nowhere"), "recording nowhere: no such file"),
        (("replay", "a.jsonl", "--tcp", "127.0.0.1:99999"), "port 0 to 65535"),
        (("replay", "a.jsonl", "--device", "x"), "device 'x': not in it"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text(json.dumps({"t": 0, "dir": "tx", "hex": CELLS.hex()}) + "\n")
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"jbd-bench {arguments[0]}: ")
    assert said in line
    assert not (tmp_path / "x").exists()


def test_a_recording_is_not_lost_where_the_capture_cannot_be_written(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_text("an earlier recording\n")
    for out in (old, new):
        done = bench("record", "--target", "emulator:0x21", "--out", out, "--overwrite",
                     "--pcapng", tmp_path / "nowhere" / "x.pcapng")  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert old.read_text() == "an earlier recording\n"
    assert not new.exists()
    done = bench("record", "--target", "emulator:0x21", "--out", new, "--pcapng", new)
    assert done.returncode == 2
    assert "must be another file than --out" in done.stderr


def test_the_path_of_the_dissector_is_printed() -> None:
    done = bench("record", "--dissector")
    assert done.returncode == 0
    assert Path(done.stdout.strip()).read_text().startswith("-- Wireshark dissector")
