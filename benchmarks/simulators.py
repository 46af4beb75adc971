"""The same client against other people's simulators, each asked its cheapest question."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
import tty
from collections.abc import Iterator
from contextlib import ExitStack

from _measure import Row, Side, interleave, skipped, times_faster
from _wire import (
    HERE,
    READ_BASIC_INFO,
    Bench,
    ask,
    basic_info_length,
    exchange,
    one_core,
    our_unit,
    serving,
)

GROUP = "simulators"
_ROUNDS = 40
_EXCHANGES = 300
_ELM_QUERY = b"AT@1\r"
"""A constant text. The quickest of eleven queries that were tried, `AT`, `ATI` and `ATH0` among
them: those that set an option look through more of its tables."""
_READ_13_REGISTERS = bytes.fromhex("01030000000d")
"""Unit 1, function 3: 26 bytes of data, where basic information has 27 and more."""
_RTU_BYTES, _TCP_BYTES = 5 + 26, 9 + 26


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    if bench.client is None:
        yield skipped(GROUP, "other simulators", "no C compiler")
        return
    yield _elm327(bench)
    yield from _pymodbus(bench)


def _version(name: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return None


def _elm327(bench: Bench) -> Row:
    what = "round trip over a pty, against ELM327-emulator"
    version = _version("ELM327-emulator")
    if version is None:
        return skipped(GROUP, what, "ELM327-emulator is not installed")
    command = [bench.python, str(HERE / "peer_elm327.py")]
    exchanges = bench.exchanges(_EXCHANGES)
    with one_core(others_busy=True), ExitStack() as servers:
        elm = servers.enter_context(serving(command, cwd=bench.scratch))
        ask(elm, b"ATE0\r", until=b">")  # no echo
        elm_bytes = len(ask(elm, _ELM_QUERY, until=b">"))
        ours = servers.enter_context(our_unit(bench))["pty"]
        our_bytes = basic_info_length(ours)
        query = _ELM_QUERY.hex()
        took = interleave(
            {
                "ours": lambda: exchange(bench, ours, READ_BASIC_INFO, our_bytes, exchanges).median,
                "elm": lambda: exchange(bench, elm, query, elm_bytes, exchanges).median,
            },
            bench.rounds(_ROUNDS),
        )
    return times_faster(
        GROUP, what, Side("jbd-emulator", "µs", took["ours"]),
        Side(f"ELM327-emulator {version}", "µs", took["elm"]), at_least=3.5,
    )  # fmt: skip


def _pymodbus(bench: Bench) -> Iterator[Row]:
    version = _version("pymodbus")
    if version is None:
        yield skipped(GROUP, "round trips, against pymodbus", "pymodbus is not installed")
        return
    peer = [bench.python, str(HERE / "peer_pymodbus.py")]
    rtu = (_READ_13_REGISTERS + _modbus_crc(_READ_13_REGISTERS)).hex()
    tcp = (b"\0\1\0\0\0\6" + _READ_13_REGISTERS).hex()
    exchanges = bench.exchanges(_EXCHANGES)
    master, slave = os.openpty()
    tty.setraw(slave)
    with one_core(others_busy=True), ExitStack() as servers:
        servers.callback(os.close, slave)
        servers.callback(os.close, master)
        servers.enter_context(serving([*peer, "serial", os.ttyname(slave)]))
        port = servers.enter_context(serving([*peer, "tcp", _free_port()]))
        unit = servers.enter_context(our_unit(bench, "--tcp", "127.0.0.1:0"))
        size = basic_info_length(unit["pty"])

        def ours(where: str) -> float:
            return exchange(bench, where, READ_BASIC_INFO, size, exchanges).median

        def theirs(where: str, request: str, answer_bytes: int) -> float:
            return exchange(bench, where, request, answer_bytes, exchanges, fds=[master]).median

        took = interleave(
            {
                "pty": lambda: ours(unit["pty"]),
                "pymodbus pty": lambda: theirs(f"fd:{master}", rtu, _RTU_BYTES),
                "tcp": lambda: ours(unit["tcp"]),
                "pymodbus tcp": lambda: theirs(f"127.0.0.1:{port}", tcp, _TCP_BYTES),
            },
            bench.rounds(_ROUNDS),
        )
    for kind, name in (("pty", "a pty"), ("tcp", "TCP")):
        yield times_faster(
            GROUP, f"round trip over {name}, against pymodbus' server",
            Side("jbd-emulator", "µs", took[kind]),
            Side(f"pymodbus {version}", "µs", took[f"pymodbus {kind}"]), at_least=2.0,
        )  # fmt: skip


def _modbus_crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
