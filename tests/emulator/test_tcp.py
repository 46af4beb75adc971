"""Clients of a TCP port: how many, how slow, and how they leave."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from jbd_emulator import Unit, parse_unit
from jbd_emulator.frontends._loop import Stop, UnitLoop
from jbd_emulator.frontends._tcp import MAX_CLIENTS, Endpoint, TcpConnection
from jbd_protocol import ReadRequest

READ = ReadRequest(0x03).to_wire()


class Served:
    """A unit on a port, and the turns of its loop in the test's hands."""

    def __init__(self, baud: int | None = None) -> None:
        self.loop = UnitLoop()
        unit = Unit(parse_unit("0x21?board=4s"), self.loop.time())
        self.endpoint = Endpoint(unit, baud, self.loop, TcpConnection)
        self.endpoint.listen("127.0.0.1", 0)

    def client(self) -> socket.socket:
        host, _, port = self.endpoint.address.rpartition(":")
        client = socket.create_connection((host, int(port)))
        client.setblocking(False)
        return client

    def until(self, done: Callable[[], object]) -> None:
        """Let the loop run until something has come true, at most five seconds."""
        stop = Stop()

        def look() -> None:
            stop.set() if done() else self.loop.call_later(0.001, look)

        guard = self.loop.call_later(5.0, pytest.fail, "it never came true")
        look()
        while not stop:
            assert self.loop.turn() is None
        guard.cancel()

    def ask(self, client: socket.socket) -> bytes:
        client.send(READ)
        answer = b""

        def whole() -> bool:
            nonlocal answer
            answer += receive(client)
            return answer.endswith(b"\x77") and len(answer) == 7 + answer[3]

        self.until(whole)
        return answer


def receive(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 20)
    except BlockingIOError:
        return b""


def ended(client: socket.socket) -> bool:
    try:
        return client.recv(10) == b""
    except BlockingIOError:
        return False


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    one.endpoint.close()
    one.loop.close()


def test_a_client_is_answered_and_the_next_one_after_it(served: Served) -> None:
    for _ in range(3):
        with served.client() as client:
            assert served.ask(client)[:3] == b"\xdd\x03\x00"
        served.until(lambda: not served.endpoint.clients)


def test_one_client_too_many_is_closed_and_the_others_stay(served: Served) -> None:
    clients = [served.client() for _ in range(MAX_CLIENTS)]
    served.until(lambda: len(served.endpoint.clients) == MAX_CLIENTS)
    with served.client() as late:
        served.until(lambda: ended(late))
    assert served.ask(clients[0])
    for client in clients:
        client.close()


def test_a_client_that_reads_nothing_loses_answers_and_holds_up_nobody(served: Served) -> None:
    with served.client() as lazy, served.client() as busy:

        def dropped() -> bool:
            with contextlib.suppress(BlockingIOError):
                lazy.send(READ * 100)
            return any(client.dropped for client in served.endpoint.clients)

        served.until(dropped)
        assert served.ask(busy)


class Narrow:
    """A socket that takes as many bytes as there is room for."""

    def __init__(self) -> None:
        self.room = 0
        self.taken = b""

    def fileno(self) -> int:
        return -1

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        sent = min(self.room, len(data))
        self.taken += data[:sent]
        self.room -= sent
        return sent


def test_the_rest_of_an_answer_goes_before_the_next_one(served: Served) -> None:
    with served.client() as client:
        assert served.ask(client)
        [connection] = served.endpoint.clients
        wide, narrow = connection._socket, Narrow()
        connection._socket = narrow  # type: ignore[assignment]  # what write needs of one
        narrow.room = 3
        connection.write(b"first")
        connection.write(b"lost: no room at all")
        narrow.room = 1
        connection.write(b"lost: room for the rest of the first, but not for all of it")
        narrow.room = 100
        connection.write(b"second")
        connection._socket = wide
    assert narrow.taken == b"firstsecond"
    assert connection.dropped == len(
        b"lost: no room at alllost: room for the rest of the first, but not for all of it"
    )


def test_closing_drops_every_client_and_the_port_is_free_again(served: Served) -> None:
    with served.client() as client:
        assert served.ask(client)
        host, _, port = served.endpoint.address.rpartition(":")
        served.endpoint.close()
        served.endpoint.close()
        client.setblocking(True)
        assert client.recv(10) == b""
    assert served.endpoint.address == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_no_descriptor_left_is_waited_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jbd_emulator.frontends._tcp._RETRY_S", 0.001)
    refusals = iter((True, True))
    accept = socket.socket.accept

    def no_descriptor(self: socket.socket) -> object:
        if next(refusals, False):
            raise OSError(24, "Too many open files")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", no_descriptor)
    with served.client() as client:
        assert served.ask(client)


def test_a_paced_answer_comes_in_pieces_and_stops_when_the_client_leaves() -> None:
    paced = Served(baud=115_200)
    client = paced.client()
    assert paced.ask(client)
    client.send(READ)
    paced.until(lambda: any(one._timer is not None for one in paced.endpoint.clients))
    client.close()
    paced.until(lambda: not paced.endpoint.clients)
    paced.endpoint.close()
    paced.loop.close()
