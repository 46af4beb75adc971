"""What is checked of every protection; each check is a function, so that a test can test it."""

from __future__ import annotations

from typing import Final

from jbd_protocol import bit_names

from ..._client import BmsClient
from ._bench import BOTH, TICK_S, Bench, Seen, look
from ._table import Guarded, UnitSettings

WATCH_S: Final = 5.0
"""How long nothing must happen where nothing may, in seconds."""
LONG_S: Final = 60
"""A software delay behind which a hardware level must have tripped, in seconds."""
TURNS_S: Final = 60
"""How long neighbours are watched taking turns, in seconds."""
_NO_PROBE_DK: Final = 2431
"""What an input without a probe shows. Captured."""
_NAMES: Final = (
    "covp", "cuvp", "povp", "puvp", "chgot", "chgut", "dsgot", "dsgut", "chgoc", "dsgoc", "sc",
    "afe",
)  # fmt: skip


def check_edge(bench: Bench, one: Guarded) -> None:
    """One count short of the threshold nothing happens, however long.

    A slower protection of the same bit may be passed there; it is given no time to trip.
    """
    bench.hold(one.row.quantity, one.short)
    watch_s = min(one.delay_s + WATCH_S, bench.overtaken_s(one) - TICK_S - bench.slack_s)
    if watch_s < TICK_S:
        bench.calm()
        return
    bench.wait(watch_s)
    seen = bench.look()
    _expect(not seen.bits & one.row.bit, one, f"nothing at {_shown(one, one.short)}", seen)
    bench.calm()


def check_trip(bench: Bench, one: Guarded) -> Seen:
    """At the threshold it trips with its delay: bit, FETs, counter; returns what was before."""
    before = bench.look()
    bench.align()
    bench.hold(one.row.quantity, one.threshold)
    at = _shown(one, one.threshold)
    early_s = max(one.delay_s - TICK_S - bench.slack_s, 0.0)
    late_s = max(one.delay_s, TICK_S) + bench.slack_s
    if early_s:
        bench.wait(early_s)
        seen = bench.look()
        _expect(not seen.bits & one.row.bit, one, f"nothing {early_s:g} s after {at}", seen)
        _expect(seen.fets == BOTH, one, f"both FETs on {early_s:g} s after {at}", seen)
    bench.wait(late_s - early_s)
    _expect_tripped(bench, one, before, f"{late_s:g} s after {at}")
    return before


def check_interrupted(bench: Bench, one: Guarded) -> None:
    """A threshold that is left before the delay is over leaves no trace of it.

    Looked at where the delay is long enough to be left and met again within it.
    """
    part_s = one.delay_s - TICK_S - bench.slack_s
    if part_s < TICK_S or bench.overtaken_s(one) < one.delay_s:
        return
    for _ in range(3):
        bench.align()
        bench.hold(one.row.quantity, one.threshold)
        bench.wait(part_s)
        bench.hold(one.row.quantity, one.short)
        bench.wait(TICK_S + bench.slack_s)
    seen = bench.look()
    _expect(not seen.bits & one.row.bit, one, "the delay to start anew", seen)
    bench.calm()


def check_standing(bench: Bench, one: Guarded, before: Seen) -> None:
    """A trip that stands is one trip."""
    bench.wait(WATCH_S)
    _expect_tripped(bench, one, before, "while it stands")


def check_release_threshold(bench: Bench, one: Guarded, before: Seen) -> None:
    """One count short of the release threshold it stands, at it it lets go."""
    bench.hold(one.row.quantity, one.held)
    bench.wait(one.delay_s + WATCH_S)
    _expect_tripped(bench, one, before, f"at {_shown(one, one.held)}, short of its release")
    bench.align()
    bench.hold(one.row.quantity, one.release)
    bench.wait(TICK_S + bench.slack_s)
    _expect_released(bench, one, before, f"at its release of {_shown(one, one.release)}")


def check_release_time(bench: Bench, one: Guarded) -> None:
    """An over-current lets go when its release time is over, not before."""
    before = check_trip(bench, one)
    bench.hold("current", 0)
    _expect_timed_release(bench, one, before)


def check_load_removal(bench: Bench, one: Guarded) -> None:
    """With load detection it stands while the load does; without, the time lets go.

    Where the load is still there when the time lets go, the board trips again at once.
    """
    before = check_trip(bench, one)
    bench.wait(one.release_delay_s + WATCH_S)
    seen = bench.look()
    trips = seen.counts[one.counter] - before.counts[one.counter]
    if "scrl" in bench.settings.flags:
        _expect_tripped(bench, one, before, "while the load is connected")
        bench.align()
        bench.hold("current", 0)
        _expect_timed_release(bench, one, before)
    else:
        _expect(trips >= 2, one, "another trip after the release time", seen)
        bench.hold("current", 0)
        bench.wait(one.release_delay_s + TICK_S + bench.slack_s)
        seen = bench.look()
        _expect(not seen.bits & one.row.bit and seen.fets == BOTH, one, "no protection left", seen)


