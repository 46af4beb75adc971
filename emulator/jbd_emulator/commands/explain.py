"""``jbd-emulator explain``: the answer to a frame, why, and on what evidence."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from jbd_protocol import BadFrame, Noise, RequestDecoder, describe

from .._config import ConfigError
from .._rules import BAD_FRAME
from .._unit import Unit
from ._unit_options import add_unit_options, unit_from_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    add_unit_options(parser)
    parser.add_argument(
        "frame", nargs="+", metavar="HEX", help="request frames, played to one unit in this order"
    )
    parser.add_argument("--json", action="store_true", help="a list with one object per frame")


def run(args: argparse.Namespace) -> int:
    """Print what the unit answers to each frame; return 0."""
    unit = Unit(unit_from_options(args))
    rows = [row for frame in args.frame for row in explain(unit, _bytes(frame))]
    if args.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    version = unit.device.firmware.version
    sys.stdout.write(f"firmware 0x{version:02X}, {unit.device.firmware.title}\n")
    for row in rows:
        sys.stdout.write(
            f"\nrequest   {row['request']}\n          {row['meaning']}\n"
            f"answer    {row['answer'] or 'silence'}\n"
            + (f"          {row['answer_meaning']}\n" if row["answer"] else "")
            + f"why       {row['why']}\nevidence  {row['grade']}: {row['source']}\n"
        )
    return 0


def explain(unit: Unit, raw: bytes) -> list[dict[str, Any]]:  # Any: values of a JSON object
    """Return one row per frame, or piece of noise, that ``raw`` holds."""
    decoder = RequestDecoder()
    rows = []
    for event in (*decoder.receive(raw), *decoder.flush()):
        answer, meaning, rule = "", "", BAD_FRAME
        if not isinstance(event, (BadFrame, Noise)):
            outcome = unit.device.handle(event, 0.0)
            rule = outcome.rule
            if outcome.response is not None:
                answer = unit.to_wire(outcome.response).hex(" ").upper()
                meaning = describe(outcome.response)
        wire = event.raw if isinstance(event, (BadFrame, Noise)) else event.to_wire()
        rows.append(
            {
                "request": wire.hex(" ").upper(),
                "meaning": describe(event),
                "answer": answer or None,
                "answer_meaning": meaning or None,
                "why": rule.text,
                "grade": str(rule.evidence.grade),
                "source": rule.evidence.source,
            }
        )
    return rows


def _bytes(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text.replace(":", " ").replace(",", " "))
    except ValueError:
        raise ConfigError(f"frame {text!r}: must be bytes in hexadecimal") from None
    if not raw:
        raise ConfigError("frame: must be at least one byte")
    return raw
