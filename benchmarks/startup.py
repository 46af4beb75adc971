"""What starting costs, in CPU time of the process, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence

from _measure import Row, Side, interleave, ratio
from _wire import Bench

GROUP = "startup"
_ROUNDS = 40


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    emulator, cli = bench.script("jbd-emulator"), bench.script("jbd-bench")
    python = bench.python
    runs: dict[str, Callable[[], float]] = {
        "bare": lambda: _cpu_ms([python, "-c", "pass"]),
        "import jbd_protocol": lambda: _cpu_ms([python, "-c", "import jbd_protocol"]),
        "a decoder of jbd_protocol": lambda: _cpu_ms(
            [python, "-c", "from jbd_protocol import ResponseDecoder, parse_basic_info"]
        ),
        "jbd-emulator --help": lambda: _cpu_ms([emulator, "--help"]),
        "jbd-bench --help": lambda: _cpu_ms([cli, "--help"]),
        "jbd-emulator serve, to ready": lambda: _cpu_ms([emulator, "serve"], until_first_line=True),
        "jbd-emulator serve --tcp, to ready": lambda: _cpu_ms(
            [emulator, "serve", "--tcp", "127.0.0.1:0"], until_first_line=True
        ),
    }
    limits: dict[str, float | None] = {
        "import jbd_protocol": 2.5,
        # What the import leaves for the first use; reported, not judged.
        "a decoder of jbd_protocol": None,
        "jbd-emulator --help": 3.5,
        "jbd-bench --help": 3.5,
        "jbd-emulator serve, to ready": 7.0,
        "jbd-emulator serve --tcp, to ready": 7.0,
    }
    took = interleave(runs, bench.rounds(_ROUNDS))
    bare = Side("`python -c pass`", "ms", took["bare"])
    for name, limit in limits.items():
        yield ratio(GROUP, f"CPU time of {name}",
                    Side(name, "ms", took[name]), bare, at_most=limit)  # fmt: skip


def _cpu_ms(command: Sequence[str], *, until_first_line: bool = False) -> float:
    """Return user and system time of a process, to its end or to the first line it prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if until_first_line:
        line = process.stdout.readline()
        process.kill()
    else:
        line = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.stdout.close()
    process.returncode = 0  # it has been waited for; Popen need not
    if not until_first_line and status:
        raise RuntimeError(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
    if until_first_line and b"ready" not in line:
        raise RuntimeError(f"{' '.join(command)}: not ready")
    return (used.ru_utime + used.ru_stime) * 1000
