"""The pack and the board in virtual time, at steps of a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from _measure import AT_LEAST, Row, Side, interleave
from _wire import Bench

from jbd_emulator import Unit, parse_unit

GROUP = "model"
_ROUNDS = 20
_SIMULATED_S = 3600.0
_LIMITS = {"4s": 20_000.0, "8s": None, "16s": 5_000.0}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    seconds = 60.0 if bench.quick else _SIMULATED_S
    speed = interleave({board: _speed(board, seconds) for board in _LIMITS}, bench.rounds(_ROUNDS))
    for board, limit in _LIMITS.items():
        side = Side("virtual time", "x real time", speed[board])
        yield Row(
            group=GROUP, what=f"{board.upper()} unit in virtual time, steps of 1 s, under load",
            ours=side, value=side.median, unit="x real time", bound=AT_LEAST, limit=limit,
        )  # fmt: skip


def _speed(board: str, seconds: float) -> Callable[[], float]:
    def times_real_time() -> float:
        # Afresh for each run: a pack that has run empty does less.
        unit = Unit(parse_unit(f"0x21?board={board}&load_ma=5000"))
        started = time.perf_counter()
        unit.device.advance_to(seconds)
        return seconds / (time.perf_counter() - started)

    return times_real_time
