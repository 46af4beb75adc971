"""``jbd-bench run`` from outside: what it tests, what it says, what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jbd_bench._suite_run import ALL_PROFILES
from jbd_bench.commands.run import plays_lockout
from jbd_bench.suites import SUITES
from jbd_bench.transports import parse_target
from jbd_emulator import BOARDS, FIRMWARE

pytestmark = pytest.mark.slow
Done = subprocess.CompletedProcess[str]


def bench(*arguments: str, folder: Path | None = None) -> Done:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "jbd_bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Serve a unit in another process: to the bench a board like any other."""
    path = folder / "unit"
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--json", "--serial", str(path)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"serial:{path}"
        finally:
            process.terminate()


def test_the_default_run_has_every_firmware_and_every_board() -> None:
    targets = [parse_target(text) for text in ALL_PROFILES]
    assert {int(target.address, 16) for target in targets} == set(FIRMWARE)
    assert {target.options["board"] for target in targets} == set(BOARDS)
    boards_of_21 = {t.options["board"] for t in targets if t.address == "0x21"}
    assert boards_of_21 == set(BOARDS)
    assert {t.pin for t in targets if t.address == "0x17"} == {None, "123456"}


def test_a_good_run_says_so_and_leaves_three_reports(tmp_path: Path) -> None:
    # A suite of somebody else's lies around it, with options of its own.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('not ours')\n")
    done = bench(
        *("run", "--target", "emulator:0x21", "--suite", "password", "--report", "out"),
        folder=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "password      emulator:0x21" in done.stdout.replace("password  ", "password      ")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verdict"] == "passed"
    [row] = report["summary"]
    assert f" tests, {row['passed']} passed, {row['skipped']} skipped, " in done.stdout
    assert (row["suite"], row["target"], row["failed"]) == ("password", "emulator:0x21", 0)
    assert row["passed"] + row["skipped"] == len(report["tests"])
    junit = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    cases = junit.findall(".//testcase")
    assert len(cases) == len(report["tests"])
    ran = [case for case in cases if case.find("skipped") is None]
    assert len(ran) == row["passed"]
    assert all("DD " in (case.findtext("system-out") or "") for case in ran)
    assert len(list((tmp_path / "out" / "allure-results").glob("*-result.json"))) == len(cases)


def test_every_test_of_a_report_says_what_it_shows_and_carries_its_traffic(tmp_path: Path) -> None:
    bench("run", "--target", "emulator:0x44", "--suite", "conformance", "--report", str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["tests"]) > 100
    for test in report["tests"]:
        assert test["traffic"] or test["outcome"] == "skipped", test["id"]
        for row in test["requirements"]:
            assert row["text"]
            assert row["source"]
            assert row["grade"] in ("captured", "vendor document", "reported", "assumed")
        assert test["requirements"], test["id"]


def test_a_board_that_differs_fails_and_the_failure_explains_itself() -> None:
    target = "emulator:0x21?answer_06=0x83"
    done = bench("run", "--target", target, "--suite", "password")
    assert done.returncode == 1
    for said in (
        "FAILED the blank pin is answered no such command",
        "PWD-21-01 the blank PIN is answered 0x80, no such command, byte for byte  "
        "[captured: xiaoxiangBMS issue 195: DD 06 80 00 FF 80 77]",
        "expected 0x80 no such command, got 0x83 wrong password (DD 06 83 00 FF 7D 77)",
        "> DD 5A 06 07 06 00 00 00 00 00 00 FF ED 77",
    ):
        assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_json_is_one_object_and_nothing_else() -> None:
    done = bench("run", "--json", "--target", "emulator:0x21?answer_06=0x83", "--suite", "password")
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (1, "failed")
    failure = document["failures"][0]
    assert failure["target"] == "emulator:0x21?answer_06=0x83"
    assert failure["requirements"] == ["PWD-21-01"]


def test_the_main_job_is_part_of_a_run_with_clients_on_firmware_21() -> None:
    assert plays_lockout(SUITES, ALL_PROFILES)
    assert not plays_lockout(["password"], ALL_PROFILES)
    assert not plays_lockout(SUITES, ["serial:/dev/ttyUSB0"])


def test_the_lockout_is_told_at_the_end() -> None:
    done = bench("run", "--target", "emulator:0x21", "--suite", "clients")
    assert done.returncode == 0, done.stdout
    assert "Android 3.1.1026 locks itself out of firmware 2.1" in done.stdout


def test_a_board_without_leave_is_read_and_the_rest_is_skipped(tmp_path: Path) -> None:
    with served(tmp_path) as target:
        done = bench("run", "--target", target, "--suite", "password")
    assert done.returncode == 0, done.stdout
    assert "writes password, settings" in done.stdout
    assert "--allow password,settings" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "emulator:0x99"), "firmware 0x99: unknown"),
        (("--target", "serial:/dev/ttyNOTHERE"), "serial:/dev/ttyNOTHERE: no such port"),
        (("--target", "bluetooth:x"), "unknown scheme 'bluetooth'"),
        (("--target", "socket://h:1", "--target", "socket://h:1"), "given twice"),
        (("--allow", "everything"), "allow 'everything'"),
        (("--report", "/proc/nowhere"), "/proc/nowhere"),
        (("--target", "emulator:0x21", "--limit", "cell_mv=nan:nan"), "must be finite numbers"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], said: str) -> None:
    done = bench("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("jbd-bench run: ")
    assert said in line


def test_with_leave_to_write_there_must_be_a_place_for_the_journal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = ("--journal", str(tmp_path / "file"))
    with served(tmp_path) as target:
        done = bench("run", "--target", target, "--allow", "settings", *place)
        reads = bench("run", "--target", target, "--suite", "clients", *place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"jbd-bench run: journal {tmp_path / 'file'}: file exists\n"
    assert reads.returncode == 0, reads.stdout


def test_a_board_that_says_nothing_is_told_before_any_test(tmp_path: Path) -> None:
    with served(tmp_path, "--answer", "03=silence") as target:
        done = bench("run", "--target", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert "register 0x03: no answer to 3 requests" in done.stderr


def test_an_unknown_suite_is_refused_with_those_there_are() -> None:
    done = bench("run", "--suite", "nonsense")
    assert done.returncode == 2
    assert "choose from" in done.stderr
