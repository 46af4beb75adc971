"""Faults of a served unit: in its log, on a terminal that is pulled out, over TCP and RFC 2217."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
BASIC = bytes.fromhex("dda50300fffd77")
CELLS = bytes.fromhex("dda50400fffc77")
STUCK_S = 30.0
FAULTS = """
[[unit]]
name = "one"
firmware = "0x21"
seed = 3
tcp = "127.0.0.1:0"
{ports}

[[unit.fault]]
id = "cut"
kind = "disconnect"
register = 0x03
byte = 10
times = 1

[[unit.fault]]
id = "pieces"
kind = "split"
register = 0x04
byte = 5
gap_s = 0.05
"""


@pytest.fixture
def one(serve: Callable[..., Any], tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Serve the unit above; return where it is reached. Its log is ``log.jsonl``."""

    def start(ports: str = "") -> dict[str, Any]:
        config = tmp_path / "units.toml"
        config.write_text(FAULTS.format(ports=ports))
        _, units = serve("--config", config, "--log", tmp_path / "log.jsonl")
        unit: dict[str, Any] = units[0]
        return unit

    return start


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]


def heard(descriptor: int, count: int) -> bytes:
    """Read so many bytes, or what comes before the link is gone."""
    data = b""
    while len(data) < count:
        assert select.select([descriptor], [], [], STUCK_S)[0], f"silent behind {data.hex()}"
        try:
            piece = os.read(descriptor, 4096)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data


def opened(path: str) -> int:
    until_s = time.monotonic() + STUCK_S
    while True:
        try:
            return os.open(path, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            assert time.monotonic() < until_s, "the port does not come back"
            select.select([], [], [], 0.01)


def test_a_terminal_is_pulled_out_and_its_link_leads_to_the_next(
    one: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "port"
    one(f'serial = "{path}"')
    descriptor = opened(str(path))
    os.write(descriptor, BASIC)
    got = heard(descriptor, 34)
    sent = b"".join(bytes.fromhex(row["hex"]) for row in log(tmp_path) if row["dir"] == "tx")
    # A terminal that is closed takes with it what its reader has not read yet.
    assert len(sent) == 10
    assert sent.startswith(got)
    os.close(descriptor)
    descriptor = opened(str(path))
    assert path.is_symlink()
    os.write(descriptor, BASIC)
    assert len(heard(descriptor, 34)) == 34
    os.close(descriptor)
    [cut] = [row for row in log(tmp_path) if row["dir"] == "fault"]
    assert (cut["fault"], cut["kind"], cut["register"], cut["exchange"]) == (
        "cut", "disconnect", 3, 1,
    )  # fmt: skip
    assert cut["before"].startswith(cut["after"])
    assert len(cut["after"]) == 20


@pytest.mark.parametrize("pace", ["", "baud = 9600"])
def test_a_connection_is_closed_within_a_frame_and_taken_again(
    one: Callable[[str], dict[str, Any]], tmp_path: Path, pace: str
) -> None:
    host, port = one(pace)["tcp"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), STUCK_S) as connected:
        connected.sendall(CELLS)
        assert heard(connected.fileno(), 15)[:2] == b"\xdd\x04"
        connected.sendall(BASIC)
        assert len(heard(connected.fileno(), 34)) == 10
        assert connected.recv(1) == b""
    with socket.create_connection((host, int(port)), STUCK_S) as connected:
        connected.sendall(BASIC)
        assert len(heard(connected.fileno(), 34)) == 34
    sent = [row for row in log(tmp_path) if row["dir"] == "tx" and row["hex"].startswith("dd04")]
    assert [len(row["hex"]) // 2 for row in sent] == [5]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_split_answer_over_rfc2217(one: Callable[[str], dict[str, Any]]) -> None:
    import serial

    where = one('rfc2217 = "127.0.0.1:0"')["rfc2217"]
    with serial.serial_for_url(f"rfc2217://{where}", timeout=STUCK_S) as port:
        begun_s = time.monotonic()
        port.write(CELLS)
        assert len(port.read(5)) == 5
        assert len(port.read(10)) == 10
        assert time.monotonic() - begun_s >= 0.04


def test_what_is_wrong_in_a_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from jbd_emulator.__main__ import main

    config = tmp_path / "units.toml"
    config.write_text('[[unit]]\nfirmware = "0x21"\n\n[[unit.fault]]\nkind = "drop"\nbyte = 999\n')
    assert main(["serve", "--config", str(config)]) == 2
    error = capsys.readouterr().err
    assert error == (
        f"jbd-emulator serve: config {config}, unit 1: fault drop byte 999: must be -512 to 511\n"
    )
