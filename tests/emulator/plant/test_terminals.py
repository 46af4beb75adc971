"""Chargers and loads: what each gives and takes, and the stages of a charger."""

from collections.abc import Callable

import pytest

from jbd_emulator.plant import (
    CcCvSupply,
    ConstantCurrentLoad,
    ConstantPowerLoad,
    CsvProfile,
    DailySchedule,
    LeadAcidCharger,
    Pack,
    ResistanceLoad,
    Sample,
    SolarProfile,
    daily_load,
)

Run = Callable[..., Sample]


def test_a_supply_holds_its_current_then_its_voltage(run: Run) -> None:
    pack = Pack(capacity_mah=10_000, soc=0.9)
    pack.connect(CcCvSupply(14_000, 10_000))
    assert run(pack, 60).current_ma == 10_000
    sample = run(pack, 1200)
    assert sample.current_ma < 2_000
    assert pack.node_mv == pytest.approx(14_000, abs=5)


def test_a_supply_above_the_pack_feeds_the_load_and_the_pack_rests(run: Run) -> None:
    pack = Pack(soc=0.6)
    supply, load = CcCvSupply(13_200, 30_000), ConstantCurrentLoad(10_000)
    pack.connect(supply, load)
    sample = run(pack, 6 * 3600)
    assert abs(sample.current_ma) < 200
    assert pack.node_mv == pytest.approx(13_190, abs=2)


def test_what_a_supply_cannot_give_comes_from_the_pack(run: Run) -> None:
    pack = Pack(soc=0.6)
    pack.connect(CcCvSupply(14_000, 4_000), ConstantCurrentLoad(10_000))
    assert run(pack, 10).current_ma == -6_000


def test_a_power_load_takes_its_power(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ConstantPowerLoad(120_000))
    sample = run(pack, 60)
    assert -sample.current_ma * pack.node_mv / 1000 == pytest.approx(120_000, rel=1e-3)


def test_a_power_load_beyond_the_pack_ends_in_numbers(run: Run) -> None:
    pack = Pack(capacity_mah=1_000, soc=0.5)
    pack.connect(ConstantPowerLoad(10_000_000))
    assert -1_000_000 < run(pack, 5).current_ma < 0


def test_a_resistor_takes_what_ohm_says(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ResistanceLoad(1.0))
    assert -run(pack, 60).current_ma == pytest.approx(pack.node_mv, rel=1e-3)


def charger() -> LeadAcidCharger:
    return LeadAcidCharger(
        20_000,
        absorption_mv=14_400,
        float_mv=13_500,
        absorption_s=600,
        tail_ma=1_000,
        rebulk_mv=12_900,
        rebulk_s=60,
    )


def test_a_lead_acid_charger_goes_through_its_stages(run: Run) -> None:
    pack, source = Pack(capacity_mah=20_000, soc=0.9), charger()
    pack.connect(source)
    stages = [source.stage]
    for _ in range(3600):
        run(pack, 1)
        if source.stage != stages[-1]:
            stages.append(source.stage)
    assert stages == ["bulk", "absorption", "float"]


def test_absorption_ends_by_time_where_a_load_hides_the_tail(run: Run) -> None:
    pack, source = Pack(capacity_mah=20_000, soc=0.95), charger()
    pack.connect(source, ConstantCurrentLoad(5_000))
    while source.stage != "absorption":
        run(pack, 1)
    run(pack, 598)
    assert source.stage == "absorption"
    run(pack, 3)
    assert source.stage == "float"


def test_a_low_node_in_float_starts_bulk_again_after_its_time(run: Run) -> None:
    pack, source = Pack(soc=0.1), charger()
    source.restore({"stage": "float", "stage_s": 10.0, "low_s": 0.0})
    load = ConstantCurrentLoad(60_000)
    pack.connect(source, load)
    run(pack, 59)
    assert source.stage == "float"
    run(pack, 2)
    assert source.stage == "bulk"


def test_float_can_be_left_by_the_clock(run: Run) -> None:
    pack = Pack(soc=0.5)
    source = LeadAcidCharger(20_000, 14_400, 13_500, rebulk_after_s=3600)
    source.restore({"stage": "float", "stage_s": 0.0, "low_s": 0.0})
    pack.connect(source)
    run(pack, 3601)
    assert source.stage == "bulk"


def test_the_sun_limits_a_charger() -> None:
    sun = SolarProfile(CcCvSupply(14_000, 8_000), peak_ma=10_000, sunrise_hour=6, sunset_hour=18)
    currents = [sun.branch(hour * 3600.0, 13_000.0).high_ma for hour in (0, 6, 8, 12, 20, 32)]
    assert currents == pytest.approx([0, 0, 5_000, 8_000, 0, 5_000])


def test_a_charger_stands_still_by_night(run: Run) -> None:
    source = charger()
    pack = Pack(soc=0.5)
    pack.connect(SolarProfile(source, 10_000))
    run(pack, 3600, dt_s=60)
    assert source.stage_s == 0.0


@pytest.mark.parametrize(
    ("on_hour", "off_hour", "hours"),
    [(18, 22, {18, 19, 20, 21}), (22, 2, {22, 23, 0, 1}), (0, 24, set(range(24))), (5, 5, set())],
)
def test_a_daily_load_is_on_between_its_hours(on_hour: int, off_hour: int, hours: set[int]) -> None:
    load = daily_load(1_000, on_hour, off_hour)
    assert {hour for hour in range(24) if load.is_on(hour * 3600.0 + 86_400)} == hours
    assert load.branch((on_hour - 0.5) % 24 * 3600.0, 13_000.0).low_ma in (0.0, -1_000.0)


def test_a_schedule_turns_a_charger_off(run: Run) -> None:
    pack = Pack(soc=0.5, start_s=3600.0)
    pack.connect(DailySchedule(CcCvSupply(14_000, 5_000), 2, 3))
    assert run(pack, 1800).current_ma == 0
    assert run(pack, 1805).current_ma == 5_000


def test_a_profile_is_played_in_steps_or_lines() -> None:
    content = "time_s,current_ma\n# a note\n0,1000\n\n10,-2000\n20,0\n"
    steps, lines = CsvProfile.parse(content), CsvProfile.parse(content, shape="linear")
    assert [steps.current_ma(t) for t in (0, 9, 10, 19, 99)] == [1000, 1000, -2000, -2000, 0]
    assert [lines.current_ma(t) for t in (0, 5, 10, 15, 99)] == [1000, -500, -2000, -1000, 0]


def test_a_profile_drives_the_pack(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CsvProfile([(0, 3_000), (10, -4_000)]))
    assert run(pack, 10).current_ma == 3_000
    assert run(pack, 1).current_ma == -4_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "rows: 0 is outside 1..10000000"),
        ("1,2,3\n", "line 1: '1,2,3' is not time_s,current_ma"),
        ("0,x\n", "line 1: '0,x' is not time_s,current_ma"),
        ("5,1\n5,2\n", "row 2 time_s: 5.0 is not after 5.0"),
        ("0,inf\n", "row 1 current_ma: inf is outside -1e+07..1e+07"),
    ],
)
def test_a_broken_profile_says_where(content: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        CsvProfile.parse(content)
    assert str(caught.value) == message
