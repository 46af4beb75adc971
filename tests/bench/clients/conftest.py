"""A link without a terminal: bytes straight to a board, time that jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from jbd_bench._link import Clock, Link
from jbd_bench.clients import Direction, Entry, Log
from jbd_emulator import Unit, parse_unit

Answer = Callable[[bytes], bytes]


class Board(Protocol):
    def receive(self, data: bytes, now_s: float) -> bytes: ...


class JumpClock:
    def __init__(self) -> None:
        self.time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def sleep_until(self, when_s: float) -> None:
        self.time_s = max(self.time_s, when_s)


class LoopbackLink:
    """Answers arrive ``delay_s`` after the request, whole or in pieces of ``piece`` bytes."""

    def __init__(self, board: Board, delay_s: float = 0.0, piece: int = 0) -> None:
        self.name = "loopback"
        self.clock: Clock = JumpClock()
        self.board, self.delay_s, self.piece = board, delay_s, piece
        self.coming: list[tuple[float, bytes]] = []
        self.connections = 1

    def write(self, data: bytes) -> None:
        now_s = self.clock.now_s()
        answer = self.board.receive(data, now_s)
        size = self.piece or max(1, len(answer))
        for at in range(0, len(answer), size):
            self.coming.append((now_s + self.delay_s, answer[at : at + size]))

    def read(self, until_s: float) -> bytes:
        if self.coming and self.coming[0][0] <= until_s:
            when_s, data = self.coming.pop(0)
            self.clock.sleep_until(when_s)
            return data
        self.clock.sleep_until(until_s)
        return b""

    def reconnect(self) -> None:
        self.coming.clear()
        self.connections += 1

    def close(self) -> None:
        self.coming.clear()


class Scripted:
    """A board that is one function."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def receive(self, data: bytes, now_s: float) -> bytes:
        return self.answer(data)


@pytest.fixture
def board() -> Callable[..., Link]:
    """``board("0x21?pin=123456", delay_s=0.05)`` is a link to a fresh emulated unit."""

    def make(unit: str, delay_s: float = 0.0, piece: int = 0) -> Link:
        return LoopbackLink(Unit(parse_unit(unit)), delay_s, piece)

    return make


@pytest.fixture
def scripted() -> Callable[..., Link]:
    """``scripted(lambda request: answer)`` is a link to that function."""

    def make(answer: Answer, delay_s: float = 0.0, piece: int = 0) -> Link:
        return LoopbackLink(Scripted(answer), delay_s, piece)

    return make


@pytest.fixture
def sent() -> Callable[[Log], list[tuple[float, str]]]:
    """``sent(log)`` is what the client sent: time in seconds, and hexadecimal."""

    def of(log: Log) -> list[tuple[float, str]]:
        rows: list[Entry] = [entry for entry in log if entry.direction is Direction.TX]
        return [(round(entry.t_s, 3), entry.frame.hex(" ")) for entry in rows]

    return of
