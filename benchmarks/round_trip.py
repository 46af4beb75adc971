"""What a request and its answer take: the whole device against servers that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from _measure import Row, Side, interleave, ratio, skipped
from _wire import (
    HERE,
    READ_BASIC_INFO,
    Bench,
    ask,
    exchange,
    exchange_in_turns,
    one_core,
    our_unit,
    serving,
)

GROUP = "round_trip"
_ROUNDS = 120
_EXCHANGES = 400
_PACK_ROUNDS = 12
_PACK_EXCHANGES = 40_000
"""Well over a second on any machine, so that every run of the living pack holds ticks of it."""


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    if bench.client is None:
        yield skipped(GROUP, "round trips", "no C compiler")
        return
    yield from _pty(bench)
    yield _tcp(bench)
    yield _living_pack(bench)


def _pty(bench: Bench) -> Iterator[Row]:
    with one_core(others_busy=True), ExitStack() as servers:
        unit = servers.enter_context(our_unit(bench))["pty"]
        answer = _answer(unit)
        where = {
            "ours": unit,
            "asyncio": servers.enter_context(
                serving([bench.python, str(HERE / "responder.py"), answer])
            ),
            "C": servers.enter_context(serving([str(bench.responder), "pty", answer])),
        }
        took = _interleaved(bench, where, answer)
    ours = Side("jbd-emulator", "µs", took["ours"])
    yield ratio(GROUP, "round trip over a pty, against a bare asyncio `add_reader`",
                ours, Side("bare asyncio", "µs", took["asyncio"]), at_most=1.35)  # fmt: skip
    yield ratio(GROUP, "round trip over a pty, against C",
                ours, Side("C", "µs", took["C"]), at_most=1.85)  # fmt: skip


def _tcp(bench: Bench) -> Row:
    with one_core(others_busy=False), ExitStack() as servers:
        unit = servers.enter_context(our_unit(bench, "--tcp", "127.0.0.1:0"))
        answer = _answer(unit["pty"])
        floor = serving([str(bench.responder), "tcp", answer])
        where = {"ours": unit["tcp"], "C": servers.enter_context(floor)}
        took = _interleaved(bench, where, answer)
    return ratio(GROUP, "round trip over TCP, against C",
                 Side("jbd-emulator", "µs", took["ours"]), Side("C", "µs", took["C"]),
                 at_most=1.65)  # fmt: skip


def _answer(pty: str) -> str:
    return ask(pty, bytes.fromhex(READ_BASIC_INFO)).hex()


def _interleaved(bench: Bench, where: Mapping[str, str], answer: str) -> dict[str, list[float]]:
    length = len(answer) // 2
    runs = {name: _median_of(bench, place, length) for name, place in where.items()}
    return interleave(runs, bench.rounds(_ROUNDS))


def _median_of(bench: Bench, where: str, length: int) -> Callable[[], float]:
    exchanges = bench.exchanges(_EXCHANGES)
    return lambda: exchange(bench, where, READ_BASIC_INFO, length, exchanges).median


def _living_pack(bench: Bench) -> Row:
    # The mean, not the median: a tick is one exchange in thousands, and must not be left out.
    # In turns, exchange by exchange: what disturbs a run of seconds then disturbs both alike.
    exchanges = bench.exchanges(_PACK_EXCHANGES)
    with one_core(others_busy=True), ExitStack() as servers:
        alive = servers.enter_context(our_unit(bench, "--load-ma", "5000"))["pty"]
        frozen = servers.enter_context(our_unit(bench, "--load-ma", "5000", frozen=True))["pty"]
        length = len(_answer(alive)) // 2
        runs = []
        for number in range(bench.rounds(_PACK_ROUNDS)):
            order = [alive, frozen] if number % 2 else [frozen, alive]
            took = exchange_in_turns(bench, order, READ_BASIC_INFO, length, exchanges)
            means = [timing.mean for timing in took]
            runs.append(means if number % 2 else means[::-1])
    return ratio(
        GROUP, "round trip over a pty, pack under load, against a frozen pack",
        Side("pack alive", "µs", [run[0] for run in runs]),
        Side("pack frozen", "µs", [run[1] for run in runs]),
        at_most=1.05, note="means, in turns",
    )  # fmt: skip
