"""One suite for all transports: the same cases on the embedded unit, a port, a socket, RFC 2217."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jbd_bench import Link, LinkError, open_target
from jbd_protocol import BadFrame, Noise, ReadRequest, Response, ResponseDecoder

BASIC = ReadRequest(0x03).to_wire()
CELLS = ReadRequest(0x04).to_wire()
DAMAGED = BASIC[:-1] + b"\x78"
KINDS = ["emulator", "serial", "socket", "rfc2217"]


class Server:
    """``jbd-emulator serve`` with every port it has, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        path = folder / "unit"
        ports = ["--tcp", "127.0.0.1:0", "--rfc2217", "127.0.0.1:0", "--serial", str(path)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jbd_emulator", "serve", "--json", *ports],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        [unit] = json.loads(self.process.stdout.readline())["units"]
        self.targets = {
            "serial": f"serial:{path}",
            "socket": f"socket://{unit['tcp']}",
            "rfc2217": f"rfc2217://{unit['rfc2217']}",
        }

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    yield server
    server.stop()


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest) -> str:
    if request.param == "emulator":
        return "emulator:0x21?board=4s"
    server: Server = request.getfixturevalue("server")
    return server.targets[request.param]


@pytest.fixture
def link(target: str) -> Iterator[Link]:
    link = open_target(target)
    yield link
    link.close()


def answers(link: Link, count: int = 1, wait_s: float = 2.0) -> list[Response]:
    """Return what comes until ``count`` answers are whole."""
    decoder = ResponseDecoder()
    found: list[Response | BadFrame | Noise] = []
    until_s = link.clock.now_s() + wait_s
    while len(found) < count and (data := link.read(until_s)):
        found += decoder.receive(data)
    assert all(isinstance(event, Response) for event in found), found
    return [event for event in found if isinstance(event, Response)]


def test_a_request_is_answered(link: Link) -> None:
    link.write(BASIC)
    [answer] = answers(link)
    assert (answer.register, answer.status) == (0x03, 0)


def test_many_exchanges_stay_in_step(link: Link) -> None:
    for _ in range(25):
        for wire, register in ((BASIC, 0x03), (CELLS, 0x04)):
            link.write(wire)
            assert [a.register for a in answers(link)] == [register]


@pytest.mark.slow
def test_silence_lasts_until_the_deadline(link: Link) -> None:
    link.write(DAMAGED)
    start_s = link.clock.now_s()
    assert link.read(start_s + 0.3) == b""
    waited_s = link.clock.now_s() - start_s
    assert 0.3 <= waited_s < 1.5


def test_a_deadline_that_has_passed_does_not_wait(link: Link) -> None:
    start_s = link.clock.now_s()
    assert link.read(start_s - 1.0) == b""
    assert link.clock.now_s() - start_s < 0.2


def test_what_has_arrived_is_read_after_the_deadline(link: Link) -> None:
    link.write(BASIC)
    [_] = answers(link)
    link.write(BASIC)
    link.clock.sleep_until(link.clock.now_s() + 0.2)
    assert link.read(link.clock.now_s()).startswith(b"\xdd\x03")


def test_a_request_in_pieces_is_answered(link: Link) -> None:
    for byte in BASIC:
        link.write(bytes((byte,)))
    assert [a.register for a in answers(link)] == [0x03]


def test_a_long_request_arrives_whole(link: Link) -> None:
    link.write(ReadRequest(0x03, bytes(255)).to_wire() * 8 + CELLS)
    assert answers(link, count=9)[-1].register == 0x04


@pytest.mark.slow
def test_a_link_reconnects(link: Link) -> None:
    for _ in range(3):
        link.write(BASIC)
        assert len(answers(link)) == 1
        link.reconnect()
    link.write(CELLS)
    assert [a.register for a in answers(link)] == [0x04]


def test_closing_twice_does_nothing(link: Link) -> None:
    link.close()
    link.close()


def test_a_closed_link_says_so(link: Link, target: str) -> None:
    link.close()
    with pytest.raises(LinkError, match="closed") as caught:
        link.write(BASIC)
    assert str(caught.value).startswith(target)
    with pytest.raises(LinkError, match="closed"):
        link.read(link.clock.now_s())


def test_a_link_is_named_as_its_target(link: Link, target: str) -> None:
    assert link.name == target


def talk_on(link: Link) -> None:
    """Ask a few times more: what was on its way is still read after the peer has left."""
    for _ in range(5):
        link.write(BASIC)
        link.read(link.clock.now_s() + 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["serial", "socket", "rfc2217"])
def test_a_board_that_goes_away_is_an_error_and_not_silence(kind: str, tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        link = open_target(server.targets[kind])
        link.write(BASIC)
        assert len(answers(link)) == 1
    finally:
        server.stop()
    try:
        with pytest.raises(LinkError, match="gone"):
            talk_on(link)
    finally:
        link.close()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("serial:/dev/ttyNOTHERE", "no such port"),
        ("serial:/dev/null", "not a serial port"),
        ("socket://127.0.0.1:1", "connection refused"),
        ("rfc2217://127.0.0.1:1", "connection refused"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(target: str, reason: str) -> None:
    with pytest.raises(LinkError) as caught:
        open_target(target)
    assert str(caught.value) == f"{target}: {reason}"


def test_the_embedded_clock_does_what_is_due_on_the_way() -> None:
    link = open_target("emulator:0x21?answer_03=delay-0.3")
    link.write(BASIC)
    assert link.read(link.clock.now_s() + 0.2) == b""
    [answer] = answers(link)
    assert (answer.register, round(link.clock.now_s(), 3)) == (0x03, 0.3)
    link.write(BASIC)
    link.clock.sleep_until(10.0)
    assert link.read(10.0).startswith(b"\xdd\x03")
    assert link.clock.now_s() == 10.0
    link.close()


def test_the_embedded_link_gives_the_same_traffic_every_time() -> None:
    def play() -> list[bytes]:
        link = open_target("emulator:0x25?board=16s&seed=7")
        pieces = []
        for second in range(5):
            link.clock.sleep_until(float(second))
            for wire in (BASIC, CELLS):
                link.write(wire)
                pieces.append(link.read(link.clock.now_s()))
        link.close()
        return pieces

    assert play() == play()
