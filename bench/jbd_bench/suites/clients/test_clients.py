"""CLIENT: what each client of the field reaches on this board, and the lockout where it is due.

The clients write: they present PINs, open factory mode, and one of them clears every PIN
unasked. On a board that is not emulated they need leave, and the one that clears stays away from
a board that is said to have a PIN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from jbd_bench import Link
from jbd_bench._lockout import PIN_STEPS, open_guarded, play, play_controls, with_pin_step
from jbd_bench._lockout_controls import CONTROLS, judge_control
from jbd_bench._lockout_criteria import Logs, judge
from jbd_bench._matrix import clear_by_another_client
from jbd_bench.clients import (
    CLIENTS,
    EXPECTED,
    Loop,
    Report,
    User,
    condition_of,
)
from jbd_bench.suites import requirement
from jbd_bench.suites._apps import model_on
from jbd_protocol import Grade

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest

pytestmark = pytest.mark.jbd(writes=("password", "settings"))
LOCKED_OUT: Final = "android-3.1.1026"
CLEARS_UNASKED: Final = "android-3.2"
OTHERS: Final = tuple(client for client in CLIENTS if client != LOCKED_OUT)
WITH_PASSWORD: Final = (0x17, 0x20, 0x25, 0x44, 0x80)


def stranger(target: TargetUnderTest) -> User:
    """Return a user who does not know the PIN of the board."""
    return User(pins=tuple(pin for pin in User().pins if pin != target.pin))


def check(report: Report, condition: str) -> None:
    """Fail where a run did not reach what is known of that client in that condition."""
    wanted = EXPECTED[report.client, condition]
    assert (report.monitoring, report.parameters) == (wanted.monitoring, wanted.parameters), (
        f"{report.client} in condition {condition}: {report.symptom}; expected otherwise by "
        f"{wanted.evidence}"
    )


@requirement("CLIENT-REACH-01", "each client reaches what the field says of it on this firmware",
             source="client notes, section 11", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.parametrize("client", CLIENTS)
def test_client_reaches_what_the_field_says(
    client: str, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    condition = condition_of(jbd_target.version(), pin_is_set=jbd_target.pin is not None)
    if condition is None:
        pytest.skip(f"nothing is known of clients on firmware 0x{jbd_target.version():02X}")
    if client == CLEARS_UNASKED and jbd_target.pin is not None and not jbd_target.embedded:
        pytest.skip(f"{client} would clear the PIN of {jbd_target.name}")
    check(model_on(client, jbd_link).run(jbd_link, stranger(jbd_target)), condition)


@requirement("CLIENT-REACH-02", "after another client's CLR every client reaches all on 0x17",
             source="client notes, section 11; the field", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=(0x17, 0x20), pin=True, embedded=True)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_clear_by_another_client_opens_the_board_to_all(
    client: str, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    clear_by_another_client(jbd_link)
    check(model_on(client, jbd_link).run(jbd_link, stranger(jbd_target)), "0x17 after clear")


@requirement("CLIENT-REACH-03", "on 0x21 CLR changes nothing for any client",
             source="client notes, section 11; the field", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=0x21)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_clear_changes_nothing_on_firmware_2_1(
    client: str, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    clear_by_another_client(jbd_link)
    check(model_on(client, jbd_link).run(jbd_link, stranger(jbd_target)), "0x21 after clear")


@requirement("CLIENT-PIN-01", "the right PIN lets in every client that asks for one",
             source="client notes, sections 2, 4a, 10 and 11", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=WITH_PASSWORD, pin=True)
@pytest.mark.parametrize("client", [LOCKED_OUT, "ios-before-fix", "ios-fixed", "fixed-app"])
def test_the_right_pin_lets_the_client_in(
    client: str, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    if jbd_target.target.options.get("pin_encoding", "digits") != "digits":
        pytest.skip("these clients send digits as numbers, this PIN is stored as characters")
    assert jbd_target.pin is not None
    report = model_on(client, jbd_link).run(jbd_link, User(pins=(jbd_target.pin,)))
    assert (report.monitoring, report.parameters) == (True, True), report.symptom


@requirement("CLIENT-PIN-02", "no client but Android 3.2.x clears a PIN unasked",
             source="client notes, sections 3 and 8", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.parametrize("client", CLIENTS)
def test_only_one_client_clears_a_pin_unasked(
    client: str, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    if client == CLEARS_UNASKED and not jbd_target.embedded:
        pytest.skip(f"{client} would clear the PIN of {jbd_target.name}")
    report = model_on(client, jbd_link).run(jbd_link, stranger(jbd_target))
    clears = any(entry.frame[:3] == b"\xdd\x5a\x09" for entry in report.log)
    assert clears == (client == CLEARS_UNASKED)


@requirement("CLIENT-LOCK-01", "Android 3.1.1026 locks itself out of firmware 2.1, in every loop",
             source="client notes, section 11: L1 to L6", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=0x21)
@pytest.mark.parametrize("loop", Loop)
def test_android_3_1_1026_locks_itself_out(loop: Loop, jbd_link: Link) -> None:
    model = model_on(LOCKED_OUT, jbd_link, loop)
    first, clear, repeat = play(jbd_link, model)
    verdict = judge(Logs(client=model.id, first=first, clear=clear, repeat=repeat))
    assert verdict.reproduced, verdict.why


@requirement("CLIENT-LOCK-02", "no other client locks itself out of firmware 2.1",
             source="client notes, section 11", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=0x21)
@pytest.mark.parametrize("client", OTHERS)
def test_no_other_client_locks_itself_out(client: str, jbd_link: Link) -> None:
    first, clear, repeat = play(jbd_link, model_on(client, jbd_link))
    verdict = judge(Logs(client=client, first=first, clear=clear, repeat=repeat))
    assert not verdict.reproduced
    assert any(entry.note == "live data" for entry in first), "it shows no data either"


@requirement("CLIENT-LOCK-03", "a client blocked by another answer to 06 is not called locked out",
             source="client notes, section 11, guard against a false pass",
             grade=Grade.ASSUMED)  # fmt: skip
@pytest.mark.jbd(firmware=0x21, embedded=True)
@pytest.mark.parametrize("answer", PIN_STEPS)
def test_another_answer_to_06_is_another_case(
    answer: str, jbd_target: TargetUnderTest, jbd_link: Link
) -> None:
    model = model_on(LOCKED_OUT, jbd_link)
    link = open_guarded(with_pin_step(jbd_target.name, answer))
    try:
        first, clear, repeat = play(link, model)
    finally:
        link.close()
    verdict = judge(Logs(client=LOCKED_OUT, first=first, clear=clear, repeat=repeat))
    assert not verdict.reproduced
    assert [row.id for row in verdict.criteria if not row.passed][:1] == ["L3"]


@requirement("CLIENT-LOCK-04", "the same client works where the fault is absent",
             source="client notes, section 11: controls and falsifiers",
             grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(firmware=0x21, embedded=True)
@pytest.mark.parametrize("loop", Loop)
def test_the_same_client_works_on_the_control_boards(
    loop: Loop, jbd_link: Link, jbd_target: TargetUnderTest
) -> None:
    logs = play_controls(model_on(LOCKED_OUT, jbd_link, loop), jbd_target.name)
    failed = [row for name in CONTROLS if not (row := judge_control(name, logs[name])).passed]
    assert not failed, "; ".join(f"{row.id}: {row.why}" for row in failed)
