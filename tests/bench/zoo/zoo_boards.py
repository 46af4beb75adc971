"""Serves boards on pseudo-terminals and a lab at a socket: ``python zoo_boards.py FOLDER NAME...``.

Names are those of the zoo's rows as files have them, or ``healthy-0x21``. Each board is a link in
the folder; the socket ``lab`` takes one JSON object a line, see :func:`do`. Says ``ready`` and ends
when its standard input does.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

from zoo_faults import SPEED, ZOO, make, slug

from jbd_bench._cell_simulator import PlantSimulator
from jbd_emulator import PtyPort, Unit, parse_unit


class Clock:
    """The process's own."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def now_s(self) -> float:
        return time.monotonic() - self._start_s

    def sleep_until(self, when_s: float) -> None:
        time.sleep(max(0.0, when_s - self.now_s()))


def units(names: list[str]) -> dict[str, tuple[Unit, bool]]:
    """Return the units of names, and whether a cell simulator stands at each."""
    rows = {slug(row.name): row for row in ZOO}
    made = {}
    for name in names:
        kind, dash, version = name.partition("healthy-")
        if not kind and dash:
            made[name] = (Unit(parse_unit(f"{version}?board=4s", name=name)), False)
        else:
            made[name] = (make(rows[name]), rows[name].lab)
    return made


def do(asked: dict[str, Any], unit: Unit, lab: bool, clock: Clock) -> dict[str, Any]:
    """Do what the lab is asked, and say what came of it."""
    plant = PlantSimulator(unit.device, clock)
    match asked["op"]:
        case "about":
            return {"lab": lab, "cells": plant.cells, "ntcs": plant.ntcs, "pace": SPEED}
        case "power":
            unit.device.power_cycle(clock.now_s())
            unit.line.reset()
        case "cells":
            plant.hold_cells(asked["mv"])
        case "ntcs":
            plant.hold_ntcs(asked["dk"])
        case "current":
            plant.hold_current(asked["ma"])
        case "release":
            plant.release()
    return {}


def serve(folder: Path, names: list[str]) -> None:
    """Serve until standard input ends."""
    clock, boards = Clock(), units(names)
    ports: dict[str, PtyPort] = {}
    watch = selectors.DefaultSelector()
    for name, (unit, _) in boards.items():
        port = ports[name] = PtyPort(unit)
        (folder / name).symlink_to(port.path)
        watch.register(port, selectors.EVENT_READ, port)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "lab"))
    door.listen(64)
    watch.register(door, selectors.EVENT_READ, "door")
    watch.register(sys.stdin, selectors.EVENT_READ, "end")
    print("ready", flush=True)
    while True:
        due = min((p.due_s for p in ports.values() if p.due_s is not None), default=None)
        wait_s = None if due is None else max(0.0, due - clock.now_s())
        for key, _ in watch.select(wait_s):
            if key.data == "end":
                return
            if key.data == "door":
                visitor = door.accept()[0].makefile("rw")
                asked = json.loads(visitor.readline())
                unit, lab = boards[asked["unit"]]
                visitor.write(json.dumps(do(asked, unit, lab, clock)) + "\n")
                visitor.close()
            else:
                key.data.on_readable(clock.now_s())
        for port in ports.values():
            if port.due_s is not None and port.due_s <= clock.now_s():
                port.on_due(clock.now_s())


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2:])
