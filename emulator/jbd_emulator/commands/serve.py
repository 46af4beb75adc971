"""``jbd-emulator serve``: emulated boards on real ports, until a signal ends them."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from .._config import ConfigError, UnitConfig, unit_from_table
from ..frontends._server import ServedUnit, Server, UnitPorts
from ..profiles import PasswordFunction
from ._unit_options import add_unit_options, unit_from_options

_PORT_KEYS = ("serial", "tcp", "rfc2217", "baud")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    add_unit_options(parser)
    ports = parser.add_argument_group("ports")
    ports.add_argument("--serial", metavar="PATH", type=Path,
                       help="link this path to the pseudo-terminal")  # fmt: skip
    ports.add_argument("--tcp", metavar="HOST:PORT", help="raw bytes over TCP; port 0 is any")
    ports.add_argument("--rfc2217", metavar="HOST:PORT", help="serial settings over telnet")
    pace = ports.add_mutually_exclusive_group()
    pace.add_argument("--baud", metavar="N", help="keep the line time of N bits per second")
    pace.add_argument("--unpaced", action="store_true",
                      help="answer at once and in one piece (default)")  # fmt: skip
    parser.add_argument("--state", metavar="FILE", help="settings and PIN survive here")
    parser.add_argument("--log", metavar="FILE", type=Path, help="every byte, as JSON lines")
    parser.add_argument("--config", metavar="FILE", type=Path,
                        help="TOML with one [[unit]] table per unit")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="say ready and stopped as JSON")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return 0."""
    ports = _from_config(args.config) if args.config else [_from_options(args)]
    _refuse_shared_state(ports)
    for port in ports:
        _note_unused_pin(port.config)
    if args.log is None:
        return asyncio.run(_serve(ports, None, as_json=args.json))
    # Line buffered: a log that is read while the unit runs, and after a kill, is whole lines.
    with args.log.open("a", buffering=1, encoding="utf-8") as log:
        return asyncio.run(_serve(ports, log, as_json=args.json))


async def _serve(ports: list[UnitPorts], log: TextIO | None, *, as_json: bool) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(ports, tap=_log_to(log) if log is not None else None)
    await server.start()
    try:
        sys.stdout.write(_ready(server.units, as_json=as_json) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        server.close()
    sys.stdout.write('{"event": "stopped"}\n' if as_json else "stopped\n")
    return 0


def _ready(units: list[ServedUnit], *, as_json: bool) -> str:
    rows = [
        {
            "name": served.unit.name,
            "firmware": f"0x{served.unit.device.firmware.version:02X}",
            "board": served.unit.device.board.key,
            **served.reach(),
        }
        for served in units
    ]
    if as_json:
        return json.dumps({"event": "ready", "units": rows})
    words = (
        f"{row['name']} serial {row['serial']}"
        + "".join(f" {kind} {row[kind]}" for kind in ("tcp", "rfc2217") if row[kind])
        for row in rows
    )
    return "ready: " + "; ".join(words)


def _log_to(log: TextIO) -> Callable[[float, str, str, bytes], None]:
    started = time.time()

    def tap(t_s: float, unit: str, direction: str, data: bytes) -> None:
        row = {
            "t": round(t_s, 6),
            "wall": round(started + t_s, 6),
            "unit": unit,
            "dir": direction,
            "hex": data.hex(),
        }
        log.write(json.dumps(row) + "\n")

    return tap


def _from_options(args: argparse.Namespace) -> UnitPorts:
    return UnitPorts(
        config=unit_from_options(args, state=args.state),
        serial=args.serial,
        tcp=_address("tcp", args.tcp),
        rfc2217=_address("rfc2217", args.rfc2217),
        baud=_baud(args.baud),
    )


def _from_config(path: Path) -> list[UnitPorts]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config {path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config {path}: {error}") from None
    tables = document.pop("unit", None)
    if document or not isinstance(tables, list) or not tables:
        extra = f", not {', '.join(document)}" if document else ""
        raise ConfigError(f"config {path}: must hold [[unit]] tables{extra}")
    ports = []
    for number, table in enumerate(tables, 1):
        try:
            ports.append(_from_table(table, number))
        except ConfigError as error:
            raise ConfigError(f"config {path}, unit {number}: {error}") from None
    return ports


def _from_table(table: dict[str, Any], number: int) -> UnitPorts:  # Any: tomllib's own type
    unit = {key: value for key, value in table.items() if key not in _PORT_KEYS}
    unit.setdefault("name", f"unit{number}")
    serial = table.get("serial")
    return UnitPorts(
        config=unit_from_table(unit),
        serial=Path(str(serial)) if serial is not None else None,
        tcp=_address("tcp", table.get("tcp")),
        rfc2217=_address("rfc2217", table.get("rfc2217")),
        baud=_baud(table.get("baud")),
    )


def _address(key: str, text: object) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = str(text).rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdigit() or int(port) > 0xFFFF:
        raise ConfigError(f"{key} {text!r}: must be HOST:PORT, port 0 to 65535")
    return host, int(port)


def _baud(text: object) -> int | None:
    if text is None:
        return None
    if not str(text).isdigit() or not 300 <= int(str(text)) <= 4_000_000:
        raise ConfigError(f"baud {text!r}: must be 300 to 4000000")
    return int(str(text))


def _refuse_shared_state(ports: list[UnitPorts]) -> None:
    seen: set[Path] = set()
    for port in ports:
        state = port.config.state
        if state is not None and state.resolve() in seen:
            raise ConfigError(f"state {state}: two units cannot share one file")
        if state is not None:
            seen.add(state.resolve())


def _note_unused_pin(config: UnitConfig) -> None:
    absent = config.profile.password.value is PasswordFunction.ABSENT
    if config.pin is not None and absent:
        sys.stderr.write(
            f"note: firmware 0x{config.firmware:02X} has no password function, "
            "the PIN will never be asked for\n"
        )
