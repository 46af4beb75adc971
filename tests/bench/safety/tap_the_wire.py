"""Runs every suite in every tier on a board whose wire is tapped, and prints what it heard.

Not a test; ``test_every_tier.py`` runs it. The board is an emulated unit on jumping time that the
bench takes for one behind a port: the link is the real one, terminal and pyserial included, and
the tap sits at the board's end of it, behind every guard.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from jbd_bench import Link
from jbd_bench._suite_run import run_suites
from jbd_bench.records import Recorder
from jbd_bench.safety import SafetyOptions
from jbd_bench.suites import SUITES
from jbd_bench.transports._embedded import EmbeddedLink
from jbd_emulator import Unit, parse_unit


@dataclass(eq=False)
class Tapped:
    """A pytest plugin that puts a tapped unit behind the port."""

    unit: str
    folder: Path
    suite: str = ""
    heard: dict[str, bytes] = field(default_factory=dict)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Know whose bytes come now."""
        self.suite = Path(nodeid.partition("::")[0]).parent.name

    def jbd_rehearse(self, options: SafetyOptions) -> SafetyOptions:
        return replace(options, folder=self.folder, open_link=self._open)

    def _open(self, name: str) -> Link:
        unit = Unit(parse_unit(self.unit))
        unit.tap = self._tap
        return EmbeddedLink(unit, name)

    def _tap(self, _: float, direction: str, data: bytes) -> None:
        if direction == "rx":
            self.heard[self.suite] = self.heard.get(self.suite, b"") + data


def play(unit: str, target: str, allow: str) -> dict[str, object]:
    """Return the bytes that reached the board by suite, and how many tests ran."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        tapped = Tapped(unit, Path(folder))
        run_suites([target], SUITES, recorder=recorder, allow=allow, plugins=[tapped])
    return {
        "unit": unit,
        "allow": allow,
        "suites": sorted({test.suite for test in recorder.tests}),
        "ran": sum(test.outcome != "skipped" for test in recorder.tests),
        "errors": recorder.errors,
        "heard": {suite: heard.hex() for suite, heard in tapped.heard.items()},
    }


def play_file(unit: str, target: str, path: str) -> dict[str, object]:
    """Return the same for tests of a file, which have no leave."""
    with tempfile.TemporaryDirectory() as folder:
        tapped = Tapped(unit, Path(folder))
        status = pytest.main(
            ["-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--target={target}", path],
            plugins=[tapped],
        )
    return {"status": int(status), "heard": b"".join(tapped.heard.values()).hex()}


def main(what: str, out: str, *arguments: str) -> None:
    """Play what is asked for and leave what was heard in a file."""
    if what == "file":
        document: object = play_file("0x21?board=4s", "serial:/dev/tapped", *arguments)
    else:
        units, tiers = map(json.loads, arguments)
        document = [
            play(unit, "serial:/dev/tapped" + options, allow)
            for unit, options in units
            for allow in tiers
        ]
    Path(out).write_text(json.dumps(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
