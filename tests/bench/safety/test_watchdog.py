"""The watchdog: what is watched, when it looks, and that a trip leaves only what restores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench import BmsClient
from jbd_bench.clients._log import Direction
from jbd_bench.clients._model import Step
from jbd_bench.clients._reception import CAREFUL
from jbd_bench.clients._session import Session
from jbd_bench.safety import GuardedLink, Limit, Watchdog, WatchdogTripped, parse_limit
from jbd_bench.safety._between import ANSWERED_S, GIVEN_UP_S, Between
from jbd_bench.safety._watchdog import AWAKE_S, LOOK_EVERY_S
from jbd_protocol import Evidence, Grade, LocalError, ReadRequest

if TYPE_CHECKING:
    from tests.bench.safety.conftest import Rig


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("cell_mv=2800:3600", Limit("cell_mv", 2800, 3600)),
        ("temp_c=:45", Limit("temp_c", None, 45)),
        ("current_ma=-5000:", Limit("current_ma", -5000, None)),
    ],
)
def test_a_limit_is_a_name_and_a_range(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("volts=1:2", "limit 'volts=1:2': must be of cell_mv, pack_mv, temp_c, current_ma"),
        ("cell_mv", "limit 'cell_mv': must be cell_mv=LOW:HIGH, mV"),
        ("cell_mv=3000", "limit 'cell_mv=3000': must be cell_mv=LOW:HIGH, mV"),
        ("cell_mv=:", "limit 'cell_mv=:': must be cell_mv=LOW:HIGH, mV"),
        ("cell_mv=a:b", "limit 'cell_mv=a:b': must be cell_mv=LOW:HIGH, mV"),
        ("cell_mv=3600:2800", "limit 'cell_mv=3600:2800': low must be below high"),
    ],
)
def test_a_bad_limit_is_named_with_what_it_must_be(text: str, said: str) -> None:
    with pytest.raises(LocalError) as caught:
        parse_limit(text)
    assert str(caught.value).startswith(said)


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_a_limit_is_broken_outside_and_nowhere_else(low: int, high: int, value: int) -> None:
    broken = Limit("cell_mv", low, high).broken_by(value)
    assert (broken is None) == (low <= value <= high)


def test_the_boards_own_thresholds_are_watched(rig: Rig) -> None:
    board = rig.board()
    rig.begin(board)
    own = {limit.source: (limit.name, limit.low, limit.high) for limit in board.watchdog.limits}
    wanted = {
        "the board's cuvp and covp": ("cell_mv", 2501, 3649),
        "the board's puvp and povp": ("pack_mv", 10010, 14590),
        "the board's chgut and chgot, charging": ("temp_c", 1.1, 64.9),
        "the board's dsgoc and chgoc": ("current_ma", -129_990, 129_990),
    }
    assert {source: own[source] for source in wanted} == wanted


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        ("cell", "cell 2 is at 3700 mV, above 3649 mV (the board's cuvp and covp)"),
        ("ntc", "NTC 1 is at 80 degC, above"),
        ("current", "current is at 130000 mA, above"),
    ],
)
def test_a_trip_ends_the_run_and_only_the_restore_is_sent(
    rig: Rig, happens: str, said: str
) -> None:
    before = rig.state()
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    with client.factory_mode():
        client.write_setting("cuvp", 2400)
    pack = rig.unit.device.pack
    if happens == "cell":
        pack.hold_cell(2, mv=3700)
    elif happens == "ntc":
        pack.hold_ntc(1, dk=2731 + 800)
    else:
        pack.hold_current(130_000)
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S)
    rig.heard = b""
    with pytest.raises(WatchdogTripped) as caught:
        client.basic_info()
    assert said in str(caught.value)
    with pytest.raises(WatchdogTripped):
        client.read(0x05)
    assert rig.writes() == []
    assert board.stopped is not None
    assert said in board.stopped
    board.end_test(link)
    board.close()
    # The state of the FETs is the protections' own now.
    assert rig.state()["live"] == before["live"]
    assert {request.register for request in rig.writes()} == {0x00, 0x26, 0x01}


def test_what_a_test_writes_does_not_widen_the_limits(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    with client.factory_mode():
        client.write_setting("covp", 4200)
        client.write_setting("covp_high", 4500)
    rig.unit.device.pack.hold_cell(1, mv=3700)
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S)
    with pytest.raises(WatchdogTripped):
        client.basic_info()


def test_cells_that_a_test_counts_more_of_are_no_danger(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link)
    with client.factory_mode():
        client.write(0x2F, b"\x00\x06")
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S)
    assert client.cell_voltages()[4:] == (0, 0)
    board.end_test(link)


def test_a_tighter_limit_that_is_given_counts_without_any_leave(rig: Rig) -> None:
    board = rig.board("none", limits=(parse_limit("cell_mv=:3000"),))
    with pytest.raises(WatchdogTripped, match=r"above 3000 mV \(given\)"):
        BmsClient(board.link()).basic_info()


def test_it_looks_between_exchanges_at_its_own_pace(rig: Rig) -> None:
    board = rig.board("none", limits=(parse_limit("cell_mv=:5000"),))
    link = board.link()
    client = BmsClient(link)
    rig.heard = b""
    start_s = link.clock.now_s()
    for tenth in range(100):
        client.basic_info()
        link.clock.sleep_until(start_s + tenth / 10)
    # Of 0x04 nobody but the watchdog asks.
    assert rig.heard.count(b"\xdd\xa5\x04") == pytest.approx(10 / LOOK_EVERY_S, abs=1)
    link.write(b"\xdd\xa5\x05\x00")
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S)
    assert client.board_name()


def test_a_board_that_may_sleep_is_not_woken_by_it() -> None:
    watchdog = Watchdog((parse_limit("cell_mv=:5000"),))
    watchdog.heard_s = 100.0
    assert watchdog.is_due(100.0 + AWAKE_S)
    assert not watchdog.is_due(100.0 + AWAKE_S + 0.1)


def test_simulated_cells_are_driven_past_the_boards_own_limits(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    board.watchdog.simulated = True
    rig.unit.device.pack.hold_cell(2, mv=3700)
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S)
    assert BmsClient(link).basic_info()


def test_it_does_not_wake_the_board_between_the_tries_of_a_test(rig: Rig) -> None:
    board = rig.board()
    link = rig.begin(board)
    client = BmsClient(link, timeout_s=0.6)
    client.read(0x03)
    clock = link.clock
    clock.sleep_until(clock.now_s() + AWAKE_S + 10)
    # Asleep it loses the first two requests, and the test counts them.
    rig.plug.deaf_until_s = clock.now_s() + 1.0
    rig.heard = b""
    client.read(0x03)
    assert rig.heard == ReadRequest(0x03).to_wire()
    assert client.latency_s < 0.6


@pytest.fixture
def watched(rig: Rig) -> GuardedLink:
    """A link whose watchdog is due at the next request."""
    board = rig.board("none", limits=(parse_limit("cell_mv=:5000"),))
    link = board.link()
    BmsClient(link).basic_info()
    link.clock.sleep_until(link.clock.now_s() + LOOK_EVERY_S - 0.2)
    return link


def test_it_does_not_look_into_a_request_that_is_half_sent(rig: Rig, watched: GuardedLink) -> None:
    request = ReadRequest(0x05).to_wire()
    watched.write(request[:4])
    watched.clock.sleep_until(watched.clock.now_s() + 0.3)
    rig.heard = b""
    watched.write(request[4:])
    assert rig.heard == request[4:]
    while watched.read(watched.clock.now_s() + ANSWERED_S + 0.1):
        pass
    BmsClient(watched).basic_info()
    assert ReadRequest(0x04).to_wire() in rig.heard


def test_it_does_not_take_answers_that_are_under_way(rig: Rig, watched: GuardedLink) -> None:
    request = ReadRequest(0x05).to_wire()
    rig.unit.faults.add({"kind": "delay", "register": 0x05, "delay_s": 0.5})
    watched.write(request)
    watched.clock.sleep_until(watched.clock.now_s() + 0.3)
    watched.write(request)
    came = b""
    while piece := watched.read(watched.clock.now_s() + 1.0):
        came += piece
    assert came.count(b"\xdd\x05\x00") == 2


def test_a_flood_does_not_put_it_off_for_ever(rig: Rig, watched: GuardedLink) -> None:
    rig.heard = b""
    start_s = watched.clock.now_s()
    for tenth in range(1, 150):
        watched.write(ReadRequest(0x05).to_wire())
        watched.clock.sleep_until(start_s + tenth / 10)
    assert ReadRequest(0x04).to_wire() in rig.heard


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_what_is_half_sent_is_never_longer_than_a_request(pieces: list[bytes]) -> None:
    between = Between()
    for second, piece in enumerate(pieces):
        between.sent(piece, float(second))
        assert len(between._begun) < 7 + 255
        assert between.is_quiet(second + GIVEN_UP_S + 0.1)


def test_a_clients_log_counts_from_when_its_bytes_left(rig: Rig, watched: GuardedLink) -> None:
    # The watchdog asks for the cells inside the client's own write.
    rig.unit.faults.add({"kind": "delay", "register": 0x04, "delay_s": 0.3})
    evidence = Evidence(Grade.ASSUMED, "this test")
    session = Session(watched, CAREFUL)
    watched.clock.sleep_until(watched.clock.now_s() + 0.3)
    rig.heard = b""
    request = Step(name="asks", wire=ReadRequest(0x05).to_wire(), evidence=evidence)
    assert session.request(request) is not None
    assert rig.heard.startswith(ReadRequest(0x03).to_wire() + ReadRequest(0x04).to_wire())
    times = {e.direction: e.t_s for e in session.report("a client").log if e.frame}
    assert times[Direction.TX] == pytest.approx(0.6)
    assert times[Direction.RX] - times[Direction.TX] < 0.1
