"""Fixtures of the password suite."""

from __future__ import annotations

import pytest

from jbd_bench.suites._wire import Wire
from jbd_protocol import CLEAR_PIN, ENTER_FACTORY, LEAVE_FACTORY, Response, WriteRequest, pair


class Lock:
    """A board's password, asked in frames and read by their status."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def present(self, pin: bytes) -> Response | None:
        """Answer to 06."""
        return self.wire.ask(pair(pin))

    def clear(self) -> Response | None:
        """Answer to 09 with the clear word."""
        return self.wire.ask(CLEAR_PIN)

    def send(self, register: int, data: bytes) -> Response | None:
        """Answer to a write of any bytes."""
        return self.wire.ask(WriteRequest(register, data))

    def is_open(self) -> bool:
        """Whether factory mode can be entered; it is left again."""
        answer = self.wire.ask(ENTER_FACTORY)
        if answer is None or answer.status:
            return False
        self.wire.ask(LEAVE_FACTORY)
        return True


@pytest.fixture
def lock(wire: Wire) -> Lock:
    """The password of the board under test."""
    return Lock(wire)
