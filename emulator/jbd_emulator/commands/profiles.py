"""``jbd-emulator profiles``: the firmware and board tables, as a person reads them."""

from __future__ import annotations

import argparse
import json
import sys
from enum import Enum
from typing import Any

from jbd_protocol import SETTINGS

from .._config import ConfigError, parse_firmware
from .._rules import Fact
from ..profiles import BOARDS, FIRMWARE, BoardKit, FirmwareProfile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``profiles``."""
    parser.add_argument("--firmware", metavar="VERSION", help="only this one, with every fact")
    parser.add_argument("--json", action="store_true", help="one object with both tables")


def run(args: argparse.Namespace) -> int:
    """Print the tables; return 0."""
    rows = list(FIRMWARE.values())
    if args.firmware is not None:
        version = parse_firmware(args.firmware)
        rows = [row for row in rows if row.version == version]
        if not rows:
            known = ", ".join(f"0x{v:02X}" for v in FIRMWARE)
            raise ConfigError(f"firmware 0x{version:02X}: unknown; there is {known}")
    if args.json:
        document = {
            "firmware": [firmware_json(row) for row in rows],
            "boards": [board_json(kit) for kit in BOARDS.values()],
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return 0
    sys.stdout.write(_details(rows[0]) if args.firmware is not None else _overview(rows))
    return 0


def firmware_json(row: FirmwareProfile) -> dict[str, Any]:  # Any: values of a JSON object
    """Return a firmware with every fact, its grade and its source."""
    return {
        "version": f"0x{row.version:02X}",
        "title": row.title,
        "facts": {
            name: {
                "value": _plain(fact.value),
                "grade": str(fact.evidence.grade),
                "source": fact.evidence.source,
            }
            for name, fact in row.facts()
        },
    }


def board_json(kit: BoardKit) -> dict[str, Any]:  # Any: values of a JSON object
    """Return a board kit with its raw parameter set."""
    return {
        "key": kit.key,
        "name": kit.name,
        "cells": kit.cells,
        "ntcs": kit.ntcs,
        "capacity_mah": kit.capacity_mah,
        "settings": {
            SETTINGS[address].name: data.hex()
            for address, data in kit.settings.items()
            if address in SETTINGS
        },
        "grade": str(kit.evidence.grade),
        "source": kit.evidence.source,
    }


def _overview(rows: list[FirmwareProfile]) -> str:
    lines = ["firmware  password  42..47                     FA       grade of the password row"]
    for row in rows:
        points = {
            "writes acknowledged and forgotten, reads refused": "acknowledged, forgotten"
        }.get(row.capacity_points.value, str(row.capacity_points.value))
        lines.append(
            f"0x{row.version:02X}      {row.password.value:<9} {points:<26} "
            f"{row.parameters.value:<8} {row.password.evidence.grade}"
        )
    lines += ["", "          " + "title"]
    lines += [f"0x{row.version:02X}      {row.title}" for row in rows]
    lines += ["", "board  cells  NTCs  Ah   name"]
    lines += [
        f"{kit.key:<6} {kit.cells:<6} {kit.ntcs:<5} {kit.capacity_mah // 1000:<4} {kit.name}"
        for kit in BOARDS.values()
    ]
    lines += ["", "jbd-emulator profiles --firmware 0x21 shows every fact with its source."]
    return "\n".join(lines) + "\n"


def _details(row: FirmwareProfile) -> str:
    lines = [f"firmware 0x{row.version:02X}: {row.title}"]
    for name, fact in row.facts():
        lines += [f"  {name:<22} {_plain(fact.value)}", f"  {'':<22} {fact.evidence}"]
    return "\n".join(lines) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value if not isinstance(value.value, int) else f"0x{value.value:02X}"
    return value


__all__ = ["Fact", "add_arguments", "board_json", "firmware_json", "run"]
