"""The least event loop that terminals and sockets need.

Importing asyncio takes as long as starting five interpreters, and a test suite starts a unit for
every case; its transports cost a third of an exchange over TCP. So units run here, and on
asyncio, whose loops have the same methods, where Bluetooth needs it.
"""

from __future__ import annotations

import heapq
import os
import selectors
import signal
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar

ResultT = TypeVar("ResultT")


class Timer(Protocol):
    """What :meth:`EventLoop.call_at` returns."""

    def cancel(self) -> None:
        """Do not call; nothing happens where it was called already."""


class EventLoop(Protocol):
    """What a front end asks of a loop: this one's and asyncio's."""

    def time(self) -> float:
        """Return the present time in seconds."""

    # Any: whatever the callback takes, and whatever it returns is dropped.
    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call once, when ``when`` has come."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call whenever the descriptor can be read."""

    def remove_reader(self, fd: int) -> bool:
        """Stop watching the descriptor; return whether it was watched."""

    def add_signal_handler(self, sig: int, callback: Callable[[], object]) -> None:
        """Call when the signal arrives."""


class Stop:
    """Raised like a flag, awaited like one; the loop goes on in between."""

    __slots__ = ("_raised",)

    def __init__(self) -> None:
        self._raised = False

    def set(self) -> None:
        """Raise it."""
        self._raised = True

    def __bool__(self) -> bool:
        """Whether it is raised."""
        return self._raised

    async def wait(self) -> None:
        """Return when it is raised."""
        while not self._raised:
            await _TURN


class _Turn:
    """Awaited, it gives the loop one turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_TURN = _Turn()


class _Call:
    """A timer that waits in the heap."""

    __slots__ = ("args", "callback", "when_s")

    def __init__(self, when_s: float, callback: Callable[..., object], args: tuple[Any, ...]):
        self.when_s, self.args = when_s, args
        self.callback: Callable[..., object] | None = callback

    def __lt__(self, other: _Call) -> bool:
        return self.when_s < other.when_s

    def cancel(self) -> None:
        self.callback = None


class UnitLoop:
    """Watches descriptors, keeps timers, runs one coroutine.

    The coroutine may await whatever never suspends, and :class:`Stop`.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._calls: list[_Call] = []
        self._woken: tuple[int, int] | None = None

    def time(self) -> float:
        """Return the present time in seconds, on the clock that asyncio uses."""
        return time.monotonic()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> _Call:
        """Call once, when ``when`` has come."""
        call = _Call(when, callback, args)
        heapq.heappush(self._calls, call)
        return call

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> _Call:
        """Call once, ``delay`` seconds from now."""
        return self.call_at(time.monotonic() + delay, callback, *args)

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call whenever the descriptor can be read."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def remove_reader(self, fd: int) -> bool:
        """Stop watching the descriptor; return whether it was watched."""
        try:
            self._selector.unregister(fd)
        except (KeyError, ValueError):
            return False
        return True

    def add_signal_handler(self, sig: int, callback: Callable[[], object]) -> None:
        """Call when the signal arrives, in the middle of whatever is going on."""
        if self._woken is None:
            # A signal alone does not end a wait for descriptors; a byte in this pipe does.
            reading, writing = self._woken = os.pipe()
            for descriptor in self._woken:
                os.set_blocking(descriptor, False)
            signal.set_wakeup_fd(writing)
            self.add_reader(reading, lambda: os.read(reading, 64))
        signal.signal(sig, lambda *_: callback())

    def run(self, main: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run a coroutine to its end and return what it returns.

        What a callback raises is raised inside it, so that it can clean up.
        """
        error: BaseException | None = None
        try:
            while True:
                try:
                    if error is None:
                        main.send(None)
                    else:
                        main.throw(error)
                except StopIteration as done:
                    result: ResultT = done.value
                    return result
                error = self.turn()
        finally:
            self.close()

    def turn(self) -> BaseException | None:
        """Wait for the next thing that is due, do it, and return what it raised."""
        calls = self._calls
        try:
            wait_s = max(0.0, calls[0].when_s - time.monotonic()) if calls else None
            for key, _ in self._selector.select(wait_s):
                key.data()
            now_s = time.monotonic()
            while calls and calls[0].when_s <= now_s:
                call = heapq.heappop(calls)
                if call.callback is not None:
                    call.callback(*call.args)
        except BaseException as error:
            return error
        return None

    def close(self) -> None:
        """Give descriptors back; :meth:`run` does so at its end."""
        if self._woken is not None:
            signal.set_wakeup_fd(-1)
            for descriptor in self._woken:
                os.close(descriptor)
        self._selector.close()
