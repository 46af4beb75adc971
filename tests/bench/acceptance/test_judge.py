"""The verdict, by itself: outcomes, baseline and scope in, verdict and reasons out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jbd_bench.acceptance import (
    Baseline,
    Tier,
    UnitResult,
    Verdict,
    baseline_of_firmware,
    catalogue,
    load_baseline,
)
from jbd_bench.acceptance._baseline import baseline_document
from jbd_bench.acceptance._html import page
from jbd_bench.acceptance._judge import Ran, Scope, judge
from jbd_bench.acceptance._reasons import Why, why_skipped
from jbd_bench.acceptance._result import Result
from jbd_bench.records import Measurement, TestRecord

Record = Callable[..., TestRecord]
Make = Callable[..., Ran]
SOURCES = baseline_of_firmware(0x21)
FRAMES = Scope(areas=("frames",))
IDS = [entry.id for entry in FRAMES.entries()]
LEAVE = "writes settings on serial:x: --allow settings"
LAB = "needs a power switch at serial:x: a plugin with the hook ..., loaded with -p"


def earlier(**outcomes: str) -> Baseline:
    """Return the baseline of an earlier run; CONF_FRAME_01="failed"."""
    named = {name.replace("_", "-"): outcome for name, outcome in outcomes.items()}
    return Baseline(name="earlier", judged_as=0x21, outcomes=named)


def all_passed(record: Record, *but: TestRecord) -> list[TestRecord]:
    """Return a passed test for each requirement of the frames, but for those given."""
    others = {row["id"] for test in but for row in test.requirements}
    return [*(record(one) for one in IDS if one not in others), *but]


def effects(unit: UnitResult) -> dict[str, str]:
    """Return what each requirement does to the verdict, where it does anything."""
    return {row.entry.id: row.effect for row in unit.rows if row.effect}


def test_a_unit_that_meets_everything_is_accepted(ran: Make, record: Record) -> None:
    unit = judge(ran(*all_passed(record)), SOURCES, FRAMES)
    assert (unit.verdict, effects(unit)) == (Verdict.ACCEPTED, {})
    assert unit.count("passed") == len(IDS)


def test_one_failure_that_the_baseline_has_not_refuses(ran: Make, record: Record) -> None:
    unit = judge(ran(*all_passed(record, record("CONF-FRAME-01", "failed"))), SOURCES, FRAMES)
    assert (unit.verdict, effects(unit)) == (Verdict.REFUSED, {"CONF-FRAME-01": "refuses"})
    assert "expected 1, got 2" in unit.why[0]
    assert [change.kind for change in unit.changes] == ["worse"]


def test_one_failed_case_of_many_refuses(ran: Make, record: Record) -> None:
    tests = [*all_passed(record), record("CONF-FRAME-02"), record("CONF-FRAME-02", "failed")]
    assert judge(ran(*tests), SOURCES, FRAMES).verdict is Verdict.REFUSED


def test_a_failure_that_the_baseline_has_too_is_a_known_deviation(
    ran: Make, record: Record
) -> None:
    tests = all_passed(record, record("CONF-FRAME-01", "failed"))
    unit = judge(ran(*tests), earlier(CONF_FRAME_01="failed"), FRAMES)
    assert unit.verdict is Verdict.ACCEPTED
    assert [change.kind for change in unit.changes] == ["known deviation"]
    assert any("as on the baseline" in why for why in unit.why)


def case(requirement: str, name: str, failed: bool, record: Record) -> TestRecord:
    """Return one test of several of a requirement."""
    made = record(requirement, "failed" if failed else "passed")
    made.id = f"conformance/test_x.py::test_{name}[serial:x-{name}]"
    return made


def test_a_known_deviation_hides_no_other_in_its_requirement(
    ran: Make, record: Record, tmp_path: Path
) -> None:
    def unit(baseline: Baseline, *failed: str) -> UnitResult:
        cases = [case("CONF-FRAME-01", n, n in failed, record) for n in ("03", "04", "05")]
        return judge(ran(*all_passed(record, *cases)), baseline, FRAMES)

    path = tmp_path / "base.json"
    path.write_text(json.dumps(baseline_document(unit(SOURCES, "05"), "0", "")))
    baseline = load_baseline(path)
    assert unit(baseline, "05").verdict is Verdict.ACCEPTED
    assert unit(baseline).verdict is Verdict.ACCEPTED
    worse = unit(baseline, "04", "05")
    assert (worse.verdict, effects(worse)) == (Verdict.REFUSED, {"CONF-FRAME-01": "refuses"})
    assert "04[04]: expected 1, got 2; the baseline fails elsewhere" in worse.why[0]
    assert [change.kind for change in worse.changes] == ["worse"]
    assert "in more than on the baseline" in worse.changes[0].text
    assert unit(baseline, "04").verdict is Verdict.REFUSED


@pytest.mark.parametrize("before", ["not judged", "not applicable", None])
def test_what_the_baseline_does_not_tell_is_held_to_the_sources(
    ran: Make, record: Record, before: str | None
) -> None:
    baseline = earlier(**({} if before is None else {"CONF_FRAME_01": before}))
    tests = all_passed(record, record("CONF-FRAME-01", "failed"))
    assert judge(ran(*tests), baseline, FRAMES).verdict is Verdict.REFUSED


def test_what_failed_before_and_is_met_now_is_better(ran: Make, record: Record) -> None:
    unit = judge(ran(*all_passed(record)), earlier(CONF_FRAME_01="failed"), FRAMES)
    assert unit.verdict is Verdict.ACCEPTED
    assert [(change.kind, change.subject) for change in unit.changes] == [
        ("better", "CONF-FRAME-01")
    ]


def test_want_of_leave_is_no_acceptance(ran: Make, record: Record) -> None:
    tests = all_passed(record, record("CONF-FRAME-13", "skipped", LEAVE))
    scope = Scope(areas=("frames", "statuses"))
    others = [record(entry.id) for entry in scope.entries() if entry.id not in IDS]
    tests += [test for test in others if test.requirements[0]["id"] != "CONF-FRAME-13"]
    unit = judge(ran(*tests), SOURCES, scope)
    assert (unit.verdict, effects(unit)) == (Verdict.INCOMPLETE, {"CONF-FRAME-13": "blocks"})
    assert any("--allow settings" in why for why in unit.why)


def test_a_verdict_up_to_a_tier_leaves_out_what_lies_beyond(ran: Make, record: Record) -> None:
    scope = Scope(Tier.READ_ONLY, ("frames", "statuses"))
    assert "CONF-FRAME-13" not in {entry.id for entry in scope.entries()}
    unit = judge(ran(*(record(entry.id) for entry in scope.entries())), SOURCES, scope)
    assert unit.verdict is Verdict.ACCEPTED
    assert "nothing else" in unit.why[-1]


def test_want_of_equipment_is_told_and_does_not_keep_the_verdict_open(
    ran: Make, record: Record
) -> None:
    tests = all_passed(record, record("CONF-FRAME-09", "skipped", LAB))
    unit = judge(ran(*tests), SOURCES, FRAMES)
    assert (unit.verdict, unit.count("not judged")) == (Verdict.ACCEPTED, 1)
    assert any("CONF-FRAME-09" in why for why in unit.why)


def test_a_reason_that_nobody_listed_keeps_the_verdict_open(ran: Make, record: Record) -> None:
    tests = all_passed(record, record("CONF-FRAME-09", "skipped", "it rains"))
    assert judge(ran(*tests), SOURCES, FRAMES).verdict is Verdict.INCOMPLETE


def test_a_requirement_that_no_test_ran_for_keeps_the_verdict_open(
    ran: Make, record: Record
) -> None:
    tests = all_passed(record)[1:]
    assert judge(ran(*tests), SOURCES, FRAMES).verdict is Verdict.INCOMPLETE


def test_an_error_of_the_run_keeps_the_verdict_open(ran: Make, record: Record) -> None:
    unit = judge(ran(*all_passed(record), errors=("the run stopped",)), SOURCES, FRAMES)
    assert (unit.verdict, unit.why[0]) == (Verdict.INCOMPLETE, "the run stopped")


def test_a_test_that_the_watchdog_ended_says_nothing_of_its_requirement(
    ran: Make, record: Record
) -> None:
    ended = record("CONF-FRAME-04", "failed")
    ended.failure = "jbd_bench.safety._watchdog.WatchdogTripped: watchdog: pack voltage is at 9 mV"
    unit = judge(ran(*all_passed(record, ended), errors=("watchdog",)), SOURCES, FRAMES)
    assert (unit.verdict, effects(unit)) == (Verdict.INCOMPLETE, {"CONF-FRAME-04": "blocks"})


@pytest.mark.parametrize(
    "failure",
    [
        "jbd_bench._link.LinkError: serial:x: port is in use by process 7",
        "jbd_bench._link.LinkError: serial:x: gone\njbd_bench.safety._errors.NotRestored: serial:x",
        "jbd_bench.safety._record.JournalError: journal /x: no space left on device",
    ],
)
def test_trouble_of_the_bench_refuses_no_firmware(ran: Make, record: Record, failure: str) -> None:
    broken = record("CONF-FRAME-01", "failed")
    broken.failure = failure
    unit = judge(ran(*all_passed(record, broken)), SOURCES, FRAMES)
    assert (unit.verdict, effects(unit)) == (Verdict.INCOMPLETE, {"CONF-FRAME-01": "blocks"})
    row = next(row for row in unit.rows if row.effect)
    assert (row.outcome, row.why) == ("not judged", failure.partition("\n")[0].partition(": ")[2])
    # What the board did wrong beside it counts all the same, and is what is told.
    both = judge(ran(*all_passed(record, broken, record("CONF-FRAME-01", "failed"))), SOURCES,
                 FRAMES)  # fmt: skip
    assert both.verdict is Verdict.REFUSED
    assert "expected 1, got 2" in both.why[0]


def test_a_radio_link_that_drops_is_the_boards_own(ran: Make, record: Record) -> None:
    broken = record("CONF-FRAME-01", "failed")
    broken.failure = "jbd_bench._link.LinkError: ble:A5:C2:37:00:00:01: the link is gone"
    came = ran(*all_passed(record, broken))
    unit = judge(replace(came, target="ble:A5:C2:37:00:00:01"), SOURCES, FRAMES)
    assert unit.verdict is Verdict.REFUSED


def test_a_case_that_needs_more_leave_than_the_tier_reaches_does_not_count(
    ran: Make, record: Record
) -> None:
    beyond = record("CONF-FRAME-03", "skipped", "writes password on serial:x: --allow password")
    tests = [*all_passed(record), beyond]
    assert judge(ran(*tests), SOURCES, FRAMES).verdict is Verdict.INCOMPLETE
    scope = Scope(Tier.REVERSIBLE, ("frames",))
    assert judge(ran(*tests), SOURCES, scope).verdict is Verdict.ACCEPTED


def reach(client: str, value: int) -> dict[str, Any]:
    return Measurement(f"reach of {client}", value, "of 2").row()


def test_a_client_that_reaches_less_than_it_did_refuses_whatever_the_sources_bear(
    ran: Make, record: Record
) -> None:
    scope = Scope(areas=("compatibility",))
    baseline = Baseline(
        name="fixed",
        judged_as=0x21,
        outcomes={entry.id: "passed" for entry in scope.entries()},
        measurements={"reach of android-3.1.1026": reach("android-3.1.1026", 2)},
    )
    tests = [
        record(entry.id, measurements=[reach("android-3.1.1026", 0)])
        if entry.id == "COMPAT-A31-01"
        else record(entry.id)
        for entry in scope.entries()
    ]
    unit = judge(ran(*tests), baseline, scope)
    assert (unit.verdict, effects(unit)) == (Verdict.REFUSED, {"COMPAT-A31-01": "refuses"})
    assert judge(ran(*tests), baseline_of_firmware(0x21), scope).verdict is Verdict.ACCEPTED


def test_a_board_of_another_identity_is_a_change_and_no_refusal(ran: Make, record: Record) -> None:
    unit = judge(ran(*all_passed(record), identity={"version": 0x22}), SOURCES, FRAMES)
    assert unit.verdict is Verdict.ACCEPTED
    assert [(c.kind, c.text) for c in unit.changes] == [("identity", "version 0x22, was 0x21")]


@pytest.mark.parametrize(("now", "told"), [(0.2, True), (0.05, False), (0.045, False)])
def test_a_time_that_grew_is_told(ran: Make, record: Record, now: float, told: bool) -> None:
    before = Measurement("latency", 0.04, "s").row()
    baseline = Baseline(name="b", judged_as=0x21, outcomes={}, measurements={"latency": before})
    test = record("CONF-FRAME-01", measurements=[Measurement("latency", now, "s").row()])
    unit = judge(ran(*all_passed(record, test)), baseline, FRAMES)
    assert [change.kind for change in unit.changes] == ["measurement"] * told


@pytest.mark.parametrize("earlier_s", [(), (0.3, 0.4, 0.5)])
def test_the_page_shows_the_latencies_of_the_baseline_beside_those_of_now(
    ran: Make, record: Record, earlier_s: tuple[float, ...]
) -> None:
    name = "latency of 03, median"
    then = {name: Measurement(name, 0.4, "s", samples=earlier_s).row()} if earlier_s else {}
    now = Measurement(name, 0.02, "s", samples=(0.01, 0.02)).row()
    baseline = Baseline(name="b", judged_as=0x21, outcomes={}, measurements=then)
    test = record("CONF-FRAME-01", measurements=[now])
    unit = judge(ran(*all_passed(record, test)), baseline, FRAMES)
    result = Result(version="0", started="2026-01-02", baseline="b", tier="all", areas=(),
                    units=(unit,))  # fmt: skip
    shown = page(result)
    assert shown.count("<circle") == 2 + len(earlier_s)
    assert ("grey dots" in shown) is bool(earlier_s)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # they hold no state
@given(
    outcomes=st.dictionaries(
        st.sampled_from(IDS), st.sampled_from(["passed", "failed", LEAVE, LAB, "it rains"])
    ),
    before=st.dictionaries(st.sampled_from(IDS), st.sampled_from(["passed", "failed", "unknown"])),
)
def test_accepted_means_that_nothing_new_failed_and_nothing_was_left_out(
    record: Record, ran: Make, outcomes: dict[str, str], before: dict[str, str]
) -> None:
    tests = []
    for one in IDS:
        said = outcomes.get(one, "passed")
        skipped = said not in ("passed", "failed")
        tests.append(record(one, "skipped", said) if skipped else record(one, said))
    baseline = Baseline(name="b", judged_as=None, outcomes=before)
    verdict = judge(ran(*tests), baseline, FRAMES).verdict
    new = [
        one for one, said in outcomes.items() if said == "failed" and before.get(one) != "failed"
    ]
    left = [one for one, said in outcomes.items()
            if said in (LEAVE, "it rains") and before.get(one) != "failed"]  # fmt: skip
    met = any(outcomes.get(one, "passed") == "passed" for one in IDS)
    assert (verdict is Verdict.REFUSED) == bool(new)
    assert (verdict is Verdict.ACCEPTED) == (not new and not left and met)


def test_every_reason_of_the_suites_is_sorted() -> None:
    assert why_skipped("writes settings on serial:x: --allow settings") is Why.LEAVE
    assert why_skipped("presents the PIN of serial:x: --allow password") is Why.LEAVE
    assert why_skipped("needs the embedded emulator, not serial:x") is Why.LAB
    assert why_skipped("is about firmware 0x15; this is 0x21") is Why.NOT_MEANT
    assert why_skipped("is about the serial line itself") is Why.NOT_MEANT
    assert why_skipped("jbdtools-2021 is a program of the serial line") is Why.NOT_MEANT
    assert why_skipped("needs a unit with a known PIN: --target 'x'") is Why.NOT_MEANT
    assert why_skipped("the board is open: take its supply away") is Why.UNIT
    assert why_skipped("write to 0x07 withheld: serial:x has not shown a clear") is Why.GUARD
    assert why_skipped(None) is Why.UNIT


def test_the_catalogue_is_whole() -> None:
    entries = catalogue()
    assert len(entries) >= 140
    assert all(entry.area != "others" for entry in entries)
    by_id = {entry.id: entry for entry in entries}
    assert by_id["CONF-FRAME-01"].tier is Tier.READ_ONLY
    assert by_id["CONF-FACT-06"].tier is Tier.REVERSIBLE
    assert by_id["PWD-21-01"].tier is Tier.DESTRUCTIVE
    assert by_id["CONF-FACT-10"].needs == ("power switch",)
    assert by_id["MEAS-CELL-01"].needs == ("cell simulator",)
    assert by_id["PWD-17-20"].needs == ("emulator",)
    # A mark nearer to the test wins over that of its file.
    assert by_id["PWD-17-31"].needs == ("power switch",)
