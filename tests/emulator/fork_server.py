"""Runs ``jbd-emulator serve`` often: the interpreter starts once, every unit is a fork of it.

Not a test; a test runs it and writes one JSON list a line: ``["start", argument, …]`` answers
with the process number and the ready line, ``["freeze", n]`` and ``["kill", n]`` with the
number once the process is stopped, or gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import IO

import jbd_emulator.commands.serve  # noqa: F401  # loaded before the first fork
from jbd_emulator.__main__ import main


def start(arguments: list[str]) -> tuple[int, IO[str]]:
    """Fork a process that serves; return its number and what it prints."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, os.fdopen(reading, encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(writing, 1)
    os.close(reading)
    status = 70
    try:
        status = main(["serve", *arguments])
    finally:
        sys.stdout.flush()
        os._exit(status)


def run() -> None:
    """Serve the test until it closes its end."""
    outputs: dict[int, IO[str]] = {}
    for line in sys.stdin:
        command, *words = json.loads(line)
        if command == "start":
            process, output = start(words)
            outputs[process] = output
            answer: list[object] = [process, output.readline()]
        else:
            process = int(words[0])
            frozen = command == "freeze"
            os.kill(process, signal.SIGSTOP if frozen else signal.SIGKILL)
            os.waitpid(process, os.WUNTRACED if frozen else 0)
            if not frozen:
                outputs.pop(process).close()
            answer = [process]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run()
