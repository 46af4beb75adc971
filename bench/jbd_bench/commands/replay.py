"""``jbd-bench replay``: serve a recording as a board."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

HELP: Final = "serve a recording as a board, and say what the client asked that it lacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a recording of `jbd-bench record`, a transcript, a log of `jbd-emulator serve`, an "
        "Android btsnoop log or an iOS PacketLogger file",
    )
    door = parser.add_mutually_exclusive_group()
    door.add_argument(
        "--serial",
        type=Path,
        metavar="LINK",
        help="link this path to the pseudo-terminal; default: its name is printed",
    )
    door.add_argument("--tcp", metavar="HOST:PORT", help="or raw bytes over TCP; port 0 is any")
    parser.add_argument(
        "--same-times",
        action="store_true",
        help="answer as late as the board did; default: at once, in the same pieces",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="which board, where there are several: a Bluetooth address, or a unit's name",
    )
    parser.add_argument(
        "--json", action="store_true", help="say ready and the report as JSON, one object a line"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then report.

    Returns:
        0 where the recording had all that was asked for, 1 where it lacked something.
    Raises:
        RecordingError, LinkError, ConfigError: the recording or the address cannot be used.
    """
    from .._link import RealClock
    from ..recordings import Replay, read_recording
    from ..recordings._doors import open_door
    from ..recordings._serving import serve_replay
    from ..recordings._stop import stop_on_signals

    replay = Replay(read_recording(args.file, device=args.device), same_times=args.same_times)
    with stop_on_signals() as stop:
        door = open_door(args.serial, args.tcp)
        try:
            _say_ready(args.json, door.reach, len(replay.recording.exchanges))
            serve_replay(replay, door, RealClock(), stop)
        finally:
            door.close()
    report = replay.report()
    if args.json:
        print(json.dumps({"event": "stopped", **report.to_json()}))
    else:
        sys.stdout.write("\n".join(report.lines()) + "\n")
    return 1 if report.lacking else 0


def _say_ready(as_json: bool, reach: dict[str, str], requests: int) -> None:
    if as_json:
        line = json.dumps({"event": "ready", **reach, "requests": requests})
    else:
        places = ", ".join(f"{kind} {place}" for kind, place in reach.items())
        line = f"ready: {places}, {requests} requests recorded"
    print(line, flush=True)
