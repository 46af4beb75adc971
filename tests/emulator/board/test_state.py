"""What a board takes over a loss of power, and what it refuses to take."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]


def lived(rig: Make) -> Rig:
    """Return a board with something to remember."""
    board = rig(seed=7)
    board.hold("current", -5000)
    board.run(30)
    board.monitor.calibrate(0xB2, 3310)
    board.monitor.calibrate(0xD1, 2990)
    board.monitor.calibrate(0xAF, 490)
    board.hold("cell", 3700)
    board.run(2)
    return board


def test_the_state_survives_json_and_the_next_board_goes_on_alike(rig: Make) -> None:
    first, second = lived(rig), rig(seed=8)
    second.monitor.restore(json.loads(json.dumps(first.monitor.state())))
    assert second.monitor.state() == first.monitor.state()
    assert second.monitor.counters[3] == 1
    first.monitor.restart()
    second.monitor.counters[-1] = first.monitor.counters[-1]
    for board in (first, second):
        board.hold_cells(3300)
        board.hold("current", -7000)
        board.run(100)
    assert second.monitor.sample == first.monitor.sample
    assert second.monitor.state() == first.monitor.state()


def test_a_board_without_calibration_says_so(rig: Make) -> None:
    board = rig()
    assert board.monitor.state()["calibration"] is None
    board.monitor.restore(board.monitor.state())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("counters", [0] * 11),
        ("counters", [0] * 11 + [70_000]),
        ("counters", None),
        ("remaining_mah", -1),
        ("remaining_mah", "much"),
        ("cycles_mah", float("nan")),
        ("gain", 0.0),
        ("gain", True),
        ("offset_ma", None),
        ("calibration", 3),
        ("calibration", {}),
    ],
)
def test_a_damaged_state_is_refused_by_name_and_changes_nothing(
    rig: Make, field: str, value: object
) -> None:
    board = lived(rig)
    before = board.monitor.state()
    with pytest.raises(ValueError, match=field if field != "calibration" else "cal|cell_gains"):
        board.monitor.restore({**before, field: value})
    assert board.monitor.state() == before


@pytest.mark.parametrize("name", ["cell_gains", "ntc_offsets", "idle_ma", "charge_gain"])
def test_a_damaged_calibration_is_refused_by_name(rig: Make, name: str) -> None:
    board = lived(rig)
    before = board.monitor.state()
    calibration = before["calibration"]
    assert isinstance(calibration, dict)
    for wrong in ({"x": 1}, {"1": "much"}, None):
        with pytest.raises(ValueError):
            board.monitor.restore({**before, "calibration": {**calibration, name: wrong}})
    assert board.monitor.state() == before
