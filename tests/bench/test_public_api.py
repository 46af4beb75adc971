"""The door of the bench is small, pinned and light."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import jbd_bench
from jbd_bench.__main__ import COMMANDS, main

PUBLIC = [
    "ALL_LEAVES",
    "BmsClient",
    "BoardIdentity",
    "Clock",
    "Expectation",
    "Expectations",
    "LeaveGuard",
    "Link",
    "LinkError",
    "RadioEnd",
    "RealClock",
    "Snapshot",
    "Tap",
    "Traffic",
    "WriteRefused",
    "open_target",
    "radio_of",
    "read",
    "read_identity",
    "take_snapshot",
    "write",
]
HEAVY = ("allure", "jbd_emulator", "matplotlib", "pytest", "rich", "serial")


def test_the_public_names_are_pinned_and_sorted() -> None:
    assert jbd_bench.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert name == "ALL_LEAVES" or getattr(jbd_bench, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = jbd_bench.nonsense


def loaded_by(code: str) -> set[str]:
    """Return which heavy packages a piece of code loads."""
    tail = f"\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}{tail}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import jbd_bench\nfrom jbd_bench import *") == set()


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "from jbd_bench.__main__ import main\n"
        f"try:\n    main([*{arguments!r}, '--help'])\nexcept SystemExit as end:\n"
        "    assert not end.code"
    )
    assert loaded_by(code) == set()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    assert COMMANDS[name] == import_module(f"jbd_bench.commands.{name}").HELP


def test_an_unknown_command_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["nonsense"])
    assert end.value.code == 2
    assert "read" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from jbd_protocol import __version__

    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert (end.value.code, capsys.readouterr().out) == (0, f"jbd-bench {__version__}\n")


def test_a_mistake_of_ours_is_not_told_as_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr("jbd_bench.transports.open_target", broken)
    with pytest.raises(RuntimeError):
        main(["read"])


def test_an_error_is_one_line_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "no\nfolder"
    assert main(["record", "--target", "emulator:0x21", "--out", str(place)]) == 2
    line = f"{str(place).replace(chr(10), ' ')}: not a directory"
    assert capsys.readouterr() == ("", f"jbd-bench record: {line}\n")


def test_a_terminal_without_our_characters_is_written_to_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jbd_bench", "accept", "--list"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert r"120 \xb0C" in done.stdout


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m jbd_bench read --parameters | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""
