"""`jbd-emulator serve` as a person and a script meet it: ports, links, signals, logs, refusals."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jbd_emulator.__main__ import main
from jbd_emulator._state_file import StateFile
from jbd_protocol import (
    ENTER_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    ReadRequest,
    Request,
    Response,
    WriteRequest,
    parse_response,
)

Serve: TypeAlias = "Callable[..., tuple[subprocess.Popen[str], list[dict[str, Any]]]]"
# Any: values of a JSON object

ANY_PORT = "127.0.0.1:0"
PATIENCE_S = 20.0
NAME = ReadRequest(0x05)


def ask(path: object, request: Request, before: bytes = b"") -> Response:
    """Send one request through a pseudo-terminal, noise before it, and return its answer."""
    port = os.open(str(path), os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, before + request.to_wire())
        received = b""
        while len(received) < 7 or len(received) < 7 + received[3]:
            assert select.select([port], [], [], PATIENCE_S)[0], f"no answer to {request}"
            received += os.read(port, 4096)
        return parse_response(received)
    finally:
        os.close(port)


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """End a server cleanly and return the last it says."""
    process.send_signal(number)
    said, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    return said


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line that `serve` refuses its arguments with."""
    status = main(["serve", *map(str, arguments)])
    said, errors = capsys.readouterr()
    assert (status, said) == (2, "")
    [line] = errors.splitlines()
    assert line.startswith("jbd-emulator serve: ")
    return line.removeprefix("jbd-emulator serve: ")


# -- ready and stopped -----------------------------------------------------------------------


