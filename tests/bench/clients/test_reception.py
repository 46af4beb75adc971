"""What each client takes for an answer: the provocations, and what should follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench._link import Link
from jbd_bench.clients import Session, Step
from jbd_bench.clients._reception import (
    ANDROID_ENGINE,
    BMSTOOLS,
    CAREFUL,
    JBDTOOLS,
    Reception,
    take,
)
from jbd_protocol import Evidence, Grade, LocalError, Response

MakeLink = Callable[..., Link]
ANYWHERE = Evidence(Grade.ASSUMED, "test")
ANSWER = Response(0x24, 0, b"\x0e\x10").to_wire()
BAD_SUM = ANSWER[:-3] + b"\0\0\x77"
BAD_END = ANSWER[:-1] + b"\x78"
OTHER = Response(0x25, 0, b"\x0e\x10").to_wire()
ALL = {"engine": ANDROID_ENGINE, "jbdtools": JBDTOOLS, "bmstools": BMSTOOLS, "careful": CAREFUL}


@pytest.mark.parametrize("rules", ALL.values(), ids=ALL)
def test_a_good_answer_is_taken_by_all(rules: Reception) -> None:
    assert take(rules, ANSWER, 0x24).response == Response(0x24, 0, b"\x0e\x10")


@pytest.mark.parametrize("rules", ALL.values(), ids=ALL)
def test_half_an_answer_is_waited_for(rules: Reception) -> None:
    for length in range(len(ANSWER)):
        taken = take(rules, ANSWER[:length], 0x24)
        assert taken.response is None
        assert not taken.failed
        assert take(rules, taken.rest + ANSWER[length:], 0x24).response is not None


@pytest.mark.parametrize(("wire", "takers"), [
    (BAD_SUM, {"bmstools"}),
    (BAD_END, {"engine", "jbdtools"}),
    (OTHER, {"engine", "jbdtools", "bmstools"}),
    (b"\x00\xff" + ANSWER, {"engine", "bmstools", "careful"}),
    (ANSWER + b"\x00", {"jbdtools", "bmstools", "careful"}),
])  # fmt: skip
def test_each_client_takes_what_it_does_not_check(wire: bytes, takers: set[str]) -> None:
    taken = {name for name, rules in ALL.items() if take(rules, wire, 0x24).response is not None}
    assert taken == takers


@given(st.binary(max_size=300), st.sampled_from(sorted(ALL)), st.sampled_from([None, 7, 9]))
def test_no_bytes_raise(data: bytes, name: str, size: int | None) -> None:
    taken = take(ALL[name], data, 0x24, size)
    assert len(taken.rest) <= len(data)


def request(link: Link, rules: Reception, *steps: Step) -> list[Response | None]:
    session = Session(link, rules)
    return [session.request(step) for step in steps]


def step(register: int, timeout_s: float = 1.0) -> Step:
    wire = bytes((0xDD, 0xA5, register, 0, 0xFF, 0x100 - register, 0x77))
    return Step(name="test", wire=wire, evidence=ANYWHERE, timeout_s=timeout_s)


def test_an_answer_after_the_timeout_answers_the_next_request_of_a_careless_client(
    scripted: MakeLink,
) -> None:
    def echo(data: bytes) -> bytes:
        return Response(data[2], 0, b"\0\0").to_wire()

    for rules, second in ((ANDROID_ENGINE, 0x24), (BMSTOOLS, 0x24), (CAREFUL, None)):
        # 24 answers after 25 has gone out: in the same moment 25's own answer is not there yet.
        link = scripted(echo, delay_s=0.6)
        answers = request(link, rules, step(0x24, 0.5), step(0x25, 0.5))
        assert answers[0] is None
        assert (answers[1].register if answers[1] else None) == second


def test_what_arrives_while_nothing_is_awaited_stays_in_the_port_or_is_dropped(
    scripted: MakeLink,
) -> None:
    def twice(data: bytes) -> bytes:
        return Response(data[2], 0, b"\0\0").to_wire()

    for rules, register in ((JBDTOOLS, 0x24), (ANDROID_ENGINE, 0x25)):
        link = scripted(twice, delay_s=0.6)
        session = Session(link, rules)
        assert session.request(step(0x24, 0.5)) is None
        session.pause(1.0)
        answer = session.request(step(0x25, 2.0))
        assert answer is not None
        assert answer.register == register


def test_a_surplus_byte_costs_the_engine_its_timeout(scripted: MakeLink) -> None:
    link = scripted(lambda data: Response(data[2]).to_wire() + b"\x00")
    assert request(link, ANDROID_ENGINE, step(0x24, 2.0)) == [None]
    assert link.clock.now_s() == 2.0


def test_every_byte_extends_the_timeout_of_bms_tools(scripted: MakeLink) -> None:
    link = scripted(lambda data: Response(data[2]).to_wire()[:-1], delay_s=0.8)
    assert request(link, BMSTOOLS, step(0x24, 1.0)) == [None]
    assert link.clock.now_s() == pytest.approx(1.8)


def test_a_step_without_tries_or_time_is_refused() -> None:
    with pytest.raises(LocalError):
        Step(name="test", evidence=ANYWHERE, tries=0)
    with pytest.raises(LocalError):
        Step(name="test", evidence=ANYWHERE, timeout_s=0)
