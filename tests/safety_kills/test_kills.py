"""``kill -9`` of the board and of the bench, at random moments of runs that write: the settings
are those of the snapshot afterwards, every time, and a stranger on the port is not written to.

A few kills run with the ordinary tests; ``tox -e kills`` does 200 of each.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.safety_kills.conftest import Bench, Board

KILLS = int(os.environ.get("JBD_KILLS", "5"))
ALLOW = "--jbd-allow=settings,fets,balance"
KILLS_A_RUN = 4
EVERY_STRANGER = 10
pytestmark = pytest.mark.slow


def run_s(bench: Bench, board: Board) -> float:
    """Return how long a run writes, in seconds."""
    bench.start(board.target, ALLOW)
    bench.writing()
    start_s = time.monotonic()
    assert bench.wait() == 0, bench.log.read_text()
    return time.monotonic() - start_s


def expect_as_found(board: Board, bench: Bench, when: str) -> None:
    """Fail unless the board holds what it held at first, now and after a loss of power."""
    live, fets = board.live()
    said = f"{when}\n{bench.log.read_text()[-3000:]}"
    assert live == board.found, said
    assert fets, said
    assert board.settings() == board.found, said


def test_a_board_that_is_killed_gets_its_settings_back(
    board: Board, bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    rng, seen = random.Random(11), Counter[str]()
    longest_s = run_s(bench, board)
    kills = 0
    while kills < KILLS:
        bench.start(board.target, ALLOW)
        bench.writing()
        for _ in range(min(KILLS_A_RUN, KILLS - kills)):
            time.sleep(rng.uniform(0.0, longest_s / 2))
            board.kill()
            kills += 1
            time.sleep(rng.choice((0.0, 0.02, 0.3)))
            board.start()
        status = bench.wait()
        seen[f"status {status}"] += 1
        if left := bench.open_journals():
            seen["restored at the next start"] += 1
            assert bench.restore() == 0, f"kill {kills}: {left}\n{bench.log.read_text()[-3000:]}"
        else:
            seen["restored by the run"] += 1
        expect_as_found(board, bench, f"seed 11, kill {kills}")
        assert not bench.open_journals()
    record_property("checked", f"board killed {kills} times: settings as found, {dict(seen)}")


def test_a_bench_that_is_killed_leaves_a_board_that_is_put_back(
    board: Board,
    another_board: Callable[[], Board],
    bench: Bench,
    record_property: Callable[[str, object], None],
) -> None:
    rng, seen = random.Random(12), Counter[str]()
    longest_s = run_s(bench, board)
    for number in range(KILLS):
        bench.start(board.target, ALLOW)
        bench.writing()
        # The rest of a run is pytest's own end.
        time.sleep(rng.uniform(0.0, 0.7 * longest_s))
        bench.kill()
        seen["changed when killed"] += board.live()[0] != board.found
        if number >= EVERY_STRANGER * seen["strangers on the port"] and bench.left_something():
            visit(board, another_board, bench)
            seen["strangers on the port"] += 1
        put_back(board, bench, rng, seen)
        expect_as_found(board, bench, f"seed 12, kill {number}")
        assert not bench.open_journals()
    record_property("checked", f"bench killed {KILLS} times: settings as found, {dict(seen)}")


def put_back(board: Board, bench: Bench, rng: random.Random, seen: Counter[str]) -> None:
    """Start again: by hand or by the next run, which may be killed itself before it is through."""
    while rng.random() < 0.15 and bench.open_journals():
        bench.start(board.target, "--jbd-allow=none")
        time.sleep(rng.uniform(0.0, 0.4))
        bench.kill()
        seen["killed while putting back"] += 1
    if rng.random() < 0.5:
        seen["put back by hand"] += 1
        assert bench.restore() == 0, bench.log.read_text()[-3000:]
        return
    seen["put back by the next run"] += 1
    # Whatever has no leave is skipped; the board is put back before the first test.
    bench.start(board.target, "--jbd-allow=none")
    assert bench.wait() == 0, bench.log.read_text()[-3000:]


def visit(board: Board, another_board: Callable[[], Board], bench: Bench) -> None:
    """Put another board on the port: a start there, and a restore by hand, write nothing."""
    board.kill()
    stranger = another_board()
    stranger.log.write_text("")
    before = bench.open_journals()
    bench.start(stranger.target, "--jbd-allow=none")
    assert bench.wait() == 0, bench.log.read_text()[-3000:]
    assert bench.restore() == 1, bench.log.read_text()[-3000:]
    assert stranger.writes() == []
    assert bench.open_journals() == before
    assert stranger.settings() == stranger.found
    stranger.kill()
    stranger.state.unlink()
    board.start()
