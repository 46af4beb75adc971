"""What may leave: nothing that could not be put back, nothing to another board, nothing unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, LinkError, WriteRefused, open_target
from jbd_bench.safety import (
    AnotherBoard,
    JournalError,
    NotRestored,
    NotSafe,
    WatchdogTripped,
    open_safely,
)
from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    ReadRequest,
    WriteRequest,
    change_pin,
    encode_pin,
)

if TYPE_CHECKING:
    from tests.bench.safety.conftest import Rig

PIN = encode_pin("123456")
NEW = encode_pin("654321")
STRANGER = "0x20?board=8s"


def entries(rig: Rig) -> list[dict[str, object]]:
    """Return what stands in the newest journal."""
    [path] = [*rig.folder.glob("*.jsonl")]
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def covp(client: BmsClient) -> None:
    with client.factory_mode():
        client.write_setting("covp", 3500)


# -- leave ---------------------------------------------------------------------------------------


def test_without_leave_no_write_and_no_journal(rig: Rig) -> None:
    board = rig.board("none")
    link = board.link()
    board.begin_test("a test", link, writes=False)
    with pytest.raises(WriteRefused):
        BmsClient(link).request(ENTER_FACTORY)
    assert BmsClient(link).basic_info().cells == 4
    board.end_test(link)
    board.close()
    assert rig.writes() == []
    assert not rig.folder.exists()


def test_a_write_is_in_the_journal_before_the_board_hears_it(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.request(ENTER_FACTORY)
    seen: list[bool] = []
    tap = rig.unit.tap
    assert tap is not None

    def look(now_s: float, direction: str, data: bytes) -> None:
        if direction == "rx" and data[:3] == b"\xdd\x5a\x24":
            seen.append(data.hex() in [row.get("hex") for row in entries(rig)])
        tap(now_s, direction, data)

    rig.unit.tap = look
    client.write(0x24, b"\x0d\xac")
    assert seen == [True]


def test_the_snapshot_is_in_the_journal_before_the_first_setting(rig: Rig) -> None:
    board = rig.board()
    # Nobody said that the test writes.
    link = board.link()
    board.begin_test("a test", link, writes=False)
    covp(BmsClient(link))
    events = [row["event"] for row in entries(rig)]
    assert events[0] == "begin"
    registers = [row.get("register") for row in entries(rig)]
    assert events.index("snapshot") < registers.index(0x24)


def test_a_journal_that_cannot_be_written_lets_nothing_leave(rig: Rig) -> None:
    rig.folder.write_text("in the way")
    board = rig.board()
    link = board.link()
    with pytest.raises(JournalError):
        BmsClient(link).request(ENTER_FACTORY)
    assert rig.writes() == []


def test_a_setting_that_was_not_read_is_not_written(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("0x17?pin=123456")
    board = rig.board()
    link = rig.begin(board)
    with pytest.raises(NotSafe, match=r"0x24 withheld: .* did not show what it holds at 0x24"):
        BmsClient(link).write(0x24, b"\x0d\xac")
    assert 0x24 not in {request.register for request in rig.writes()}


def test_a_pin_that_is_presented_later_opens_the_snapshot_later(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig("0x17?pin=123456", "?pin=123456")
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.pair("123456")
    covp(client)
    assert rig.state() != before
    board.end_test(link)
    assert rig.state() == before


def test_a_register_that_does_not_exist_may_be_written(make_rig: Callable[..., Rig]) -> None:
    # 0x15 acknowledges writes to the capacity points and forgets them; reads are refused.
    rig = make_rig("0x15?board=4s")
    board = rig.board()
    link = rig.begin(board)
    with BmsClient(link).factory_mode():
        BmsClient(link).write(0x42, b"\x0c\xe4")
    outcome = board.end_test(link)
    assert outcome is not None
    assert not outcome.failed


def test_a_refusal_within_factory_mode_is_told_and_factory_mode_left(rig: Rig) -> None:
    board = rig.board("settings")
    client = BmsClient(rig.begin(board))

    def clears() -> None:
        with client.factory_mode():
            client.clear_pin()

    with pytest.raises(WriteRefused, match="no leave for 'password'"):
        clears()
    assert rig.writes()[-1] == LEAVE_FACTORY


# -- no way round ----------------------------------------------------------------------------------


def test_the_port_of_a_board_under_test_opens_for_its_guard_alone(rig: Rig) -> None:
    board = rig.board()
    board.open()
    with pytest.raises(LinkError, match="under test; a second link would go past its guard"):
        open_target(rig.target.text)
    board.close()
    with pytest.raises(LinkError, match="no such port"):
        open_target(rig.target.text)


def test_the_link_of_a_test_ends_with_it(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    board.end_test(link)
    for use in (lambda: link.write(b"\xdd"), lambda: link.read(0.0), link.reconnect):
        with pytest.raises(LinkError, match="every test gets its own"):
            use()


def test_a_write_in_pieces_is_seen_whole(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.request(ENTER_FACTORY)
    for byte in WriteRequest(0x24, b"\x0d\xac").to_wire():
        link.write(bytes((byte,)))
    assert rig.unit.device.settings[0x24] == b"\x0d\xac"
    board.end_test(link)
    assert rig.unit.device.settings[0x24] != b"\x0d\xac"


def test_what_the_guard_asks_takes_no_answer_from_the_test(rig: Rig) -> None:
    board = rig.board()
    link = board.link()
    link.write(ReadRequest(0x05).to_wire())
    # The first write: identity, journal and snapshot come between.
    link.write(LEAVE_FACTORY.to_wire())
    came = b""
    while piece := link.read(link.clock.now_s() + 0.1):
        came += piece
    assert came[:3] == b"\xdd\x05\x00"
    assert came.endswith(bytes.fromhex("DD 01 00 00 00 00 77"))


def test_a_tool_that_is_no_test_puts_back_when_its_link_is_closed(rig: Rig) -> None:
    before = rig.state()
    link = open_safely(rig.target.text, frozenset({"settings"}), "a tool", rig.options)
    covp(BmsClient(link))
    assert rig.state() != before
    link.close()
    link.close()
    assert rig.state() == before
    assert not [*rig.folder.glob("*.jsonl")]


# -- the lockout guard -----------------------------------------------------------------------------


def test_no_pin_is_set_before_a_clear_was_seen_to_work(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("0x17?board=4s")
    link = rig.begin(rig.board())
    with pytest.raises(NotSafe, match=r"0x07 withheld: .* send 09 before"):
        BmsClient(link).request(change_pin(BLANK_PIN, NEW))
    assert 0x07 not in {request.register for request in rig.writes()}


def test_a_clear_that_is_refused_shows_nothing(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("0x21?board=4s")
    link = rig.begin(rig.board())
    client = BmsClient(link)
    answer = client.exchange(CLEAR_PIN)
    assert answer is not None
    assert answer.status == 0x80
    with pytest.raises(NotSafe):
        client.request(change_pin(BLANK_PIN, NEW))


def test_after_a_clear_a_pin_may_be_set_and_is_in_the_journal_first(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig("0x17?board=4s")
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.clear_pin()
    client.change_pin(BLANK_PIN, NEW)
    rows = [row for row in entries(rig) if row.get("register") == 0x07]
    assert NEW.hex() in str(rows[0]["hex"])
    assert rig.unit.device.pin.stored == NEW
    board.end_test(link)
    assert rig.unit.device.pin.stored is None


@pytest.mark.parametrize("request_", [CLEAR_PIN, change_pin(PIN, NEW)], ids=["09", "07"])
@pytest.mark.parametrize("target", ["", "?pin=999999"], ids=["unknown", "wrong"])
def test_a_pin_that_nobody_knows_is_not_touched(
    make_rig: Callable[..., Rig], request_: WriteRequest, target: str
) -> None:
    rig = make_rig("0x17?pin=123456", target)
    link = rig.begin(rig.board())
    with pytest.raises(NotSafe, match="may have a PIN that nobody named"):
        BmsClient(link).request(request_)
    assert rig.unit.device.pin.stored == PIN
    assert not {0x07, 0x09} & {request.register for request in rig.writes()}


def test_a_new_session_has_seen_no_clear(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("0x17?board=4s")
    board = rig.board()
    rig.test(board, lambda client: client.clear_pin())
    board.close()
    link = rig.begin(rig.board())
    with pytest.raises(NotSafe):
        BmsClient(link).change_pin(BLANK_PIN, NEW)


# -- another board, a cable ------------------------------------------------------------------------


def test_a_board_of_another_identity_is_not_written_to_at_the_next_start(rig: Rig) -> None:
    board = rig.board()
    covp(BmsClient(rig.begin(board)))
    rig.kill(board)
    rig.swap(STRANGER)
    rig.heard = b""
    again = rig.board("none")
    again.open()
    assert rig.writes() == []
    [said] = rig.said
    assert "another board: board name 'JBD-" in said
    assert "series count 8, not 4" in said
    assert said.endswith("nothing was written to it")
    assert len([*rig.folder.glob("*.jsonl")]) == 1


def test_one_of_the_same_delivery_is_told_by_its_bar_code(rig: Rig) -> None:
    rig.unit.device.settings.burn(0xA2, b"\x03ONE")
    board = rig.board()
    covp(BmsClient(rig.begin(board)))
    rig.kill(board)
    other = rig.swap("0x20?board=4s")
    other.device.settings.burn(0xA2, b"\x03TWO")
    rig.heard = b""
    rig.board("none").open()
    # Reading the bar code takes factory mode; that is all that was written, and it is left.
    assert [request.register for request in rig.writes()] == [0x00, 0x01]
    assert "register 0xA2 holds 03 54 57 4f" in rig.said[-1]
    assert other.device.settings.saved() == {0xA2: b"\x03TWO"}


def test_what_the_tests_wrote_themselves_does_not_make_it_another(rig: Rig) -> None:
    board = rig.board()
    client = BmsClient(rig.begin(board))
    with client.factory_mode(save=True):
        client.write(0xA2, b"\x03TWO")
        client.write(0x15, b"\x2a\x6b")
        client.write(0x2F, b"\x00\x06")
    before = rig.unit.device.board.settings[0x2F]
    rig.kill(board)
    rig.board("none").open()
    assert rig.unit.device.settings[0x2F] == before
    assert not [*rig.folder.glob("*.jsonl")]


def test_another_board_behind_a_reconnected_cable_is_not_written_to(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    covp(BmsClient(link))
    rig.swap(STRANGER)
    rig.heard = b""
    link.reconnect()
    with pytest.raises(AnotherBoard):
        covp(BmsClient(link))
    with pytest.raises(WatchdogTripped):
        BmsClient(link).basic_info()
    with pytest.raises(NotRestored):
        board.end_test(link)
    board.close()
    assert rig.writes() == []
    assert len([*rig.folder.glob("*.jsonl")]) == 1


def test_a_cable_that_comes_back_finds_the_board_put_back(rig: Rig) -> None:
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    client.request(ENTER_FACTORY)
    client.write(0x24, b"\x0d\xac")
    rig.plug.unplugged, rig.plug.away = True, 3
    with pytest.raises(LinkError):
        client.write(0x25, b"\x0d\xac")
    outcome = board.end_test(link)
    assert outcome is not None
    assert rig.state() == before
    assert [line.rpartition(": ")[2] for line in rig.said] == [
        "gone; waiting 5 s for it to come back",
        "back",
    ]
    # And the run goes on.
    rig.test(board, covp)
    board.close()
    assert rig.state() == before


def test_a_cable_that_stays_away_ends_the_run_and_the_next_puts_back(rig: Rig) -> None:
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    covp(BmsClient(link))
    rig.plug.unplugged, rig.plug.away = True, 10_000
    with pytest.raises(LinkError):
        BmsClient(link).basic_info()
    with pytest.raises(NotRestored, match="not back within 5 s"):
        board.end_test(link)
    board.close()
    [journal] = rig.folder.glob("*.jsonl")
    assert f"jbd-bench restore --journal {journal}" in rig.said[-1]
    rig.plug.away = 0
    rig.plug.reconnect()
    rig.board("none").open()
    assert rig.state() == before


def test_another_board_on_the_cable_that_comes_back_is_not_written_to(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    covp(BmsClient(link))
    rig.plug.unplugged = True
    with pytest.raises(LinkError):
        BmsClient(link).basic_info()
    rig.swap(STRANGER)
    rig.heard = b""
    with pytest.raises(NotRestored, match="another board"):
        board.end_test(link)
    board.close()
    assert rig.writes() == []


def test_a_board_that_was_restarted_lost_what_was_not_saved_and_nothing_else(rig: Rig) -> None:
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    with client.factory_mode(save=True):
        client.write(0x25, b"\x0d\xac")
    with client.factory_mode():
        client.write(0x24, b"\x0d\xac")
    rig.unit.device.power_cycle(link.clock.now_s())
    board.end_test(link)
    board.close()
    assert rig.state() == before


def test_a_journal_of_a_run_at_work_keeps_others_off_the_board(rig: Rig) -> None:
    board = rig.board()
    rig.begin(board)
    from jbd_bench.transports import release

    # As from another process: the claim of this one is not there.
    release(rig.target.text)
    with pytest.raises(NotRestored, match="in use: journal"):
        rig.board("none").open()
    board.close()
