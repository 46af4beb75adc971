"""The judge against damaged logs: each damage fails its criterion and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench._lockout import play_lockout
from jbd_bench._lockout_criteria import REFUSAL, Logs, Verdict, judge
from jbd_bench.clients import (
    LIVE_DATA,
    SUBSCRIBED,
    Direction,
    Entry,
    Log,
    User,
    client_model,
    parse_log,
)
from jbd_bench.clients._frames import CLR, FE, FX, P0, R03, R04, R05, pairing, reading
from jbd_protocol import LocalError, Response, parse_response

Damage = Callable[[Log], Log]
GOOD = play_lockout(
    "emulator:0x21", client_model("android-3.1.1026", loop="B"), user=User(patience_s=15.0)
)
"""Four frames 06 on one connection, and 15 s of log behind the first refusal."""
PAIRS = [n for n, e in enumerate(GOOD.first) if e.frame[:3] == b"\xdd\x5a\x06"]
which_pair = st.integers(0, len(PAIRS) - 1)


def damaged(damage: Damage) -> Logs:
    """The same damage before and after the clear, so that L6 is not what fails."""
    return replace(GOOD, first=damage(GOOD.first), repeat=damage(GOOD.repeat))


def failed(verdict: Verdict) -> list[str]:
    return [row.id for row in verdict.criteria if not row.passed]


def fired(verdict: Verdict) -> list[str]:
    return [row.id for row in verdict.falsifiers if row.fired]


def changed(at: int, **changes: object) -> Damage:
    return lambda log: (*log[:at], replace(log[at], **changes), *log[at + 1 :])  # type: ignore[arg-type]  # any field


def dropped(*places: int) -> Damage:
    return lambda log: tuple(entry for n, entry in enumerate(log) if n not in places)


def inserted(at: int, *frames: bytes, direction: Direction = Direction.TX) -> Damage:
    """Put frames behind the entry at a place, 10 ms later."""

    def damage(log: Log) -> Log:
        rows = [
            Entry(log[at].t_s + 0.01, direction, frame, "", log[at].connection) for frame in frames
        ]
        return (*log[: at + 1], *rows, *log[at + 1 :])

    return damage


def info(version: int) -> bytes:
    [answer] = [e for e in GOOD.first if e.frame[:3] == b"\xdd\x03\x00"]
    response = parse_response(answer.frame)
    data = response.data[:18] + bytes((version,)) + response.data[19:]
    return Response(0x03, 0, data).to_wire()


def test_the_undamaged_log_is_the_lockout() -> None:
    verdict = judge(GOOD)
    assert (failed(verdict), fired(verdict)) == ([], [])
    assert len(PAIRS) == 4


@pytest.mark.parametrize(("subscribed_behind", "fails"), [(True, []), (False, ["L1"])])
def test_l1_counts_from_the_subscription_where_the_log_has_one(
    subscribed_behind: bool, fails: list[str]
) -> None:
    early = Entry(GOOD.first[0].t_s, Direction.TX, R05)
    mark = Entry(GOOD.first[0].t_s, Direction.LINK, note=SUBSCRIBED)
    rows = (early, mark) if subscribed_behind else (mark, early)
    assert failed(judge(damaged(lambda log: (log[0], *rows, *log[1:])))) == fails


@given(which_pair, st.sampled_from([0x81, 0x82, 0x83, 0x5C]))
def test_any_other_status_fails_l3(pair: int, status: int) -> None:
    verdict = judge(damaged(changed(PAIRS[pair] + 1, frame=Response(6, status).to_wire())))
    assert failed(verdict) == ["L3"]
    assert not verdict.reproduced


@given(which_pair)
def test_a_06_answered_00_fails_l3_and_is_f1(pair: int) -> None:
    verdict = judge(damaged(changed(PAIRS[pair] + 1, frame=Response(6).to_wire())))
    assert "L3" in failed(verdict)
    assert fired(verdict) == ["F1", "F5"]


@given(which_pair)
def test_a_06_that_is_not_answered_fails_l3(pair: int) -> None:
    assert failed(judge(damaged(dropped(PAIRS[pair] + 1)))) == ["L3"]


@given(which_pair, st.integers(2, 6), st.integers(1, 255))
def test_a_damaged_refusal_fails_l3(pair: int, at: int, flip: int) -> None:
    frame = bytearray(REFUSAL)
    frame[at] ^= flip
    verdict = judge(damaged(changed(PAIRS[pair] + 1, frame=bytes(frame))))
    assert "L3" in failed(verdict)
    assert not verdict.reproduced


@given(which_pair, st.floats(0.101, 1.9))
def test_a_late_refusal_fails_l3(pair: int, late_s: float) -> None:
    at = PAIRS[pair]
    verdict = judge(damaged(changed(at + 1, t_s=GOOD.first[at].t_s + late_s)))
    assert failed(verdict) == ["L3"]


@given(st.sets(which_pair, min_size=2, max_size=3))
def test_fewer_than_three_06_fail_l4(pairs: set[int]) -> None:
    places = [place for pair in pairs for place in (PAIRS[pair], PAIRS[pair] + 1)]
    assert "L4" in failed(judge(damaged(dropped(*places))))


def test_one_06_less_is_still_the_lockout_but_not_the_same_play() -> None:
    short = dropped(PAIRS[2], PAIRS[2] + 1)
    assert failed(judge(damaged(short))) == []
    assert failed(judge(replace(GOOD, repeat=short(GOOD.repeat)))) == ["L6"]


@given(
    which_pair,
    st.sampled_from(
        [FE, FX, pairing("123456").replace(b"\x5a\x06", b"\x5a\x07"), bytes.fromhex("dd5ae10200")]
        + [reading(register) for register in (0x10, 0x24, 0x3F, 0xA0, 0xA2, 0xAA, 0xFA, 0xFB)]
    ),
)
def test_anything_but_06_after_the_refusal_fails_l5(pair: int, frame: bytes) -> None:
    verdict = judge(damaged(inserted(PAIRS[pair] + 1, frame)))
    assert failed(verdict) == ["L5"]
    assert ("F2" in fired(verdict)) is (frame == FE)


@given(which_pair)
def test_a_round_of_polling_after_the_refusal_fails_l5_and_is_f2(pair: int) -> None:
    verdict = judge(damaged(inserted(PAIRS[pair] + 1, R04, R03)))
    assert failed(verdict) == ["L5"]
    assert "F2" in fired(verdict)


@given(st.integers(1, len(GOOD.first) - 1))
def test_live_data_on_the_screen_fails_l5(at: int) -> None:
    def show(log: Log) -> Log:
        shown = Entry(log[at].t_s, Direction.UI, b"", LIVE_DATA)
        return (*log[:at], shown, *log[at:])

    assert "L5" in failed(judge(damaged(show)))


def test_a_log_that_ends_too_early_fails_l5() -> None:
    verdict = judge(damaged(lambda log: log[:-1]))
    assert failed(verdict) == ["L5"]
    assert "10 s are needed" in verdict.why


@pytest.mark.parametrize("frame", [R05, FE, CLR, reading(0x24)])
def test_another_frame_before_the_first_06_fails_l1(frame: bytes) -> None:
    assert "L1" in failed(judge(damaged(inserted(1, frame))))


@given(st.integers(0, 255).filter(lambda version: version != 0x21))
def test_another_version_byte_fails_l1(version: int) -> None:
    [at] = [n for n, e in enumerate(GOOD.first) if e.frame[:3] == b"\xdd\x03\x00"]
    verdict = judge(damaged(changed(at, frame=info(version))))
    assert failed(verdict) == ["L1", "L2"]


def test_another_pin_than_the_blank_one_first_fails_l2() -> None:
    verdict = judge(damaged(changed(PAIRS[0], frame=pairing("123456"))))
    assert failed(verdict) == ["L2"]


def test_a_blank_pin_that_comes_late_fails_l2() -> None:
    def later(log: Log) -> Log:
        return tuple(
            replace(entry, t_s=entry.t_s + 3.0) if n >= PAIRS[0] else entry
            for n, entry in enumerate(log)
        )

    assert failed(judge(damaged(later))) == ["L2"]


def test_a_queued_r04_before_the_blank_pin_is_allowed() -> None:
    [at] = [n for n, e in enumerate(GOOD.first) if e.frame[:3] == b"\xdd\x03\x00"]
    assert judge(damaged(inserted(at, R04))).reproduced


def test_other_user_input_after_the_clear_fails_l6() -> None:
    at = next(n for n, e in enumerate(GOOD.repeat) if e.direction is Direction.USER)
    repeat = changed(at, note="types the PIN 999999")(GOOD.repeat)
    assert failed(judge(replace(GOOD, repeat=repeat))) == ["L6"]


@pytest.mark.parametrize("part", ["clear", "repeat"])
def test_a_play_without_clear_or_repeat_fails_l6(part: str) -> None:
    assert failed(judge(replace(GOOD, **{part: ()}))) == ["L6"]  # type: ignore[arg-type]  # a log


def test_a_board_that_opens_after_the_clear_fails_l6_and_is_f5() -> None:
    repeat = changed(PAIRS[0] + 1, frame=Response(6).to_wire())(GOOD.repeat)
    verdict = judge(replace(GOOD, repeat=repeat))
    assert failed(verdict) == ["L6"]
    assert fired(verdict) == ["F5"]


def test_no_06_at_all_is_f1() -> None:
    places = [place for pair in PAIRS for place in (pair, pair + 1)]
    verdict = judge(damaged(dropped(*places)))
    assert "F1" in fired(verdict)
    assert not verdict.reproduced


@pytest.mark.parametrize(("control", "falsifier"), [("C3", "F3"), ("C4", "F3")])
def test_a_control_that_does_not_poll_after_00_is_f3(control: str, falsifier: str) -> None:
    log = GOOD.controls[control]
    opened = next(n for n, e in enumerate(log) if e.frame == Response(6).to_wire())
    verdict = judge(replace(GOOD, controls={**GOOD.controls, control: log[: opened + 1]}))
    assert fired(verdict) == [falsifier]
    assert [row.id for row in verdict.controls if not row.passed] == [control]


def test_06_while_r03_is_muted_is_f4() -> None:
    log = inserted(2, P0)(GOOD.controls["C6"])
    verdict = judge(replace(GOOD, controls={**GOOD.controls, "C6": log}))
    assert fired(verdict) == ["F4"]
    assert not verdict.reproduced


def test_06_below_the_version_rule_is_f6() -> None:
    log = inserted(4, P0)(GOOD.controls["C5"])
    assert fired(judge(replace(GOOD, controls={**GOOD.controls, "C5": log}))) == ["F6"]


def test_no_polling_below_the_version_rule_is_f6() -> None:
    log = GOOD.controls["C5"][:5]
    assert fired(judge(replace(GOOD, controls={**GOOD.controls, "C5": log}))) == ["F6"]


@given(st.floats(-1e6, 1e6))
def test_the_zero_of_the_clock_does_not_matter(shift_s: float) -> None:
    def shifted(log: Log) -> Log:
        return tuple(replace(entry, t_s=entry.t_s + round(shift_s)) for entry in log)

    assert judge(damaged(shifted)).reproduced


@given(st.data())
def test_no_log_however_mangled_raises(data: st.DataObject) -> None:
    entries = data.draw(st.lists(st.sampled_from(GOOD.first + GOOD.clear), max_size=40))
    noise = data.draw(st.lists(st.binary(max_size=12), max_size=5))
    entries += [Entry(1.0, Direction.RX, frame) for frame in noise]
    log = tuple(data.draw(st.permutations(entries)))
    judge(Logs(client="any", first=log, clear=log, repeat=log))


def test_a_log_survives_json() -> None:
    rows = [entry.to_json() for entry in GOOD.first]
    again = parse_log(rows)
    assert [entry.frame for entry in again] == [entry.frame for entry in GOOD.first]
    assert judge(replace(GOOD, first=again)).reproduced


@pytest.mark.parametrize("row", [
    {}, {"t": "soon", "dir": "tx"}, {"t": 1, "dir": "up"}, {"t": 1, "dir": "tx", "frame": "xx"},
])  # fmt: skip
def test_a_row_that_is_no_entry_is_named(row: dict[str, object]) -> None:
    with pytest.raises(LocalError, match="log row 1"):
        parse_log([row])
