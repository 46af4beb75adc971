"""`serve --control` as a process: it answers, it keeps out, and boards go on whatever happens."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_emulator.__main__ import main
from jbd_protocol import ReadRequest

from .conftest import Api, Started

pytestmark = pytest.mark.slow
Control = Callable[..., Started]
BASIC_INFO = ReadRequest(0x03).to_wire()


def exchange(unit: dict[str, Any]) -> bytes:
    """Return the answer to a read of basic information over TCP."""
    host, port = unit["tcp"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(BASIC_INFO)
        answer = b""
        while not answer.endswith(b"\x77") or len(answer) < 34:
            piece = wire.recv(100)
            assert piece, "the board hung up"
            answer += piece
    return answer


def child_of(pid: int) -> int:
    """Return the control process of a serve process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                return int(entry.name)
    raise AssertionError("no child")


def test_page_and_api_answer_on_the_loopback_without_a_token(control: Control) -> None:
    _, ready = control("--tcp", "127.0.0.1:0", "--firmware", "0x17")
    [unit] = ready["units"]
    assert set(ready["control"]) == {"page", "api"}
    api = Api(ready["control"])
    before = exchange(unit)
    status, state = api("PUT", "/units/0x17-4s/load", {"current_ma": 7000})
    assert (status, state["pack"]["load_ma"]) == (200, 7000)
    _, traffic = api("GET", "/units/0x17-4s/traffic")
    assert [row["dir"] for row in traffic["entries"]] == ["rx", "tx"]
    assert traffic["entries"][1]["hex"] == before.hex(" ").upper()
    assert traffic["entries"][1]["line"].startswith("tcp 127.0.0.1:")
    _, overview = api("GET", "/")
    assert abs(overview["started"] + overview["t_s"] - time.time()) < 5


def test_events_carry_state_and_traffic_as_they_come(control: Control) -> None:
    _, ready = control("--tcp", "127.0.0.1:0")
    host = ready["control"]["api"].split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", "/api/v1/units/0x21-4s/events")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    seen: dict[str, Any] = {}
    exchange(ready["units"][0])
    while not {"state", "traffic"} <= set(seen):
        line = answer.readline().decode()
        if line.startswith("event: "):
            name = line.split(": ")[1].strip()
            seen[name] = json.loads(answer.readline().decode().removeprefix("data: "))
    assert seen["state"]["name"] == "0x21-4s"
    assert [row["dir"] for row in seen["traffic"]["entries"]] == ["rx", "tx"]
    connection.close()


def test_any_other_address_needs_the_token_that_is_printed_once(control: Control) -> None:
    _, ready = control(address="0.0.0.0:0")
    where = ready["control"]
    assert len(where["token"]) >= 40
    assert where["page"].endswith(f"/#token={where['token']}")
    port = int(where["api"].split(":")[2].split("/")[0])
    where["api"] = f"http://127.0.0.1:{port}/api/v1"
    api = Api(where)
    assert api("GET", "/")[0] == 200
    assert api("GET", "/", Authorization="Bearer wrong")[0] == 401
    api.token = None
    status, problem = api("PUT", "/units/0x21-4s/load", {"current_ma": 1})
    assert (status, problem["field"]) == (401, "Authorization")
    assert api("GET", "/", Host="evil.example")[0] == 403


@pytest.mark.parametrize(
    "bytes_",
    [
        b"GET /api/v1/ HTTP/1.1\r\nHost: " + b"a" * 40_000 + b"\r\n\r\n",
        b"\x00" * 5000,
        b"PUT /api/v1/units/0x21-4s/load HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"GET /api/v1/units/0x21-4s/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example\r\n\r\n",
    ],
    ids=["long head", "noise", "long body", "half a head", "websocket"],
)  # fmt: skip
def test_no_bytes_on_the_api_port_stop_anything(control: Control, bytes_: bytes) -> None:
    _, ready = control("--tcp", "127.0.0.1:0")
    host, port = ready["control"]["api"].split("/")[2].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(bytes_)
        assert exchange(ready["units"][0])
        if not bytes_.endswith(b"1.1\r\n"):
            first = wire.recv(12)
            assert re.match(rb"HTTP/1.1 4\d\d", first), first
    assert Api(ready["control"])("GET", "/")[0] == 200


def test_a_control_process_that_hangs_keeps_no_client_waiting(control: Control) -> None:
    process, ready = control("--tcp", "127.0.0.1:0")
    child = child_of(process.pid)
    os.kill(child, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert exchange(ready["units"][0])
    finally:
        os.kill(child, signal.SIGCONT)
    assert Api(ready["control"])("GET", "/")[0] == 200


def test_boards_on_asyncio_have_the_same_page(tmp_path: Path) -> None:
    # What is on the air runs there; a radio is not needed to see it.
    script = tmp_path / "on_asyncio.py"
    script.write_text(
        "import sys\n"
        "from jbd_emulator.frontends._server import UnitPorts\n"
        "UnitPorts.needs_asyncio = property(lambda self: True)\n"
        "from jbd_emulator.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, str(script), "serve", "--json", "--tcp", "127.0.0.1:0",
               "--control", "127.0.0.1:0"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert exchange(ready["units"][0])
            status, traffic = Api(ready["control"])("GET", "/units/0x21-4s/traffic")
            assert (status, len(traffic["entries"])) == (200, 2)
        finally:
            process.terminate()
        assert process.wait(20) == 0


def test_boards_survive_their_control_process_and_say_so(control: Control) -> None:
    process, ready = control("--tcp", "127.0.0.1:0")
    os.kill(child_of(process.pid), signal.SIGKILL)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line == (
        "jbd-emulator serve: control: its process has ended; the units go on without a page\n"
    )
    assert exchange(ready["units"][0])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_control_process_ends_with_the_boards(control: Control, number: int) -> None:
    process, ready = control()
    child = child_of(process.pid)
    process.send_signal(number)
    process.wait(20)
    host, port = ready["control"]["api"].split("/")[2].rsplit(":", 1)
    give_up_s = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and time.monotonic() < give_up_s:
        os.sched_yield()
    assert not Path(f"/proc/{child}").exists()
    with pytest.raises(OSError):
        socket.create_connection((host, int(port)), timeout=2).close()


def test_the_rate_is_what_was_asked_for(control: Control) -> None:
    # One a second: of many in a row one comes too soon, on a machine that is busy as well.
    _, ready = control("--control-rate", "1")
    api = Api(ready["control"])
    assert api("GET", "/")[0] == 200
    assert any(api("GET", "/")[0] == 429 for _ in range(50))


def test_a_port_that_is_taken_is_one_line(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["serve", "--control", address]) == 2
    assert capsys.readouterr().err == (
        f"jbd-emulator serve: control {address}: address already in use\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--control", "7780"), "control '7780': must be HOST:PORT, port 0 to 65535"),
        (("--control", "127.0.0.1:0", "--control-rate", "0"),
         "control-rate '0': must be 1 to 10000"),
        (("--control-rate", "5"), "control-rate: there is no --control that it would be for"),
        (("--control-host", "bench"), "control-host: there is no --control that it would be for"),
    ],
)  # fmt: skip
def test_options_that_are_wrong_are_one_line(
    arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    assert capsys.readouterr().err == f"jbd-emulator serve: {line}\n"
