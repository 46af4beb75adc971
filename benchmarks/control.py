"""What the page and the API cost the clients of a board, while many of all kinds are busy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from _measure import Row, Side, ratio, skipped
from _wire import (
    HERE,
    READ_BASIC_INFO,
    Bench,
    basic_info_length,
    exchange,
    no_idle_core,
    serving,
)

GROUP = "control"
_PHASES = 4
_SECONDS, _QUICK_SECONDS = 8.0, 1.5
_EXCHANGES = 400


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    if bench.client is None or find_spec("fastapi") is None:
        yield skipped(GROUP, "round trip beside a page", "needs a C compiler and the extra `web`")
        return
    command = [bench.script("jbd-emulator"), "serve", "--json", "--tcp", "127.0.0.1:0",
               "--control", "127.0.0.1:0"]  # fmt: skip
    with no_idle_core(), serving(command) as line:
        ready = json.loads(line)
        alone, beside, loads = _in_turns(bench, ready)
    asked, answered = (sum(load[key] for load in loads) for key in ("asked", "answered"))
    requests, refused, events = (
        sum(load[key] for load in loads) for key in ("requests", "refused", "events")
    )
    title = "50 clients polling over TCP, 5 pages open, the API asked without pause below its limit"
    note = f"{requests:,} API requests, {refused} refused; {events:,} events read"
    yield ratio(
        GROUP, f"round trip over a pty, {title}, against the same unit left alone",
        Side("busy", "µs", beside), Side("alone", "µs", alone), at_most=2.0, note=note,
    )  # fmt: skip
    yield Row(
        group=GROUP, what=f"{title}: exchanges lost", unit=f"of {asked:,}",
        ours=Side("longest wait", "ms", [load["longest_ms"] for load in loads]),
        value=asked - answered, limit=0,
    )  # fmt: skip


def _in_turns(
    bench: Bench, ready: dict[str, Any]
) -> tuple[list[float], list[float], list[dict[str, Any]]]:
    """Return medians alone and under load, in turns, and what the loads counted."""
    unit = ready["units"][0]
    length = basic_info_length(unit["pty"])
    seconds = _QUICK_SECONDS if bench.quick else _SECONDS
    command = [bench.python, str(HERE / "control_load.py"), unit["tcp"], ready["control"]["api"],
               unit["name"], str(seconds)]  # fmt: skip

    def median() -> float:
        count = bench.exchanges(_EXCHANGES)
        return exchange(bench, unit["pty"], READ_BASIC_INFO, length, count).median

    alone, beside, loads = [], [], []
    for _ in range(1 if bench.quick else _PHASES):
        alone += [median() for _ in range(bench.rounds(60))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            while load.poll() is None:
                beside.append(median())
            assert load.stdout is not None
            loads.append(json.loads(load.stdout.read()))
    return alone, beside, loads
