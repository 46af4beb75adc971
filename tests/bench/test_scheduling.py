"""Several boards in one run: one worker each, and both in every report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench import LinkError
from jbd_bench._boards import boards_of, check_boards, shares, workers_for

pytest_plugins = ["pytester"]
Serve = Callable[..., Any]  # the process and its units, see conftest
STATUS = "dda50300fffd77"


@given(
    st.lists(st.integers(0, 9).map(lambda n: f"socket://host:{n + 1}"), max_size=12),
    st.integers(1, 6),
)
def test_every_board_is_dealt_to_exactly_one_worker(targets: list[str], workers: int) -> None:
    dealt = shares(targets, workers)
    assert len(dealt) == workers
    assert sorted(text for share in dealt for text in share) == sorted(set(targets))
    sizes = [len(share) for share in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_two_names_of_one_port_are_one_board(tmp_path: Path) -> None:
    port, link = tmp_path / "port", tmp_path / "by-id"
    port.touch()
    link.symlink_to(port)
    named = [f"serial:{port}", f"serial:{link}?pin=123456", "socket://host:1"]
    assert boards_of(named) == [named[:2], named[2:]]
    assert shares(named, 2) == [named[:2], named[2:]]
    assert workers_for(named, None) == 2


def test_a_board_is_not_tested_under_two_names(tmp_path: Path) -> None:
    port, link = tmp_path / "port", tmp_path / "by-id"
    port.touch()
    link.symlink_to(port)
    with pytest.raises(LinkError, match=r"by-id'.* same board as .*port\?baud=9600'; one"):
        check_boards([f"serial:{port}?baud=9600", f"serial:{link}"])
    with pytest.raises(LinkError, match="given twice"):
        check_boards(["socket://host:1", "socket://host:1"])
    check_boards(["socket://host:1", "socket://host:2", "emulator:0x21", "emulator:0x21"])


def test_emulated_units_need_no_worker_of_their_own() -> None:
    emulated = ["emulator:0x21", "emulator:0x44"]
    assert workers_for(emulated, None) == 1
    assert workers_for(emulated, 2) == 2
    assert workers_for([*emulated, "socket://host:1"], None) == 1


@pytest.mark.parametrize("count", [0, -1])
def test_no_worker_at_all_is_refused(count: int) -> None:
    with pytest.raises(LinkError, match=f"workers {count}: must be at least 1"):
        workers_for(["emulator:0x21"], count)


def test_without_pytest_xdist_boards_are_tested_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xdist", None)
    boards = ["socket://host:1", "socket://host:2"]
    assert workers_for(boards, None) == 1
    with pytest.raises(LinkError, match="need pytest-xdist"):
        workers_for(boards, 2)


def requests(log: Path) -> list[str]:
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return [row["hex"] for row in rows if row["dir"] == "rx" and row["hex"] != STATUS]


@pytest.mark.slow
def test_two_boards_are_two_units_in_every_report_and_hear_one_worker_each(
    serve: Serve, tmp_path: Path
) -> None:
    boards = {name: f"serial:{tmp_path / name}" for name in ("left", "right")}
    for name in boards:
        log = tmp_path / f"{name}.log"
        serve("--firmware", "0x21", "--serial", tmp_path / name, "--log", log)
    command = [sys.executable, "-m", "jbd_bench", "run", "--suite", "password", "--allow", "all"]
    targets = [word for target in boards.values() for word in ("--target", target)]
    done = subprocess.run(
        [*command, *targets, "--report", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    workers = {name: {t["worker"] for t in report["tests"] if t["target"] == boards[name]}
               for name in boards}  # fmt: skip
    assert sorted(map(sorted, workers.values())) == [["gw0"], ["gw1"]]
    for name, target in boards.items():
        sent = [
            piece["hex"].replace(" ", "").lower()
            for test in report["tests"] if test["target"] == target
            for piece in test["traffic"] if piece["direction"] == ">"
        ]  # fmt: skip
        # The board's own log has what its one worker sent in that worker's order; what it has
        # besides is what a worker sends around a test, to put settings back.
        heard = iter(requests(tmp_path / f"{name}.log"))
        wanted = [frame for frame in sent if frame != STATUS]
        assert len(wanted) > 20
        assert all(frame in heard for frame in wanted)
    assert {row["target"] for row in report["summary"]} == set(boards.values())
    junit = ElementTree.parse(tmp_path / "out" / "junit.xml")
    named = [p.get("value") for p in junit.iterfind(".//property[@name='target']")]
    assert {target: named.count(target) for target in boards.values()} == dict.fromkeys(
        boards.values(), len(named) // 2
    )
    results = (tmp_path / "out" / "allure-results").glob("*-result.json")
    shown = [json.loads(path.read_text())["parameters"][0]["value"] for path in results]
    assert set(shown) == set(boards.values())
    assert all(f"password     {target}" in done.stdout for target in boards.values())


READS = """
import os
import pytest

