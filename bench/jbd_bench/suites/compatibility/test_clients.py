"""COMPAT: every client of the field reaches at least what it is known to reach on this firmware.

The suite ``clients`` holds the board to what the field describes, lockouts included. This one asks
what a release asks: does an app in the field reach less than it does today? More is welcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from jbd_bench import BmsClient, Link
from jbd_bench.clients import EXPECTED, Report, User, condition_of
from jbd_bench.records import Measurements
from jbd_bench.suites import requirement
from jbd_bench.suites._apps import model_on
from jbd_bench.suites._wire import Wire
from jbd_bench.suites.conftest import pin_of, set_pin_anew
from jbd_protocol import Grade

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest

pytestmark = pytest.mark.jbd(writes=("password", "settings"))
REACH: Final = ("nothing", "live data", "live data and parameters")
UNIT: Final = "of 2 (0 nothing, 1 live data, 2 parameters too)"
LAST_S: Final = 0.5
"""How long the last answer to a client that left may take, in seconds."""
Play = Callable[[str], None]


def reach(monitoring: bool, parameters: bool) -> int:
    """Return how far a client came, a place in :data:`REACH`."""
    return 2 if monitoring and parameters else int(monitoring)


def hurried(target: TargetUnderTest) -> User:
    """Return a user who knows no PIN, types quickly and does not wait longer than it takes."""
    pins = tuple(pin for pin in ("123456", "111111") if pin != target.pin)[:1]
    return User(pins=pins, typing_s=0.5, polls=2, returns=1, patience_s=3.0)


@pytest.fixture
def play(jbd_link: Link, jbd_target: TargetUnderTest, jbd_measure: Measurements) -> Play:
    """``play("ios-fixed")`` runs a client and fails where it reaches less than is known of it."""
    condition = condition_of(jbd_target.version(), pin_is_set=jbd_target.pin is not None)

    def run(client: str) -> None:
        __tracebackhide__ = True
        report: Report = model_on(client, jbd_link).run(jbd_link, hurried(jbd_target))
        jbd_link.reconnect()
        # A client may leave without waiting for its last answer.
        Wire(jbd_link).listen(LAST_S)
        pin = pin_of(jbd_target)
        if pin is not None and not jbd_target.embedded:
            set_pin_anew(BmsClient(jbd_link), pin)
        reached = reach(report.monitoring, report.parameters)
        least = None
        if condition is not None:
            known = EXPECTED[client, condition]
            least = reach(known.monitoring, known.parameters)
        try:
            jbd_measure(f"reach of {client}", reached, UNIT, low=least)
        except AssertionError:
            # In words: the number is for comparing.
            assert least is not None
            pytest.fail(
                f"{client} reaches {REACH[reached]} ({report.symptom}); "
                f"it reaches {REACH[least]} on this firmware today",
                pytrace=False,
            )

    return run


@requirement("COMPAT-A31-01", "Android 3.1.1026 reaches no less than it does today",
             source="the field; client notes, sections 2 and 11", grade=Grade.REPORTED)  # fmt: skip
def test_android_3_1_1026(play: Play) -> None:
    play("android-3.1.1026")


@requirement("COMPAT-A31-02", "Android 3.1.1015 reaches no less than it does today",
             source="the field; client notes, sections 2 and 11", grade=Grade.REPORTED)  # fmt: skip
def test_android_3_1_1015(play: Play) -> None:
    play("android-3.1.1015")


@requirement("COMPAT-A32-01", "Android 3.2.x reaches no less than it does today",
             source="app analysis; client notes, section 3", grade=Grade.REPORTED)  # fmt: skip
def test_android_3_2(play: Play) -> None:
    play("android-3.2")


@requirement("COMPAT-IOS-01", "the iOS app before its fix reaches no less than it does today",
             source="xiaoxiangBMS issues; client notes, section 4a",
             grade=Grade.REPORTED)  # fmt: skip
def test_ios_before_fix(play: Play) -> None:
    play("ios-before-fix")


@requirement("COMPAT-IOS-02", "the iOS app since its fix reaches no less than it does today",
             source="the field; client notes, section 4a", grade=Grade.REPORTED)  # fmt: skip
def test_ios_fixed(play: Play) -> None:
    play("ios-fixed")


@requirement("COMPAT-PC-01", "JBDTools of 2021 reaches no less than it does today",
             source="app analysis and measurement; client notes, section 5",
             grade=Grade.REPORTED)  # fmt: skip
def test_jbdtools_2021(play: Play) -> None:
    play("jbdtools-2021")


@requirement("COMPAT-PC-02", "BMS-Tools 1.1.4 reaches no less than it does today",
             source="source code; client notes, section 6", grade=Grade.REPORTED)  # fmt: skip
def test_bms_tools_1_1_4(play: Play) -> None:
    play("bms-tools-1.1.4")


@requirement("COMPAT-PC-03", "BMS-Tools 1.2.0 reaches no less than it does today",
             source="source code and measurement; client notes, section 6",
             grade=Grade.REPORTED)  # fmt: skip
def test_bms_tools_1_2_0(play: Play) -> None:
    play("bms-tools-1.2.0")


@requirement("COMPAT-FIX-01", "an app that follows our rule for a fixed one reaches what it should",
             source="our rule: client notes, section 11", grade=Grade.ASSUMED)  # fmt: skip
def test_fixed_app(play: Play) -> None:
    play("fixed-app")
