"""What ends a recording: a signal, whichever thread the kernel gives it to."""

from __future__ import annotations

import select
import signal
import threading

import pytest

from jbd_bench.recordings._stop import stop_on_signals
from jbd_bench.safety._polite import polite_end


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_another_thread_gets_wakes_who_waits(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        # Handlers run in this thread, which waits by then and would not hear of it.
        other = threading.Timer(0.3, lambda: signal.pthread_kill(threading.get_ident(), number))
        other.start()
        assert select.select([stop.fileno()], [], [], 30.0)[0]
        other.join()
        assert stop.is_set
    assert signal.set_wakeup_fd(-1) == -1


def test_a_hang_up_that_is_ignored_stays_so() -> None:
    """As nohup has it, whose users expect the program to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop, polite_end():
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
