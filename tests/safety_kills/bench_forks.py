"""Runs pytest on a board often: the interpreter starts once, every run is a fork of it.

Not a test; a test runs it and writes one JSON list a line: ``["start", log, argument, …]``
answers with the process number, ``["writing", n]`` when the suite's first test has begun (or the
run is over), ``["kill", n]`` kills and ``["wait", n]`` waits; both answer with the exit status.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from pathlib import Path

import pytest
import serial  # noqa: F401  # loaded before the first fork, as what follows

import jbd_bench._client
import jbd_bench._needs
import jbd_bench._under_test
import jbd_bench.commands.restore
import jbd_bench.pytest_plugin
import jbd_bench.safety._plugin
import jbd_bench.transports._wire  # noqa: F401
from jbd_bench.__main__ import main as bench_main

TOLD = "JBD_TOLD"
"""Names the descriptor on which the suite says that it writes now."""


def start(log: str, arguments: list[str]) -> tuple[int, int]:
    """Fork a run; return its number and where it says that it writes."""
    told, telling = os.pipe()
    process = os.fork()
    if process:
        os.close(telling)
        return process, told
    status = 70
    try:
        os.close(told)
        os.environ[TOLD] = str(telling)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        command, *rest = arguments
        status = int(pytest.main(rest) if command == "pytest" else bench_main([command, *rest]))
        sys.stdout.flush()
    finally:
        os._exit(status)


def run() -> None:
    """Serve the test until it closes its end."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    telling: dict[int, int] = {}
    for line in sys.stdin:
        command, *words = json.loads(line)
        if command == "start":
            process, told = start(words[0], words[1:])
            telling[process] = told
            answer = process
        else:
            answer = process = int(words[0])
            if command == "writing":
                # A run that ends closes its end, which is readable too.
                select.select([telling[process]], [], [], 60.0)
            else:
                if command == "kill":
                    os.kill(process, signal.SIGKILL)
                answer = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                os.close(telling.pop(process))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    assert Path(__file__).exists()
    run()
