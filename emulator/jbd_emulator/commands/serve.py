"""``jbd-emulator serve``: emulated boards on real ports, until a signal ends them."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .._config import ConfigError, UnitConfig, unit_from_table
from ..frontends._loop import EventLoop, Stop, UnitLoop
from ..frontends._server import DEFAULT_MODULE, AirTap, FaultTap, ServedUnit, Server, Tap, UnitPorts
from ..profiles import PasswordFunction
from ._unit_options import add_unit_options, unit_from_options

if TYPE_CHECKING:
    import asyncio

    from ..control._start import Control
    from ..faults import Hit
    from ..frontends._ble import BleTransport

_PORT_KEYS = ("serial", "tcp", "rfc2217", "baud", "ble", "module", "module_password")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    add_unit_options(parser)
    ports = parser.add_argument_group("ports")
    ports.add_argument("--serial", metavar="PATH", type=Path,
                       help="link this path to the pseudo-terminal")  # fmt: skip
    ports.add_argument("--tcp", metavar="HOST:PORT", help="raw bytes over TCP; port 0 is any")
    ports.add_argument("--rfc2217", metavar="HOST:PORT", help="serial settings over telnet")
    ports.add_argument("--ble", metavar="TRANSPORT",
                       help="put its Bluetooth module on the air: bless, bless:hci1, "
                            "bumble:usb:0, bumble:vhci, bumble:android-netsim")  # fmt: skip
    ports.add_argument("--module", metavar="GENERATION",
                       help=f"generation of that module (default {DEFAULT_MODULE})")  # fmt: skip
    ports.add_argument("--module-password", metavar="CHARACTERS",
                       help="six characters that a module with a login demands; a name or "
                            "password in --state wins")  # fmt: skip
    pace = ports.add_mutually_exclusive_group()
    pace.add_argument("--baud", metavar="N", help="keep the line time of N bits per second")
    pace.add_argument("--unpaced", action="store_true",
                      help="answer at once and in one piece (default)")  # fmt: skip
    parser.add_argument("--scenario", metavar="NAME|FILE",
                        help="what the unit lives through: one of `jbd-emulator scenarios`, or a "
                             "TOML file; the unit's options win over its keys")  # fmt: skip
    parser.add_argument("--speed", metavar="N",
                        help="pack and board live N times faster, 1 to 10000")  # fmt: skip
    parser.add_argument("--control", metavar="HOST:PORT",
                        help="an HTTP API and a page to see, change and break the units; "
                             "needs jbd-bench[web]")  # fmt: skip
    parser.add_argument("--control-host", metavar="NAME", action="append", default=[],
                        help="another name that the page is reached by")  # fmt: skip
    parser.add_argument("--control-rate", metavar="N",
                        help="requests a second that the API takes (default 100)")  # fmt: skip
    parser.add_argument("--state", metavar="FILE", help="settings and PIN survive here")
    parser.add_argument("--log", metavar="FILE", type=Path,
                        help="every byte, and what happens on the air, as JSON lines")  # fmt: skip
    parser.add_argument("--config", metavar="FILE", type=Path,
                        help="TOML with one [[unit]] table per unit")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="say ready and stopped as JSON")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return 0."""
    ports = _from_config(args.config) if args.config else [_from_options(args)]
    _refuse_shared_state(ports)
    _refuse_shared_adapter(ports)
    for port in ports:
        _note_unused_pin(port.config)
    control = _control(args)
    if args.log is None:
        return _run(ports, None, control, as_json=args.json)
    # Line buffered: a log that is read while the unit runs, and after a kill, is whole lines.
    with args.log.open("a", buffering=1, encoding="utf-8") as log:
        return _run(ports, log, control, as_json=args.json)


def _run(
    ports: list[UnitPorts], log: TextIO | None, control: Control | None, *, as_json: bool
) -> int:
    if not any(port.needs_asyncio for port in ports):
        loop = UnitLoop()
        return loop.run(_serve(loop, Stop, ports, log, control, as_json=as_json))
    import asyncio

    async def on_asyncio() -> int:
        running = asyncio.get_running_loop()
        return await _serve(running, asyncio.Event, ports, log, control, as_json=as_json)

    return asyncio.run(on_asyncio())


