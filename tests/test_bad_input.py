"""Every option of every command, with what nobody should give it: one line, its name, status 2."""

from __future__ import annotations

import argparse
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import pytest

PROGRAMS: Final = ("jbd_emulator", "jbd_bench")
NOT_A_NUMBER: Final = ("", "x", "nan", "1e999", "-1")
NOT_AN_ADDRESS: Final = ("", ":", "host", "127.0.0.1:x", "127.0.0.1:70000", "[::1")
NOT_WRITABLE: Final = ("{below}", "{folder}")
NOT_READABLE: Final = ("{below}", "{folder}", "{binary}", "{empty}")
NO_NAME: Final = ("", "nonsense", "0x99")
BAD: Final[dict[str, tuple[str, ...]]] = {
    "AH": NOT_A_NUMBER,
    "ANSWER": NO_NAME,
    "AREA": NO_NAME,
    "A|B|C": NO_NAME,
    "CHARACTERS": ("", "12345", "1234567"),
    "DAYS": NOT_A_NUMBER,
    "DIGITS": ("", "12345", "1234567", "12345x", "-12345"),
    "DIR": ("{below}", "{binary}"),
    "FILE|DIR": ("{below}", "{binary}", "{empty}"),
    "GENERATION": NO_NAME,
    "HEX": ("", "DD A5 0", "hello"),
    "HOST:PORT": NOT_AN_ADDRESS,
    "ID": NO_NAME,
    "KIND": NO_NAME,
    "KIT": NO_NAME,
    "LINK": ("{binary}", "{below}", "/", "."),
    "LIST": ("nonsense", "settings,nonsense", "reversible;all"),
    "MA": ("", "x", "nan", "1e999"),
    "MODULE": ("", "no_such_module", "a:b"),
    "MV": NOT_A_NUMBER,
    "N": ("", "x", "nan", "1.5x"),
    "NAME=LOW:HIGH": ("", "x", "cell_mv", "cell_mv=", "cell_mv=:", "cell_mv=2:1", "volts=1:2",
                      "cell_mv=nan:nan", "cell_mv=1:inf", "temp_c=x:1"),
    "NAME|FILE": (*NOT_READABLE, "nonsense"),
    "P": (*NOT_A_NUMBER, "101"),
    "PATH": ("{binary}", "{below}", "/", "."),
    "REG=WHAT": ("", "03", "zz=silence", "100=silence", "03=", "03=nonsense", "03=delay-nan",
                 "03=delay--1"),
    "S": NOT_A_NUMBER,
    "TARGET": ("", "x", ":", "nonsense:x", "emulator:", "emulator:0x99", "emulator:0x21?board=x",
               "emulator:0x21?nonsense=1", "emulator:0x21?soc_percent=nan", "serial:",
               "serial:{below}", "serial:{binary}", "socket://", "socket://127.0.0.1",
               "socket://127.0.0.1:x", "socket://127.0.0.1:70000", "rfc2217://127.0.0.1:x",
               "replay:", "replay:{below}", "replay:{binary}", "ble:", "labgrid:"),
    "TRANSPORT": ("", "nonsense", "bumble:"),
    "URL": ("", "ftp://x", "host:x", "host:70000", "[::1"),
    "VERSION": ("", "x", "nan", "0x99", "0x100", "-1"),
    "VERSION|FILE": (*NOT_READABLE, "", "0x99", "nan"),
}  # fmt: skip
"""What is refused, by what the help calls the value."""
OF_ONE_OPTION: Final[dict[str, tuple[str, ...]]] = {
    "charge-study --cells": ("2", "33", "1e9"),
    "charge-study --out": ("{below}", "{binary}"),
    "diff one": NOT_READABLE,
    "diff other": NOT_READABLE,
    "fidelity --recording": NOT_READABLE,
    "gallery --update": (*NOT_WRITABLE, "{empty}", "{binary}"),
    "matrix --condition": NO_NAME,
    "record --out": NOT_WRITABLE,
    "record --pcapng": (*NOT_WRITABLE, "{new}"),
    "replay file": NOT_READABLE,
    "serve --scenario": ("{below}", "{folder}", "{binary}", "nonsense"),
    "run --workers": ("", "x", "nan", "0", "-1", "1.5"),
    "scenarios name": NO_NAME,
    "serve --baud": ("0", "-1", "x", "nan"),
    "serve --config": NOT_READABLE,
    "serve --control-rate": ("0", "-1", "x", "nan"),
    "serve --log": NOT_WRITABLE,
    "serve --speed": ("0", "-1", "10001", "x", "nan"),
    "serve --state": (*NOT_WRITABLE, "{binary}"),
    "snapshot --out": NOT_WRITABLE,
    "accept --write-baseline": NOT_WRITABLE,
}
ANYTHING_GOES: Final = {
    "console --token": "any text may be a token",
    "console --unit": "what units there are is known to the board that is asked",
    "replay --device": "what devices there are is known when the recording is read",
    "serve --control-host": "any text may be a name",
    "accept --journal": "the embedded emulator has none",
    "run --journal": "the embedded emulator has none",
    "restore --target": "looked at where there is something to put back",
    "fidelity --allow": "checked behind the target, which must be a board",
    "fidelity --only": "checked behind the target, which must be a board",
    "fidelity --pin": "checked behind the target, which must be a board",
    "fidelity --out": "checked behind the target, which must be a board",
    "fidelity --timeout": "checked behind the target, which must be a board",
}
BASE: Final[dict[str, list[str]]] = {
    "accept": ["--target", "emulator:0x21", "--baseline", "0x21", "--area", "frames"],
    "diff": ["emulator:0x21", "emulator:0x17"],
    "explain": ["DD A5 03 00 FF FD 77"],
    "record": ["--target", "emulator:0x21", "--out", "{new}"],
    "replay": ["{recording}"],
    "run": ["--target", "emulator:0x21", "--suite", "timing"],
    "serve": ["--serial", "{new}"],
    "snapshot": ["--target", "emulator:0x21"],
}
"""Without which a command does not come to look at the option."""
ALSO: Final = {
    "serve --module": ["--ble", "bumble:vhci"],
    "serve --module-password": ["--ble", "bumble:vhci", "--module", "telink-login"],
    "serve --control-rate": ["--control", "127.0.0.1:0"],
    "explain --pin-encoding": ["--pin", "123456"],
    "serve --pin-encoding": ["--pin", "123456"],
    "snapshot --pin": ["--allow", "settings"],
    "read --pin": ["--parameters"],
}


