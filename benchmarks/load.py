"""A thousand units in one process, each polled once a second over its pseudo-terminal."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from _measure import Row, Side, skipped
from _wire import READ_BASIC_INFO, Bench

GROUP = "load"
_UNITS = 1000
_SECONDS = 24.0
_QUICK_UNITS = 20
_QUICK_SECONDS = 1.5
_LATE_S = 0.25
"""dbus-serialbattery, the least patient client, wants the first four bytes by then."""
_FIRST = 4
_CPU_LIMIT, _MEMORY_LIMIT_KIB = 20.0, 25.0


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    if not Path("/proc/self/stat").exists():
        yield skipped(GROUP, "many units", "needs /proc")
        return
    units, seconds = (_QUICK_UNITS, _QUICK_SECONDS) if bench.quick else (_UNITS, _SECONDS)
    alone_kib, _, _ = _serve_and_poll(bench, 1, min(seconds, 3.0))
    all_kib, cpu, waits_s = _serve_and_poll(bench, units, seconds)
    title = f"{units:,} units polled once a second for {seconds:.0f} s"
    yield Row(
        group=GROUP, what=f"{title}: CPU time over wall time", unit="% of a core",
        ours=Side("one process", "% of a core", [cpu * 100]), value=cpu * 100, limit=_CPU_LIMIT,
        note="4S, 8S and 16S boards in turns",
    )  # fmt: skip
    growth = (all_kib - alone_kib) / (units - 1)
    yield Row(
        group=GROUP, what=f"{title}: resident memory for each, beyond the first", unit="KiB",
        ours=Side(f"{units:,} units", "KiB", [all_kib]),
        other=Side("1 unit", "KiB", [alone_kib]), value=growth, limit=_MEMORY_LIMIT_KIB,
    )  # fmt: skip
    late = sum(wait > _LATE_S for wait in waits_s)
    yield Row(
        group=GROUP, what=f"{title}: answers whose first {_FIRST} bytes took over 250 ms",
        unit=f"of {len(waits_s):,}", ours=Side("waits", "ms", [wait * 1000 for wait in waits_s]),
        value=late, limit=0,
    )  # fmt: skip


def _serve_and_poll(bench: Bench, units: int, seconds: float) -> tuple[float, float, list[float]]:
    """Return resident KiB at the end, CPU time over wall time, and every wait for an answer."""
    config = bench.scratch / f"units-{units}.toml"
    boards = ("4s", "8s", "16s")
    config.write_text(
        "".join(
            f'[[unit]]\nname = "unit{n}"\nboard = "{boards[n % 3]}"\nseed = {n}\nload_ma = 5000\n'
            for n in range(units)
        ),
        encoding="utf-8",
    )
    command = [bench.script("jbd-emulator"), "serve", "--json", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        paths = [unit["pty"] for unit in ready["units"]]
        with _opened(paths) as terminals:
            _poll(terminals, 1.0)  # everyone once, before anything is counted
            before_s, started_s = _cpu_s(process.pid), time.monotonic()
            waits_s = _poll(terminals, seconds)
            wall_s = time.monotonic() - started_s
            return _resident_kib(process.pid), (_cpu_s(process.pid) - before_s) / wall_s, waits_s
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def _opened(paths: Sequence[str]) -> Iterator[list[int]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, len(paths) + 256)), hard))
    terminals: list[int] = []
    try:
        for path in paths:
            terminals.append(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        yield terminals
    finally:
        for descriptor in terminals:
            os.close(descriptor)


def _poll(terminals: Sequence[int], seconds: float) -> list[float]:
    """Ask each terminal once a second, evenly spread; return the waits, late ones included.

    A question that is never answered waits to the end of the poll, and half a second beyond.
    """
    request, poller = bytes.fromhex(READ_BASIC_INFO), select.epoll()
    for descriptor in terminals:
        poller.register(descriptor, select.EPOLLIN)
    asked: dict[int, float] = {}
    heard = dict.fromkeys(terminals, 0)
    waits_s: list[float] = []
    step_s, started_s = 1.0 / len(terminals), time.monotonic()
    questions, number = round(seconds * len(terminals)), 0
    while (now_s := time.monotonic()) < started_s + seconds + 0.5:
        while number < questions and now_s >= started_s + number * step_s:
            descriptor = terminals[number % len(terminals)]
            if descriptor in asked:  # still waiting: this question is late as well
                waits_s.append(now_s - asked[descriptor])
            os.write(descriptor, request)
            asked[descriptor], heard[descriptor] = time.monotonic(), 0
            number += 1
        for descriptor, _ in poller.poll(step_s):
            heard[descriptor] += len(os.read(descriptor, 4096))
            if heard[descriptor] >= _FIRST and descriptor in asked:
                waits_s.append(time.monotonic() - asked.pop(descriptor))
        if number == questions and not asked:
            break
    waits_s.extend(time.monotonic() - at_s for at_s in asked.values())
    poller.close()
    return waits_s


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
