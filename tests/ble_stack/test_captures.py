"""The captured conversations, held again over the real stack: the same answers in the same pieces.

`tests/emulator/module/test_replay.py` plays them to the module itself at their own times and says
which bytes are live. Here they go through kernel and BlueZ as fast as these answer, to boards
that do not fall asleep: an answer to a request that a sleeping board swallowed is set aside.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jbd_bench import Link

from ..emulator.module.test_replay import PLAYED, Line, Played, build, frames, links, masked
from . import _exchanges as ex

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak
    from jbd_emulator import BleModule

    from ._air import Air

pytestmark = pytest.mark.shared

UP = b"\x00"
"""The byte at link-up comes before the subscription; BlueZ hands it to nobody."""
THROUGH_BLESS = "ble-sp04s034-u-fets-2022"


def turns(lines: list[Line]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield what was written before the next answer, and the pieces that answered."""
    asked: list[bytes] = []
    for direction, group in groupby(lines, lambda line: line["dir"]):
        run = [bytes.fromhex(line["hex"]) for line in group]
        if direction == "tx":
            asked = run
            continue
        yield asked, [piece for piece in run if piece != UP]
        asked = []
    if asked:
        yield asked, []


def one_answer(link: Link) -> list[bytes]:
    """Return the pieces of the next answer."""
    pieces = ex.answers(link, 1)
    while True:
        whole = b"".join(pieces)
        if len(whole) == whole[3] + (7 if whole[0] == 0xDD else 5):
            return pieces
        pieces += ex.answers(link, 1)


def hold(link: Link, asked: list[bytes], there: list[bytes], *, cut: bool) -> tuple[int, int]:
    """Ask as in the capture; return how many pieces were as there, and answers set aside."""
    for request in asked:
        link.write(request)
    expected = frames(there)
    aside = 0
    here: list[bytes] = []
    while expected:
        pieces = one_answer(link)
        if masked(b"".join(pieces)) == masked(expected[0]):
            expected.pop(0)
            here += pieces
        else:
            aside += 1
            wanted = expected[0].hex(" ")
            assert aside < len(asked), f"{b''.join(pieces).hex(' ')} where {wanted} was captured"
    if cut:
        assert [len(piece) for piece in here] == [len(piece) for piece in there]
    if len(asked) > len(frames(there)) + aside:
        while not ex.quiet(link):
            aside += 1
    return len(here), aside


def held(link: Link, folder: Path, played: Played, again: Callable[[], None]) -> tuple[int, int]:
    """Hold a whole capture, link by link; return pieces and answers set aside."""
    counts: list[tuple[int, int]] = []
    for number, lines in links(folder, played.capture):
        if counts or number > 1:
            again()
        counts += [hold(link, asked, there, cut=played.cut) for asked, there in turns(lines)]
    return sum(pieces for pieces, _ in counts), sum(aside for _, aside in counts)


def awake(played: Played) -> Played:
    return replace(played, unit=played.unit.replace("?sleep=1", ""))


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.capture)
def test_a_captured_conversation_is_the_same_over_bluez(
    played: Played, shared_dir: Path, air: Air, record_property: Callable[[str, object], None]
) -> None:
    folder = shared_dir / "captures"
    module, _ = build(folder, awake(played))
    air.put(module)

    def again() -> None:
        air.drop_central(module)
        ex.reopened(link)

    try:
        with ex.opened(module.address_text) as link:
            pieces, aside = held(link, folder, played, again)
    finally:
        air.withdraw(module)
    assert aside == 0 or "sleep=1" in played.unit
    record_property("checked", f"{played.capture} over BlueZ: {pieces} pieces, {aside} aside")


@contextmanager
def behind_bless(air: Air, module: BleModule) -> Iterator[str]:
    from jbd_emulator.frontends._bless import BlessPeripheral

    peripheral = air.call(BlessPeripheral.open(module, ""))
    try:
        yield peripheral.address
    finally:
        air.call(peripheral.close())
        gc.collect()  # a socket that was left open would be noticed here


def test_a_captured_conversation_is_the_same_through_bless(
    shared_dir: Path,
    air: Air,
    wired: VirtualBleak,
    record_property: Callable[[str, object], None],
) -> None:
    folder = shared_dir / "captures"
    [played] = [row for row in PLAYED if row.capture == THROUGH_BLESS]
    module, _ = build(folder, awake(played))
    with (
        behind_bless(air, module) as address,
        wired.selected(),
        ex.opened(address, "?timeout=30") as link,
    ):
        pieces, aside = held(link, folder, played, link.reconnect)
    record_property("checked", f"{played.capture} through bless: {pieces} pieces, {aside} aside")
