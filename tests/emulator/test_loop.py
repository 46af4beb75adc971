"""The loop that units on terminals run on: readers, timers, signals, and one coroutine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from jbd_emulator.frontends._loop import Stop, UnitLoop


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def run(prepare: Callable[[UnitLoop, Stop], object]) -> None:
    loop, stop = UnitLoop(), Stop()
    # A test that never raises the flag fails, and does not hang.
    loop.call_later(5.0, pytest.fail, "the flag was never raised")

    async def main() -> None:
        prepare(loop, stop)
        await stop.wait()

    loop.run(main())


def test_the_result_of_the_coroutine_is_returned() -> None:
    async def main() -> str:
        return "done"

    assert UnitLoop().run(main()) == "done"


def test_timers_go_off_in_order_of_time_and_a_cancelled_one_does_not() -> None:
    heard: list[str] = []

    def prepare(loop: UnitLoop, stop: Stop) -> None:
        now_s = loop.time()
        loop.call_at(now_s + 0.003, stop.set)
        loop.call_at(now_s + 0.002, heard.append, "second")
        loop.call_at(now_s + 0.001, heard.append, "cancelled").cancel()
        loop.call_at(now_s - 1.0, heard.append, "first")

    run(prepare)
    assert heard == ["first", "second"]


def test_a_timer_cancelled_by_an_earlier_one_does_not_go_off() -> None:
    heard: list[str] = []

    def prepare(loop: UnitLoop, stop: Stop) -> None:
        late = loop.call_later(0.001, heard.append, "late")
        loop.call_later(0.0, late.cancel)
        loop.call_later(0.002, stop.set)

    run(prepare)
    assert heard == []


def test_a_reader_is_called_when_there_is_something_to_read(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    heard: list[bytes] = []

    def prepare(loop: UnitLoop, stop: Stop) -> None:
        def on_readable() -> None:
            heard.append(os.read(reading, 10))
            stop.set()

        loop.add_reader(reading, on_readable)
        loop.call_later(0.0, os.write, writing, b"x")

    run(prepare)
    assert heard == [b"x"]


def test_a_reader_that_was_removed_is_not_called(pipe: tuple[int, int]) -> None:
    reading, writing = pipe

    def prepare(loop: UnitLoop, stop: Stop) -> None:
        loop.add_reader(reading, lambda: pytest.fail("called"))
        assert loop.remove_reader(reading)
        assert not loop.remove_reader(reading)
        assert not loop.remove_reader(-1)
        os.write(writing, b"x")
        loop.call_later(0.001, stop.set)

    run(prepare)


def test_a_signal_ends_the_wait_and_its_handler_runs() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    def prepare(loop: UnitLoop, stop: Stop) -> None:
        loop.add_signal_handler(signal.SIGUSR1, stop.set)
        loop.add_signal_handler(signal.SIGUSR2, stop.set)
        # With only the far-off guard in the heap, nothing but the signal ends the wait.
        loop.call_later(0.0, os.kill, os.getpid(), signal.SIGUSR1)

    try:
        run(prepare)
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGUSR1, before)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)


def test_what_a_callback_raises_is_raised_in_the_coroutine_which_cleans_up() -> None:
    loop, cleaned = UnitLoop(), []

    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        loop.call_later(0.0, fail)
        try:
            await Stop().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(ZeroDivisionError):
        loop.run(main())
    assert cleaned == [True]
