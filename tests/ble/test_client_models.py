"""The field's apps over a virtual radio: first write, MTU, pieces, logins, and the lockout."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jbd_bench import Tap, open_target, radio_of
from jbd_bench.__main__ import main
from jbd_bench._lockout_controls import CONTROLS, target_like
from jbd_bench._matrix import clients_over, run_cell, run_matrix
from jbd_bench.clients import (
    CLIENTS,
    EXPECTED,
    SUBSCRIBED,
    Direction,
    Log,
    Session,
    Step,
    User,
    client_model,
)
from jbd_bench.records import Direction as Way
from jbd_bench.transports import parse_target
from jbd_protocol import Evidence, Grade, LocalError, ModuleFrame

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak

AIR = "emulator-ble:0x21?board=4s&paced=1"
LOGIN = "emulator-ble:0x44?board=4s&module=telink-login&paced=1"
APPS = clients_over("ble")
BRIEF = User(polls=1, opens_parameters=False, patience_s=3.0, returns=0, module_password="123456")


def sent(log: Log) -> list[str]:
    return [entry.frame.hex() for entry in log if entry.direction is Direction.TX]


@pytest.fixture
def air() -> Iterator[Tap]:
    link = open_target(AIR)
    yield Tap(link)
    link.close()


def run(target: str, client: str, user: User = BRIEF) -> Log:
    link = open_target(target)
    try:
        return client_model(client).run(link, user).log
    finally:
        link.close()


@pytest.mark.parametrize("client", APPS)
def test_a_log_counts_from_the_subscription(client: str) -> None:
    log = run(AIR, client)
    assert [(entry.t_s, entry.note) for entry in log[:2]] == [
        (0.0, "connected"),
        (0.0, SUBSCRIBED),
    ]
    assert all(entry.t_s > 0 for entry in log[2:])


@pytest.mark.parametrize(
    ("client", "low_s", "high_s"),
    [
        # Captured: 15 to 17 ms in 2022, 0.484 to 0.495 s in 2025, half a second on iOS.
        ("android-3.1.1026", 0.015, 0.017),
        ("android-3.1.1015", 0.015, 0.017),
        ("android-3.2", 0.484, 0.505),
        ("ios-vendor", 0.49, 0.51),
    ],
)
def test_the_first_write_comes_as_long_after_the_subscription_as_captured(
    client: str, low_s: float, high_s: float
) -> None:
    first = next(entry for entry in run(AIR, client) if entry.direction is Direction.TX)
    assert low_s <= first.t_s <= high_s


@pytest.mark.parametrize(
    ("client", "pieces"),
    [("android-3.1.1026", [20, 14]), ("android-3.2", [20, 14]), ("ios-fixed", [34])],
)
def test_android_asks_for_no_mtu_and_ios_for_185(client: str, pieces: list[int]) -> None:
    # A module that grants what it is asked for shows by its pieces what that was.
    link = open_target("emulator-ble:0x21?board=4s&module=clone&paced=1")
    tap = Tap(link)
    client_model(client).run(tap, BRIEF)
    link.close()
    heard = [row.data for row in tap.traffic.pieces if row.direction is Way.FROM_BOARD]
    at = next(n for n, data in enumerate(heard) if data[:4] == b"\xdd\x03\x00\x1b")
    assert [len(data) for data in heard[at : at + len(pieces)]] == pieces


def test_the_client_before_leaves_its_mtu_and_the_login_as_they_were() -> None:
    link = open_target(f"{LOGIN}&login=123456")
    radio = radio_of(link)
    assert radio is not None
    client_model("ios-fixed").run(link, BRIEF)
    assert (radio.login, radio.ask_mtu) == ("123456", 517)
    link.close()


def test_a_client_gets_a_connection_that_nobody_used(air: Tap) -> None:
    for _ in range(2):
        client_model("fixed-app").run(air, BRIEF)
    assert [row.note for row in air.traffic.pieces if row.note] == ["reconnected"] * 2


def test_a_frame_longer_than_a_write_goes_out_in_pieces_five_milliseconds_apart(air: Tap) -> None:
    model = client_model("android-3.2")
    session = Session(air, model.reception, radio=model.radio)
    evidence = Evidence(Grade.ASSUMED, "this test")
    session.send(Step(name="long", wire=bytes(45), evidence=evidence))
    out = [row for row in air.traffic.pieces if row.direction is Way.TO_BOARD]
    assert [len(row.data) for row in out] == [20, 20, 5]
    gaps = [round(b.t_s - a.t_s, 6) for a, b in itertools.pairwise(out)]
    assert gaps == [0.005, 0.005]


@pytest.mark.parametrize("module", ["telink", "older", "fff0"])
def test_the_kind_of_write_is_taken_from_the_characteristic(module: str) -> None:
    # The module refuses the other kind; who sent it would never see data.
    log = run(f"{AIR}&module={module}", "fixed-app")
    assert any(entry.note == "live data" for entry in log)


@pytest.mark.parametrize(
    ("client", "steps"),
    [("android-3.2", ["15", "17", "18"]), ("ios-vendor", ["15", "17", "18", "1d"])],
)
def test_an_app_logs_in_with_the_steps_of_its_capture(client: str, steps: list[str]) -> None:
    log = run(LOGIN, client)
    frames = [frame for frame in sent(log) if frame.startswith("ffaa")]
    assert [frame[4:6] for frame in frames] == steps
    accepted = [
        entry.meaning.data
        for entry in log
        if entry.direction is Direction.RX and isinstance(entry.meaning, ModuleFrame)
        if entry.meaning.command != 0x17
    ]
    assert accepted == [b"\0"] * (len(steps) - 1)
    assert any(entry.note == "live data" for entry in log)


@pytest.mark.parametrize("client", ["android-3.2", "ios-vendor"])
def test_a_wrong_password_is_told_and_nothing_more_is_sent(client: str) -> None:
    user = User(module_password="999999", opens_parameters=False)
    log = run(LOGIN, client, user)
    assert sent(log)[-1].startswith("ffaa18")
    assert "password" in log[-2].note.lower()


def test_the_vendors_ios_app_asks_what_it_was_captured_asking(shared_dir: Path) -> None:
    path = shared_dir / "captures" / "ble-sp04s034-ffaa-ios-2024.frames.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    captured = [row["hex"] for row in rows if row["conn"] == 4 and row["dir"] == "tx"]
    played = sent(run(LOGIN, "ios-vendor", User(module_password="123456", polls=2)))
    assert len(played) == 10
    # Passwords differ with the address and the random byte.
    for mine, theirs in zip(played, captured, strict=False):
        assert (mine[:8] if mine.startswith("ffaa1") and mine[4:6] in ("18", "1d") else mine) == (
            theirs[: 8 if theirs[4:6] in ("18", "1d") else None]
        )


def test_an_app_without_the_login_is_met_with_silence_as_captured_in_2025() -> None:
    log = run(LOGIN, "android-3.1.1026")
    assert sent(log) == ["dda50400fffc77"] + ["dda50300fffd77"] * 4
    assert not [entry for entry in log if entry.direction is Direction.RX]


@pytest.mark.slow
def test_over_the_air_every_app_reaches_what_it_reaches_on_the_line() -> None:
    cells = list(run_matrix(over="ble"))
    assert {cell.client for cell in cells} == set(APPS)
    for cell in cells:
        wanted = EXPECTED[cell.client, cell.condition]
        assert (cell.monitoring, cell.parameters) == (wanted.monitoring, wanted.parameters), cell


def test_programs_of_the_serial_line_are_no_clients_of_a_module(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(CLIENTS) - set(APPS) == {"jbdtools-2021", "bms-tools-1.1.4", "bms-tools-1.2.0"}
    with pytest.raises(LocalError, match="is a program of the serial line"):
        run_cell("jbdtools-2021", "0x21", over="ble")
    assert main(["matrix", "--over", "ble", "--client", "jbdtools-2021"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_control_is_reached_as_the_board_under_test_is() -> None:
    control = CONTROLS["C1"].target
    for target, wanted in [
        ("serial:/dev/ttyUSB0", control),
        ("emulator:0x21?board=8s", control),
        (f"{LOGIN}&login=1", "emulator-ble:0x17?pin=765828&module=telink-login&paced=1&login=1"),
        ("ble:A5:C2:37:00:00:01", "emulator-ble:0x17?pin=765828"),
        ("ble:name=X?module=fff0", "emulator-ble:0x17?pin=765828&module=fff0"),
    ]:
        assert target_like(control, parse_target(target)) == wanted


@pytest.mark.slow
def test_the_lockout_over_the_air_says_what_it_says_on_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = []
    # Both without the times of the captures: a stuck app repeats itself as often in both.
    for target in ("emulator:0x21?board=4s", "emulator-ble:0x21?board=4s"):
        assert main(["lockout", "--target", target, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    for one in told:
        assert one["verdict"] == "reproduced"
        assert all(row["passed"] for row in (*one["criteria"], *one["controls"]))
    frames = [
        [row["frame"] for row in one["trace"] if row["dir"] == "tx" and row["part"] == "first"]
        for one in told
    ]
    assert frames[0] == frames[1]


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["silence", "bad-checksum", "0x83", "0x81"])
def test_another_answer_to_06_is_told_apart_over_the_air(
    answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["lockout", "--target", AIR, "--pin-step", answer, "--no-controls", "--json"]
    main([*command, "--expect", "not-reproduced"])
    told = json.loads(capsys.readouterr().out)
    failed = [row["id"] for row in told["criteria"] if not row["passed"]]
    assert failed[:1] == ["L3"]


@pytest.mark.slow
def test_a_model_plays_through_a_real_adapters_link_too(jbd_bleak: VirtualBleak) -> None:
    module = jbd_bleak.add("0x21?board=4s", paced=True)
    link = open_target(f"ble:{module.address_text}")
    user = User(polls=1, opens_parameters=False)
    report = client_model("android-3.1.1015").run(link, user)
    link.close()
    assert report.monitoring
    assert [(entry.t_s, entry.note) for entry in report.log[:2]] == [
        (0.0, "connected"),
        (0.0, SUBSCRIBED),
    ]
    first = next(entry for entry in report.log if entry.direction is Direction.TX)
    assert 0.016 <= first.t_s < 0.2
