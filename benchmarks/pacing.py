"""The line time of a slow wire, kept."""

from __future__ import annotations

from collections.abc import Iterator

from _measure import Row, Side, skipped
from _wire import READ_BASIC_INFO, Bench, ask, exchange, our_unit

GROUP = "pacing"
_BAUD = 9600
_BITS = 10
_REQUEST_BYTES, _ANSWER_BYTES = 7, 34
_RUNS = 5
_EXCHANGES = 40


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    if bench.client is None:
        yield skipped(GROUP, "pacing", "no C compiler")
        return
    line_ms = (_REQUEST_BYTES + _ANSWER_BYTES) * _BITS / _BAUD * 1000
    with our_unit(bench, "--firmware", "0x20", "--baud", str(_BAUD)) as unit:
        size = len(ask(unit["pty"], bytes.fromhex(READ_BASIC_INFO)))
        if size != _ANSWER_BYTES:
            raise RuntimeError(f"basic information of {size} bytes, {_ANSWER_BYTES} expected")
        exchanges = 5 if bench.quick else _EXCHANGES
        runs = [
            exchange(bench, unit["pty"], READ_BASIC_INFO, size, exchanges)
            for _ in range(bench.rounds(_RUNS))
        ]
    wire = Side("the wire", "ms", [line_ms])
    for name, took in (
        ("median", [run.median for run in runs]),
        ("p95", [run.p95 for run in runs]),
    ):
        side = Side("jbd-emulator", "ms", [us / 1000 for us in took])
        yield Row(
            group=GROUP, what=f"exchange of 34 bytes paced at 9600 baud, {name}, off its line time",
            ours=side, other=wire, value=abs(side.median / line_ms - 1) * 100, unit="%", limit=5.0,
        )  # fmt: skip
