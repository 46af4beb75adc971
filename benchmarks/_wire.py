"""Servers, the one client of all round trips, and a core to run them on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
READ_BASIC_INFO = "dda50300fffd77"
_READY_S = 20.0


class Timing(NamedTuple):
    """Microseconds per exchange over one run of the client."""

    mean: float
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What every group is handed.

    Attributes:
        quick: few rounds; shows that everything runs, says nothing about speed.
        scratch: an empty folder that is thrown away.
        client, responder: the compiled C programs, None where there is no compiler.
    """

    quick: bool
    scratch: Path
    client: Path | None
    responder: Path | None

    @property
    def python(self) -> str:
        """The interpreter everything runs on."""
        return sys.executable

    def script(self, name: str) -> str:
        """Return a console script as pip installed it beside the interpreter."""
        return str(Path(sys.executable).parent / name)

    def rounds(self, full: int) -> int:
        """Return how often to repeat what is repeated ``full`` times for a figure."""
        return 2 if self.quick else full

    def exchanges(self, full: int) -> int:
        """Return how many exchanges make a run of ``full``."""
        return min(full, 20) if self.quick else full


def compile_c(scratch: Path) -> tuple[Path | None, Path | None]:
    """Return client and responder, compiled; None twice without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None, None
    made = []
    for name in ("client", "responder"):
        made.append(scratch / name)
        source = HERE / f"{name}.c"
        subprocess.run([compiler, "-O2", "-o", str(made[-1]), str(source)], check=True)
    return made[0], made[1]


@contextlib.contextmanager
def serving(command: Sequence[str], **options: Any) -> Iterator[str]:  # Any: Popen's options
    """Run a server and yield the line it prints when it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{' '.join(command)} said nothing, status {process.wait(5)}")
        yield line
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def our_unit(bench: Bench, *options: str, frozen: bool = False) -> Iterator[dict[str, Any]]:
    """Serve one unit as a user would and yield its line of the ready object.

    Args:
        bench: as everywhere.
        options: of ``jbd-emulator serve``.
        frozen: with a pack that does not live.
    """
    how = [bench.python, str(HERE / "frozen.py")] if frozen else [bench.script("jbd-emulator")]
    with serving([*how, "serve", "--json", *options]) as line:
        unit: dict[str, Any] = json.loads(line)["units"][0]  # Any: json's own type
        yield unit


def basic_info_length(path: str) -> int:
    """Return how many bytes a unit answers to a read of basic information."""
    return len(ask(path, bytes.fromhex(READ_BASIC_INFO)))


def ask(path: str, request: bytes, *, until: bytes = b"\x77") -> bytes:
    """Write a request to a terminal and return the answer, which ends with ``until``."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    answer, give_up_s = b"", time.monotonic() + _READY_S
    try:
        os.write(descriptor, request)
        while not answer.endswith(until) or time.monotonic() < give_up_s - _READY_S + 0.2:
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"{path}: no answer to {request!r}, only {answer!r}")
            with contextlib.suppress(BlockingIOError):
                answer += os.read(descriptor, 4096)
            time.sleep(0.005)
    finally:
        os.close(descriptor)
    return answer


def exchange(
    bench: Bench,
    where: str,
    request: str,
    answer_bytes: int,
    exchanges: int,
    *,
    fds: Sequence[int] = (),
) -> Timing:
    """Run the client once."""
    [timing] = exchange_in_turns(bench, [where], request, answer_bytes, exchanges, fds=fds)
    return timing


def exchange_in_turns(
    bench: Bench,
    where: Sequence[str],
    request: str,
    answer_bytes: int,
    exchanges: int,
    *,
    fds: Sequence[int] = (),
) -> list[Timing]:
    """Run the client once against two servers, one exchange with each in turn."""
    assert bench.client is not None
    command = [str(bench.client), ",".join(where), request, str(answer_bytes), str(exchanges)]
    printed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, pass_fds=tuple(fds)
    ).stdout
    return [Timing(*(float(word) / 1000 for word in line.split())) for line in printed.splitlines()]


@contextlib.contextmanager
def no_idle_core() -> Iterator[None]:
    """Keep every core busy with what gives way to all else, and pin nothing.

    A unit left alone is answered through a core that has to wake up, which takes longer than what
    is measured: beside a load, which keeps the cores awake, it would look quicker than alone.
    """
    spin = "import os; os.nice(19)\nwhile True: pass"
    spinners = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@contextlib.contextmanager
def one_core(*, others_busy: bool) -> Iterator[None]:
    """Run what follows, and every process it starts, on one core.

    Two processes that hand a token to and fro are quickest on one core; left to itself the
    scheduler sometimes parts them, and the wake-up of an idle core takes longer than the work.

    Args:
        others_busy: keep the other cores busy. A pseudo-terminal hands its bytes over through a
            kernel worker, which cannot be pinned; with nothing idle elsewhere it stays.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    core = max(before)
    spinners = []
    try:
        for other in before - {core} if others_busy else ():
            spinners.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            os.sched_setaffinity(spinners[-1].pid, {other})
        os.sched_setaffinity(0, {core})
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
        os.sched_setaffinity(0, before)
