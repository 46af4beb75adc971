"""Whatever a test changes is put back when it is over, or at the next start, or told."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient
from jbd_bench.safety import JournalError
from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    ENTER_FACTORY,
    WriteRequest,
    change_pin,
    encode_pin,
)

if TYPE_CHECKING:
    from tests.bench.safety.conftest import Rig

PIN = encode_pin("123456")
OTHER = encode_pin("654321")
NEW_LINE = "0x25?board=4s"


def saved(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write_setting("covp", 3500)
        client.write(0xA1, b"\x05other")


def unsaved(client: BmsClient) -> None:
    with client.factory_mode():
        client.write_setting("covp", 3500)


def what_tells_boards_apart(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        for address, raw in {
            0x2F: b"\x00\x07", 0x2E: b"\x00\x3f", 0x10: b"\x01\x00", 0x2D: b"\x10\x0f",
            0x15: b"\x2a\x6b", 0x16: b"\x99\x99", 0xA0: b"\x02AB", 0xA2: b"\x03XYZ",
        }.items():  # fmt: skip
            client.write(address, raw)


def put_back_by_itself_but_not_saved(client: BmsClient) -> None:
    with client.factory_mode():
        before = client.read(0x24)
    with client.factory_mode(save=True):
        client.write(0x24, b"\x0d\xac")
    with client.factory_mode():
        client.write(0x24, before)


def never_leaves(client: BmsClient) -> None:
    client.request(ENTER_FACTORY)
    client.write(0x24, b"\x0d\xac")


def fets(client: BmsClient) -> None:
    client.write(0xE1, b"\x00\x03")


def new_fets(client: BmsClient) -> None:
    client.write(0xFB, b"\x0a\x01")


def balance(client: BmsClient) -> None:
    client.request(ENTER_FACTORY)
    client.write(0xE2, b"\x00\x01")


def parameters(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        # covp, and the learned capacity behind the settings.
        client.write(0xFA, b"\x00\x14\x01\x0d\xac")
        client.write(0xFA, b"\x00\x70\x01\x12\x34")


def what_tells_boards_apart_by_number(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        # Serial number, and the first words of the three texts.
        client.write(0xFA, b"\x00\x06\x01\x99\x99")
        for first in (56, 72, 88):
            client.write(0xFA, bytes((0, first, 2)) + b"\x03XYZ")


def sets_a_pin(client: BmsClient) -> None:
    client.request(CLEAR_PIN)
    client.request(change_pin(BLANK_PIN, OTHER))


def clears_the_pin(client: BmsClient) -> None:
    client.request(CLEAR_PIN)


def changes_the_pin(client: BmsClient) -> None:
    client.request(CLEAR_PIN)
    client.request(change_pin(BLANK_PIN, OTHER))
    with client.factory_mode(save=True):
        client.write_setting("covp", 3500)


def changes_the_factory_code(client: BmsClient) -> None:
    client.request(WriteRequest(0x0F, b"\x56\x78\x12\x34"))
    client.request(WriteRequest(0x00, b"\x12\x34"))
    client.write(0x24, b"\x0d\xac")
    client.request(WriteRequest(0x01, b"\x28\x28"))


def restarts(client: BmsClient) -> None:
    saved(client)
    client.exchange(WriteRequest(0x0A, b"\x03\x00"))


CASES: dict[str, tuple[Callable[[BmsClient], None], str, str]] = {
    "saved": (saved, "0x20?board=4s", ""),
    "unsaved": (unsaved, "0x20?board=4s", ""),
    "identity": (what_tells_boards_apart, "0x20?board=8s", ""),
    "eeprom": (put_back_by_itself_but_not_saved, "0x20?board=4s", ""),
    "factory mode": (never_leaves, "0x20?board=4s", ""),
    "fets": (fets, "0x80?board=4s", ""),
    "new fets": (new_fets, NEW_LINE, ""),
    "balance": (balance, "0x20?board=4s", ""),
    "parameters": (parameters, NEW_LINE, ""),
    "new identity": (what_tells_boards_apart, NEW_LINE, ""),
    "identity by number": (what_tells_boards_apart_by_number, NEW_LINE, ""),
    "a pin set": (sets_a_pin, "0x17?board=4s", ""),
    "a pin cleared": (clears_the_pin, "0x17?pin=123456", "?pin=123456"),
    "a pin changed": (changes_the_pin, "0x17?pin=123456", "?pin=123456"),
    "ascii pin": (changes_the_pin, "0x17?pin=123456&pin_encoding=ascii",
                  "?pin=123456&pin_encoding=ascii"),
    "factory code": (changes_the_factory_code, NEW_LINE, ""),
    "restart": (restarts, "0x80?board=4s", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_after_the_test_the_board_is_as_it_was(make_rig: Callable[..., Rig], case: str) -> None:
    change, unit, target = CASES[case]
    rig = make_rig(unit, target)
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    change(BmsClient(link))
    assert rig.state() != before, "the test changes nothing, and so shows nothing"
    outcome = board.end_test(link)
    assert outcome is not None
    assert outcome.restored
    assert not outcome.failed
    board.close()
    assert rig.state() == before
    assert not [*rig.folder.glob("*.jsonl")]
    assert len([*(rig.folder / "closed").glob("*.jsonl")]) == 1


@pytest.mark.parametrize("case", CASES)
def test_the_next_start_puts_back_what_a_killed_run_left(
    make_rig: Callable[..., Rig], case: str
) -> None:
    change, unit, target = CASES[case]
    rig = make_rig(unit, target)
    before = rig.state()
    board = rig.board()
    change(BmsClient(rig.begin(board)))
    rig.kill(board)
    # The next one has no leave: what is put back had it when it was written.
    rig.board("none").open()
    assert rig.state() == before
    assert any("had no end: restored" in line for line in rig.said)
    assert not [*rig.folder.glob("*.jsonl")]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["saved", "identity", "eeprom", "a pin changed", "factory code"])
def test_killed_at_any_frame_the_next_start_puts_it_back(
    make_rig: Callable[..., Rig], case: str
) -> None:
    from tests.bench.safety.conftest import Killed

    change, unit, target = CASES[case]
    rig = make_rig(unit, target)
    before = rig.state()
    for frames in range(200):
        board = rig.board()
        rig.plug.writes_left = frames
        try:
            rig.test(board, change)
            board.close()
        except Killed:
            rig.kill(board)
        survived, rig.plug.writes_left = rig.plug.writes_left >= 0, None
        again = rig.board("none")
        again.open()
        again.close()
        assert rig.state() == before, f"killed before write {frames}"
        if survived:
            break
    else:
        raise AssertionError("the test never came to its end")
    assert frames > 7


def test_a_start_that_is_killed_while_it_puts_back_is_followed_by_another(rig: Rig) -> None:
    from tests.bench.safety.conftest import Killed

    before = rig.state()
    board = rig.board()
    saved(BmsClient(rig.begin(board)))
    rig.kill(board)
    for frames in range(50):
        rig.plug.writes_left = frames
        again = rig.board("none")
        try:
            again.open()
        except Killed:
            rig.kill(again)
            continue
        again.close()
        break
    rig.plug.writes_left = None
    assert frames >= 4
    assert rig.state() == before


def test_what_cannot_be_put_back_is_told(rig: Rig) -> None:
    def calibrates(client: BmsClient) -> None:
        with client.factory_mode():
            client.write(0xB0, b"\x0c\xe4")

    board = rig.board()
    link = rig.begin(board)
    calibrates(BmsClient(link))
    outcome = board.end_test(link)
    assert outcome is not None
    assert outcome.lasting == ["cell 1 calibration (0xB0) was given 0x0CE4"]
    assert rig.said == [f"{board.name}: after a test: {outcome.lasting[0]}"]
    board.close()
    assert rig.said[1:] == []


def test_counters_that_a_save_clears_are_told_with_what_they_were(rig: Rig) -> None:
    rig.unit.device.monitor.counters = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2]
    board = rig.board()
    link = rig.begin(board)
    saved(BmsClient(link))
    outcome = board.end_test(link)
    assert outcome is not None
    assert outcome.lasting == [
        "error counters were cleared by a save (01 2828); they were: covp 4, restart 2"
    ]


def test_the_remaining_capacity_is_set_back(rig: Rig) -> None:
    before = rig.unit.device.basic_info().remaining_mah
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    with client.factory_mode():
        client.write(0xE0, b"\x00\x64")
    assert rig.unit.device.basic_info().remaining_mah == 1000
    outcome = board.end_test(link)
    assert outcome is not None
    assert rig.unit.device.basic_info().remaining_mah == before
    assert outcome.restored == [f"remaining capacity: {before} mAh"]
    assert outcome.lasting


def test_a_test_that_changes_nothing_sends_nothing_more(rig: Rig) -> None:
    def reads(client: BmsClient) -> None:
        with client.factory_mode():
            client.read(0x24)

    board = rig.board()
    rig.test(board, reads)
    count = len(rig.writes())
    board.close()
    assert len(rig.writes()) == count
    assert not any(request.data == b"\x28\x28" for request in rig.writes())


def test_without_a_save_in_the_test_none_is_sent_after_it(rig: Rig) -> None:
    board = rig.board()
    rig.test(board, unsaved)
    board.close()
    assert not any(request.data == b"\x28\x28" for request in rig.writes())


def test_a_write_that_is_refused_when_it_is_put_back_ends_the_run(rig: Rig) -> None:
    from jbd_bench.safety import NotRestored, WatchdogTripped

    board = rig.board()
    link = rig.begin(board)
    unsaved(BmsClient(link))
    refusing = {"kind": "answer", "register": 0x24, "access": "write", "status": 0x81}
    rig.unit.faults.add({**refusing, "carried_out": False})
    with pytest.raises(NotRestored, match="cell over-voltage"):
        board.end_test(link)
    with pytest.raises(WatchdogTripped, match="not restored"):
        board.link().write(b"\xdd\xa5\x03\x00\xff\xfd\x77")
    board.close()
    [journal] = rig.folder.glob("*.jsonl")
    assert str(journal) in rig.said[-1]
    # Once the board is itself again the next start does it.
    rig.unit.faults.clear()
    rig.board("none").open()
    assert not [*rig.folder.glob("*.jsonl")]


def test_a_full_disk_does_not_leave_the_board_changed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    saved(client)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(JournalError, match="nothing is sent"):
            client.request(ENTER_FACTORY)
        outcome = board.end_test(link)
        assert outcome is not None
        assert outcome.restored
        assert rig.state() == before
        board.close()
    assert rig.state() == before
    assert [line for line in rig.said if "put back, but the journal cannot" in line]
    # The journal is still open, and the next start compares the board with it once more.
    assert len([*rig.folder.glob("*.jsonl")]) == 1
    rig.board("none").open()
    assert rig.state() == before
    assert [*rig.folder.glob("*.jsonl")] == []
