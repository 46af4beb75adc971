"""The board's end of the line to the control process: bounded, and never in a client's way.

One line of JSON asks, one line of JSON answers, one at a time. The board reads the next question
when the last answer has left, and rests after each one for as long as it took: whatever the other
process asks for, boards have at least every other moment for their own ports.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .._config import ConfigError

if TYPE_CHECKING:
    from ..frontends._loop import EventLoop, Timer
    from ._desk import Desk

MOST_LINE: Final = 256 * 1024
"""Bytes of one question. A scenario of 32,768 characters, escaped, is the largest."""
_READ: Final = 64 * 1024
_RETRY_S: Final = 0.005
_LEAST_REST_S: Final = 0.0002
_END_S: Final = 3.0
_PACKAGES: Final = ("fastapi", "uvicorn")


def check_packages() -> None:
    """Refuse where the extra is not installed.

    Raises:
        ConfigError: it is not; the line names it.
    """
    from importlib.util import find_spec

    for package in _PACKAGES:
        if find_spec(package) is None:
            raise ConfigError(f"control: needs {package}, install jbd-bench[web]")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, for the other process to accept on.

    Raises:
        ConfigError: the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, where = min(found, key=lambda row: row[0] != socket.AF_INET)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            listener.listen(64)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else str(error)
        raise ConfigError(f"control {host}:{port}: {reason.lower()}") from None
    return listener


class ControlPort:
    """A control process, and the line to it.

    Args:
        loop: of the boards.
        desk: who answers.
        listener: what the other process accepts on; it is closed on this side.
        settings: what that process is to know; see ``jbd_emulator.control.__main__``.
        changed: called when the process is ready, or gone; see :attr:`ready` and :attr:`gone`.
    """

    def __init__(
        self,
        loop: EventLoop,
        desk: Desk,
        listener: socket.socket,
        settings: dict[str, Any],
        changed: Callable[[], None],
    ) -> None:
        self._loop, self._desk, self._changed = loop, desk, changed
        self.ready = False
        """Whether it accepts connections."""
        self.gone = False
        """Whether it has ended."""
        self._heard, self._unsent = bytearray(), b""
        self._timer: Timer | None = None
        ours, theirs = socket.socketpair()
        # Not a fork: what is loaded here, and every port that is open, stays here.
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "jbd_emulator.control", str(theirs.fileno()),
             str(listener.fileno())],
            pass_fds=(theirs.fileno(), listener.fileno()),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        listener.close()
        ours.sendall(json.dumps(settings).encode() + b"\n")
        ours.setblocking(False)
        self._socket = ours
        loop.add_reader(ours.fileno(), self._on_readable)

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._hang_up()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(self._heard) + len(data) > MOST_LINE:
            self._hang_up()
            return
        self._heard += data
        if self._timer is None:
            self._work()

    def _work(self) -> None:
        """Send what is left of an answer, or answer one question, and come back for more."""
        self._timer = None
        if self._unsent and not self._send():
            self._come_back(_RETRY_S)
            return
        line, found, rest = bytes(self._heard).partition(b"\n")
        if not found:
            return
        self._heard = bytearray(rest)
        began_s = self._loop.time()
        self._answer(line, began_s)
        if self.gone:
            return
        took_s = self._loop.time() - began_s
        if self._heard or self._unsent:
            self._come_back(max(took_s, _LEAST_REST_S))

    def _answer(self, line: bytes, now_s: float) -> None:
        try:
            question = json.loads(line)
            number = int(question["id"])
        except (ValueError, TypeError, KeyError):
            self._hang_up()  # not the process that we started
            return
        if question.get("do") == "ready":
            self.ready = True
            self._changed()
            return
        answer = {"id": number, **self._desk.answer(question, now_s)}
        self._unsent = json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        self._send()

    def _send(self) -> bool:
        """Hand on what the socket takes; return whether that was all."""
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        except OSError:
            self._hang_up()
            return True
        return not self._unsent

    def _come_back(self, delay_s: float) -> None:
        self._timer = self._loop.call_later(delay_s, self._work)

    def _hang_up(self) -> None:
        if self.gone:
            return
        self.gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._changed()
