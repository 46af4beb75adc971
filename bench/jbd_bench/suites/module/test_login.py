"""MOD-LOGIN: modules that let nothing through before a login by frames of their own."""

from __future__ import annotations

import pytest

from jbd_bench import Link
from jbd_bench.clients import Direction, User, client_model
from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, CELLS, KEY, Module, Opening, Traits
from jbd_protocol import Grade, ModuleCommand, ModuleStatus, obfuscate

pytestmark = pytest.mark.jbd(over="module")
LOGIN = ModuleCommand.LOGIN
CHANGE = ModuleCommand.CHANGE_PASSWORD
ACCEPTED, REFUSED = int(ModuleStatus.ACCEPTED), int(ModuleStatus.REFUSED)
OTHER = b"918273"
"""A password that no module has by itself."""


def hidden(module: Module, password: bytes, drawn: int) -> bytes:
    """Return a password as it goes over the air."""
    return obfuscate(password, module.end.address, drawn)


@requirement(
    "MOD-LOGIN-01",
    "before the login the board's frames are met with silence, not with an error",
    source="app capture 2025: 11 requests on 4 connections",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("request_", [BASIC, CELLS], ids=["03", "04"])
def test_before_the_login_there_is_silence(with_login: Module, request_: bytes) -> None:
    for _ in range(2):
        assert with_login.pieces(request_) == []


@requirement(
    "MOD-LOGIN-02",
    "before the login the module answers its own frames: 15 by one status, 17 by one byte",
    source="iOS capture 2024, app capture 2025; 02 where no password is set: app analysis",
    grade=Grade.CAPTURED,
)
def test_before_the_login_the_module_answers_for_itself(with_login: Module) -> None:
    assert with_login.status(KEY.command, KEY.data) in set(ModuleStatus)
    with_login.draw()


@requirement(
    "MOD-LOGIN-03",
    "a wrong app key is refused with 01 and opens nothing",
    source="aiobmsble, esphome-jbd-bms and app analysis; never captured",
    grade=Grade.REPORTED,
)
def test_a_wrong_app_key_is_refused(with_login: Module) -> None:
    assert with_login.status(ModuleCommand.APP_KEY, OTHER) == REFUSED
    assert not with_login.serves()


@requirement(
    "MOD-LOGIN-04",
    "the right password opens the way to the board",
    source="iOS capture 2024, app capture 2025",
    grade=Grade.CAPTURED,
)
def test_the_right_password_opens(with_login: Module, password: bytes) -> None:
    assert with_login.log_in(password)
    assert with_login.serves()


@requirement(
    "MOD-LOGIN-05",
    "a wrong password is refused with 01; the right one is accepted on the next link",
    source="iOS capture 2024: two wrong, then the right one",
    grade=Grade.CAPTURED,
)
def test_a_wrong_password_is_refused(with_login: Module, password: bytes, traits: Traits) -> None:
    with_login.ask(KEY)
    assert with_login.status(LOGIN, hidden(with_login, OTHER, with_login.draw())) == REFUSED
    if not traits.key_opens:
        assert with_login.pieces(BASIC) == []
    with_login.connect()
    assert with_login.log_in(password)


@requirement(
    "MOD-LOGIN-06",
    "a password before any random byte is not accepted",
    source="apps send 15, 17, 18; no capture of another order",
    grade=Grade.ASSUMED,
)
def test_a_password_before_a_random_byte_is_not_accepted(
    with_login: Module, password: bytes, traits: Traits
) -> None:
    # Neither the byte of a link before this one nor a module's first guess.
    for drawn in (with_login.draw(), 0):
        with_login.connect()
        assert with_login.status(LOGIN, hidden(with_login, password, drawn)) != ACCEPTED
    if not traits.key_opens:
        assert with_login.pieces(BASIC) == []


@requirement(
    "MOD-LOGIN-07",
    "a password hidden with a random byte that is not the latest is refused",
    source="all 12 captured payloads are computed with the latest; refusal concluded",
    grade=Grade.ASSUMED,
)
def test_only_the_latest_random_byte_counts(with_login: Module, password: bytes) -> None:
    with_login.ask(KEY)
    first = with_login.draw()
    while (latest := with_login.draw()) == first:
        pass
    assert with_login.status(LOGIN, hidden(with_login, password, first)) == REFUSED
    assert with_login.status(LOGIN, hidden(with_login, password, latest)) == ACCEPTED


@requirement(
    "MOD-LOGIN-08",
    "the login ends with the link",
    source="app capture 2025: three links behind one that had logged in were met with silence",
    grade=Grade.CAPTURED,
)
def test_the_login_ends_with_the_link(with_login: Module, password: bytes) -> None:
    assert with_login.log_in(password)
    assert with_login.serves()
    with_login.connect()
    assert with_login.pieces(BASIC) == []


@requirement(
    "MOD-LOGIN-09",
    "an app that does not know the login sees nothing, and never comes to its PIN",
    source="app capture 2025, connections 2 and 3: R04, R03 four times, no 06",
    grade=Grade.CAPTURED,
)
def test_an_app_without_the_login_sees_nothing(with_login: Module, jbd_link: Link) -> None:
    user = User(patience_s=9.0)
    report = client_model("android-3.1.1026").run(jbd_link, user)
    sent = [entry.frame for entry in report.log if entry.direction is Direction.TX]
    assert sent == [CELLS, *[BASIC] * 4], report.symptom
    assert not report.monitoring


@requirement(
    "MOD-LOGIN-10",
    "a changed password is in force at once, the old one is refused",
    source="iOS capture 2024: 16 in clear, answered 00; the rest concluded",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="password")
def test_a_changed_password_is_in_force(with_login: Module, password: bytes) -> None:
    assert with_login.log_in(password)
    assert with_login.status(CHANGE, OTHER) == ACCEPTED
    known = OTHER
    try:
        with_login.connect()
        assert not with_login.log_in(password), "expected the old password to be refused"
        with_login.connect()
        if not with_login.log_in(OTHER):
            known = password
            raise AssertionError("expected the new password to be accepted")
    finally:
        # The password is the owner's: it is given back also where the test fails.
        with_login.connect()
        with_login.log_in(known)
        restored = with_login.status(CHANGE, password)
    assert restored == ACCEPTED
    with_login.connect()
    assert with_login.log_in(password)


@requirement(
    "MOD-LOGIN-11",
    "a password is not changed by who did not log in",
    source="no capture; a lesser login must not open a greater one",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(writes="password", embedded=True)
def test_a_stranger_changes_no_password(with_login: Module, password: bytes) -> None:
    assert with_login.status(CHANGE, OTHER) != ACCEPTED
    with_login.connect()
    assert with_login.log_in(password)


@requirement(
    "MOD-OPEN-01",
    "a module that meets 15 with silence is an old one: the board's frames pass at once",
    source="Android 3.2.x takes it so (app analysis); app captures 2022",
    grade=Grade.REPORTED,
)
def test_a_module_without_a_login_passes_frames_at_once(stranger: Module, traits: Traits) -> None:
    if traits.app_key is not None or traits.opening is Opening.ECHO:
        pytest.skip("is about modules without a login of their own")
    assert stranger.ask(KEY) is None
    assert stranger.serves()
