"""What becomes of writes and answers: pieces, cuts, losses, times."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jbd_emulator.module import (
    GENERATIONS,
    LATENCY_S,
    PIECE_GAP_S,
    BleModule,
    Timing,
)
from jbd_protocol import ReadRequest, WriteRequest

Linked = Callable[..., BleModule]

READ_03 = ReadRequest(0x03).to_wire()
READ_04 = ReadRequest(0x04).to_wire()
READ_05 = ReadRequest(0x05).to_wire()
BLANK_PIN = bytes.fromhex("dd5a060706000000000000ffed77")
REFUSED_06 = bytes.fromhex("dd068000ff8077")
RENAME = bytes.fromhex("ffaa070358595a15")
RENAMED = bytes.fromhex("ffaa070007")


def sizes(module: BleModule, request: bytes, now_s: float = 1.0) -> list[int]:
    assert module.written(request, now_s)
    return [len(piece) for piece in module.take(now_s)]


# -- pieces ----------------------------------------------------------------------------------


def test_an_answer_leaves_in_pieces_of_twenty_bytes(linked: Linked) -> None:
    assert sizes(linked(unit="0x21"), READ_03) == [20, 14]


def test_the_last_piece_may_be_the_lone_end_byte(linked: Linked) -> None:
    module = linked(unit="0x25")
    device = module.unit.device
    device.settings.burn(0x2E, b"\x00\x01")
    device.changed()

    assert module.written(READ_03, 1.0)
    pieces = module.take(1.0)

    assert [len(piece) for piece in pieces] == [20, 20, 1]
    assert pieces[-1] == b"\x77"


def test_a_greater_mtu_does_not_make_the_telink_pieces_longer(linked: Linked) -> None:
    assert sizes(linked(unit="0x21", mtu=247), READ_03) == [20, 14]


def test_the_clone_notifies_46_bytes_at_once(linked: Linked) -> None:
    module = linked("clone", "0x21?board=16s", mtu=185)

    assert sizes(module, READ_04) == [39]
    assert sizes(module, READ_05 + READ_03)[-1] == 36
    module.unit.device.settings.burn(0x2E, b"\x00\xff")
    module.unit.device.changed()

    assert sizes(module, READ_03, 3.0) == [46]


def test_the_clone_cuts_at_the_mtu_where_the_central_asked_for_none(linked: Linked) -> None:
    assert sizes(linked("clone", "0x21"), READ_03) == [20, 14]


def test_an_mtu_that_changes_on_the_link_counts_from_then_on(linked: Linked) -> None:
    module = linked("clone", "0x21")
    module.mtu_changed(28)

    assert sizes(module, READ_03) == [25, 9]


def test_every_generation_answers_the_same_bytes(linked: Linked) -> None:
    wanted = linked(unit="0x21")
    wanted.written(READ_03, 1.0)
    expected = b"".join(wanted.take(1.0))
    for key, row in GENERATIONS.items():
        module = linked(key, "0x21", password="")
        module.paired(0.0, with_passkey=True)
        assert module.written(READ_03, 1.0, with_response=row.accepts(with_response=True))
        assert b"".join(module.take(1.0)) == expected, key


# -- writes ----------------------------------------------------------------------------------


def test_two_frames_in_one_write_are_answered_one_after_the_other(linked: Linked) -> None:
    assert sizes(linked(unit="0x21"), READ_03 + READ_04) == [20, 14, 15]


def test_half_a_frame_per_write_is_answered_when_it_is_whole(linked: Linked) -> None:
    module = linked()

    assert sizes(module, BLANK_PIN[:6], 1.0) == []
    module.written(BLANK_PIN[6:], 1.05)
    assert module.take(1.05) == [REFUSED_06]


def test_half_a_frame_is_forgotten_after_a_pause(linked: Linked) -> None:
    module = linked()
    module.written(BLANK_PIN[:6], 1.0)

    assert module.due_s == pytest.approx(1.1)
    module.on_due(1.2)
    assert module.due_s is None
    module.written(BLANK_PIN[6:], 1.3)
    assert module.take(1.3) == []
    assert sizes(module, BLANK_PIN, 2.0) == [7]


def test_what_a_write_command_holds_beyond_twenty_bytes_is_lost(linked: Linked) -> None:
    module = linked()
    assert sizes(module, READ_04 + READ_04 + BLANK_PIN) == [15, 15]
    module.on_due(1.2)
    assert sizes(module, BLANK_PIN, 2.0) == [7]


def test_a_long_write_with_response_arrives_whole(linked: Linked) -> None:
    module = linked("older")

    assert module.written(READ_04 + READ_04 + BLANK_PIN, 1.0, with_response=True)
    assert module.take(1.0)[-1] == REFUSED_06


def test_the_older_module_takes_writes_with_response_alone(linked: Linked) -> None:
    module = linked("older")

    assert not module.written(BLANK_PIN, 1.0, with_response=False)
    assert module.take(1.0) == []
    assert module.written(BLANK_PIN, 1.0, with_response=True)
    assert module.take(1.0) == [REFUSED_06]


def test_the_telink_module_takes_writes_without_response_alone(linked: Linked) -> None:
    module = linked()

    assert not module.written(BLANK_PIN, 1.0, with_response=True)
    assert module.take(1.0) == []


def test_an_empty_write_does_nothing(linked: Linked) -> None:
    module = linked()

    assert module.written(b"", 1.0)
    assert module.due_s is None


# -- frames of the module ----------------------------------------------------------------------


def test_a_module_frame_in_halves_is_answered(linked: Linked) -> None:
    module = linked()
    for number, half in enumerate((RENAME[:1], RENAME[1:3], RENAME[3:])):
        assert module.take(1.0) == []
        module.written(half, 1.0 + number / 100)

    assert module.take(1.1) == [RENAMED]
    assert module.name == "XYZ"


def test_half_a_module_frame_is_forgotten_after_a_pause(linked: Linked) -> None:
    module = linked()
    module.written(RENAME[:5], 1.0)

    assert module.due_s == pytest.approx(1.1)
    assert sizes(module, BLANK_PIN, 1.2) == [7]


def test_a_board_frame_behind_a_module_frame_in_one_write_is_answered(linked: Linked) -> None:
    module = linked()
    module.written(RENAME + READ_04, 1.0)

    assert [len(piece) for piece in module.take(1.0)] == [5, 15]


def test_a_module_frame_with_a_wrong_sum_is_met_with_silence(linked: Linked) -> None:
    module = linked()

    assert sizes(module, RENAME[:-1] + b"\x16") == []
    assert module.name != "XYZ"


def test_ff_and_aa_inside_a_board_frame_reach_the_board(linked: Linked) -> None:
    module = linked()
    for request in (WriteRequest(0x00, b"\x56\x78"), WriteRequest(0x16, b"\xff\xaa")):
        module.written(request.to_wire(), 1.0)
    module.take(1.0)

    assert module.unit.device.settings[0x16] == b"\xff\xaa"


def test_a_lone_ff_of_a_frame_that_comes_byte_by_byte_reaches_the_board(linked: Linked) -> None:
    module = linked()
    for number, byte in enumerate(BLANK_PIN):
        module.written(bytes((byte,)), 1.0 + number / 1000)

    assert module.take(1.1) == [REFUSED_06]


def test_the_board_never_hears_a_module_frame(linked: Linked) -> None:
    module = linked()
    heard: list[bytes] = []
    module.unit.tap = lambda now_s, direction, data: heard.append(data)
    module.written(RENAME, 1.0)
    module.written(bytes.fromhex("ffaa15063030303030303b"), 1.0)

    assert heard == []


def test_module_frames_are_answered_while_the_board_sleeps(linked: Linked) -> None:
    module = linked(unit="0x21?sleep=1")

    assert sizes(module, RENAME, 1.0) == [5]
    assert sizes(module, BLANK_PIN, 2.0) == []
    assert sizes(module, BLANK_PIN, 3.0) == [7]


# -- losses ----------------------------------------------------------------------------------


def test_what_is_notified_without_a_subscription_is_lost(linked: Linked) -> None:
    module = linked()
    module.subscribed(0.5, on=False)

    assert sizes(module, BLANK_PIN) == []
    assert module.lost == 1
    module.subscribed(1.5)
    assert module.take(2.0) == []
    assert sizes(module, BLANK_PIN, 3.0) == [7]


def test_a_lost_link_in_mid_answer_drops_the_rest_and_the_next_is_served(linked: Linked) -> None:
    module = linked(unit="0x21", timing=Timing.PACED)
    module.written(READ_03, 1.0)
    first_s = module.due_s
    assert first_s is not None
    assert [len(piece) for piece in module.take(first_s)] == [20]

    module.disconnected(first_s)
    assert (module.lost, module.due_s, module.busy) == (1, None, False)
    assert module.connected(2.0)
    module.subscribed(2.1)
    assert module.take(3.0) == []
    module.written(BLANK_PIN, 3.0)
    assert module.take(4.0) == [REFUSED_06]


def test_the_subscription_ends_with_the_link(linked: Linked) -> None:
    module = linked()
    module.disconnected(1.0)
    module.connected(2.0)

    assert sizes(module, BLANK_PIN, 3.0) == []


def test_a_second_central_is_turned_away_and_changes_nothing(linked: Linked) -> None:
    module = linked(unit="0x21")
    module.written(READ_03, 1.0)

    assert module.busy
    assert not module.connected(1.0, mtu=185)
    assert [len(piece) for piece in module.take(1.0)] == [20, 14]


def test_what_is_written_without_a_link_is_ignored(make: Linked) -> None:
    module = make()

    assert module.written(BLANK_PIN, 1.0)
    assert module.take(1.0) == []
    module.disconnected(2.0)
    assert not module.busy


def test_what_nobody_takes_is_bounded(linked: Linked) -> None:
    module = linked()
    for _ in range(1000):
        module.written(BLANK_PIN, 1.0)

    assert len(module.pending()) == 64
    assert module.lost == 936
    assert len(module.take(1.0)) == 64


# -- link-up ---------------------------------------------------------------------------------


def test_a_byte_is_notified_at_link_up_before_any_subscription(make: Linked) -> None:
    module = make()
    assert module.connected(5.0)

    assert module.due_s == 5.0
    assert module.take(5.0) == [b"\x00"]
    assert module.lost == 0


def test_the_byte_of_link_up_stays_out_on_a_reconnect_within_a_minute(make: Linked) -> None:
    module = make()
    module.connected(0.0)
    assert module.take(0.0) == [b"\x00"]
    module.disconnected(10.0)
    module.connected(28.0)
    assert module.take(28.0) == []
    module.disconnected(30.0)
    module.connected(90.0)
    assert module.take(90.0) == [b"\x00"]


@pytest.mark.parametrize("key", sorted(GENERATIONS))
def test_the_byte_of_link_up_follows_the_row(make: Linked, key: str) -> None:
    module = make(key)
    module.connected(0.0)

    assert bool(module.take(0.0)) == GENERATIONS[key].link_up_byte.value


# -- times -----------------------------------------------------------------------------------


def spans(module: BleModule, request: bytes, at_s: float) -> list[float]:
    """Return when the pieces of the answer leave, in seconds after the write."""
    module.written(request, at_s)
    due = [round(piece.due_s - at_s, 4) for piece in module.pending()]
    module.take(at_s + 0.5)
    return due


def test_paced_answers_take_what_the_captures_took(linked: Linked) -> None:
    """The last register read is refused, factory mode being over, and takes as long."""
    module = linked("telink-login", "0x80", password="", timing=Timing.PACED)
    asked = [
        (READ_03, [0.0772, 0.078]),
        (READ_04, [0.0475]),
        (WriteRequest(0xE1, b"\x00\x00").to_wire(), [0.0758]),
        (WriteRequest(0x00, b"\x56\x78").to_wire(), [0.0466]),
        (ReadRequest(0x24).to_wire(), [0.0496]),
        (WriteRequest(0x24, b"\x0e\x42").to_wire(), [0.0522]),
        (ReadRequest(0xAA).to_wire(), [0.0537, 0.0545]),
        (bytes.fromhex("ffaa170017"), [0.0233]),
        (WriteRequest(0x01, b"\x00\x00").to_wire(), [0.0466]),
        (ReadRequest(0x24).to_wire(), [0.0496]),
    ]
    for at_s, (request, wanted) in enumerate(asked, start=10):
        assert spans(module, request, at_s) == wanted, request.hex(" ")


def test_nothing_leaves_before_it_is_due(linked: Linked) -> None:
    module = linked(timing=Timing.PACED)
    module.written(BLANK_PIN, 1.0)

    assert module.due_s == pytest.approx(1.0466)
    assert module.take(1.0465) == []
    assert module.take(1.0467) == [REFUSED_06]


def test_immediate_answers_leave_at_once(linked: Linked) -> None:
    module = linked(unit="0x21", timing=Timing.IMMEDIATE)

    assert spans(module, READ_03, 10.0) == [0.0, 0.0]


def test_an_answer_never_overtakes_the_one_before_it(linked: Linked) -> None:
    module = linked(unit="0x21", timing=Timing.PACED)
    module.written(READ_03, 1.0)
    module.written(RENAME, 1.001)

    pieces = module.pending()
    assert [len(piece.data) for piece in pieces] == [20, 14, 5]
    assert pieces[2].due_s == pytest.approx(pieces[1].due_s + PIECE_GAP_S.value)


def test_a_late_answer_of_the_board_is_notified_when_it_comes(linked: Linked) -> None:
    module = linked(unit="0x21?answer_06=delay-0.5", timing=Timing.PACED)
    module.written(BLANK_PIN, 1.0)

    assert module.due_s == pytest.approx(1.5)
    assert module.take(1.5) == []
    assert module.due_s == pytest.approx(1.5 + LATENCY_S["command"].value)
    assert module.take(1.6) == [REFUSED_06]


def test_what_happens_on_the_air_is_told_in_order(linked: Linked) -> None:
    module = linked("telink-login")
    told: list[tuple[float, str, str]] = []
    module.on_air = lambda now_s, what, data: told.append((now_s, what, data.hex()))
    key = "ffaa15063030303030303b"
    module.written(bytes.fromhex(key), 1.0)
    module.take(1.0)
    module.written(READ_03, 2.0)
    module.written(READ_03, 2.5, with_response=True)
    module.subscribed(3.0, False)
    module.written(bytes.fromhex(key), 3.0)
    module.take(3.0)
    module.paired(3.5, with_passkey=False)
    module.written(bytes.fromhex(key), 4.0)
    module.disconnected(4.0)
    assert told == [
        (1.0, "written", key),
        (1.0, "notified", "ffaa15010016"),
        # Without the login the board's frames vanish: written, and no answer.
        (2.0, "written", READ_03.hex()),
        (2.5, "refused", READ_03.hex()),
        (3.0, "unsubscribed", ""),
        (3.0, "written", key),
        (3.0, "lost", "ffaa15010016"),
        (3.5, "encrypted", ""),
        (4.0, "written", key),
        (4.0, "lost", "ffaa15010016"),
        (4.0, "disconnected", ""),
    ]
    assert module.lost == 2
