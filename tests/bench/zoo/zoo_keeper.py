"""Runs ``jbd-bench accept`` on many boards of the zoo at once; returns what was said of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Visit(NamedTuple):
    """One board to judge.

    Attributes:
        name: its link in the folder.
        baseline: what it is compared with.
        areas: what is judged, empty for everything.
        pin: the PIN it is said to have.
    """

    name: str
    baseline: str
    areas: tuple[str, ...] = ()
    pin: str | None = None


@contextmanager
def boards(folder: Path, names: Sequence[str]) -> Iterator[None]:
    """Serve boards from one other process."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "zoo_boards.py"), str(folder), *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.stdin.close()


def judge(folder: Path, visits: Sequence[Visit], *, nice: int = 0) -> dict[str, dict[str, Any]]:
    """Return what ``accept`` says of each board, by name: a unit of its JSON.

    Args:
        folder: where the boards are.
        visits: what is judged, all at once.
        nice: how far the bench stands back, so that others keep their time.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Visit]] = {}
    for visit in visits:
        groups.setdefault((visit.baseline, visit.areas), []).append(visit)
    started = [_start(folder, nice, *key, group) for key, group in groups.items()]
    came = [process.communicate() for process in started]
    said: dict[str, dict[str, Any]] = {}
    for out, errors in came:
        assert out, f"accept said nothing: {errors}"
        for unit in json.loads(out)["units"]:
            said[Path(unit["target"].partition(":")[2].partition("?")[0]).name] = unit
    return said


def _start(
    folder: Path, nice: int, baseline: str, areas: Sequence[str], visits: Sequence[Visit]
) -> subprocess.Popen[str]:
    command = ["nice", f"-n{nice}"] if nice else []
    command += [sys.executable, "-m", "jbd_bench", "accept", "--json", "--allow=all"]
    command += [f"--baseline={baseline}", "--plugin=zoo_lab", f"--journal={folder / 'journal'}"]
    command += [f"--area={area}" for area in areas]
    for visit in visits:
        pin = f"?pin={visit.pin}" if visit.pin is not None else ""
        command.append(f"--target=serial:{folder / visit.name}{pin}")
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
