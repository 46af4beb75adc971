"""The protections suite as users run it: three boards, a board without a lab, a lab that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from jbd_bench import BmsClient, open_target
from jbd_bench._cell_simulator import PlantSimulator
from jbd_bench._under_test import EmulatedUnit
from jbd_bench.suites import protections
from jbd_bench.suites.protections._bench import Bench, settings_of
from jbd_bench.suites.protections._table import BY_NAME, ROWS
from jbd_bench.transports import parse_target
from jbd_emulator.board import ROWS as EMULATED
from jbd_protocol import COUNTERS

pytest_plugins = ["pytester"]

SUITE = Path(protections.__file__).parent
INI = SUITE.parent / "pytest.ini"
LAB = """
from jbd_bench._cell_simulator import NotPossible

class Weak:
    cells, ntcs, settle_s = 4, 2, 0.1
    released = False
    def hold_cells(self, mv): raise NotPossible("no cell simulator today")
    hold_ntcs = hold_current = hold_cells
    def release(self): print("RELEASED")

def pytest_jbd_cell_simulator(target):
    print("ASKED FOR", target.partition(":")[0])
    return Weak()
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-c", str(INI), f"--rootdir={SUITE.parent}", "-p", "no:cacheprovider", "-rs", "-s",
        *arguments, str(SUITE),
    )  # fmt: skip


@pytest.mark.slow
def test_the_suite_passes_on_every_board_kit(pytester: pytest.Pytester) -> None:
    targets = [f"--target=emulator:0x21?board={board}" for board in ("4s", "8s", "16s")]
    result = run(pytester, *targets)
    # Two that read, one for each protection, two for balancing.
    result.assert_outcomes(passed=3 * (2 + len(ROWS) + 2))


@pytest.mark.slow
def test_on_a_board_without_a_lab_the_skip_names_the_hook(pytester: pytest.Pytester) -> None:
    unit = EmulatedUnit(parse_target("emulator:0x21?board=4s"))
    try:
        result = run(pytester, f"--target=serial:{unit.serve()}", "--allow=settings",
                     "-k", "room or covp")  # fmt: skip
    finally:
        unit.close()
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*pytest_jbd_cell_simulator*"])


@pytest.mark.slow
def test_a_lab_is_asked_through_the_hook_and_what_it_cannot_is_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(mylab=LAB)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    unit = EmulatedUnit(parse_target("emulator:0x21?board=4s"))
    try:
        result = run(pytester, f"--target=serial:{unit.serve()}", "--allow=settings",
                     "-p", "mylab", "-k", "lets_go and chgot")  # fmt: skip
    finally:
        unit.close()
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*ASKED FOR serial*", "*RELEASED*", "*no cell simulator today*"])


def test_the_suite_and_the_emulator_say_the_same_in_tables_of_their_own() -> None:
    emulated = {row.name: row for row in EMULATED if row.threshold is not None}
    assert set(emulated) == set(BY_NAME)
    for name, row in BY_NAME.items():
        other = emulated[name]
        assert (row.bit, row.cut, row.side > 0) == (other.bit, other.cut, other.over), name
        assert other.counter is not None
        assert COUNTERS[other.counter] == f"{row.counter}_err_cnt", name


@pytest.mark.parametrize(
    ("shunt", "flags", "level_ma"),
    [(0x0001, 0x000F, 440_000), (0x0002, 0x000F, 220_000), (0x8005, 0x000F, 880_000),
     (0x0005, 0x100F, 880_000)],
)  # fmt: skip
def test_levels_over_the_shunt_are_worked_out_as_the_board_does(
    shunt: int, flags: int, level_ma: int
) -> None:
    link = open_target("emulator:0x21?board=4s")
    client = BmsClient(link)
    with client.factory_mode():
        client.write(0x2C, shunt.to_bytes(2, "big"))
        client.write(0x2D, flags.to_bytes(2, "big"))
    settings = settings_of(client)
    link.close()
    assert settings.guarded["dsgoc2"].threshold == -level_ma
    assert settings.guarded["chgoc"].count == (100 if flags & 0x1000 else 10)


def test_settings_that_leave_no_calm_are_said_to() -> None:
    unit = EmulatedUnit(parse_target("emulator:0x21?board=4s"))
    link = unit.link()
    bench = Bench(BmsClient(link), PlantSimulator(unit.device, link.clock), exact=True)
    bench.write_settings({"covp_rel": (0x25, 2900)})
    with pytest.raises(AssertionError, match="no calm cell"):
        bench.calm()
    unit.close()


def test_the_plant_is_given_back_as_it_was() -> None:
    unit = EmulatedUnit(parse_target("emulator:0x21?board=4s"))
    link = unit.link()
    client, cells = BmsClient(link), PlantSimulator(unit.device, link.clock)
    before = client.cell_voltages()
    cells.hold_cells([3000, 3100, 3200, 3300])
    cells.hold_ntcs([2900, 2950])
    cells.hold_current(-5000)
    link.clock.sleep_until(1.0)
    assert client.cell_voltages() == (3000, 3100, 3200, 3300)
    assert (client.basic_info().ntc_dk, client.basic_info().current_ma) == ((2900, 2950), -5000)
    cells.release()
    link.clock.sleep_until(2.0)
    assert client.basic_info().current_ma == 0
    assert max(abs(a - b) for a, b in zip(client.cell_voltages(), before, strict=True)) <= 3
    unit.close()


def test_what_is_held_does_not_reach_back_in_time() -> None:
    unit = EmulatedUnit(parse_target("emulator:0x21?board=4s"))
    link = unit.link()
    client, cells = BmsClient(link), PlantSimulator(unit.device, link.clock)
    link.clock.sleep_until(100.0)
    cells.hold_cells([3300, 3300, 3300, 3700])
    assert client.basic_info().protection_bits == 0
    link.clock.sleep_until(102.0)
    assert client.basic_info().protection_bits == 1
    unit.close()
