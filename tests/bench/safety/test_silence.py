"""Boards that fall silent, two runs on one board, another board where the first one was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest

from jbd_bench import BmsClient
from jbd_bench.safety import AnotherBoard, JournalBusy, NotRestored, WatchdogTripped
from jbd_bench.safety._board import SWAPPED_S
from jbd_protocol import ReplyTimeout, encode_pin

if TYPE_CHECKING:
    from tests.bench.safety.conftest import Rig

PIN = encode_pin("123456")
OTHER_VOLTAGE = "0x20?board=8s"
"""The watchdog sees it first."""


def saves(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write_setting("covp", 3500)


def test_nothing_is_written_to_a_board_that_did_not_show_what_it_holds(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rig.state()
    board = rig.board()

    def silent(*_: object, **__: object) -> NoReturn:
        raise ReplyTimeout(0x03, 3, 1.0)

    with monkeypatch.context() as patch:
        patch.setattr("jbd_bench.safety._before.take_snapshot", silent)
        link = board.link()
        with pytest.raises(ReplyTimeout):
            board.begin_test("the first", link, writes=True)
        with pytest.raises(ReplyTimeout):
            BmsClient(link).write(0xE1, b"\x00\x03")
        assert not [w for w in rig.writes() if w.register == 0xE1]
        board.end_test(link)
    # It is awake again, and is looked at before the next test writes.
    rig.test(board, lambda client: client.write(0xE1, b"\x00\x03"))
    assert [w for w in rig.writes() if w.register == 0xE1]
    assert rig.state() == before
    assert len([*rig.folder.glob("*.jsonl")]) == 1


def test_a_later_look_does_not_take_what_a_test_did_for_what_was_found(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig("0x17?pin=123456", "?pin=123456")
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.pair(PIN)
    client.write(0xE1, b"\x00\x03")
    # Only now that the PIN was presented can the settings be read: it is looked at once more.
    saves(client)
    board.end_test(link)
    board.close()
    assert rig.state() == before


def test_two_runs_that_a_terminal_server_lets_in_do_not_both_write(rig: Rig) -> None:
    one, other = rig.board(), rig.board()
    one.open()
    other.open()
    link = rig.begin(one)
    saves(BmsClient(link))
    count = len(rig.writes())
    second = other.link()
    with pytest.raises(JournalBusy, match="in use: a run that is still at work"):
        other.begin_test("a test", second, writes=True)
    with pytest.raises(JournalBusy):
        BmsClient(second).write(0xE1, b"\x00\x03")
    assert len(rig.writes()) == count
    other.close()
    one.end_test(link)
    one.close()
    assert [*rig.folder.glob("*.jsonl")] == []


@pytest.mark.parametrize("unit", ["0x21?board=4s", OTHER_VOLTAGE])
def test_a_cable_moved_to_another_board_behind_its_adapter_is_noticed(rig: Rig, unit: str) -> None:
    board = rig.board()
    link = rig.begin(board)
    saves(BmsClient(link))
    other = rig.swap(unit)
    found = (other.device.settings.eeprom(), other.device.monitor.fet_lock)
    count = len(rig.writes())
    # Nothing of the port tells: no error, no new connection.
    link.clock.sleep_until(link.clock.now_s() + SWAPPED_S + 0.1)
    client = BmsClient(link)
    if unit != OTHER_VOLTAGE:
        # Reading is no offence, and does not make it the board that was there.
        client.read(0x03)
    with pytest.raises((AnotherBoard, WatchdogTripped)):
        client.write(0xE1, b"\x00\x03")
    with pytest.raises(NotRestored):
        board.end_test(link)
    board.close()
    assert len(rig.writes()) == count
    assert (other.device.settings.eeprom(), other.device.monitor.fet_lock) == found
    assert len([*rig.folder.glob("*.jsonl")]) == 1


def test_a_cable_moved_while_a_test_ends_restores_no_other_board(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    saves(BmsClient(link))
    rig.swap("0x21?board=8s")
    count = len(rig.writes())
    link.clock.sleep_until(link.clock.now_s() + SWAPPED_S + 0.1)
    with pytest.raises(NotRestored, match="another board"):
        board.end_test(link)
    assert len(rig.writes()) == count


def test_a_board_that_falls_silent_while_it_is_put_back_is_waited_for(rig: Rig) -> None:
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    saves(BmsClient(link))
    rig.plug.deaf_until_s = rig.plug.clock.now_s() + 6.0
    outcome = board.end_test(link)
    assert outcome is not None
    assert not outcome.failed
    assert rig.state() == before
    assert any("waiting" in line for line in rig.said)
    board.close()


def test_a_board_that_stays_silent_ends_the_run(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    saves(BmsClient(link))
    rig.plug.deaf_until_s = 1e9
    with pytest.raises(NotRestored, match="not back within 5 s"):
        board.end_test(link)
    board.close()
    assert len([*rig.folder.glob("*.jsonl")]) == 1