def check_hardware_level(bench: Bench, one: Guarded) -> None:
    """The front end's level trips with its own delay where the software's is long."""
    field = one.row.name.removesuffix("_high")
    other = "povp" if one.row.side > 0 else "puvp"
    bench.write_settings({f"{field}_delay": (0x3D, LONG_S), f"{other}_delay": (0x3C, LONG_S)})
    bench.calm()
    one = bench.settings.guarded[one.row.name]
    check_edge(bench, one)
    before = check_trip(bench, one)
    check_standing(bench, one, before)
    check_release_threshold(bench, one, before)


def check_protection(bench: Bench, one: Guarded) -> None:
    """Everything about one protection, by what kind it is."""
    bench.calm()
    if one.row.hardware and one.row.quantity == "cell":
        check_hardware_level(bench, one)
        return
    check_edge(bench, one)
    check_interrupted(bench, one)
    if one.row.hardware:
        check_load_removal(bench, one)
    elif one.row.release:
        before = check_trip(bench, one)
        check_standing(bench, one, before)
        check_release_threshold(bench, one, before)
    else:
        check_release_time(bench, one)


# -- balancing -------------------------------------------------------------------------------


def check_balancing(bench: Bench) -> None:
    """A cell is bled from start voltage and window on, while charging, and no other cell is."""
    bench.calm()
    values = bench.settings.values
    start, window = values["bal_start"], values["bal_window"]
    count = bench.cells.cells
    bench.hold("current", _charging_ma(bench))
    cases = [
        ("at the start voltage", start - window, start, True),
        ("below the start voltage", start - window - 2, start - 1, False),
        ("at the window", start + 1, start + 1 + window, True),
        ("within the window", start + 1, start + window, False),
    ]
    enabled = "balance_en" in bench.settings.flags
    for said, low, high, bled in cases:
        for number in (1, count):
            bench.hold_cells([high if n == number else low for n in range(1, count + 1)])
            _expect_bled(bench, f"cell {number} {said}", (number,) if bled and enabled else ())
    bench.hold("current", 0)
    only_charging = "chg_balance_en" in bench.settings.flags
    bench.hold_cells([start + window + 10, *[start] * (count - 1)])
    _expect_bled(bench, "without a charging current", () if only_charging or not enabled else (1,))
    bench.calm()
    _expect_bled(bench, "calm again", ())


def check_turns(bench: Bench) -> None:
    """Neighbours are bled in turns, never at once, and each has its turn."""
    bench.calm()
    values = bench.settings.values
    high = values["bal_start"] + values["bal_window"] + 10
    bench.hold("current", _charging_ma(bench))
    rest = [values["bal_start"]] * (bench.cells.cells - 2)
    bench.hold_cells([high, high, *rest])
    seen = set()
    for _ in range(TURNS_S):
        bench.wait(TICK_S)
        cells = bench.look().balancing
        assert cells != (1, 2), "cells 1 and 2 are neighbours and were bled at once"
        seen |= set(cells)
    wanted = {1, 2} if "balance_en" in bench.settings.flags else set()
    assert seen == wanted, f"bled in {TURNS_S} s: cells {sorted(seen)}, expected {sorted(wanted)}"


