"""``jbd-bench record``: between a client and a board, writing down what passes."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .._link import Link
    from ..recordings._doors import Door
    from ..recordings._log import RecordingLog
    from ..recordings._stop import Stop
    from ..records import Piece

HELP: Final = "stand between a client and a board and write down what passes, both ways"
_WIDE: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--target",
        metavar="TARGET",
        help="the board: serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port, ble:..., "
        "labgrid:PLACE or emulator:... in real time",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the recording, JSON lines")
    door = parser.add_mutually_exclusive_group()
    door.add_argument(
        "--serial",
        type=Path,
        metavar="LINK",
        help="where the client finds the board: link this path to a pseudo-terminal; default: "
        "a pseudo-terminal whose name is printed",
    )
    door.add_argument("--tcp", metavar="HOST:PORT", help="or raw bytes over TCP; port 0 is any")
    parser.add_argument(
        "--pcapng", type=Path, metavar="FILE", help="write a capture for Wireshark as well"
    )
    parser.add_argument(
        "--dissector",
        action="store_true",
        help="print the path of the dissector, for `wireshark -X lua_script:...`, and stop",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="write over a recording that is there"
    )
    parser.add_argument("--quiet", action="store_true", help="do not show the traffic")
    parser.add_argument(
        "--json", action="store_true", help="say ready and stopped as JSON, one object a line"
    )


def run(args: argparse.Namespace) -> int:
    """Record until SIGINT or SIGTERM.

    Raises:
        LinkError, ConfigError: the target cannot be opened, or the client's side.
        OSError: a file cannot be written.
    """
    from jbd_protocol import LocalError

    if args.dissector:
        path = str(Path(__file__).parents[1] / "recordings" / "jbd.lua")
        print(json.dumps({"dissector": path}) if args.json else path)
        return 0
    for name in ("target", "out"):
        if getattr(args, name) is None:
            raise LocalError(f"--{name}: must be given, to record")
    if args.pcapng is not None and args.pcapng.absolute() == args.out.absolute():
        raise LocalError(f"--pcapng {args.pcapng}: must be another file than --out")
    for path in filter(None, (args.out, args.pcapng)):
        if path.exists() and not args.overwrite:
            raise LocalError(f"{path}: is there already; --overwrite takes its place")

    from ..recordings._doors import open_door
    from ..recordings._real_time import real_time
    from ..recordings._stop import stop_on_signals

    with stop_on_signals() as stop, real_time(args.target) as link:
        door = open_door(args.serial, args.tcp)
        try:
            _record(args, link, door, stop)
        finally:
            door.close()
    return 0


def _record(args: argparse.Namespace, link: Link, door: Door, stop: Stop) -> None:
    from ..recordings._log import RecordingLog
    from ..recordings._relay import Relay

    log = RecordingLog(args.out, args.target, time.time(), pcapng=args.pcapng)
    try:
        relay = Relay(link, door, log, None if args.json or args.quiet else _show)
        _say(args.json, {"event": "ready", **door.reach, "target": args.target,
                         "out": str(args.out)})  # fmt: skip
        relay.run(stop)
    finally:
        log.close()
        _say(args.json, {"event": "stopped", **_counts(log)})


def _show(piece: Piece, meaning: str) -> None:
    shown = f"{piece.data.hex(' ').upper()}  {meaning}" if piece.data else meaning
    line = f"{piece.t_s:9.3f} {piece.direction} {shown}"
    print(line if len(line) <= _WIDE else line[: _WIDE - 3] + "...", flush=True)


def _counts(log: RecordingLog) -> dict[str, object]:
    from ..records import Direction

    to_board, from_board = (log.counts[d] for d in (Direction.TO_BOARD, Direction.FROM_BOARD))
    return {
        "pieces_to_board": to_board[0],
        "bytes_to_board": to_board[1],
        "pieces_from_board": from_board[0],
        "bytes_from_board": from_board[1],
    }


def _say(as_json: bool, event: dict[str, object]) -> None:
    if as_json:
        line = json.dumps(event)
    else:
        line = f"{event.pop('event')}: " + ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in event.items()
        )
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
