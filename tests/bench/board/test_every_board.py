"""identify, snapshot, diff and fidelity on every firmware and board, in another process.

One ``jbd-emulator serve`` serves them all; the bench reaches each through a pseudo-terminal, RFC
2217 or TCP and cannot tell it from a board.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jbd_bench import Snapshot, take_snapshot
from jbd_bench.__main__ import main
from jbd_bench.board._diff import differences
from jbd_bench.board._files import known_of, read_known, write_snapshot
from jbd_bench.board._identify import Findings, identify
from jbd_bench.board._snapshot import NEEDS_LEAVE
from jbd_bench.commands._board import opened
from jbd_emulator import BOARDS, FIRMWARE

pytestmark = pytest.mark.slow
TRANSPORTS = ("serial", "rfc2217", "tcp")
SCHEMES = {"serial": "serial:", "rfc2217": "rfc2217://", "tcp": "socket://"}
PATIENCE_S = 3.0
"""For a machine that is busy with other tests."""
AT_ONCE = 6
"""How many conversations go on beside each other: most of their time is waiting for silence."""


class Case(NamedTuple):
    """A board and the way to it."""

    firmware: int
    board: str
    transport: str

    def __str__(self) -> str:
        return f"0x{self.firmware:02X}-{self.board}-{self.transport}"


# Every firmware through every transport; the boards take turns, so that each firmware is seen on
# each of them and each board through each transport.
CASES = [
    Case(firmware, list(BOARDS)[(n + k) % len(BOARDS)], transport)
    for (n, firmware), (k, transport) in product(enumerate(FIRMWARE), enumerate(TRANSPORTS))
]
WHOLE = [case for n, case in enumerate(CASES) if n % 3 == n // 3 % 3]
"""One of each firmware, transports and boards in turn: those play everything."""


@contextmanager
def served(config: str, folder: Path) -> Iterator[list[dict[str, Any]]]:  # Any: JSON's values
    """Serve units in another process; yields what it says of them."""
    path = folder / "units.toml"
    path.write_text(config)
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--json", "--config", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["units"]
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, str]]:
    tables = [
        f'[[unit]]\nname = "{case}"\nfirmware = {case.firmware}\nboard = "{case.board}"\n'
        f'seed = {n}\nload_ma = 2500\ntcp = "127.0.0.1:0"\nrfc2217 = "127.0.0.1:0"\n'
        for n, case in enumerate(CASES)
    ]
    with served("\n".join(tables), tmp_path_factory.mktemp("boards")) as units:
        yield {
            case: SCHEMES[case.transport] + unit[case.transport]
            for case, unit in zip(CASES, units, strict=True)
        }


Shown = Callable[..., dict[str, Any]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    def shown(*arguments: object, status: int = 0) -> dict[str, Any]:
        ended = main([*map(str, arguments), "--json", "--timeout", str(PATIENCE_S)])
        out, err = capsys.readouterr()
        assert ended == status, (ended, out, err)
        document: dict[str, Any] = json.loads(out)
        return document

    return shown


class Looked(NamedTuple):
    """What was found out about a board: by reading, in two snapshots, and the file of the first."""

    findings: Findings
    path: Path
    first: Snapshot
    again: Snapshot


def look(target: str, path: Path) -> Looked:
    with opened(target, PATIENCE_S, allow="settings") as (client, _):
        findings = identify(client)
        first, again = (take_snapshot(client, factory=True) for _ in range(2))
    write_snapshot(first, path)
    write_snapshot(first, path.with_suffix(".fig"))
    return Looked(findings, path, first, again)


@pytest.fixture(scope="module")
def looked(
    targets: dict[Case, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[Case, Looked]:
    folder = tmp_path_factory.mktemp("snapshots")
    # Beside each other: most of the time of a look is waiting for an answer that does not come.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda case: look(targets[case], folder / f"{case}.toml"), CASES)
        return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_board_is_identified(case: Case, looked: dict[Case, Looked]) -> None:
    findings = looked[case].findings
    assert findings.closest is not None
    assert findings.closest.version == findings.identity.version == case.firmware
    assert not findings.closest.against
    assert findings.identity.cells == BOARDS[case.board].cells
    assert findings.identity.name == BOARDS[case.board].name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_board_differs_from_itself_or_its_files(case: Case, looked: dict[Case, Looked]) -> None:
    _, path, first, again = looked[case]
    assert Snapshot.from_toml(path.read_text()) == first
    assert not differences(read_known(path), known_of(again))
    assert not differences(read_known(path.with_suffix(".fig")), known_of(again))


@pytest.mark.parametrize(("one", "other"), list(pairwise(CASES)))
def test_every_board_differs_from_another(
    one: Case, other: Case, looked: dict[Case, Looked]
) -> None:
    found = differences(known_of(looked[one].first), known_of(looked[other].first))
    fields = {row.field for row in found}
    assert ("version" in fields) == (one.firmware != other.firmware)
    assert ("cell_cnt" in fields) == (BOARDS[one.board].cells != BOARDS[other.board].cells)


@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_the_commands_reach_it(
    case: Case, targets: dict[Case, str], looked: dict[Case, Looked], shown: Shown
) -> None:
    target = targets[case]
    assert shown("identify", "--target", target)["closest"] == f"0x{case.firmware:02X}"
    assert shown("snapshot", "--target", target)["notes"] == [NEEDS_LEAVE]
    path = looked[case].path
    assert shown("diff", path, target, "--allow", "settings")["same"]


def test_serve_started_from_snapshots_is_those_boards(
    looked: dict[Case, Looked], tmp_path: Path
) -> None:
    # All of them in one process: each file up to its record is one unit.
    units = [one.path.read_text().partition("\n[snapshot]")[0] for one in looked.values()]
    head = re.compile(r"^\[\[unit\]\]$", re.MULTILINE)
    config = "\n".join(head.sub('[[unit]]\ntcp = "127.0.0.1:0"', unit) for unit in units)
    with served(config, tmp_path) as started, ThreadPoolExecutor(AT_ONCE) as pool:
        twins = pool.map(
            lambda unit: look(f"socket://{unit['tcp']}", tmp_path / f"{unit['tcp'][10:]}.toml"),
            started,
        )
        for (case, one), twin in zip(looked.items(), twins, strict=True):
            assert not differences(known_of(one.first), known_of(twin.first)), case
            before, after = one.first.info, twin.first.info
            assert after.pack_mv == pytest.approx(before.pack_mv, abs=50), case
            assert after.current_ma == pytest.approx(before.current_ma, abs=100), case
            assert after.remaining_mah == pytest.approx(before.remaining_mah, abs=200), case
            assert after.ntc_dk == pytest.approx(before.ntc_dk, abs=2), case


def test_a_snapshots_file_is_a_config_as_it_stands(
    looked: dict[Case, Looked], tmp_path: Path, shown: Shown
) -> None:
    path = looked[WHOLE[5]].path
    with served(path.read_text(), tmp_path) as [unit]:
        target = f"serial:{unit['serial']}"
        assert shown("diff", path, target, "--allow", "settings")["same"]


def fidelity(case: Case, target: str, folder: Path) -> dict[str, Any]:
    """Return what `jbd-bench fidelity` says, from a process of its own."""
    out = folder / f"{case}.jsonl"
    command = [sys.executable, "-m", "jbd_bench", "fidelity", "--target", target, "--json"]
    command += ["--allow", "settings,fets", "--out", str(out)]
    if case not in WHOLE:
        command += ["--only", "CONF-REG"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300,
        env={**os.environ, "XDG_STATE_HOME": str(folder / f"{case}.state")},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_emulator_is_faithful_to_every_board(
    targets: dict[Case, str], tmp_path: Path, shown: Shown
) -> None:
    assert {case.firmware for case in WHOLE} == set(FIRMWARE)
    assert {case.transport for case in WHOLE} == set(TRANSPORTS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda case: fidelity(case, targets[case], tmp_path), CASES))
    for case, answer in zip(CASES, answers, strict=True):
        # A machine that is busy stretches the pauses inside a request; then once more, alone.
        document = answer if answer["differs"] == 0 else fidelity(case, targets[case], tmp_path)
        differing = [row for row in document["requirements"] if row["verdict"] == "differs"]
        assert not differing, (case, differing)
        assert document["percent"] == 100.0
        assert document["same"] >= (40 if case in WHOLE else 10), case
        # What was recorded says the same without the board.
        again = shown("fidelity", "--recording", tmp_path / f"{case}.jsonl")
        assert again["percent"] == 100.0


def test_a_requirement_that_is_not_there_is_told(
    targets: dict[Case, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fidelity", "--target", targets[CASES[0]], "--only", "NOPE", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert "only 'NOPE': no requirement of the suites begins so" in line
