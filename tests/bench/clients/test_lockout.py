"""The lockout as played: reproduced where it is, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jbd_bench.__main__ import main
from jbd_bench._leave import WriteRefused
from jbd_bench._link import LinkError
from jbd_bench._lockout import PIN_STEPS, open_guarded, play_lockout, with_pin_step
from jbd_bench._lockout_controls import judge_control
from jbd_bench._lockout_criteria import Logs, Verdict, judge
from jbd_bench.clients import CLIENTS, Loop, User, client_model

LOCKED_OUT = "android-3.1.1026"
OTHERS = [client for client in CLIENTS if client != LOCKED_OUT]
CRITERIA = ["L1", "L2", "L3", "L4", "L5", "L6"]


def verdict_of(
    client: str = LOCKED_OUT, target: str = "emulator:0x21", **options: object
) -> Verdict:
    return judge(play_lockout(target, client_model(client, **options)))


@pytest.mark.parametrize("loop", Loop)
def test_every_loop_kind_is_reproduced_on_firmware_2_1(loop: Loop) -> None:
    verdict = verdict_of(loop=loop)
    assert verdict.reproduced, verdict.why
    assert [row.id for row in verdict.criteria if row.passed] == CRITERIA
    assert [row.fired for row in verdict.falsifiers] == [False] * 6
    assert all(row.passed for row in verdict.controls)
    assert all(row.frames for row in (*verdict.criteria, *verdict.controls))
    assert verdict.firmware == 0x21


@pytest.mark.parametrize("board", ["4s", "8s", "16s"])
@pytest.mark.parametrize("pin", ["", "&pin=123456"])
def test_board_and_stored_pin_are_irrelevant_on_firmware_2_1(board: str, pin: str) -> None:
    assert verdict_of(target=f"emulator:0x21?board={board}{pin}").reproduced


@pytest.mark.parametrize("answer", PIN_STEPS)
@pytest.mark.parametrize("loop", Loop)
def test_another_answer_at_the_pin_step_is_not_the_lockout(answer: str, loop: Loop) -> None:
    verdict = verdict_of(target=with_pin_step("emulator:0x21", answer), loop=loop)
    assert not verdict.reproduced
    assert [row.id for row in verdict.criteria if not row.passed] == ["L3"]


@pytest.mark.parametrize("client", OTHERS)
def test_no_other_client_is_locked_out(client: str) -> None:
    assert not verdict_of(client).reproduced


@pytest.mark.parametrize(
    "unit", ["0x15", "0x16", "0x17", "0x17?pin=765828", "0x20", "0x25", "0x80"]
)
def test_other_firmware_is_not_the_lockout(unit: str) -> None:
    verdict = verdict_of(target=f"emulator:{unit}")
    assert not verdict.reproduced
    assert not verdict.criteria[0].passed


def test_a_version_rule_of_0x20_still_locks_out_but_loses_the_controls_on_0x17() -> None:
    verdict = verdict_of(version_rule=0x20)
    assert verdict.reproduced
    assert [row.id for row in verdict.controls if not row.passed] == ["C1", "C2"]
    assert "C1, C2" in verdict.why


def test_a_user_who_stops_too_early_proves_nothing() -> None:
    model = client_model(LOCKED_OUT, loop="B")
    logs = play_lockout("emulator:0x21", model, user=User(pins=(), patience_s=1.0), controls=False)
    verdict = judge(logs)
    assert [row.id for row in verdict.criteria if not row.passed] == ["L4", "L5"]


def test_without_controls_the_verdict_says_so() -> None:
    verdict = judge(play_lockout("emulator:0x21", client_model(LOCKED_OUT), controls=False))
    assert verdict.reproduced
    assert "controls were not played" in verdict.why
    assert [row.fired for row in verdict.falsifiers] == [False, False, None, None, False, None]


@pytest.mark.parametrize(("client", "failing"), [
    ("android-3.1.1026", []),
    ("android-3.1.1015", ["C1", "C2", "C3", "C4"]),  # no 06 to be answered
    ("ios-fixed", ["C1", "C2", "C3", "C4"]),  # no 06 before Config is opened
])  # fmt: skip
def test_controls_describe_3_1_1026_and_not_every_client(client: str, failing: list[str]) -> None:
    controls = verdict_of(client).controls
    assert [row.id for row in controls if not row.passed] == failing
    assert all(row.why for row in controls if not row.passed)


@pytest.mark.parametrize(("control", "target", "why"), [
    ("C1", "emulator:0x17", "the blank PIN was not refused"),
    ("C1", "emulator:0x17?pin=111111", "the right PIN was not answered 00"),
    ("C2", "emulator:0x21", "no 06 was answered 00"),
    ("C3", "emulator:0x25?answer_04=0x81", "no R03 and R04 within 1 s of the 00"),
    ("C5", "emulator:0x17", "it sent 06"),
    ("C5", "emulator:0x16?answer_04=0x81", "it does not poll"),
    ("C6", "emulator:0x16", "R03 was answered"),
])  # fmt: skip
def test_a_control_played_on_the_wrong_board_fails(control: str, target: str, why: str) -> None:
    link = open_guarded(target)
    try:
        user = User(pins=("765828",), opens_parameters=False)
        log = client_model(LOCKED_OUT).run(link, user).log
    finally:
        link.close()
    finding = judge_control(control, log)
    assert not finding.passed
    assert why in finding.why


def test_empty_logs_are_judged_and_not_reproduced() -> None:
    verdict = judge(Logs(client="nobody", first=()))
    assert not verdict.reproduced
    assert not any(row.passed for row in verdict.criteria)
    assert verdict.firmware is None


def test_a_real_board_is_not_written_to_without_leave() -> None:
    with pytest.raises(WriteRefused) as caught:
        open_guarded("serial:/dev/does-not-exist")
    assert caught.value.leave == "password"


def test_a_real_board_cannot_be_told_what_to_answer() -> None:
    with pytest.raises(LinkError):
        with_pin_step("serial:/dev/ttyUSB0", "silence")


def test_the_json_is_one_object_with_every_criterion_and_its_frames(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lockout", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"verdict", "client", "firmware", "criteria", "falsifiers", "controls", "trace"} <= set(
        document
    )
    assert document["verdict"] == "reproduced"
    assert document["firmware"] == "0x21"
    assert [row["id"] for row in document["criteria"]] == CRITERIA
    for row in document["criteria"]:
        assert row["passed"] is True
        assert row["grade"] in ("captured", "vendor document", "reported", "assumed")
        assert all({"t", "dir", "frame", "text"} <= set(frame) for frame in row["frames"])
    refused = [row for row in document["trace"] if row["frame"] == "DD 06 80 00 FF 80 77"]
    assert len(refused) == 14
    assert {row["part"] for row in document["trace"]} == {"first", "clear", "repeat"}
    assert ["L3", "L5"] in [row["criteria"] for row in document["trace"]]


@pytest.mark.parametrize(("arguments", "status"), [
    (["--expect", "reproduced"], 0),
    (["--expect", "not-reproduced"], 1),
    (["--expect", "not-reproduced", "--pin-step", "0x83"], 0),
    (["--expect", "reproduced", "--client", "fixed-app"], 1),
    (["--client", "fixed-app"], 0),
])  # fmt: skip
def test_the_exit_status_follows_the_expectation(arguments: list[str], status: int) -> None:
    assert main(["lockout", *arguments]) == status


def test_the_trace_names_times_bytes_meanings_and_criteria(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["lockout", "--loop", "C"])
    out = capsys.readouterr().out
    [line] = [row for row in out.splitlines() if "[L3 L5]" in row]
    assert line.split("s  ", 1)[1].startswith("<-    DD 06 80 00 FF 80 77")
    assert "no such command" in line
    assert out.splitlines()[-1].startswith("reproduced: ")
    assert "\x1b" not in out


@pytest.mark.parametrize("arguments", [
    ["--loop", "Q"], ["--client", "nobody"], ["--client", "fixed-app", "--loop", "A"],
    ["--pin-step", "shrug"], ["--target", "emulator:0x99"], ["--target", "serial:/dev/null"],
    ["--target", "serial:/dev/nope", "--allow", "password"], ["--allow", "everything"],
    ["--target", "serial:/dev/nope", "--pin-step", "silence"],
])  # fmt: skip
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lockout", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.slow
def test_help_loads_neither_serial_nor_rich_nor_pytest() -> None:
    code = (
        "import sys; from jbd_bench.__main__ import main\n"
        "try: main(['lockout', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'serial', 'rich', 'pytest', 'jbd_emulator', 'jbd_bench.clients'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
