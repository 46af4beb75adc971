"""Whole runs on a board in another process: ended by signals, by a cable, and found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, open_target
from jbd_protocol import SETTINGS

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow
Done = subprocess.CompletedProcess[str]
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull)


class Lab:
    """A board on a terminal, and runs on it."""

    def __init__(self, folder: Path, serve: Callable[..., Served]) -> None:
        self.folder, self._serve = folder, serve
        self.port, self.journals = folder / "port", folder / "journals"
        self.state, self.log = folder / "state.json", folder / "log.jsonl"
        self.start()
        self.found = self.settings()

    @property
    def target(self) -> str:
        return f"serial:{self.port}"

    def start(self, *options: str) -> None:
        self.process, _ = self._serve(
            *("--serial", self.port, "--state", self.state, "--log", self.log, *options)
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.port.unlink()

    def settings(self) -> dict[int, bytes]:
        link = open_target(self.target)
        client = BmsClient(link)
        with client.factory_mode():
            held = {address: client.read(address) for address in SETTINGS}
        link.close()
        return held

    def command(self, source: str, *options: str) -> list[str]:
        (self.folder / "test_board.py").write_text(source)
        return [
            *(sys.executable, *PYTEST, "--target", self.target, "--allow", "settings,fets"),
            *("--journal", str(self.journals), "--replug", "15", *options, "test_board.py"),
        ]

    def run(self, source: str, *options: str) -> Done:
        command = self.command(source, *options)
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, timeout=60, check=False
        )

    def bench(self, *arguments: str) -> Done:
        command = [sys.executable, "-m", "jbd_bench", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def open_journals(self) -> list[Path]:
        return [*self.journals.glob("*.jsonl")]

    def heard_writes(self) -> int:
        rows = [json.loads(line) for line in self.log.read_text().splitlines()]
        return sum("dd5a" in row["hex"] for row in rows if row["dir"] == "rx")


@pytest.fixture
def lab(tmp_path: Path, serve: Callable[..., Served]) -> Lab:
    return Lab(tmp_path, serve)


ENDS = """
import os, pytest, signal, time

# A shell hands SIGINT on as ignored to what it runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

@pytest.mark.jbd(writes="settings")
def test_writes(jbd_client):
    with jbd_client.factory_mode(save=True):
        jbd_client.write_setting("covp", 3500)
        jbd_client.write_setting("device_name", "MINE")
    with jbd_client.factory_mode():
        jbd_client.write_setting("cuvp", 2400)
        {end}

def test_never_begins(jbd_client):
    raise AssertionError
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_run_and_the_board_is_put_back_first(lab: Lab, name: str) -> None:
    done = lab.run(ENDS.format(end=f"os.kill(os.getpid(), signal.{name})"))
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
    assert lab.settings() == lab.found
    assert lab.open_journals() == []


