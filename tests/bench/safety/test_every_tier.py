"""No write leaves the bench without leave: the wire is tapped in every tier, for every suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jbd_bench._leave import ALL_LEAVES, REVERSIBLE, needed_leave, parse_leaves
from jbd_bench.suites import SUITES
from jbd_protocol import ReadRequest, RequestDecoder, WriteRequest

if TYPE_CHECKING:
    from tests.conftest import Served

pytestmark = pytest.mark.slow
UNITS = [("0x21?board=4s", ""), ("0x17?board=4s&pin=123456", "?pin=123456")]
TIERS = ["none", "settings", "fets", "reversible", "all"]


def writes(heard: bytes) -> list[int]:
    """Return the registers of all writes in a stream, strictly: any head counts."""
    return [heard[at + 2] for at in range(len(heard) - 2) if heard[at : at + 2] == b"\xdd\x5a"]


@pytest.fixture(scope="module")
def tapped(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a board heard of every suite in every tier."""
    out = tmp_path_factory.mktemp("tap") / "heard.json"
    done = tap("suites", out, json.dumps(UNITS), json.dumps(TIERS))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    return rows


def test_every_suite_ran_in_every_tier(tapped: list[dict[str, Any]]) -> None:
    assert [(row["unit"], row["allow"]) for row in tapped] == [
        (unit, tier) for unit, _ in UNITS for tier in TIERS
    ]
    assert all(set(row["suites"]) == set(SUITES) for row in tapped)
    assert [row["errors"] for row in tapped if row["errors"]] == []
    ran = {tier: sum(row["ran"] for row in tapped if row["allow"] == tier) for tier in TIERS}
    assert ran["none"] < ran["settings"] < ran["reversible"] < ran["all"]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("suite", SUITES)
def test_no_write_reaches_the_board_without_leave(
    tapped: list[dict[str, Any]], tier: str, suite: str
) -> None:
    for row in tapped:
        if row["allow"] == tier:
            used = {needed_leave(r) for r in writes(bytes.fromhex(row["heard"].get(suite, "")))}
            assert used <= parse_leaves(tier), f"{suite} on {row['unit']} used {used}"


def test_the_tap_hears_writes_where_there_is_leave(tapped: list[dict[str, Any]]) -> None:
    used: dict[str, set[str]] = {tier: set() for tier in TIERS}
    for row in tapped:
        # What is said before the first test and behind the last one counts as well.
        heard = bytes.fromhex("".join(row["heard"].values()))
        used[row["allow"]] |= {needed_leave(register) for register in writes(heard)}
    assert used["none"] == set()
    assert used["settings"] == {"settings"}
    assert used["fets"] == {"fets"}
    assert {"settings", "fets"} <= used["reversible"] <= REVERSIBLE
    assert {"settings", "fets", "password"} <= used["all"] <= ALL_LEAVES


@pytest.fixture
def goes_round() -> Path:
    return Path(__file__).with_name("suite_goes_round.py")


def test_nothing_walks_round_the_guard(tmp_path: Path, goes_round: Path) -> None:
    out = tmp_path / "heard.json"
    done = tap("file", out, str(goes_round))
    heard = json.loads(out.read_text())
    assert heard["status"] == 0, done.stdout[-3000:]
    expect_reads_alone(bytes.fromhex(heard["heard"]))


def test_nor_that_of_a_board_in_another_process(
    tmp_path: Path, goes_round: Path, serve: Callable[..., Served]
) -> None:
    port, log = tmp_path / "port", tmp_path / "log.jsonl"
    serve("--serial", port, "--log", log)
    done = subprocess.run(
        # The clients wait in real time here for what they are not let ask.
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         "--target", f"serial:{port}", "-k", "not client_models", goes_round],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    rows = map(json.loads, log.read_text().splitlines())
    expect_reads_alone(b"".join(bytes.fromhex(row["hex"]) for row in rows if row["dir"] == "rx"))


def expect_reads_alone(heard: bytes) -> None:
    """Fail where a write is in what a board heard, or where it heard nothing at all."""
    assert writes(heard) == []
    events = RequestDecoder().receive(heard)
    assert not any(isinstance(event, WriteRequest) for event in events)
    assert any(isinstance(event, ReadRequest) for event in events)


def tap(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script beside this file."""
    script = Path(__file__).with_name("tap_the_wire.py")
    command = [sys.executable, script, *arguments]
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=500, check=False
    )
