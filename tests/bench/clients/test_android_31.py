"""Android 3.1: the opening that was captured, and what 3.1.1026 makes of a refusal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_bench._link import Link
from jbd_bench.clients import CLIENTS, Direction, Log, Loop, User, client_model
from jbd_bench.clients._frames import ANDROID_31_ORDER, FE, FX, P0, R03, R04, reading
from jbd_protocol import Grade, LocalError

MakeLink = Callable[..., Link]
Sent = Callable[[Log], list[tuple[float, str]]]
DESKTOP = ("jbdtools-2021", "bms-tools-1.1.4", "bms-tools-1.2.0")
CAPTURES = [f"ble-sp04s034-u-{what}-2022" for what in ("balancer", "fets", "params")]


def frames(log: Log, direction: Direction = Direction.TX) -> list[bytes]:
    return [entry.frame for entry in log if entry.direction is direction and entry.frame]


def pins_sent(log: Log) -> list[bytes]:
    return [frame[5:11] for frame in frames(log) if frame[2] == 0x06]


def captured(shared_dir: Path, name: str) -> list[dict[str, Any]]:
    path = shared_dir / "captures" / f"{name}.frames.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["proto"] == "dd"]


def asleep_at_first(unit: Link) -> Link:
    """Let the first request go unanswered, as in every capture of 2022."""
    write, heard = unit.write, []

    def lossy(data: bytes) -> None:
        heard.append(data)
        if len(heard) > 1:
            write(data)

    unit.write = lossy  # type: ignore[method-assign]  # this link alone
    return unit


@pytest.mark.shared
@pytest.mark.parametrize("name", CAPTURES)
def test_the_opening_is_that_of_the_captures(name: str, shared_dir: Path, board: MakeLink) -> None:
    rows = captured(shared_dir, name)
    theirs = [row for row in rows if row["dir"] == "tx"][:5]
    link = asleep_at_first(board("0x80", delay_s=0.075))
    log = client_model("android-3.1.1026").run(link, User(opens_parameters=False)).log
    ours = [entry for entry in log if entry.direction is Direction.TX][:5]
    assert [entry.frame.hex() for entry in ours] == [row["hex"] for row in theirs]

    def answer_s(register: str) -> float:
        return next(float(r["t"]) for r in rows if r["dir"] == "rx" and r.get("reg") == register)

    # R04 is lost, R03 follows when 2.0 s are over; then P0, then the first poll.
    cells, info, pair, poll, _ = (entry.t_s for entry in ours)
    t = [row["t"] for row in theirs]
    assert info - cells == pytest.approx(t[1] - t[0], abs=0.06)
    assert 0.13 <= pair - (info + 0.075) <= 0.15
    assert 0.13 <= t[2] - answer_s("0x03") <= 0.95
    assert poll - (pair + 0.075) == pytest.approx(t[3] - answer_s("0x06"), abs=0.03)


@pytest.mark.shared
def test_the_parameter_page_is_read_in_the_captured_order(shared_dir: Path) -> None:
    sent = [
        r["hex"] for r in captured(shared_dir, "ble-sp04s034-u-params-2022") if r["dir"] == "tx"
    ]
    page = sent[sent.index(FE.hex()) + 1 : sent.index(FX.hex())]
    registers = [frame for frame in page if frame not in (R03.hex(), R04.hex())]
    assert registers == [reading(register).hex() for register in ANDROID_31_ORDER]


def test_the_parameter_page_goes_on_polling_each_second(board: MakeLink, sent: Sent) -> None:
    log = client_model("android-3.1.1026").run(board("0x80", delay_s=0.05)).log
    rows = sent(log)
    first = next(n for n, row in enumerate(rows) if row[1] == FE.hex(" "))
    page = [t for t, frame in rows[first:] if frame == R03.hex(" ")]
    gaps = [b - a for a, b in itertools.pairwise(page)]
    assert len(page) > 4
    assert all(0.9 <= gap <= 1.3 for gap in gaps[:-1])
    assert [frame for _, frame in rows].count(FX.hex(" ")) == 2


def test_polling_is_r04_then_r03_once_a_second(board: MakeLink, sent: Sent) -> None:
    user = User(polls=4, opens_parameters=False)
    rows = sent(client_model("android-3.1.1026").run(board("0x25", delay_s=0.05), user).log)
    polls = rows[3:]
    assert [frame for _, frame in polls] == [R04.hex(" "), R03.hex(" ")] * 4
    assert [round(b - a, 3) for (a, _), (b, _) in zip(polls[::2], polls[2::2], strict=False)] == [
        1.0, 1.0, 1.0,
    ]  # fmt: skip


def test_muted_r03_is_sent_four_times_and_no_06_follows(board: MakeLink, sent: Sent) -> None:
    report = client_model("android-3.1.1026").run(board("0x21?answer_03=silence"))
    rows = sent(report.log)
    assert [frame for _, frame in rows] == [R04.hex(" "), *[R03.hex(" ")] * 4]
    times = [t for t, _ in rows[1:]]
    assert all(2.06 <= b - a <= 2.6 for a, b in itertools.pairwise(times))
    assert not report.monitoring


def test_loop_a_repeats_every_period_with_what_was_typed_last(board: MakeLink, sent: Sent) -> None:
    model = client_model("android-3.1.1026", loop="A", period_s=1.5)
    report = model.run(board("0x21"), User(pins=("123456",), patience_s=6.0))
    pairs = [(t, f) for t, f in sent(report.log) if f.startswith("dd 5a 06")]
    assert [round(b[0] - a[0], 3) for a, b in itertools.pairwise(pairs)] == [1.5] * 4
    assert pins_sent(report.log) == [bytes(6)] + [bytes((1, 2, 3, 4, 5, 6))] * 4


def test_loop_b_sends_one_06_for_every_pin_the_user_types(board: MakeLink) -> None:
    user = User(pins=("123456", "000000"))
    log = client_model("android-3.1.1026", loop=Loop.B).run(board("0x21"), user).log
    assert pins_sent(log) == [bytes(6), bytes((1, 2, 3, 4, 5, 6)), bytes(6)]
    assert {entry.connection for entry in log} == {1}


def test_loop_c_comes_back_with_the_blank_pin(board: MakeLink) -> None:
    log = (
        client_model("android-3.1.1026", loop="C").run(board("0x21"), User(pins=(), returns=2)).log
    )
    assert frames(log) == [R04, R03, P0] * 3
    assert {entry.connection for entry in log} == {1, 2, 3}


@pytest.mark.parametrize("loop", Loop)
def test_a_right_pin_opens_firmware_1_7_in_every_loop(loop: Loop, board: MakeLink) -> None:
    report = client_model("android-3.1.1026", loop=loop).run(
        board("0x17?pin=765828"), User(pins=("111111", "765828"))
    )
    assert (report.monitoring, report.parameters) == (True, True)


def test_silence_at_the_pin_step_takes_the_timeout_and_counts_as_a_refusal(
    board: MakeLink, sent: Sent
) -> None:
    model = client_model("android-3.1.1026", loop="A")
    report = model.run(board("0x21?answer_06=silence"), User(pins=(), patience_s=12.0))
    pairs = [t for t, frame in sent(report.log) if frame == P0.hex(" ")]
    assert [round(b - a, 3) for a, b in itertools.pairwise(pairs)] == [4.0] * 3
    assert not report.monitoring


@pytest.mark.parametrize(("rule", "unit", "pairs"), [
    (0x17, "0x16", False), (0x17, "0x17", True), (0x20, "0x17", False), (0x20, "0x20", True),
])  # fmt: skip
def test_the_version_rule_decides_whether_06_is_sent(
    rule: int, unit: str, pairs: bool, board: MakeLink
) -> None:
    report = client_model("android-3.1.1026", version_rule=rule).run(board(unit))
    assert bool(pins_sent(report.log)) is pairs
    assert report.monitoring


def test_3_1_1015_never_sends_06(board: MakeLink) -> None:
    report = client_model("android-3.1.1015").run(board("0x17?pin=765828"))
    assert frames(report.log)[:4] == [R04, R03, R04, R03]
    assert not pins_sent(report.log)
    assert frames(report.log)[-4:] == [FE, R03, R04, FX]
    assert (report.monitoring, report.parameters) == (True, False)


def test_answers_in_twenty_byte_pieces_are_put_together(board: MakeLink) -> None:
    report = client_model("android-3.1.1026").run(board("0x80", delay_s=0.07, piece=20))
    assert (report.monitoring, report.parameters) == (True, True)


def test_unknown_clients_options_and_users_are_refused_in_one_line() -> None:
    for bad in (
        lambda: client_model("android-4"),
        lambda: client_model("fixed-app", loop="A"),
        lambda: client_model("android-3.1.1026", loop="D"),
        lambda: User(pins=("12345",)),
        lambda: User(polls=0),
    ):
        with pytest.raises(LocalError) as caught:
            bad()
        assert "\n" not in str(caught.value)


def test_every_model_says_what_it_is_and_where_it_is_from() -> None:
    for client_id in CLIENTS:
        model = client_model(client_id)
        assert model.id == client_id
        assert "\n" not in model.title
        facts = [row.evidence.source for row in model.steps]
        facts += [row.evidence.source for row in model.choices]
        assert all(facts)
        assert model.grade in Grade
        assert (model.radio is None) is (client_id in DESKTOP)


def test_a_model_is_as_well_known_as_the_weakest_of_its_facts() -> None:
    grades = {client_id: client_model(client_id).grade for client_id in CLIENTS}
    assert grades["bms-tools-1.2.0"] is Grade.CAPTURED
    assert grades["bms-tools-1.1.4"] is Grade.REPORTED
    assert grades["android-3.1.1026"] is Grade.ASSUMED