def test_signals_while_the_board_is_put_back_wait_for_it(lab: Lab) -> None:
    # The test itself ends well; a finalizer behind it is interrupted while the guard works.
    source = (
        ENDS.format(end="signal.setitimer(signal.ITIMER_REAL, 0.01, 0.002)")
        + """
@pytest.fixture(autouse=True)
def alarms():
    # Each alarm is a Ctrl-C.
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
    )
    done = lab.run(source)
    assert done.returncode != 0
    again = lab.bench("restore", "--journal", str(lab.journals))
    assert again.returncode == 0, again.stdout
    assert lab.settings() == lab.found


def test_after_kill_9_the_next_start_puts_back_and_says_so(lab: Lab) -> None:
    done = lab.run(ENDS.format(end="os.kill(os.getpid(), signal.SIGKILL)"))
    assert done.returncode == -signal.SIGKILL
    assert lab.settings() != lab.found
    assert len(lab.open_journals()) == 1
    done = lab.run("def test_reads(jbd_client):\n    assert jbd_client.basic_info().cells == 4\n")
    assert done.returncode == 0
    assert "had no end: restored: cell over-voltage (0x24): 3500 mV back to 3650 mV" in done.stdout
    assert lab.settings() == lab.found
    assert lab.open_journals() == []


def test_restore_by_hand(lab: Lab) -> None:
    lab.run(ENDS.format(end="os.kill(os.getpid(), signal.SIGKILL)"))
    place = ("restore", "--journal", str(lab.journals))
    listed = lab.bench(*place, "--list")
    assert listed.returncode == 1
    assert "left: settings written: 0x24, 0x26, 0xA1" in listed.stdout
    assert "left: they were saved" in listed.stdout
    done = lab.bench(*place, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [row] = json.loads(done.stdout)["journals"]
    assert row["good"]
    assert row["failed"] == row["left"] == []
    assert "cell over-voltage (0x24): 3500 mV back to 3650 mV" in row["restored"]
    assert row["settings_confirmed"] == len(lab.found)
    assert lab.settings() == lab.found
    assert lab.bench(*place).stdout.endswith("nothing is left to put back\n")


def test_a_journal_can_be_given_up(lab: Lab) -> None:
    lab.run(ENDS.format(end="os.kill(os.getpid(), signal.SIGKILL)"))
    before = lab.heard_writes()
    [journal] = lab.open_journals()
    assert lab.bench("restore", "--journal", str(journal), "--forget").returncode == 0
    assert lab.open_journals() == []
    assert lab.heard_writes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--journal", "/nowhere/at/all"), "journal /nowhere/at/all: no such file or folder"),
        (("--list", "--forget"), "not allowed with argument"),
    ],
)
def test_restore_refuses_bad_input(lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    done = lab.bench("restore", *arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_board_that_is_restarted_amid_a_test_is_put_back_and_the_run_goes_on(lab: Lab) -> None:
    source = """
import pathlib, pytest, time

@pytest.mark.jbd(writes="settings")
def test_writes(jbd_client):
    with jbd_client.factory_mode(save=True):
        jbd_client.write_setting("covp", 3500)
        jbd_client.write_setting("mfg_name", "ANOTHER")
    pathlib.Path("written").touch()
    while True:
        jbd_client.basic_info()
        time.sleep(0.01)

@pytest.mark.jbd(writes="settings")
def test_goes_on(jbd_client):
    with jbd_client.factory_mode():
        assert jbd_client.setting("covp")["covp"].value == 3650
"""
    command = lab.command(source)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=lab.folder) as run:
        while not (lab.folder / "written").exists():
            time.sleep(0.01)
        lab.kill()
        lab.start()
        out, _ = run.communicate(timeout=60)
    assert run.returncode == 1, out
    assert "1 failed, 1 passed" in out
    assert "LinkError" in out
    assert "gone; waiting 15 s for it to come back" in out
    assert lab.settings() == lab.found
    assert lab.open_journals() == []


def test_a_board_that_stays_away_ends_the_run_and_leaves_the_journal(lab: Lab) -> None:
    source = ENDS.format(end="open('written', 'w').close(); time.sleep(0.5)")
    command = lab.command(source, "--replug", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=lab.folder) as run:
        while not (lab.folder / "written").exists():
            time.sleep(0.01)
        lab.kill()
        out, _ = run.communicate(timeout=60)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, out
    [journal] = lab.open_journals()
    assert f"jbd-bench restore --journal {journal}" in out.replace("\n", "")
    lab.start()
    assert lab.bench("restore", "--journal", str(journal)).returncode == 0
    assert lab.settings() == lab.found


def test_a_watchdog_trip_ends_jbd_bench_run_with_its_reason(lab: Lab) -> None:
    done = lab.bench(
        *("run", "--target", lab.target, "--suite", "conformance", "--json"),
        *("--journal", str(lab.journals), "--limit", "cell_mv=:3000"),
    )
    assert done.returncode == 2
    assert "watchdog: cell 1 is at" in done.stderr
    assert "above 3000 mV (given)" in done.stderr


def test_a_dry_run_names_every_write_and_sends_none(lab: Lab) -> None:
    before = lab.heard_writes()
    options = ("--suite", "conformance", "--allow", "settings,fets")
    done = lab.bench("run", "--target", lab.target, *options, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert lab.heard_writes() == before
    registers = {row["register"] for row in document["writes"]}
    assert {"0x00", "0x01", "0x24", "0xA1", "0xE1"} <= registers
    assert not {"0x06", "0x07", "0x09", "0x0A", "0xE0"} & registers
    assert any(row["meaning"].startswith("write cell over-voltage") for row in document["writes"])
    assert any(row["test"] is None for row in document["writes"]), "putting back is told, too"
    shown = lab.bench("run", "--target", lab.target, *options, "--dry-run")
    assert shown.stdout.endswith(f"on {lab.target}; nothing was written to it\n")
    assert lab.heard_writes() == before
    assert lab.settings() == lab.found


def test_a_dry_run_needs_a_board(lab: Lab) -> None:
    done = lab.bench("run", "--target", "emulator:0x21", "--dry-run")
    assert done.returncode == 2
    assert "no target is a board" in done.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--limit", "cell_mv=1"), "limit 'cell_mv=1': must be cell_mv=LOW:HIGH, mV"),
        (("--replug", "soon"), "replug 'soon': must be 0 to 86400 seconds"),
    ],
)
def test_a_bad_option_is_one_line(lab: Lab, option: tuple[str, str], said: str) -> None:
    done = lab.bench("run", "--target", lab.target, *option)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    ran = lab.run("def test_x(jbd_client):\n    pass\n", *option)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in ran.stderr
