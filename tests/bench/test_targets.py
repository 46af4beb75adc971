"""Target strings: what they say, and what is wrong with them in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jbd_bench import LinkError, open_target
from jbd_bench.__main__ import main
from jbd_bench.transports import KNOWN_SCHEMES, parse_target
from jbd_emulator import ConfigError


def test_a_target_is_taken_apart() -> None:
    target = parse_target("serial:/dev/ttyUSB0?baud=19200&pin=123456")
    assert (target.scheme, target.address) == ("serial", "/dev/ttyUSB0")
    assert dict(target.options) == {"baud": "19200", "pin": "123456"}
    assert target.pin == "123456"
    assert not target.embedded


def test_slashes_before_a_host_are_no_part_of_it() -> None:
    assert parse_target("socket://host:8899").address == "host:8899"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be scheme:address"),
        ("/dev/ttyUSB0", "must be scheme:address"),
        ("serial:", "nothing stands behind 'serial'"),
        ("serial:/dev/ttyUSB0?baud", "options must be name=value"),
        ("bluetooth:x", "unknown scheme 'bluetooth'; known: "),
        ("serial:/dev/ttyUSB0?speed=1", "unknown option 'speed'; known: baud, pin"),
        ("serial:/dev/ttyUSB0?baud=fast", "baud 'fast' must be 50 to 4000000"),
        ("serial:/dev/ttyUSB0?baud=1", "baud '1' must be 50 to 4000000"),
        ("socket://host", "must be socket://host:port"),
        ("rfc2217://host:99999", "port 1 to 65535"),
    ],
)
def test_a_bad_target_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(LinkError) as caught:
        open_target(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["emulator:0x99", "emulator:0x21?board=9s", "emulator:0x21?x=1"])
def test_a_unit_that_cannot_be_made_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_target(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_scheme_is_told_with_every_one_there_is() -> None:
    with pytest.raises(LinkError) as caught:
        open_target("bluetooth:x")
    known = str(caught.value).partition("known: ")[2].split(", ")
    assert {"emulator", "rfc2217", "serial", "socket"} <= set(KNOWN_SCHEMES) <= set(known)
    assert known == sorted(known)


def test_another_package_adds_a_scheme_by_an_entry_point(tmp_path: Path) -> None:
    (tmp_path / "rig.py").write_text(
        "class Rig:\n"
        "    @classmethod\n"
        "    def open(cls, target):\n"
        "        return ('rig', target.address)\n"
    )
    info = tmp_path / "rig-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rig\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[jbd_bench.transports]\nrig = rig:Rig\n")
    code = "from jbd_bench import open_target; print(open_target('rig:7'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "('rig', '7')"


@pytest.mark.parametrize(
    ("missing", "extra"), [("serial", "serial"), ("pytest", "bench")], ids=["serial", "pytest"]
)
def test_a_command_without_its_extra_says_which_one_in_a_line(missing: str, extra: str) -> None:
    commands = [["run"], ["accept", "--target", "emulator:0x21", "--baseline", "0x21"],
                ["fidelity", "--target", "serial:/dev/ttyNOTHERE"]]  # fmt: skip
    if missing == "serial":
        commands += [["read"], ["identify"], ["snapshot"], ["lockout"], ["matrix"], ["gallery"],
                     ["diff", "emulator:0x21", "emulator:0x17"]]  # fmt: skip
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from jbd_bench.__main__ import main\n"
        f"print([main(words) for words in {commands!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{[2] * len(commands)}\n", done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(commands)
    for words, line in zip(commands, lines, strict=True):
        assert line.startswith(f"jbd-bench {words[0]}: ")
        assert "pip install 'jbd-bench[" in line
    assert all("[bench]" in line for line in lines[:3])
    assert sum(f"[{extra}]" in line for line in lines) >= 2


def test_a_missing_module_of_no_extra_is_our_own_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_text: str) -> None:
        raise ModuleNotFoundError("No module named 'jbd_bench.nonsense'", name="jbd_bench.nonsense")

    monkeypatch.setattr("jbd_bench.transports.open_target", broken)
    with pytest.raises(ModuleNotFoundError):
        main(["read"])


def test_without_pyserial_the_missing_package_is_named() -> None:
    code = (
        "import sys; sys.modules['serial'] = None\n"
        "from jbd_bench import open_target\n"
        "try:\n    open_target('serial:/dev/ttyUSB0')\n"
        "except OSError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'jbd-bench[serial]'" in done.stdout
