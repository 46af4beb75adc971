"""MOD-LINK, MOD-TIME, MOD-SLEEP: links that begin and end, and a board that sleeps behind one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jbd_bench import open_target, radio_of
from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, RANDOM, Module, Traits
from jbd_protocol import Grade, ModuleFrame

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest

pytestmark = pytest.mark.jbd(over="module")
RENAME = ModuleFrame(0x07, b"BENCH")
WITH_BYTE = ("telink", "telink-login")
OWN_LIMIT_S = 0.25
ASLEEP_S = 60.0
"""Silence after which every board that sleeps does; 30 s captured."""


@requirement(
    "MOD-LINK-01",
    "before the subscription nothing is notified but, at most, one byte 00",
    source="app captures 2022 and 2025: four of nine links have it",
    grade=Grade.CAPTURED,
)
def test_before_the_subscription_there_is_at_most_a_zero(stranger: Module) -> None:
    for _ in range(2):
        if stranger.end.unasked is None:
            pytest.skip("this system does not show what comes before the subscription")
        assert stranger.end.unasked in ((), (b"\x00",))
        stranger.connect()


@requirement(
    "MOD-LINK-02",
    "the first link of a Telink module begins with one byte 00",
    source="app captures 2022: first packet of three links of three",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(embedded=True)
def test_the_first_link_begins_with_a_zero(admitted: Module, generation: str | None) -> None:
    if generation not in WITH_BYTE:
        pytest.skip(f"is about {' and '.join(WITH_BYTE)}; of {generation} nothing is known")
    assert admitted.end.unasked == (b"\x00",)


@requirement(
    "MOD-LINK-03",
    "a link that ends in mid-answer leaves a module that serves the next, without the rest",
    source="concluded: pieces are the link's",
    grade=Grade.ASSUMED,
)
def test_a_link_that_ends_in_mid_answer_leaves_a_module_for_the_next(admitted: Module) -> None:
    for _ in range(3):
        admitted.link.write(BASIC)
        admitted.connect(admitted=True)
        stale = [piece for piece in admitted.heard(0.3) if piece != b"\x00"]
        assert stale == [], "an answer to who is gone"
        assert admitted.serves()


@requirement(
    "MOD-LINK-04",
    "link after link is served",
    source="app capture 2025: five links in a row",
    grade=Grade.CAPTURED,
)
def test_link_after_link_is_served(admitted: Module) -> None:
    for _ in range(5):
        admitted.connect(admitted=True)
        assert admitted.serves()


@requirement(
    "MOD-TIME-01",
    "the module's own answer comes within 0.25 s",
    source="23 ms on Android, 55 ms on iOS, medians of captures",
    grade=Grade.CAPTURED,
)
def test_the_modules_own_answer_comes_soon(stranger: Module, traits: Traits) -> None:
    if traits.app_key is None:
        pytest.skip("needs a module that answers frames of its own")
    link = stranger.link
    began_s = link.clock.now_s()
    link.write(RANDOM.to_wire())
    assert link.read(began_s + 2.0)[:3] == b"\xff\xaa\x17"
    assert link.clock.now_s() - began_s <= OWN_LIMIT_S


@requirement(
    "MOD-SLEEP-01",
    "the module answers by itself while the board sleeps, and does not wake it",
    source="PROTOCOL.md 4.3: captured of FF AA; that it does not wake the board is concluded",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(embedded=True)
def test_the_module_answers_while_the_board_sleeps(
    jbd_target: TargetUnderTest, admitted: Module, traits: Traits, generation: str | None
) -> None:
    if generation in ("clone", "passkey"):
        pytest.skip(f"of {generation} no frame of its own is known")
    frame = RENAME if traits.app_key is None else RANDOM
    link = open_target(jbd_target.target.with_option("sleep", "1").text)
    end = radio_of(link)
    assert end is not None
    module = Module(link, end)
    try:
        link.clock.sleep_until(link.clock.now_s() + ASLEEP_S)
        for _ in range(3):
            answer = module.ask(frame)
            assert answer is not None, "expected the module's own answer, got silence"
        assert module.pieces(BASIC) == [], "the board was not asleep, or the module woke it"
        assert module.pieces(BASIC) != []
    finally:
        link.close()
