"""The pytest plugin from outside: in a process of its own, as other people's suites use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "test_my_app.py"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    # Entry-point plugins are found in the environment; nothing of this session reaches it.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Run(pytester)


class Run:
    """Writes a test file and runs pytest on it in a subprocess."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    def __call__(self, source: str, *options: str) -> pytest.RunResult:
        self.pytester.makepyfile(source)
        return self.pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs", *options)


READS = """
def test_reads(jbd_client):
    assert jbd_client.basic_info().version in (0x17, 0x21)
"""


def test_the_documented_example_passes(run: Run) -> None:
    shutil.copy(EXAMPLE, run.pytester.path)
    run.pytester.runpytest_subprocess("-Werror").assert_outcomes(passed=2)


def test_without_an_option_the_emulator_is_under_test(run: Run) -> None:
    result = run(READS, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_reads[[]emulator:0x21?board=4s]*"])


def test_every_target_gives_every_test_a_run(run: Run) -> None:
    result = run(READS, "--target", "emulator:0x21", "--jbd-target", "emulator:0x17?pin=123456")
    result.assert_outcomes(passed=2)


def test_each_test_gets_a_fresh_unit(run: Run) -> None:
    source = """
import pytest

@pytest.mark.parametrize("turn", [1, 2])
def test_changes(jbd_client, turn):
    with jbd_client.factory_mode(save=True):
        assert jbd_client.setting("covp")["covp"].value == 3650
        jbd_client.write_setting("covp", 3500)
"""
    run(source).assert_outcomes(passed=2)


def test_unit_link_client_and_clock_are_of_one_board(run: Run) -> None:
    source = """
def test_all(jbd_unit, jbd_link, jbd_client, jbd_clock, jbd_target):
    assert jbd_client.link is jbd_link and jbd_clock is jbd_link.clock
    jbd_unit.device.lab.set_load(5000)
    jbd_clock.sleep_until(3600)
    assert jbd_client.basic_info().current_ma == -5000
    assert jbd_clock.now_s() == 3600
    assert jbd_target.version() == 0x21 and jbd_target.embedded
"""
    run(source, "-Werror").assert_outcomes(passed=1)


def test_a_unit_is_served_to_other_programs(run: Run) -> None:
    source = """
import pytest, serial
from jbd_bench import LinkError

def test_served(jbd_unit):
    path = jbd_unit.serve()
    assert path == jbd_unit.serve() == jbd_unit.serial_path
    with pytest.raises(LinkError, match="served"):
        jbd_unit.link()
    with serial.Serial(path, 9600, timeout=2) as port:
        for _ in range(20):
            port.write(bytes.fromhex("DD A5 04 00 FF FC 77"))
            assert port.read(15)[:4] == bytes.fromhex("DD 04 00 08")
        jbd_unit.power_cycle()

def test_served_after_it_was_driven(jbd_unit, jbd_client):
    jbd_client.basic_info()
    with serial.Serial(jbd_unit.serve(), 9600, timeout=2) as port:
        port.write(bytes.fromhex("DD A5 04 00 FF FC 77"))
        assert len(port.read(15)) == 15

def test_delayed_answers_of_a_served_unit(jbd_unit):
    with serial.Serial(jbd_unit.serve(), 9600, timeout=2) as port:
        port.write(bytes.fromhex("DD A5 05 00 FF FB 77"))
        assert len(port.read(7)) == 7
"""
    run(source, "-Werror", "--target", "emulator:0x21?answer_05=delay-0.1").assert_outcomes(
        passed=3
    )


def test_what_goes_wrong_in_the_serving_thread_fails_the_test(run: Run) -> None:
    source = """
import serial

def test_served(jbd_unit):
    def broken(data, now_s):
        raise ZeroDivisionError("in the thread")
    jbd_unit.unit.line.receive = broken
    with serial.Serial(jbd_unit.serve(), 9600, timeout=0.1) as port:
        port.write(b"x")
        port.read(1)
"""
    result = run(source.replace("jbd_unit.unit.line.receive = broken", HOOK))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError: in the thread*"])


# The tap of a unit is called for every byte, in whatever thread serves it.
HOOK = "jbd_unit.unit.tap = lambda *_: broken(b'', 0.0)"


class Served:
    """A unit in another process: to the plugin a board like any other."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "unit"
        command = [sys.executable, "-m", "jbd_emulator", "serve", "--json"]
        self.process = subprocess.Popen(
            [*command, "--serial", str(self.path), *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["event"] == "ready"

    @property
    def target(self) -> str:
        return f"serial:{self.path}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.process.terminate()
    served.process.communicate(timeout=10)


WRITES = """
import pytest
from jbd_bench import WriteRefused

@pytest.mark.jbd(writes="settings")
def test_writes(jbd_client):
    with jbd_client.factory_mode():
        assert jbd_client.setting("covp")["covp"].value == 3650

def test_reads(jbd_client):
    assert jbd_client.basic_info().cells == 4

def test_writes_unmarked(jbd_client):
    with pytest.raises(WriteRefused) as caught:
        jbd_client.clear_pin()
    assert caught.value.leave == "password"

def test_looks_inside(jbd_unit):
    raise AssertionError

@pytest.mark.jbd(embedded=True)
def test_needs_the_emulator(jbd_client):
    raise AssertionError

@pytest.mark.jbd(firmware=0x80)
def test_is_about_another_firmware(jbd_client):
    raise AssertionError

@pytest.mark.jbd(pin=True)
def test_needs_a_pin(jbd_client):
    raise AssertionError
"""


@pytest.mark.slow
def test_a_board_is_only_read_without_leave(run: Run, served: Served) -> None:
    result = run(WRITES, "--target", served.target)
    result.assert_outcomes(passed=2, skipped=5)
    result.stdout.fnmatch_lines_random(
        [
            "*writes settings on serial:*: --allow settings",
            "*needs the embedded emulator, not serial:*: --target emulator:0x21",
            "*is about firmware 0x80; this is 0x21",
            "*needs a unit with a known PIN*",
        ]
    )


@pytest.mark.slow
def test_leave_for_settings_lets_settings_be_written_and_no_more(run: Run, served: Served) -> None:
    result = run(WRITES, "--target", served.target, "--allow", "settings")
    result.assert_outcomes(passed=3, skipped=4)


def test_leave_can_be_taken_from_the_emulator(run: Run) -> None:
    result = run(WRITES, "--allow", "none", "-k", "test_writes")
    result.assert_outcomes(passed=1, skipped=1)


def test_a_test_that_is_about_no_target_is_skipped_once(run: Run) -> None:
    source = """
import pytest

@pytest.mark.jbd(firmware=(0x80, 0x25))
def test_other(jbd_client):
    raise AssertionError
"""
    result = run(source, "--target", "emulator:0x21", "--target", "emulator:0x17")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*is about firmware 0x25, 0x80; this is 0x21"])


def test_a_test_runs_on_those_targets_it_is_about(run: Run) -> None:
    source = """
import pytest

@pytest.mark.jbd(firmware=0x17, pin=True)
def test_locked(jbd_client):
    with pytest.raises(Exception):
        jbd_client.pair()
"""
    targets = ["emulator:0x17", "emulator:0x17?pin=123456", "emulator:0x21?pin=123456"]
    result = run(source, *[f"--target={target}" for target in targets])
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--target=bluetooth:x", "unknown scheme 'bluetooth'"),
        ("--target=emulator:0x99", "firmware 0x99: unknown"),
        ("--allow=everything", "allow 'everything': must be of"),
    ],
)
def test_a_bad_option_is_told_in_one_line(run: Run, option: str, said: str) -> None:
    result = run(READS, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in "\n".join(result.errlines + result.outlines)
    assert "Traceback" not in "\n".join(result.errlines)


def test_a_misspelt_marker_is_an_error(run: Run) -> None:
    result = run(
        "import pytest\n@pytest.mark.jbd(write='settings')\ndef test_x(jbd_client):\n    pass\n"
    )
    assert result.ret != 0
    assert "write" in result.stdout.str()


def test_a_failure_shows_the_traffic(run: Run) -> None:
    result = run("def test_x(jbd_client):\n    assert jbd_client.board_name() == ''\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*Captured stdout jbd traffic*", "*> DD A5 05 00 FF FB 77 *read board name"]
    )


def test_junit_and_json_carry_the_traffic_of_passed_tests_too(run: Run) -> None:
    reports = ("--junitxml=junit.xml", "-o", "junit_logging=system-out", "--jbd-report=r.json")
    run(READS, *reports).assert_outcomes(passed=1)
    assert "DD A5 03 00 FF FD 77" in (run.pytester.path / "junit.xml").read_text()
    document = json.loads((run.pytester.path / "r.json").read_text())
    [test] = document["tests"]
    assert document["verdict"] == test["outcome"] == "passed"
    assert test["target"] == "emulator:0x21?board=4s"
    assert test["traffic"][0]["hex"] == "DD A5 03 00 FF FD 77"


def test_allure_gets_the_traffic_where_it_is_installed(run: Run) -> None:
    pytest.importorskip("allure_pytest")
    run(READS, "--alluredir=results").assert_outcomes(passed=1)
    [attached] = (run.pytester.path / "results").glob("*-attachment.txt")
    assert "DD A5 03 00 FF FD 77" in attached.read_text()


def test_the_long_option_stays_where_another_plugin_has_the_short_one(run: Run) -> None:
    run.pytester.makepyfile(
        other="def pytest_addoption(parser):\n    parser.addoption('--target')\n"
    )
    run.pytester.makepyfile(test_reads=READS)
    done = run.pytester.runpytest_subprocess(
        "-p", "other", "--target", "mine", "--jbd-target", "emulator:0x17"
    )
    done.assert_outcomes(passed=1)


def test_the_plugin_module_imports_pytest_alone() -> None:
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import jbd_bench.pytest_plugin\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)),"
        " sorted(name for name in sys.modules if name.startswith('jbd_bench.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['jbd_bench'] ['jbd_bench.pytest_plugin']"


def test_a_session_that_asks_for_no_board_loads_nothing_of_the_bench(run: Run) -> None:
    source = """
import sys

def test_x():
    heavy = {"jbd_emulator", "jbd_protocol", "serial", "rich"}
    assert not heavy & set(sys.modules)
"""
    run(source).assert_outcomes(passed=1)


def test_all_fixtures_are_named_jbd(run: Run) -> None:
    result = run(READS, "--fixtures", "-v")
    ours = [line.split()[0] for line in result.outlines if "jbd_bench/pytest_plugin.py" in line]
    assert {"jbd_client", "jbd_clock", "jbd_link", "jbd_target", "jbd_unit"} <= set(ours)
    assert all(name.startswith("jbd_") for name in ours), ours


def test_the_environment_of_this_test_is_the_installed_one() -> None:
    # `pytester` must not be fooled by PYTHONPATH into a tree that is not installed.
    assert "PYTHONPATH" not in os.environ or "jbd" not in os.environ["PYTHONPATH"]