@pytest.mark.parametrize("n", range(4))
def test_reads(jbd_client, jbd_target, n, worker_id):
    if n == 1 and os.environ.get("DIES", "-") in jbd_target.name and not os.path.exists("died"):
        open("died", "w").close()
        os._exit(9)
    with open(f"{n}-{jbd_target.name.rpartition(':')[2].replace('/', '_')}", "w") as file:
        file.write(worker_id)
    assert jbd_client.basic_info().version == 0x21

def test_looks_at_no_board(worker_id):
    with open("rest", "a") as file:
        file.write(worker_id + "\\n")
"""


LIGHT = ("-p", "no:cacheprovider", "-p", "xdist.plugin", "-p", "jbd_bench.pytest_plugin")
"""The two plugins that this is about; every worker would load all those of the environment."""


class Run:
    """pytest in a subprocess, with workers, on boards of another process."""

    def __init__(self, pytester: pytest.Pytester, serve: Serve) -> None:
        self.folder = pytester.path
        self._pytester = pytester
        ports = []
        for _ in range(2):
            _, [unit] = serve("--firmware", "0x21", "--tcp", "127.0.0.1:0")
            ports.append(unit["tcp"].rpartition(":")[2])
        self.ports = ports
        pytester.makepyfile(READS)

    def __call__(self, *options: str) -> pytest.RunResult:
        targets = [f"--target=socket://127.0.0.1:{port}" for port in self.ports]
        return self._pytester.runpytest_subprocess(*LIGHT, *targets, *options)

    def workers(self) -> dict[str, set[str]]:
        return {
            port: {path.read_text() for path in self.folder.glob(f"?-{port}")}
            for port in self.ports
        }


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def run(pytester: pytest.Pytester, light: None, serve: Serve) -> Run:
    return Run(pytester, serve)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 5])
def test_with_workers_a_board_is_one_workers_and_the_rest_runs_once(run: Run, count: int) -> None:
    result = run(f"-n{count}", "--jbd-report=report.json")
    result.assert_outcomes(passed=9)
    assert len(set.union(*run.workers().values())) == min(count, 2)
    assert all(len(workers) == 1 for workers in run.workers().values())
    assert (run.folder / "rest").read_text() == "gw0\n"
    report = json.loads((run.folder / "report.json").read_text())
    assert len(report["tests"]) == 9
    assert all(t["traffic"] for t in report["tests"] if t["target"])


@pytest.mark.slow
def test_the_board_of_a_worker_that_dies_goes_to_one_new_worker(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIES", run.ports[1])
    result = run("-n2")
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines([f"*worker 'gw1' crashed while running*{run.ports[1]}-1*"])
    first, second = (run.workers()[port] for port in run.ports)
    assert (first, second) == ({"gw0"}, {"gw1", "gw2"})
    # What ran before is not run again, and what comes behind it is.
    assert (run.folder / f"0-{run.ports[1]}").read_text() == "gw1"
    assert {(run.folder / f"{n}-{run.ports[1]}").read_text() for n in (2, 3)} == {"gw2"}


@pytest.mark.slow
def test_when_only_tests_without_a_board_are_left_the_run_is_a_good_one(run: Run) -> None:
    result = run("-n2", "-k", "no_board")
    result.assert_outcomes(passed=1)
    assert result.ret == 0


@pytest.mark.slow
def test_a_run_with_workers_that_is_ended_puts_every_board_back(
    serve: Serve, tmp_path: Path
) -> None:
    boards = [tmp_path / name for name in ("left", "right")]
    logs = [board.with_suffix(".log") for board in boards]
    for board, log in zip(boards, logs, strict=True):
        serve("--firmware", "0x21", "--serial", board, "--log", log)
    before = [settings_of(board) for board in boards]
    targets = [f"--target=serial:{board}" for board in boards]
    with subprocess.Popen(
        [sys.executable, "-m", "jbd_bench", "run", "--suite", "conformance", "--json",
         "--allow", "settings", *targets],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as run:  # fmt: skip
        until(lambda: all(writes_settings(log) for log in logs))
        os.killpg(run.pid, signal.SIGTERM)
        run.communicate(timeout=60)
    assert run.returncode == 1
    assert [settings_of(board) for board in boards] == before


def writes_settings(log: Path) -> bool:
    return any(f'"hex": "dd5a{address:02x}' in log.read_text() for address in range(0x10, 0x48))


def settings_of(board: Path) -> object:
    done = subprocess.run(
        [sys.executable, "-m", "jbd_bench", "read", "--json", "--parameters",
         "--target", f"serial:{board}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)["parameters"]


def until(check: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.mark.slow
def test_emulated_units_are_shared_out_and_their_traffic_is_kept(
    pytester: pytest.Pytester, light: None
) -> None:
    pytester.makepyfile("def test_reads(jbd_client):\n    jbd_client.basic_info()\n")
    result = pytester.runpytest_subprocess(
        *LIGHT, "-n2", "--jbd-report=report.json",
        "--target=emulator:0x21", "--target=emulator:0x44",
    )  # fmt: skip
    result.assert_outcomes(passed=2)
    report = json.loads((pytester.path / "report.json").read_text())
    assert [bool(test["traffic"]) for test in report["tests"]] == [True, True]
    assert {test["worker"] for test in report["tests"]} <= {"gw0", "gw1"}