async def _serve(
    loop: EventLoop,
    flag: type[Stop] | type[asyncio.Event],
    ports: list[UnitPorts],
    log: TextIO | None,
    control: Control | None,
    *,
    as_json: bool,
) -> int:
    stop = flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log_bytes, log_fault, log_air = (None, None, None) if log is None else _log_to(log)
    server = Server(
        ports,
        tap=log_bytes,
        fault_tap=log_fault,
        air_tap=log_air,
        complain=_complain,
    )
    await server.start(loop)
    where: dict[str, str] | None = None
    for served in server.units:
        if served.peripheral is not None:
            _complain(f"ble: {served.peripheral.limits}")
    try:
        if control is not None:
            where = await control.start(loop, flag(), server.units, _complain)
        sys.stdout.write(_ready(server.units, where, as_json=as_json) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        if control is not None:
            control.close()
        await server.leave_air()
        server.close()
    sys.stdout.write('{"event": "stopped"}\n' if as_json else "stopped\n")
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(f"jbd-emulator serve: {line}\n")


def _control(args: argparse.Namespace) -> Control | None:
    address = _address("control", args.control)
    if address is None:
        for name in ("rate", "host"):
            if getattr(args, f"control_{name}") not in (None, []):
                raise ConfigError(f"control-{name}: there is no --control that it would be for")
        return None
    from ..control._start import Control

    rate = "100" if args.control_rate is None else args.control_rate
    if not str(rate).isdigit() or not 1 <= int(rate) <= 10_000:
        raise ConfigError(f"control-rate {rate!r}: must be 1 to 10000")
    return Control(*address, names=tuple(args.control_host), rate=int(rate))


def _ready(units: list[ServedUnit], control: dict[str, str] | None, *, as_json: bool) -> str:
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
        import json

        more = {} if control is None else {"control": control}
        return json.dumps({"event": "ready", "units": rows, **more})
    words = (
        f"{row['name']} serial {row['serial']}"
        + "".join(f" {kind} {row[kind]}" for kind in ("tcp", "rfc2217") if row[kind])
        + (f" ble {row['ble']} {row['ble_name']}" if row["ble"] else "")
        for row in rows
    )
    page = "" if control is None else f"; page {control['page']}"
    return "ready: " + "; ".join(words) + page


def _log_to(log: TextIO) -> tuple[Tap, FaultTap, AirTap]:
    import json

    started = time.time()

    def write(t_s: float, unit: str, direction: str, rest: dict[str, object]) -> None:
        times = {"t": round(t_s, 6), "wall": round(started + t_s, 6)}
        log.write(json.dumps({**times, "unit": unit, "dir": direction, **rest}) + "\n")

    def tap(t_s: float, unit: str, direction: str, data: bytes) -> None:
        write(t_s, unit, direction, {"hex": data.hex()})

    def fault_tap(t_s: float, unit: str, hit: Hit) -> None:
        write(t_s, unit, "fault", hit.as_dict())

    def air_tap(t_s: float, unit: str, event: str, data: bytes) -> None:
        write(t_s, unit, "air", {"event": event, "hex": data.hex()})

    return tap, fault_tap, air_tap


def _from_options(args: argparse.Namespace) -> UnitPorts:
    return UnitPorts(
        config=unit_from_options(args, state=args.state, scenario=args.scenario, speed=args.speed),
        serial=args.serial,
        tcp=_address("tcp", args.tcp),
        rfc2217=_address("rfc2217", args.rfc2217),
        baud=_baud(args.baud),
        ble=_ble(args.ble, args.module),
        module=_module(args.module),
        module_password=_module_password(args.module_password, args.ble, args.module),
    )


def _from_config(path: Path) -> list[UnitPorts]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config {path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config {path}: {error}") from None
    # What a snapshot says beside its unit is for people and for the bench.
    document.pop("snapshot", None)
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
        ble=_ble(table.get("ble"), table.get("module")),
        module=_module(table.get("module")),
        module_password=_module_password(
            table.get("module_password"), table.get("ble"), table.get("module")
        ),
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


def _ble(text: object, module: object) -> BleTransport | None:
    if text is None and module is not None:
        raise ConfigError(f"module {module!r}: needs --ble, without it nothing is on the air")
    if text is None:
        return None
    from ..frontends._ble import parse_transport

    return parse_transport(str(text))


def _module(text: object) -> str:
    if text is None:
        return DEFAULT_MODULE
    from ..frontends._ble import check_generation

    return check_generation(str(text))


def _module_password(text: object, ble: object, module: object) -> str | None:
    if text is None:
        return None
    if ble is None:
        raise ConfigError(f"module_password {text!r}: needs --ble, without it nobody logs in")
    from ..frontends._ble import check_password

    return check_password(str(text), _module(module))


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


def _refuse_shared_adapter(ports: list[UnitPorts]) -> None:
    seen: set[str] = set()
    for port in ports:
        if port.ble is None or port.ble.kind != "bless":
            continue
        adapter = port.ble.adapter
        if adapter in seen:
            # A central would find two serial services under one address, and take the first.
            raise ConfigError(f"ble bless:{adapter}: two units cannot share one adapter")
        seen.add(adapter)
