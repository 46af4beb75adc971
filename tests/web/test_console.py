"""The console, driven by Textual's pilot over a desk in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rich.console import Console as Paper
from textual.pilot import Pilot
from textual.widgets import Input, RichLog, Static

from jbd_emulator.__main__ import main
from jbd_emulator.commands.console import where
from jbd_emulator.console._api import Api, Trouble
from jbd_emulator.console._orders import ORDERS, Unclear, request_of
from jbd_emulator.console._screen import Console
from jbd_protocol import ReadRequest

from .conftest import Bench, client_of, run

Make = Callable[..., Bench]


@asynccontextmanager
async def shown(bench: Bench) -> AsyncIterator[tuple[Console, Pilot[Any]]]:
    async with client_of(bench.app()) as client:
        console = Console(Api(client))
        async with console.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            yield console, pilot


def words(console: Console, name: str) -> str:
    widget = console.query_one(f"#{name}")
    if isinstance(widget, RichLog):
        return "\n".join(strip.text for strip in widget.lines)
    assert isinstance(widget, Static)
    paper = Paper(width=160, color_system=None, force_terminal=False)
    with paper.capture() as capture:
        paper.print(widget.content)
    return capture.get()


def test_a_unit_is_shown_as_it_is(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench("0x25?name=one&pin=123456&load_ma=5000")
        bench.now_s = 5.0
        async with shown(bench) as (console, _):
            assert "13.23 V" in words(console, "figures")
            assert "-5.00 A" in words(console, "figures")
            assert "70 % / 69.9 %" in words(console, "figures")
            assert "PIN not presented" in words(console, "title")
            assert words(console, "cells").count(" V") == 4
            assert "○ covp" in words(console, "protections")

    run(test)


def test_traffic_comes_in_words_with_bytes_and_grade(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench()
        async with shown(bench) as (console, pilot):
            bench.served[0].unit.receive(ReadRequest(0x04).to_wire(), 0.0)
            await console.look()
            await pilot.pause()
            text = words(console, "traffic")
            assert "read cell voltages" in text
            assert "DD A5 04 00 FF FC 77" in text
            assert "[captured]" in text
            await pilot.press("space")
            bench.served[0].unit.receive(ReadRequest(0x05).to_wire(), 0.0)
            await console.look()
            await pilot.pause()
            assert "board name" not in words(console, "traffic")
            await pilot.press("space")
            await console.look()
            await pilot.pause()
            assert "board name" in words(console, "traffic")

    run(test)


def test_keys_do_what_the_last_line_says(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench("0x25?name=one", "0x21?name=two")
        unit = bench.served[0].unit
        async with shown(bench) as (console, pilot):
            plugged = []
            for _ in range(2):
                await pilot.press("p")
                plugged.append(not unit.unplugged)
            assert plugged == [False, True]
            await pilot.press("f", "f")
            assert unit.device.speed == 100
            await pilot.press("d", "s")
            assert (unit.device.speed, unit.device.mode.name) == (10, "ASLEEP")
            await pilot.press("c", "r")
            assert unit.device.monitor.counters[-1] == 2
            await pilot.press("u")
            assert console.state["name"] == "two"

    run(test)


def test_what_is_typed_is_done_and_what_is_wrong_is_said(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench()
        unit = bench.served[0].unit
        async with shown(bench) as (console, pilot):
            for line in ("pin 123456", "load 2500", "firmware 21", "cell 2 held_mv=3700",
                         "fault wrong_checksum register=0x04 times=1"):  # fmt: skip
                await pilot.press("colon")
                console.query_one("#order", Input).value = line
                await pilot.press("enter")
                await pilot.pause()
                assert console.query_one("#order", Input).value == "", line
            assert unit.device.pin.kept == bytes((1, 2, 3, 4, 5, 6))
            assert unit.device.firmware.version == 0x21
            assert unit.device.lab.load_ma == 2500
            assert console.state["faults"][0]["register"] == 4
            assert "held" in words(console, "cells")
            await pilot.press("colon")
            console.query_one("#order", Input).value = "speed 0"
            await pilot.press("enter")
            await pilot.pause()
            assert console.query_one("#order", Input).value == "speed 0"
            [told] = [note.message for note in console._notifications]
            assert "(at least 1)" in told
            await pilot.press("escape")
            assert console.focused is console.query_one("#traffic")

    run(test)


def test_the_console_stays_when_the_board_has_gone(make_bench: Make) -> None:
    async def test() -> None:
        async with shown(make_bench("0x25?name=one", "0x21?name=two")) as (console, pilot):

            async def nobody(*_: object) -> None:
                raise Trouble("nobody there")

            console._api.ask = nobody  # type: ignore[method-assign, assignment]  # gone
            await pilot.press("u", "s")
            assert console.is_running
            assert {note.message for note in console._notifications} == {"nobody there"}

    run(test)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("charge 5000 14200", ("PUT", "/charger", {"current_ma": 5000, "voltage_mv": 14200})),
        ("pin none", ("PUT", "/pin", {"digits": None})),
        ("pin 012345", ("PUT", "/pin", {"digits": "012345"})),
        ("firmware 0x1f", ("PUT", "/firmware", {"version": "0x1F"})),
        ("cell 3 held_mv=null", ("PATCH", "/cells/3", {"held_mv": None})),
        ("ntc 1 state=open", ("PATCH", "/ntcs/1", {"state": "open"})),
        ("fets charge=false", ("PATCH", "/fets", {"charge": False})),
        ("set covp=3600", ("PATCH", "/settings", {"covp": 3600})),
        ("heal", ("DELETE", "/faults", None)),
        ("heal a", ("DELETE", "/faults/a", None)),
        ("scenario weak-cell", ("PUT", "/scenario", {"name": "weak-cell"})),
        ("scenario none", ("DELETE", "/scenario", None)),
        (
            "fault insert data=00 byte=3",
            ("POST", "/faults", {"kind": "insert", "data": "00", "byte": 3}),
        ),
        ("set barcode=0012 covp=3600", ("PATCH", "/settings", {"barcode": "0012", "covp": 3600})),
        ("heal link at the board", ("DELETE", "/faults/link%20at%20the%20board", None)),
        ("load nan", ("PUT", "/load", {"current_ma": "nan"})),
        ("ambient -5.5", ("PUT", "/ambient", {"celsius": -5.5})),
    ],
)
def test_an_order_is_a_request(line: str, request_: object) -> None:
    assert request_of(line) == request_


@pytest.mark.parametrize("line", ["", "dance", "load", "load 1 2", "cell x", "cell", "set covp"])
def test_an_order_that_cannot_be_read_says_what_is_expected(line: str) -> None:
    with pytest.raises(Unclear) as refused:
        request_of(line)
    word = line.split(" ")[0]
    expected = ORDERS[word].usage if word in ORDERS else "there is load"
    assert expected in str(refused.value)


def test_an_address_is_what_serve_printed() -> None:
    assert where("http://bench:7780/#token=abc") == ("http://bench:7780", "abc")
    assert where("127.0.0.1:7780") == ("http://127.0.0.1:7780", None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ftp://x"], "url 'ftp://x': must be http://HOST:PORT"),
        (["http://127.0.0.1:9", "--json"], "http://127.0.0.1:9: "),
        (["http://127.0.0.1:99999"], "url 'http://127.0.0.1:99999': must be"),
        (["http://[::1"], "url 'http://[::1': must be"),
        (["--token", "\u00e4"], "token '\u00e4': must be the one that `serve` printed"),
    ],
)
def test_nobody_there_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["console", *arguments]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"jbd-emulator console: {said}")
    assert text.count("\n") == 1
