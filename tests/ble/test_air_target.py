"""``emulator-ble:`` as a target of the bench: a unit for each test, all leaves, logins."""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec

import pytest

from jbd_bench import BmsClient, Link, LinkError, _suite_run, open_target, radio_of
from jbd_bench.__main__ import main
from jbd_bench._link import RadioEnd
from jbd_bench._suite_run import AIR_PROFILES, ALL_PROFILES, default_profiles
from jbd_bench._under_test import EmulatedUnit, TargetUnderTest
from jbd_bench.transports import parse_target
from jbd_emulator import ConfigError
from jbd_protocol import ReplyTimeout

AIR = "emulator-ble:0x21?board=4s"
LOGIN = "emulator-ble:0x44?board=4s&module=telink-login"


def radio(link: Link) -> RadioEnd:
    found = radio_of(link)
    assert found is not None
    return found


@pytest.fixture
def unit() -> EmulatedUnit:
    return EmulatedUnit(parse_target(AIR))


def test_it_is_embedded_and_may_be_changed_in_everything() -> None:
    target = TargetUnderTest(parse_target(AIR), None)
    assert (target.embedded, target.over) == (True, "module")
    assert "settings" in target.leaves


def test_a_unit_of_ones_own_is_moved_from_behind_and_seen_through_its_module(
    unit: EmulatedUnit,
) -> None:
    client = BmsClient(unit.link())
    unit.device.lab.set_load(5_000)
    unit.link().clock.sleep_until(unit.link().clock.now_s() + 3.0)
    assert client.basic_info().current_ma == pytest.approx(-5_000, abs=100)
    unit.close()


def test_after_the_supply_was_gone_the_link_is_another_and_the_login_too() -> None:
    unit = EmulatedUnit(parse_target(f"{LOGIN}&login=123456"))
    before_s = radio(unit.link()).subscribed_s
    unit.power_cycle()
    assert radio(unit.link()).subscribed_s > before_s
    assert BmsClient(unit.link()).basic_info().cells == 4
    unit.close()


def test_a_unit_that_was_driven_over_the_air_is_served_on_its_terminal(unit: EmulatedUnit) -> None:
    BmsClient(unit.link()).basic_info()
    link = open_target(f"serial:{unit.serve()}")
    assert BmsClient(link).basic_info().version == 0x21
    link.close()
    unit.close()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("emulator-ble:0x21?module=nonsense", "module 'nonsense': unknown"),
        ("emulator-ble:0x99", "firmware 0x99: unknown"),
        ("emulator-ble:0x21?nonsense=1", "nonsense: unknown key"),
        ("emulator-ble:0x21?mtu=22", "mtu '22' must be 23 to 517"),
        ("emulator-ble:0x21?passkey=1234567", "passkey '1234567' must be 0 to 999999"),
        ("emulator-ble:0x44?module=telink-login&password=1", "password '1': must be 6 characters"),
        ("emulator-ble:0x21?password=123456", "password '123456': telink demands no login; one"),
        ("emulator-ble:0x44?module=telink-login&login=1", "login '1': must be 6 characters"),
        ("emulator-ble:0x21?about=board", "about 'board' must be module"),
    ],
)
def test_a_bad_option_is_told_before_any_test_runs(target: str, said: str) -> None:
    with pytest.raises((LinkError, ConfigError)) as caught:
        TargetUnderTest(parse_target(target), None).check()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        "module=telink-login&login=123456",
        "module=telink-login&password=246813&login=246813",
        "module=fa00-login&login=123123",
        "module=key-login&login=000000",
        "module=key-login&password=555555&login=555555",
        "module=passkey&passkey=123456",
    ],
)
def test_who_logs_in_is_served(options: str) -> None:
    link = open_target(f"emulator-ble:0x44?board=4s&{options}")
    assert BmsClient(link).basic_info().cells == 4
    link.reconnect()
    assert BmsClient(link).basic_info().cells == 4
    link.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("module=telink-login&login=654321", "the module refuses the password"),
        ("module=key-login&password=555555&login=654321", "the module refuses the password"),
        ("module=telink&login=123456", "a login was given, and the module answers none"),
        ("module=passkey&passkey=111111", "pairing"),
    ],
)
def test_who_is_not_let_in_is_told_why_in_one_line(options: str, why: str) -> None:
    with pytest.raises(LinkError) as caught:
        open_target(f"emulator-ble:0x44?board=4s&{options}")
    assert str(caught.value).startswith("emulator-ble:0x44?")
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_next_connection_can_do_without_the_login() -> None:
    link = open_target(f"{LOGIN}&login=123456")
    radio(link).login = None
    link.reconnect()
    with pytest.raises(ReplyTimeout):
        BmsClient(link, retries=0).basic_info()
    radio(link).login = "123456"
    link.reconnect()
    assert BmsClient(link).basic_info().cells == 4
    link.close()


@pytest.mark.parametrize(
    ("module", "mtu", "writes"),
    [
        ("telink", 23, {"write-without-response"}),
        ("older", 23, {"write"}),
        ("clone", 247, {"write-without-response"}),
    ],
)
def test_the_near_end_tells_what_the_link_is_like(module: str, mtu: int, writes: set[str]) -> None:
    link = open_target(f"{AIR}&module={module}")
    end = radio(link)
    assert (end.mtu, set(end.writes), len(end.address)) == (mtu, writes, 6)
    assert end.name
    assert end.subscribed_s == link.clock.now_s()
    link.close()


def test_the_mtu_is_asked_for_at_the_next_connection() -> None:
    link = open_target(f"{AIR}&module=clone")
    for asked, got in ((None, 23), (185, 185)):
        radio(link).ask_mtu = asked
        link.reconnect()
        assert radio(link).mtu == got
    link.close()


def test_the_byte_at_link_up_is_kept_and_nobody_is_warned_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link = open_target(AIR)
    assert radio(link).unasked == (b"\x00",)
    link.reconnect()
    assert radio(link).unasked == ()
    link.close()
    warned = [row for row in caplog.records if row.levelno >= logging.WARNING]
    assert [row.getMessage() for row in warned] == []


def test_a_default_run_has_the_module_too_where_the_stack_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert default_profiles() == (*ALL_PROFILES, *AIR_PROFILES)
    assert all(parse_target(text).about_module for text in AIR_PROFILES)
    monkeypatch.setattr(
        _suite_run, "find_spec", lambda name: None if name == "bumble" else find_spec(name)
    )
    assert default_profiles() == ALL_PROFILES


def test_a_target_about_the_module_is_judged_by_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    targets = ["--target", AIR_PROFILES[0], "--target", AIR]
    assert main(["run", "--suite", "timing", *targets, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["summary"]
    assert [row["target"] for row in rows if row["passed"]] == [AIR]


@pytest.mark.slow
def test_the_suites_run_unchanged_over_the_air(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", "--target", AIR, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (status, told["failures"]) == (0, [])
    [kept] = [row for row in told["summary"] if row["suite"] == "protections"]
    assert kept["passed"] >= 15
