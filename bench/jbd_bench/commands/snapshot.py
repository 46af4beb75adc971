"""``jbd-bench snapshot``: everything a board tells, in a file that the emulator can be."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._board import add_leave, add_reading, add_target, counter, opened

if TYPE_CHECKING:
    from ..board import Snapshot

HELP: Final = "read everything a board holds into a file that jbd-emulator can be started from"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_target(parser)
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="FILE",
        help="write there, repeatable: unit.toml for `jbd-emulator serve --config` and `jbd-bench "
        "diff`, unit.fig for the vendor's tools (settings alone)",
    )
    add_leave(parser)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read, write the files, say what was read.

    Raises:
        JbdError: the board does not serve register 0x03, a bad PIN or timeout, or a ``.fig`` of
            settings that were not read.
        LinkError, ConfigError: the target cannot be opened.
        OSError: a file cannot be written.
    """
    from jbd_protocol import LocalError

    from ..board import take_snapshot
    from ..board._files import KINDS, write_snapshot

    paths = [Path(name) for name in args.out]
    for path in paths:
        if path.suffix not in KINDS:
            raise LocalError(f"out {path}: must end in {' or '.join(KINDS)}")
        if not path.parent.is_dir():
            raise LocalError(f"out {path}: no such folder")
    with opened(args.target, args.timeout, allow=args.allow, pin=args.pin) as (client, _):
        snapshot = take_snapshot(client, factory=True, step=counter("reading setting"))
    for path in paths:
        write_snapshot(snapshot, path)
    if args.json:
        print(json.dumps(_as_json(snapshot, paths)))
    else:
        _show(snapshot, paths)
    return 0


def _as_json(snapshot: Snapshot, paths: list[Path]) -> dict[str, object]:
    return {
        "target": snapshot.target,
        "taken": snapshot.taken.isoformat(),
        "identity": snapshot.identity.to_table(),
        "payloads": {f"0x{a:02X}": raw.hex() for a, raw in snapshot.payloads.items()},
        "settings": {f"0x{a:02X}": raw.hex() for a, raw in snapshot.settings.items()},
        "parameters": {str(n): raw.hex() for n, raw in snapshot.parameters.items()},
        "refused": {
            f"0x{a:02X}": None if status is None else f"0x{status:02X}"
            for a, status in snapshot.refused.items()
        },
        "notes": list(snapshot.notes),
        "files": [str(path) for path in paths],
    }


def _show(snapshot: Snapshot, paths: list[Path]) -> None:
    lines = [snapshot.identity.describe()]
    parts = [
        f"{len(snapshot.settings)} settings",
        f"{len(snapshot.parameters)} parameters by number",
        f"{len(snapshot.frames)} pieces of traffic",
    ]
    lines.append(f"Read      {', '.join(parts)}")
    lines += [f"Note      {note}" for note in snapshot.notes]
    for path in paths:
        use = f": jbd-emulator serve --config {path}" if path.suffix == ".toml" else ""
        lines.append(f"Written   {path}{use}")
    sys.stdout.write("\n".join(lines) + "\n")
