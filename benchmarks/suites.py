"""The main job: every suite against every emulated profile. An absolute figure, in seconds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

from _measure import Row, Side, skipped
from _wire import Bench

GROUP = "suites"
_LIMIT_S = 60.0
_WHAT = "`jbd-bench run`, all suites and profiles, wall time"


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    command = [bench.script("jbd-bench"), "run"]
    if bench.quick:
        yield skipped(GROUP, _WHAT, "left out of a quick run")
        return
    if subprocess.run([*command, "--help"], capture_output=True, check=False).returncode:
        yield skipped(GROUP, _WHAT, "`jbd-bench run` cannot be started")
        return
    started = time.perf_counter()
    result = subprocess.run(
        [*command, "--report", str(bench.scratch / "report")],
        capture_output=True, check=False, cwd=bench.scratch,
    )  # fmt: skip
    took_s = time.perf_counter() - started
    note = f"on {os.cpu_count()} cores"
    if result.returncode:
        note += f", ended with status {result.returncode}"
    yield Row(
        group=GROUP, what=_WHAT, ours=Side("jbd-bench", "s", [took_s]), value=took_s, unit="s",
        limit=_LIMIT_S, note=note,
    )  # fmt: skip
