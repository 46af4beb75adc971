"""What a request and its answer take: the whole device against servers that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    with one_core(), ExitStack() as servers:
        unit = servers.enter_context(our_unit(bench, "--tcp", "127.0.0.1:0"))
        answer = ask(unit["pty"], bytes.fromhex(READ_BASIC_INFO))
        bare = [bench.python, str(HERE / "responder.py"), answer.hex()]
        floor = [str(bench.responder)]
        where = {
            "pty": unit["pty"],
            "pty asyncio": servers.enter_context(serving(bare)),
            "pty C": servers.enter_context(serving([*floor, "pty", answer.hex()])),
            "tcp": unit["tcp"],
            "tcp C": servers.enter_context(serving([*floor, "tcp", answer.hex()])),
        }
        runs = {name: _median_of(bench, place, len(answer)) for name, place in where.items()}
        took = interleave(runs, bench.rounds(_ROUNDS))
    ours, tcp = Side("jbd-emulator", "µs", took["pty"]), Side("jbd-emulator", "µs", took["tcp"])
    yield ratio(GROUP, "round trip over a pty, against a bare asyncio `add_reader`",
                ours, Side("bare asyncio", "µs", took["pty asyncio"]), at_most=1.35)  # fmt: skip
    yield ratio(GROUP, "round trip over a pty, against C",
                ours, Side("C", "µs", took["pty C"]), at_most=1.85)  # fmt: skip
    yield ratio(GROUP, "round trip over TCP, against C",
                tcp, Side("C", "µs", took["tcp C"]), at_most=1.65)  # fmt: skip
    yield _living_pack(bench, len(answer))


def _median_of(bench: Bench, where: str, length: int) -> Callable[[], float]:
    exchanges = bench.exchanges(_EXCHANGES)
    return lambda: exchange(bench, where, READ_BASIC_INFO, length, exchanges).median


def _living_pack(bench: Bench, length: int) -> Row:
    # The mean, not the median: a tick is one exchange in thousands, and must not be left out.
    # In turns, exchange by exchange: what disturbs a run of seconds then disturbs both alike.
    exchanges = bench.exchanges(_PACK_EXCHANGES)
    with one_core(), ExitStack() as servers:
        alive = servers.enter_context(our_unit(bench, "--load-ma", "5000"))["pty"]
        frozen = servers.enter_context(our_unit(bench, "--load-ma", "5000", frozen=True))["pty"]
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
