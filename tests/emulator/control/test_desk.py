"""The desk, without processes and the web: questions in, answers out, on a stepped clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import parse_unit
from jbd_emulator.control import Desk
from jbd_emulator.control._hands import HANDS
from jbd_emulator.control._recorder import MOST_ROWS, Recorder, rows_each
from jbd_emulator.faults import HangUp
from jbd_emulator.frontends._loop import UnitLoop
from jbd_emulator.frontends._server import ServedUnit, UnitPorts
from jbd_protocol import ReadRequest

BASIC_INFO = ReadRequest(0x03).to_wire()
Ask = Callable[..., dict[str, Any]]  # Any: values of a JSON object


class Bench:
    """A served unit on a loop that nobody runs, and its desk."""

    def __init__(self, *configs: str) -> None:
        self.now_s = 0.0
        self.loop = UnitLoop()
        self.loop.time = lambda: self.now_s  # type: ignore[method-assign]  # the clock is ours
        self.complaints: list[str] = []
        self.served = [ServedUnit(UnitPorts(parse_unit(text)), self.loop) for text in configs]
        self.desk = Desk(self.served, self.now_s, self.complaints.append)

    def ask(self, do: str, unit: str | None = None, /, **given: object) -> dict[str, Any]:
        """Return what the desk answers, which JSON must be able to carry."""
        question = {"do": do, "unit": unit or self.served[0].unit.name, "with": given}
        answer = self.desk.answer(json.loads(json.dumps(question)), self.now_s)
        table: dict[str, Any] = json.loads(json.dumps(answer))
        return table

    def ok(self, do: str, **given: object) -> dict[str, Any]:
        answer = self.ask(do, **given)
        assert "ok" in answer, answer
        table: dict[str, Any] = answer["ok"]
        return table

    def poll(self, wire: bytes = BASIC_INFO) -> bytes:
        return self.served[0].unit.receive(wire, self.now_s)

    def close(self) -> None:
        for served in self.served:
            served.close()
        self.loop.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench("0x17?pin=123456&load_ma=5000")
    yield one
    one.close()


@pytest.fixture
def several() -> Iterator[Bench]:
    one = Bench("0x17", "0x17", "0x21?board=16s")
    yield one
    one.close()


def test_units_of_one_name_are_told_apart(several: Bench) -> None:
    names = [row["name"] for row in several.ok("overview")["units"]]
    assert names == ["0x17-4s", "0x17-4s-2", "0x21-16s"]
    assert several.ask("state", "0x17-4s-2")["ok"]["name"] == "0x17-4s-2"


@pytest.mark.parametrize("name", ["nobody", "", "0x17-4S"])
def test_an_unknown_unit_is_named_with_those_there_are(bench: Bench, name: str) -> None:
    error = bench.desk.answer({"do": "state", "unit": name}, bench.now_s)["error"]
    assert (error["kind"], error["field"]) == ("not found", "unit")
    assert error["detail"] == f"unit {name!r}: there is 0x17-4s"


def test_a_state_says_what_the_board_believes_and_what_is_true(bench: Bench) -> None:
    bench.now_s += 10
    state = bench.ok("state")
    assert state["pack"]["current_ma"] == -5000
    assert state["pack"]["soc_believed"] == 70
    assert state["pack"]["soc_true"] == pytest.approx(69.9, abs=0.2)
    assert [cell["number"] for cell in state["pack"]["cells"]] == [1, 2, 3, 4]
    assert state["pin"] == {
        "function": True, "set": True, "digits": "123456", "hex": "010203040506", "locked": True,
        "grade": "reported", "source": state["pin"]["source"],
    }  # fmt: skip
    assert state["clock"] == {"pack_s": 10.0, "speed": 1, "behind": False}
    assert {row["state"] for row in state["protections"]} == {"clear"}


HANDS_AND_EFFECTS: list[tuple[str, dict[str, object], str, object]] = [
    ("pin", {"digits": "000001"}, "pin.digits", "000001"),
    ("pin", {"digits": None}, "pin.set", False),
    ("firmware", {"version": "0x80"}, "firmware", "0x80"),
    ("speed", {"speed": 10_000}, "clock.speed", 10_000),
    ("load", {"current_ma": 1500}, "pack.load_ma", 1500),
    ("charger", {"voltage_mv": 14_000, "current_ma": 9000}, "pack.charger.current_ma", 9000),
    ("charger", {"voltage_mv": 14_000, "current_ma": 0}, "pack.charger", None),
    ("current", {"held_ma": -70_000}, "pack.held_ma", -70_000),
    ("current", {"held_ma": None}, "pack.held_ma", None),
    ("cell", {"number": 2, "held_mv": 3700}, "pack.cells.1.held_mv", 3700),
    ("cell", {"number": 2, "soc": 12}, "pack.cells.1.soc", 12),
    ("cell", {"number": 4, "leak_ma": 30}, "pack.cells.3.leak_ma", 30),
    ("ntc", {"number": 1, "held_celsius": 70}, "pack.ntcs.0.held_celsius", 70),
    ("ntc", {"number": 2, "state": "open"}, "pack.ntcs.1.state", "open"),
    ("ambient", {"celsius": -20}, "pack.ambient_celsius", -20),
    ("fets", {"charge": False}, "fets.charge_locked", True),
    ("fets", {"switch_closed": False}, "fets.switch_closed", False),
    ("cable", {"plugged": False}, "plugged", False),
    ("sleep", {}, "mode", "asleep"),
    ("reset", {}, "counters.restart_cnt", 1),
    ("power_cycle", {}, "counters.restart_cnt", 1),
    ("write_settings", {"values": {"covp": 3600, "device_name": "x"}}, "limits.covp_mv", 3600),
    ("scenario", {"name": "weak-cell"}, "scenario.name", "weak-cell"),
    ("start_over", {}, "pack.load_ma", 5000),
    ("no_scenario", {}, "scenario", None),
    ("clear_counters", {}, "counters.restart_cnt", 0),
    ("clear_protections", {}, "protections.0.state", "clear"),
]  # fmt: skip


def at(table: Any, path: str) -> Any:
    for part in path.split("."):
        table = table[int(part)] if part.isdigit() else table[part]
    return table


@pytest.mark.parametrize(("do", "given", "path", "value"), HANDS_AND_EFFECTS)
def test_a_hand_does_what_it_says(
    bench: Bench, do: str, given: dict[str, object], path: str, value: object
) -> None:
    assert at(bench.ok(do, **given), path) == value
    assert not bench.complaints


def test_every_hand_is_tried_above() -> None:
    assert {row[0] for row in HANDS_AND_EFFECTS} == set(HANDS)


@pytest.mark.parametrize(
    ("do", "given", "field"),
    [
        ("pin", {"digits": "12345"}, "digits"),
        ("pin", {"digits": 123456}, "digits"),
        ("firmware", {"version": "0x99"}, None),
        ("speed", {"speed": 10_001}, "speed"),
        ("speed", {"speed": 1.5}, "speed"),
        ("speed", {}, "speed"),
        ("load", {"current_ma": -1}, "current_ma"),
        ("load", {"current_ma": "5"}, "current_ma"),
        ("charger", {"voltage_mv": 0, "current_ma": 5}, "voltage_mv"),
        ("cell", {"number": 5, "soc": 1}, "number"),
        ("cell", {"number": 1, "soc": 101}, "soc"),
        ("cell", {"number": 1, "colour": 3}, "colour"),
        ("ntc", {"number": 1, "state": "wet"}, "state"),
        ("ntc", {"number": 3, "state": "ok"}, "number"),
        ("ambient", {"celsius": 1000}, "celsius"),
        ("fets", {"charge": 1}, "charge"),
        ("cable", {"plugged": "no"}, "plugged"),
        ("write_settings", {"values": {"covp": 70_000}}, "covp"),
        ("write_settings", {"values": {"nonsense": 1}}, "nonsense"),
        ("write_settings", {"values": 3}, None),
        ("scenario", {"name": "../../etc/passwd"}, "name"),
        ("scenario", {"toml": "= 3"}, "toml"),
        ("scenario", {"toml": "state = '/tmp/x'"}, "toml"),
        ("scenario", {"toml": "scenario = 'weak-cell'"}, "toml"),
        ("scenario", {"toml": "[[terminal]]\nfile = '/etc/passwd'"}, "toml"),
        ("scenario", {"toml": "x" * 32_769}, "toml"),
        ("scenario", {}, "name"),
        ("add_fault", {"kind": "drop", "p": 2}, "p"),
        ("add_fault", {"kind": "rot"}, None),
    ],
)
def test_what_is_wrong_is_refused_and_named(
    bench: Bench, do: str, given: dict[str, object], field: str | None
) -> None:
    before = bench.ok("state")
    error = bench.ask(do, **given)["error"]
    assert error["kind"] == "invalid"
    assert error["field"] == field
    assert "\n" not in error["detail"]
    after = bench.ok("state")
    assert {**after, "t_s": 0} == {**before, "t_s": 0}
    assert not bench.complaints


def test_a_wrong_field_leaves_the_right_one_beside_it_alone(bench: Bench) -> None:
    bench.ask("cell", number=1, held_mv=3500, soc=200)
    assert bench.ok("state")["pack"]["cells"][0]["held_mv"] is None
    bench.ask("write_settings", values={"covp": 3600, "cuvp": 99_999})
    assert bench.ok("state")["limits"]["covp_mv"] == 3650
    bench.ask("fets", charge=False, discharge="yes")
    assert bench.ok("state")["fets"]["charge_locked"] is False


def test_a_scenario_handed_in_begins_at_once(bench: Bench) -> None:
    toml = 'title = "mine"\n[[event]]\nat = 0\ndo = "load"\ncurrent_ma = 7000\n'
    state = bench.ok("scenario", toml=toml)
    assert (state["scenario"]["title"], state["pack"]["load_ma"]) == ("mine", 7000)
    assert bench.ok("no_scenario")["scenario"] is None


@pytest.mark.parametrize("do", ["cable", "start_over"])
def test_a_link_that_a_fault_keeps_away_is_told_and_put_back(bench: Bench, do: str) -> None:
    served = bench.served[0]
    endpoint = served._listen("tcp", "127.0.0.1", 0)
    served._endpoints["tcp"] = endpoint
    where = endpoint.address
    for port in (served.port, endpoint):
        port.hang_up(HangUp(0x08, 3600.0), bench.now_s)
        assert bench.ok("state")["plugged"] is False
    assert bench.ok(do, **({"plugged": True} if do == "cable" else {}))["plugged"] is True
    assert served.port.fileno() >= 0
    assert endpoint.address == where


def test_what_waits_for_a_client_is_not_what_comes_next(bench: Bench) -> None:
    event = '[[event]]\n{}\ndo = "load"\ncurrent_ma = {}\n'
    toml = event.format('when = "enters_factory"', 1000) + event.format('at = "1 h"', 2000)
    told = bench.ok("scenario", toml=toml)["scenario"]
    assert (told["happened"], told["next"]["at_s"]) == (0, 3600)


def test_a_scenario_that_is_wrong_is_told_with_its_field(bench: Bench) -> None:
    wrong = '[[event]]\nat = 1\ndo = "load"\ncurrent_ma = -1\n'
    error = bench.ask("scenario", toml=wrong)["error"]
    assert error["field"] == "toml"
    assert "line 4, event 1: current_ma: -1" in error["detail"]
    assert bench.ask("scenario")["error"]["detail"] == "name: missing, and there is no toml"


def test_a_scenario_gives_the_board_with_a_state_file_back(tmp_path: Path) -> None:
    bench = Bench(f"0x17?state={tmp_path / 'unit.json'}")
    try:
        bench.ok("pin", digits="654321")
        assert bench.ok("scenario", name="weak-cell")["pin"]["set"] is False
        bench.ok("pin", digits="111111")
        state = bench.ok("no_scenario")
        assert (state["scenario"], state["pin"]["digits"]) == (None, "654321")
        # Where none is under way there is nothing to give back, and nothing is lost.
        bench.ok("pin", digits="222222")
        assert bench.ok("no_scenario")["pin"]["digits"] == "222222"
    finally:
        bench.close()


@pytest.mark.parametrize("end", ["board", "client"])
def test_plugging_in_heals_what_a_fault_has_pulled(bench: Bench, end: str) -> None:
    bench.ok("add_fault", kind="unplugged", end=end)
    assert bench.ok("state")["plugged"] is False
    state = bench.ok("cable", plugged=True)
    assert (state["plugged"], state["faults"]) == (True, [])


def test_what_the_desk_changes_survives_at_once(tmp_path: Path) -> None:
    path = tmp_path / "unit.json"
    bench = Bench(f"0x17?state={path}")
    try:
        bench.ok("pin", digits="654321")
        bench.ok("write_settings", values={"covp": 3555})
        saved = json.loads(path.read_text())["state"]
        assert (saved["pin"], saved["settings"]["0x24"]) == ("060504030201", "0de3")
    finally:
        bench.close()


def test_settings_come_with_unit_and_evidence(bench: Bench) -> None:
    rows = {row["name"]: row for row in bench.ok("settings")["settings"]}
    assert rows["covp"]["fields"] == [{"name": "covp", "value": 3650, "unit": "mV"}]
    assert rows["covp"]["grade"] == "captured"


def test_an_answer_that_was_kept_is_made_anew(bench: Bench) -> None:
    assert bench.poll()[24] == 3  # both FETs on
    bench.ok("fets", charge=False)
    assert bench.poll()[24] == 2


def test_faults_are_added_seen_marked_and_healed(bench: Bench) -> None:
    added = bench.ok("add_fault", kind="silence", register=3, times=1)["added"]
    assert bench.poll() == b""
    assert bench.poll() != b""
    rows = bench.ok("traffic", since=0)["rows"]
    assert [row[2] for row in rows] == ["rx", "why", "fault", "rx", "why", "tx"]
    assert added["id"] in rows[2][3]
    second = bench.ok("add_fault", kind="ntc", ntc=1, state="open")
    assert [fault["kind"] for fault in second["faults"]] == ["ntc"]
    assert bench.ask("remove_fault", id="none")["error"]["kind"] == "not found"
    assert bench.ok("remove_fault", id=second["added"]["id"])["faults"] == []
    bench.ok("add_fault", kind="front_end")
    assert bench.ok("clear_faults")["faults"] == []
    twice = {"kind": "drop", "id": "a"}
    bench.ok("add_fault", **twice)
    error = bench.ask("add_fault", **twice)["error"]
    assert (error["kind"], error["field"]) == ("conflict", "id")


def test_traffic_comes_with_line_bytes_and_reason(bench: Bench) -> None:
    answer = bench.poll()
    got = bench.ok("traffic", since=0)
    assert (got["start"], got["next"]) == (0, 3)
    received, why, sent = got["rows"]
    assert received[1:] == ["serial", "rx", BASIC_INFO.hex()]
    assert why[2:5] == ["why", 3, False]
    assert why[6:] == ["reported", "the field: iOS and desktop show it, without parameters", False]
    assert sent[1:] == ["serial", "tx", answer.hex()]
    assert bench.ok("traffic", since=2)["rows"] == [sent]
    assert bench.ok("traffic", since=99)["rows"] == []
    assert bench.ok("forget_traffic")["traffic"] == {"first": 3, "next": 3}


def test_what_the_ring_forgot_is_told_by_the_number_of_the_first_row() -> None:
    recorder = Recorder(3, 0.0)
    for number in range(5):
        recorder.struck(float(number), str(number))
    assert recorder.since(0, 10) == (2, [(float(n), "", "fault", str(n)) for n in (2, 3, 4)])
    assert recorder.since(3, 1) == (3, [(3.0, "", "fault", "3")])
    assert recorder.since(7, 1) == (5, [])


@given(st.integers(1, 100_000))
def test_all_rings_together_stay_small(units: int) -> None:
    assert 100 <= rows_each(units) <= MOST_ROWS
    assert units > 2000 or rows_each(units) * units <= 200_000


def test_a_fault_of_ours_is_an_answer_and_a_complaint(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken\nin two lines")

    monkeypatch.setattr("jbd_emulator.control._desk.snapshot", fail)
    error = bench.ask("state")["error"]
    assert (error["kind"], error["detail"]) == ("fault", "RuntimeError: broken")
    assert bench.complaints == ["control: state: RuntimeError: broken"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted({name for hand in HANDS.values() for name in hand.fields}))


@given(
    do=st.sampled_from([*HANDS, "add_fault", "remove_fault", "traffic", "follow"]) | st.text(),
    given_=st.dictionaries(FIELDS | st.sampled_from(["kind", "since", "id"]), JSON, max_size=3)
    | JSON,
)
def test_nothing_that_is_asked_raises(do: str, given_: object) -> None:
    bench = Bench("0x21")
    try:
        answer = bench.desk.answer({"do": do, "unit": "0x21-4s", "with": given_}, bench.now_s)
        assert set(answer) in ({"ok"}, {"error"})
        # Nothing of ours broke either: what is wrong with a question is known beforehand.
        assert answer.get("error", {}).get("kind") != "fault", answer
        bench.ok("cable", plugged=True)
        bench.ok("power_cycle")
        assert bench.poll() or bench.ok("state")["mode"] == "asleep"
    finally:
        bench.close()


def test_a_table_that_toml_reads_and_a_unit_cannot_be_is_refused(bench: Bench) -> None:
    error = bench.ask("scenario", toml="cells = 40")["error"]
    assert (error["kind"], error["field"]) == ("invalid", "toml")


def test_a_fast_unit_lives_up_to_now_and_a_hiccup_is_made_up_for(bench: Bench) -> None:
    [served] = bench.served
    served.unit.device.set_speed(20, 0.0)
    bench.now_s = 3.0  # nobody looked for so long
    served.hurry(bench.now_s + 1)
    assert served.unit.device.pack.time_s == 60
    assert not served.behind


def test_a_unit_that_is_too_fast_for_the_machine_leaves_time_out_and_says_so(bench: Bench) -> None:
    [served] = bench.served
    served.unit.device.set_speed(10_000, 0.0)
    bench.now_s = 0.5
    served.hurry(bench.now_s)  # no time is left for it
    assert served.unit.device.pack.time_s == 0
    assert bench.ok("state")["clock"] == {"pack_s": 0.0, "speed": 10_000, "behind": True}
    assert not bench.ok("speed", speed=100)["clock"]["behind"]