def _charging_ma(bench: Bench) -> int:
    return min(5_000, bench.settings.guarded["chgoc"].threshold // 2)


def _expect_bled(bench: Bench, said: str, wanted: tuple[int, ...]) -> None:
    bench.wait(2 * TICK_S + bench.slack_s)
    seen = bench.look()
    assert seen.balancing == wanted, f"{said}: bled {seen.balancing}, expected {wanted}"


# -- what needs no equipment -----------------------------------------------------------------


def check_settings(settings: UnitSettings) -> None:
    """Every release threshold lies on the good side of its protection."""
    for one in settings.guarded.values():
        if one.row.release:
            assert one.row.side * one.release < one.row.side * one.threshold, (
                f"{one.row.title}: releases at {one.release}, trips at {one.threshold}"
            )


def check_what_it_shows(client: BmsClient, settings: UnitSettings) -> None:
    """Bits fit the FETs, and the readings that a board gives fit its bits.

    A reading is believed where it is the same side of its threshold before and after the delay.
    """
    passed, released = _sides(client, settings), _sides(client, settings, released=True)
    longest_s = max(g.delay_s for g in settings.guarded.values() if g.row.release)
    clock = client.link.clock
    clock.sleep_until(clock.now_s() + longest_s + 2 * TICK_S)
    seen = look(client)
    passed &= _sides(client, settings)
    released &= _sides(client, settings, released=True)
    cut = settings.cut_by(seen.bits)
    assert not seen.fets & cut, f"{seen.bits!r} stand and {seen.fets & cut!r} is on"
    for name, one in settings.guarded.items():
        if name in passed:
            _expect(bool(seen.bits & one.row.bit), one, "its bit, the reading is past it", seen)
        bit_of_another = any(
            other.row.bit == one.row.bit and key not in released
            for key, other in settings.guarded.items()
        )
        if name in released and not bit_of_another:
            _expect(not seen.bits & one.row.bit, one, "no bit, the reading is released", seen)


def _sides(client: BmsClient, settings: UnitSettings, *, released: bool = False) -> set[str]:
    """Return the protections whose threshold, or release threshold, the readings have reached."""
    info = client.basic_info()
    probes = [dk for dk in info.ntc_dk if dk != _NO_PROBE_DK]
    values = {"cell": client.cell_voltages(), "pack": (info.pack_mv,), "ntc": probes}
    found = set()
    for name, one in settings.guarded.items():
        read = values.get(one.row.quantity, ())
        if not one.row.release or not read:
            continue
        if all(map(one.released, read)) if released else any(map(one.passed, read)):
            found.add(name)
    return found


# -- judging ---------------------------------------------------------------------------------


def _expect_tripped(bench: Bench, one: Guarded, before: Seen, when: str) -> None:
    seen = bench.look()
    explained = bench.explained() | one.row.bit
    _expect(bool(seen.bits & one.row.bit), one, f"bit {one.row.bit.bit_length() - 1} {when}", seen)
    _expect(not seen.bits & ~explained, one, f"no bit without a reason {when}", seen)
    wanted = BOTH & ~bench.settings.cut_by(seen.bits)
    _expect(seen.fets == wanted, one, f"FETs {wanted!r} {when}", seen)
    counted = seen.counts[one.counter] - before.counts[one.counter]
    _expect(counted == 1, one, f"one trip more in 0xAA {when}, not {counted}", seen)
    for n, (was, now) in enumerate(zip(before.counts[:11], seen.counts[:11], strict=True)):
        reason = any(g.counter == n and g.row.bit & explained
                     for g in bench.settings.guarded.values())  # fmt: skip
        _expect(was == now or reason, one, f"no count in word {n} of 0xAA {when}", seen)


def _expect_timed_release(bench: Bench, one: Guarded, before: Seen) -> None:
    early_s = max(one.release_delay_s - TICK_S - bench.slack_s, 0.0)
    if early_s:
        bench.wait(early_s)
        _expect_tripped(bench, one, before, f"{early_s:g} s into a release of "
                        f"{one.release_delay_s:g} s")  # fmt: skip
    bench.wait(max(one.release_delay_s, TICK_S) - early_s + bench.slack_s)
    _expect_released(bench, one, before, f"after its release time of {one.release_delay_s:g} s")


def _expect_released(bench: Bench, one: Guarded, before: Seen, when: str) -> None:
    seen = bench.look()
    _expect(not seen.bits & one.row.bit, one, f"no bit {when}", seen)
    left = seen.bits & bench.explained()
    _expect(seen.bits == left, one, f"no protection left {when}", seen)
    wanted = BOTH & ~bench.settings.cut_by(seen.bits)
    _expect(seen.fets == wanted, one, f"FETs {wanted!r} {when}", seen)
    counted = seen.counts[one.counter] - before.counts[one.counter]
    _expect(counted == 1, one, f"one trip in all {when}, not {counted}", seen)


def _expect(held: bool, one: Guarded, wanted: str, seen: Seen) -> None:
    if not held:
        names = ", ".join(bit_names(int(seen.bits), _NAMES)) or "none"
        raise AssertionError(
            f"{one.row.title}: expected {wanted}; protections {names}, FETs {seen.fets!r}, "
            f"0xAA {' '.join(map(str, seen.counts))}"
        )


def _shown(one: Guarded, value: int) -> str:
    unit = {"ntc": "x 0.1 K", "current": "mA"}.get(one.row.quantity, "mV")
    return f"{one.row.quantity} {value} {unit}"
