"""``labgrid:`` targets against a stand-in for labgrid's client: what is asked, what is refused.

The real labgrid is in ``tests/labgrid``; it has an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_bench import BmsClient, LinkError, open_target

CLIENT = """#!{python}
import json, sys
with open({script!r}) as file:
    said = json.load(file)
command = sys.argv[-1]
with open({log!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
status, out, errors = said.get(command, [0, "", ""])
sys.stdout.write(out)
sys.stderr.write(errors)
sys.exit(status)
"""
Say = Callable[..., Path]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Put a client into PATH that says what it is told; return the log of its calls."""
    pytest.importorskip("yaml")
    folder = tmp_path / "bin"
    folder.mkdir()
    script, log = tmp_path / "said.json", tmp_path / "calls"
    client = folder / "labgrid-client"
    client.write_text(CLIENT.format(python=sys.executable, script=str(script), log=str(log)))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def tell(**said: list[Any]) -> Path:
        script.write_text(json.dumps(said))
        return log

    return tell


def place(*resources: str) -> list[Any]:
    lines = ["targets:", "  bench:", "    resources:", *(f"    - {text}" for text in resources)]
    return [0, "\n".join(lines) + "\n", ""]


def calls(log: Path) -> list[str]:
    return [line.split()[-1] for line in log.read_text().splitlines()]


TAKEN = [1, "", "labgrid-client: Error: Place bench is already acquired by lab/ann. To work...\n"]
MINE = [1, "", "labgrid-client: Error: You have already acquired place bench.\n"]


@pytest.mark.slow
@pytest.mark.parametrize(("acquire", "released"), [([0, "", ""], True), (MINE, False)])
def test_a_place_is_given_back_only_by_who_took_it(
    say: Say, serve: Callable[..., Any], acquire: list[Any], released: bool
) -> None:
    _, [unit] = serve("--firmware", "0x21", "--tcp", "127.0.0.1:0")
    host, _, port = unit["tcp"].rpartition(":")
    port_of = f"NetworkSerialPort: {{host: {host}, port: {port}, protocol: raw}}"
    log = say(acquire=acquire, env=place("NetworkPowerPort: {model: x}", port_of))
    link = open_target("labgrid:bench?coordinator=lab:1")
    assert BmsClient(link).basic_info().version == 0x21
    link.reconnect()
    assert BmsClient(link).basic_info().version == 0x21
    link.close()
    link.close()
    assert calls(log) == ["acquire", "env"] + ["release"] * released
    assert log.read_text().splitlines()[0] == "-x lab:1 -p bench acquire"


SERIAL = "NetworkSerialPort: {host: h, port: 1, name: "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "said", "why"),
    [
        ("", {"acquire": TAKEN, "env": [1, "", "Error: not yours\n"]}, "acquired by lab/ann"),
        ("", {"acquire": [1, "", ""], "env": [1, "", ""]}, "labgrid: no reason given"),
        ("", {"env": [1, "", "Server error: Error: gone\n"]}, "labgrid: gone"),
        ("", {"env": [0, "targets: 3\n", ""]}, "labgrid says what nobody understands"),
        ("", {"env": [0, "a: [\n", ""]}, "labgrid says what nobody understands"),
        ("", {"env": place("NetworkPowerPort: {}")}, "no serial port in the place; it has: Net"),
        ("", {"env": place(SERIAL + "a}", SERIAL + "b}")}, "choose by name=: a, b"),
        ("?name=c", {"env": place(SERIAL + "a}")}, "name 'c': serial ports are: a"),
        ("", {"env": place("NetworkSerialPort: {port: 1}")}, "NetworkSerialPort without host"),
        ("?baud=1", {"env": place(SERIAL + "a}")}, "baud '1' must be 50 to 4000000"),
        ("?speed=1", {}, "unknown option 'speed'; known: coordinator, name, baud, pin"),
        (
            "",
            {"env": place("NetworkSerialPort: {host: 127.0.0.1, port: 1}")},
            "rfc2217://127.0.0.1:1?baud=9600: connection refused",
        ),
        (
            "",
            {"env": place("RawSerialPort: {port: /dev/nowhere, speed: 19200}")},
            "serial:/dev/nowhere?baud=19200: no such port",
        ),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line_and_given_back(
    say: Say, target: str, said: dict[str, list[Any]], why: str
) -> None:
    log = say(**said)
    with pytest.raises(LinkError) as caught:
        open_target(f"labgrid:bench{target}")
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    if said:
        acquired = said.get("acquire", [0])[0] == 0
        assert ("release" in calls(log)) == acquired


def test_without_labgrid_the_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(LinkError, match=r"pip install 'jbd-bench\[labgrid\]'"):
        open_target("labgrid:bench")
