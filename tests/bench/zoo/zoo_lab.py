"""The lab at the zoo, as a plugin of pytest: a power switch at every board, cells at some.

Knows the boards by their links alone and reaches their equipment through the socket ``lab`` beside
them, as a lab would reach its instruments.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Equipment:
    """Everything that stands at one board."""

    settle_s = 2.0
    """In the board's seconds: a request of ours may wait that long for the board's process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        about = self._ask("about")
        self.lab: bool = about["lab"]
        self.cells: int = about["cells"]
        self.ntcs: int = about["ntcs"]
        self.pace: float = about["pace"]

    def cycle(self) -> None:
        self._ask("power")

    def hold_cells(self, mv: Sequence[int]) -> None:
        self._ask("cells", mv=list(mv))

    def hold_ntcs(self, dk: Sequence[int]) -> None:
        self._ask("ntcs", dk=list(dk))

    def hold_current(self, ma: int) -> None:
        self._ask("current", ma=ma)

    def release(self) -> None:
        self._ask("release")

    def _ask(self, what: str, **more: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(str(self._path.parent / "lab"))
            file = door.makefile("rw")
            file.write(json.dumps({"unit": self._path.name, "op": what, **more}) + "\n")
            file.flush()
            answer: dict[str, Any] = json.loads(file.readline())
            file.close()
        return answer


def _path(target: str) -> Path:
    return Path(target.partition(":")[2].partition("?")[0])


def pytest_jbd_cell_simulator(target: str) -> Equipment | None:
    found = Equipment(_path(target))
    return found if found.lab else None


def pytest_jbd_power_switch(target: str) -> Equipment:
    return Equipment(_path(target))
