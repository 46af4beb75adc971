"""A run that somebody ends: the board is put back, that is said, and what was seen is not lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_bench import BmsClient, LinkError, open_target
from jbd_bench._boards import check_boards

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


def command(target: str, folder: Path, *more: str) -> list[str]:
    """Return a run that looks before it writes, and says in a line each when it is through."""
    return [sys.executable, "-m", "jbd_bench", "accept", "--target", target, "--allow=all",
            "--baseline=0x21", "--area=module", "--area=factory mode", "--area=FETs",
            "--journal", str(folder / "journal"), *more]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_ended_puts_the_board_back_and_says_so(
    number: signal.Signals, serve: Serve, tmp_path: Path
) -> None:
    serve("--serial", tmp_path / "board")
    target = f"serial:{tmp_path / 'board'}"
    before = settings_of(target)
    with subprocess.Popen(command(target, tmp_path, "--out", str(tmp_path / "out")),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


def test_a_run_that_was_killed_says_what_is_left_to_do(serve: Serve, tmp_path: Path) -> None:
    serve("--serial", tmp_path / "board")
    target = f"serial:{tmp_path / 'board'}"
    before = settings_of(target)
    with subprocess.Popen(command(target, tmp_path), stdout=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith("conformance")
        assert process.stdout.readline().startswith("module")
        [journal] = (tmp_path / "journal").glob("*.jsonl")
        os.kill(int(journal.name.split("-")[1]), signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "INCOMPLETE" in said
    assert "the run ended with status -9" in said
    assert f"jbd-bench restore --journal {journal}" in said
    restore = [sys.executable, "-m", "jbd_bench", "restore", "--journal", str(journal)]
    subprocess.run(restore, timeout=120, capture_output=True, check=True)
    assert settings_of(target) == before
    assert not journal.exists()


def test_two_names_of_one_port_are_no_two_units(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    names = [f"serial:{tmp_path / 'ttyUSB0'}?baud=9600", f"serial:{tmp_path / 'by-id'}"]
    with pytest.raises(LinkError, match="the same board as"):
        check_boards(names, units=True)
    check_boards([names[0], "emulator:0x21", "emulator:0x21?board=8s"], units=True)