def test_ready_is_one_line_that_names_every_port(tmp_path: Path) -> None:
    link = tmp_path / "bms"
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--firmware", "0x21"]
    process = subprocess.Popen(
        [*command, "--serial", link, "--tcp", ANY_PORT], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[:-1] == ["ready:", "0x21-4s", "serial", str(link), "tcp"]
    host, _, port = words[-1].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as tcp:
        tcp.sendall(NAME.to_wire())
        assert parse_response(tcp.recv(100)).register == 0x05
    process.terminate()
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (0, "stopped\n")


def test_ready_as_json_names_unit_and_ports(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "bms"
    process, [unit] = serve("--serial", link, "--tcp", ANY_PORT, "--rfc2217", ANY_PORT)
    assert (unit["name"], unit["firmware"], unit["board"]) == ("0x21-4s", "0x21", "4s")
    assert unit["serial"] == str(link)
    assert str(link.readlink()) == unit["pty"]
    assert unit["tcp"].startswith("127.0.0.1:")
    assert unit["rfc2217"].startswith("127.0.0.1:")
    assert unit["tcp"] != unit["rfc2217"]
    assert json.loads(end(process)) == {"event": "stopped"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_link_removed_and_state_saved(
    serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    link, state = tmp_path / "bms", tmp_path / "bms.json"
    process, _ = serve("--serial", link, "--state", state, "--tcp", ANY_PORT)
    for request in (ENTER_FACTORY, WriteRequest(0x24, b"\x0e\x10"), SAVE_AND_LEAVE_FACTORY):
        assert ask(link, request).status == 0
    end(process, number)
    assert list(tmp_path.iterdir()) == [state]
    saved = StateFile(state).load()
    assert saved is not None
    assert saved.settings == {0x24: b"\x0e\x10"}


def test_it_ends_cleanly_with_clients_connected(serve: Serve) -> None:
    process, [unit] = serve("--tcp", ANY_PORT, "--rfc2217", ANY_PORT)
    sockets = []
    for kind in ("tcp", "rfc2217"):
        host, _, port = unit[kind].rpartition(":")
        sockets.append(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
    sockets[0].sendall(NAME.to_wire())
    assert sockets[0].recv(100)
    end(process)
    for each in sockets:
        each.close()


def test_settings_and_pin_survive_a_restart(serve: Serve, tmp_path: Path) -> None:
    state = tmp_path / "bms.json"
    options = ("--firmware", "0x17", "--state", state)
    process, [unit] = serve(*options, "--pin", "123456")
    pair = WriteRequest(0x06, bytes((6, 1, 2, 3, 4, 5, 6)))
    for request in (pair, ENTER_FACTORY, WriteRequest(0x24, b"\x0e\x10"), SAVE_AND_LEAVE_FACTORY):
        assert ask(unit["serial"], request).status == 0
    end(process)
    _, [unit] = serve(*options)
    assert [ask(unit["serial"], r).status for r in (ENTER_FACTORY, pair, ENTER_FACTORY)] == [
        0x81,
        0,
        0,
    ]
    assert ask(unit["serial"], ReadRequest(0x24)).data == b"\x0e\x10"


# -- the link --------------------------------------------------------------------------------


def test_a_link_of_its_own_that_a_crash_left_is_replaced(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "bms"
    process, _ = serve("--serial", link)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    assert link.is_symlink()
    process, _ = serve("--serial", link)
    assert ask(link, NAME).status == 0
    end(process)
    assert list(tmp_path.iterdir()) == []


def test_the_path_of_a_running_unit_is_refused_and_goes_on(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "bms"
    serve("--serial", link)
    assert refused(capsys, "--serial", link) == (
        f"serial {link}: path taken by another emulator that is running"
    )
    assert ask(link, NAME).status == 0


def test_somebody_else_s_path_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder, link = tmp_path / "file", tmp_path / "folder", tmp_path / "link"
    file.write_text("precious")
    folder.mkdir()
    link.symlink_to(file)
    for path in (file, folder, link):
        message = refused(capsys, "--serial", path)
        assert message.startswith(f"serial {path}: path taken")
    assert file.read_text() == "precious"
    assert link.readlink() == file
    assert sorted(tmp_path.iterdir()) == [file, folder, link]


def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none" / "bms"
    assert refused(capsys, "--serial", path) == f"serial {path}: no such folder"


def test_a_link_somebody_redirected_meanwhile_is_not_removed(serve: Serve, tmp_path: Path) -> None:
    link, other = tmp_path / "bms", tmp_path / "other"
    process, _ = serve("--serial", link)
    link.unlink()
    link.symlink_to(other)
    end(process)
    assert link.readlink() == other


# -- refusals --------------------------------------------------------------------------------


def test_a_port_in_use_is_refused_and_nothing_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for kind in ("tcp", "rfc2217"):
            message = refused(capsys, "--serial", tmp_path / "bms", f"--{kind}", address)
            assert message.startswith(f"{kind} {address}: ")
            assert "in use" in message
            assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pin", "12345"], ["pin", "6 digits"]),
        (["--pin", "12345x"], ["pin", "6 digits"]),
        (["--firmware", "0x99"], ["firmware 0x99", "0x21"]),
        (["--firmware", "new"], ["firmware", "'new'"]),
        (["--board", "5s"], ["board", "4s, 8s, 16s"]),
        (["--seed", "one"], ["seed", "whole number"]),
        (["--soc-percent", "101"], ["soc_percent", "0 to 100"]),
        (["--load-ma", "-1"], ["load_ma", "0 to"]),
        (["--baud", "fast"], ["baud", "300 to 4000000"]),
        (["--baud", "0"], ["baud", "300 to 4000000"]),
        (["--tcp", "4000"], ["tcp", "HOST:PORT"]),
        (["--tcp", "127.0.0.1:70000"], ["tcp", "0 to 65535"]),
        (["--rfc2217", ":x"], ["rfc2217", "HOST:PORT"]),
        (["--tcp", "203.0.113.1:0"], ["tcp 203.0.113.1:0"]),
        (["--answer", "06=maybe"], ["answer_06", "silence"]),
        (["--answer", "xx=silence"], ["answer_xx"]),
        (["--pin-encoding", "morse"], ["pin_encoding", "digits or ascii"]),
        (["--state", "/none/at/all.json"], ["state /none/at/all.json", "no such folder"]),
        (["--log", "/none/at/all.jsonl"], ["/none/at/all.jsonl"]),
        (["--config", "/none/at/all.toml"], ["config /none/at/all.toml"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_bad_input_is_one_line_that_names_field_and_limit(
    options: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, *options)
    assert all(word in message for word in said), message


def test_a_damaged_state_file_is_refused_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, link = tmp_path / "bms.json", tmp_path / "bms"
    state.write_text("damaged")
    message = refused(capsys, "--state", state, "--serial", link)
    assert message.startswith(f"state {state}: damaged")
    assert state.read_text() == "damaged"
    assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[[unit]]"),
        ("unit = 3", "[[unit]]"),
        ("[[unit]\n", "line 1"),
        ('[[unit]]\ncolour = "red"', "unit 1: colour: unknown key"),
        ('[[unit]]\n[[unit]]\npin = "1"', "unit 2: pin '1'"),
        ("[[unit]]\nfirmware = 0x99", "unit 1: firmware 0x99"),
        ("[[unit]]\n\n[more]", "not more"),
        ('[[unit]]\nstate = "a"\n[[unit]]\nstate = "./a"', "two units cannot share one file"),
    ],
    ids=range(8),
)
def test_a_bad_config_names_file_unit_and_key(
    text: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "units.toml"
    path.write_text(text, "utf-8")
    assert said in refused(capsys, "--config", path)


# -- several units, logs, pace ---------------------------------------------------------------


def test_a_config_serves_several_units_in_one_process(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "units.toml"
    config.write_text(
        f"""
        [[unit]]
        name = "boat"
        firmware = "0x17"
        pin = "123456"
        serial = "{tmp_path}/boat"

        [[unit]]
        firmware = 0x25
        board = "16s"
        tcp = "{ANY_PORT}"
        state = "{tmp_path}/second.json"
        answer_05 = "0x83"
        """,
        "utf-8",
    )
    process, [boat, second] = serve("--config", config)
    assert (boat["name"], boat["firmware"], boat["tcp"]) == ("boat", "0x17", None)
    assert (second["name"], second["firmware"], second["board"]) == ("unit2", "0x25", "16s")
    assert ask(tmp_path / "boat", ENTER_FACTORY).status == 0x81
    assert len(ask(second["serial"], ReadRequest(0x04)).data) == 32
    assert ask(second["serial"], NAME).status == 0x83
    assert second["tcp"] is not None
    end(process)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["second.json", "units.toml"]


def test_the_log_has_every_byte_both_ways(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "traffic.jsonl"
    process, [unit] = serve("--log", log, "--tcp", ANY_PORT)
    told, heard = b"", b""
    noise = b"\xdd\xa5noise"
    for before, request in ((b"", NAME), (noise, ReadRequest(0x99)), (b"", ReadRequest(0x03))):
        told += before + request.to_wire()
        heard += ask(unit["serial"], request, before).to_wire()
    end(process)
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert b"".join(bytes.fromhex(row["hex"]) for row in rows if row["dir"] == "rx") == told
    assert b"".join(bytes.fromhex(row["hex"]) for row in rows if row["dir"] == "tx") == heard
    assert {row["unit"] for row in rows} == {"0x21-4s"}
    times = [row["t"] for row in rows]
    assert times == sorted(times)
    assert all(abs(row["wall"] - time.time()) < 60 for row in rows)


def test_the_same_seed_gives_the_same_bytes(serve: Serve) -> None:
    said = []
    for seed in (1, 1, 2):
        _, [unit] = serve("--seed", seed, "--board", "16s")
        said.append(ask(unit["serial"], ReadRequest(0x04)).data)
    assert said[0] == said[1] != said[2]


def test_a_paced_line_takes_at_least_its_line_time(serve: Serve) -> None:
    _, [unit] = serve("--baud", "9600")
    before_s = time.monotonic()
    answer = ask(unit["serial"], ReadRequest(0x03))
    wire = len(ReadRequest(0x03).to_wire()) + len(answer.to_wire())
    assert time.monotonic() - before_s >= wire * 10 / 9600


def test_half_a_frame_is_given_up_and_the_good_one_behind_it_answered(serve: Serve) -> None:
    _, [unit] = serve()
    port = os.open(unit["serial"], os.O_RDWR | os.O_NOCTTY)
    os.write(port, b"\xdd\x5a\x06\x7f" + NAME.to_wire())
    # Nobody writes again: the gap alone must do it.
    assert select.select([port], [], [], PATIENCE_S)[0]
    assert os.read(port, 4)[:2] == b"\xdd\x05"
    os.close(port)


def test_a_pin_for_a_firmware_without_the_function_is_noted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--pin", "123456"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == (
        "note: firmware 0x21 has no password function, the PIN will never be asked for\n"
    )
