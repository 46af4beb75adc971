"""Every faulty board is refused for the right requirement, every healthy one accepted.

The whole zoo takes minutes and has an environment of its own, ``tox -e zoo``; a handful of rows,
one of each kind, is judged with the ordinary tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jbd_bench.acceptance import catalogue
from jbd_emulator import FIRMWARE

# The boards' process starts from this folder, and so does what it shares with the tests.
sys.path.insert(0, str(Path(__file__).parent))
from zoo_faults import ZOO, Faulty, slug
from zoo_keeper import Visit, boards, judge

sys.path.pop(0)

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE = bool(os.environ.get("JBD_ZOO"))
whole_zoo = pytest.mark.skipif(not WHOLE, reason="the whole zoo: tox -e zoo, or set JBD_ZOO=1")
BEYOND = ("needs the embedded emulator", "needs a cell simulator", "write to 0x07 withheld")
Said = dict[str, dict[str, Any]]  # Any: values of a JSON object
SOME = (
    "stale cell count in 03",
    "bad checksum on one register",
    "FET bits inverted",
    "accepts any PIN",
    "06 answered 83 on 2.1",
)


def visit_all(folder: Path, rows: Sequence[Faulty], healthy: Sequence[int] = ()) -> Said:
    """Judge boards of the zoo, and healthy ones by their own firmware, at once."""
    names = [slug(row.name) for row in rows]
    visits = [Visit(slug(row.name), row.baseline, row.areas, _pin(row)) for row in rows]
    for version in healthy:
        names.append(f"healthy-0x{version:02X}")
        visits.append(Visit(names[-1], f"0x{version:02X}"))
    with boards(folder, names):
        return judge(folder, visits, nice=0 if healthy else 10)


def _pin(row: Faulty) -> str | None:
    return row.unit.partition("pin=")[2] or None


def refusing(unit: Mapping[str, Any]) -> list[str]:
    """Return the requirements that a unit is refused for."""
    return [row["id"] for row in unit["requirements"] if row["effect"] == "refuses"]


def test_the_zoo_has_what_was_promised() -> None:
    known = {entry.id: entry for entry in catalogue()}
    assert len(ZOO) >= 25
    assert len({slug(row.name) for row in ZOO}) == len(ZOO)
    for row in ZOO:
        assert known[row.refused_for].area in row.areas, row.name
    areas = {entry.area for entry in catalogue()}
    assert {known[row.refused_for].area for row in ZOO} == areas - {"module"}


@pytest.mark.slow
@pytest.mark.skipif(WHOLE, reason="they are in the whole zoo")
def test_some_faulty_boards_are_refused_for_the_right_requirement(tmp_path: Path) -> None:
    rows = [row for row in ZOO if row.name in SOME]
    said = visit_all(tmp_path, [row._replace(areas=_areas(row)) for row in rows])
    for row in rows:
        assert row.refused_for in refusing(said[slug(row.name)]), row.name


def _areas(row: Faulty) -> tuple[str, ...]:
    """Return the one area that matters."""
    return tuple(e.area for e in catalogue() if e.id == row.refused_for)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What is said of every faulty board, and of a healthy one of every firmware.

    The healthy ones first and by themselves: they have to keep their time. A machine that lets a
    board's process wait makes it late, so one that is refused is judged once more, alone.
    """
    healthy = visit_all(tmp_path_factory.mktemp("healthy"), (), list(FIRMWARE))
    refused = [v for v in FIRMWARE if healthy[f"healthy-0x{v:02X}"]["verdict"] != "accepted"]
    if refused:
        healthy |= visit_all(tmp_path_factory.mktemp("again"), (), refused)
    return healthy | visit_all(tmp_path_factory.mktemp("zoo"), ZOO)


@whole_zoo
@pytest.mark.slow
@pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)
def test_a_faulty_board_is_refused_for_the_right_requirement(row: Faulty, said: Said) -> None:
    unit = said[slug(row.name)]
    assert unit["verdict"] == "refused"
    assert row.refused_for in refusing(unit)


@whole_zoo
@pytest.mark.slow
@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_a_healthy_board_is_accepted_by_its_own_baseline(version: int, said: Said) -> None:
    unit = said[f"healthy-0x{version:02X}"]
    assert (unit["verdict"], refusing(unit)) == ("accepted", []), unit["why"]
    assert unit["counts"]["failed"] == 0
    # What is not judged is so for want of a cell simulator or the emulator's own doors alone.
    reasons = {
        r["why"].partition(",")[0] for r in unit["requirements"] if r["outcome"] == "not judged"
    }
    assert all(why.startswith(BEYOND) for why in reasons)