def actions(program: str) -> Iterator[tuple[str, argparse.Action]]:
    """Yield every option and argument of a program that takes a value, with its command."""
    for command in import_module(f"{program}.__main__").COMMANDS:
        parser = argparse.ArgumentParser()
        import_module(f"{program}.commands.{command.replace('-', '_')}").add_arguments(parser)
        for action in parser._actions:
            if action.dest != "help" and action.nargs != 0:
                yield command, action


def title(command: str, action: argparse.Action) -> str:
    return f"{command} {action.option_strings[-1] if action.option_strings else action.dest}"


OPTIONS: Final = {
    title(command, action): (program, action) for program in PROGRAMS
    for command, action in actions(program)
}  # fmt: skip


def bad_values(name: str) -> tuple[str, ...]:
    action = OPTIONS[name][1]
    if action.choices is not None:
        return NO_NAME
    return OF_ONE_OPTION.get(name) or BAD[str(action.metavar)]


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fail where a command goes to work instead of refusing what it was given."""

    def late(_number: int, _frame: FrameType | None) -> NoReturn:
        pytest.fail(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Return what the words in braces stand for; a file's child can be made by nobody."""
    binary, empty, folder = tmp_path / "binary", tmp_path / "empty", tmp_path / "folder"
    binary.write_bytes(bytes(range(256)))
    empty.touch()
    folder.mkdir()
    recording = tmp_path / "recording.jsonl"
    recording.write_text(
        '{"t_s": 0.0, "direction": ">", "hex": "dda50300fffd77"}\n'
        '{"t_s": 0.1, "direction": "<", "hex": "dd038000ff8077"}\n'
    )
    return {"binary": str(binary), "empty": str(empty), "folder": str(folder),
            "below": str(binary / "below"), "new": str(tmp_path / "new"),
            "recording": str(recording)}  # fmt: skip


def arguments(name: str, value: str, places: dict[str, str]) -> list[str]:
    command, action = name.split(" ")[0], OPTIONS[name][1]
    base = [word.format_map(places) for word in (*BASE.get(command, ()), *ALSO.get(name, ()))]
    value = value.format_map(places)
    if action.option_strings:
        option = action.option_strings[-1]
        if option in base:
            at = base.index(option)
            base[at : at + 2] = []
        return [command, *base, f"{option}={value}"]
    if name.startswith("diff "):
        pair = [value, "emulator:0x21"]
        return [command, "--", *(pair if action.dest == "one" else reversed(pair))]
    return [command, "--", value]


def is_named(action: argparse.Action, value: str, line: str) -> bool:
    """Return whether a line says what it is about: the option, the value, or the part at fault."""
    parts = [part for part in re.split(r"[:?=&,]", value) if len(part) > 2]
    dest = action.dest.replace("_", "-")
    return dest in line.replace("_", "-") or repr(value) in line or any(p in line for p in parts)


@pytest.mark.parametrize("name", [name for name in OPTIONS if name not in ANYTHING_GOES])
def test_a_bad_value_is_refused_in_one_line_that_names_it(
    name: str, places: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    program, action = OPTIONS[name]
    main = import_module(f"{program}.__main__").main
    before = Path(places["binary"]).read_bytes()
    for value in bad_values(name):
        given = arguments(name, value, places)
        with at_most(60):
            try:
                status = main(given)
            except SystemExit as end:
                status = end.code
        out, err = capfd.readouterr()
        assert (status, out) == (2, ""), (given, status, out, err)
        *usage, line = err.splitlines()
        assert not usage or usage[0].startswith("usage: "), (given, err)
        assert is_named(action, value.format_map(places), line), (given, line)
    assert Path(places["binary"]).read_bytes() == before


def test_every_option_is_tried_or_says_why_not() -> None:
    for name in {*OF_ONE_OPTION, *ANYTHING_GOES, *ALSO}:
        assert name in OPTIONS, name
    for name in OPTIONS:
        assert name in ANYTHING_GOES or bad_values(name), name


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_has_json(program: str) -> None:
    for command in import_module(f"{program}.__main__").COMMANDS:
        parser = argparse.ArgumentParser()
        import_module(f"{program}.commands.{command.replace('-', '_')}").add_arguments(parser)
        assert "--json" in parser._option_string_actions, command
