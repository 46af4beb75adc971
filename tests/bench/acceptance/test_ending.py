"""A run that somebody ends: the board is put back, that is said, and what was seen is not lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_bench import BmsClient, LinkError, open_target
from jbd_bench.acceptance._run import check_units

pytestmark = pytest.mark.slow
Serve = Callable[..., tuple["subprocess.Popen[str]", list[dict[str, Any]]]]


def settings_of(target: str) -> dict[int, bytes]:
    """Return the thresholds, delays and limits of a board as it serves them."""
    link = open_target(target)
    try:
        client = BmsClient(link)
        with client.factory_mode():
            return {address: client.read(address) for address in range(0x18, 0x2E)}
    finally:
        link.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_ended_puts_the_board_back_and_says_so(
    number: signal.Signals, serve: Serve, tmp_path: Path
) -> None:
    serve("--serial", tmp_path / "board")
    target = f"serial:{tmp_path / 'board'}"
    before = settings_of(target)
    command = [sys.executable, "-m", "jbd_bench", "accept", "--target", target, "--allow=all",
               "--baseline=0x21", "--area=module", "--area=factory mode", "--area=FETs",
               "--journal", str(tmp_path / "journal"), "--out", str(tmp_path / "out")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout is not None
        # What only reads is through when the second line comes, and the first write has been.
        assert process.stdout.readline().startswith("conformance")
        assert process.stdout.readline().startswith("module")
        process.send_signal(number)
        said, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "")
    assert "INCOMPLETE" in said
    assert "the run was ended before it was through" in said
    assert f"{target}: " in said
    assert "put back and read back" in said or "left as it was" in said
    assert settings_of(target) == before
    [journal] = (tmp_path / "journal").rglob("*.jsonl")
    assert journal.parent.name == "closed"
    [unit] = json.loads((tmp_path / "out" / "acceptance.json").read_text())["units"]
    assert unit["verdict"] == "incomplete"
    assert unit["counts"]["passed"]
    assert any(target in note for note in unit["notes"])
    page = (tmp_path / "out" / "acceptance.html").read_text()
    assert all(note in page for note in unit["notes"])


def test_two_names_of_one_port_are_no_two_units(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    names = [f"serial:{tmp_path / 'ttyUSB0'}?baud=9600", f"serial:{tmp_path / 'by-id'}"]
    with pytest.raises(LinkError, match="the same board as"):
        check_units(names)
    check_units([names[0], "emulator:0x21", "emulator:0x21?board=8s"])
