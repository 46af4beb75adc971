"""The client automaton: sentences first, then a machine against a plain model."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from jbd_protocol import (
    Answered,
    BadFrame,
    ClientEvent,
    ClientMachine,
    ClientState,
    Fault,
    ForeignAnswer,
    GaveUp,
    LateAnswer,
    LocalError,
    Noise,
    ReadRequest,
    Response,
    Retry,
    WriteRequest,
)
from jbd_protocol._client import TRANSITIONS, Effect, Trigger

READ = ReadRequest(0x04)
ANSWER = Response(0x04, 0, b"\x0d\x66")


def asked(*, retries: int = 2) -> ClientMachine:
    client = ClientMachine(timeout_s=1.0, retries=retries)
    assert client.request(READ, 10.0) == READ.to_wire()
    return client


def test_an_answer_ends_the_exchange() -> None:
    client = asked()
    assert (client.state, client.deadline_s) == (ClientState.AWAITING, 11.0)
    assert client.receive(ANSWER.to_wire(), 10.25) == [Answered(READ, ANSWER, 0.25, 1)]
    assert (client.state, client.deadline_s) == (ClientState.IDLE, None)


def test_a_try_waits_from_when_its_bytes_had_left() -> None:
    client = asked()
    client.sent(10.75)
    assert client.deadline_s == 11.75
    assert client.advance_to(11.5) == []
    [retry] = client.advance_to(11.75)
    assert isinstance(retry, Retry)
    client.sent(14.0)
    assert client.advance_to(14.5) == []
    assert client.receive(ANSWER.to_wire(), 14.5) == [Answered(READ, ANSWER, 0.5, 2)]


def test_sending_never_takes_less_than_no_time() -> None:
    client = asked()
    client.sent(9.0)
    assert client.deadline_s == 11.0


def test_what_has_left_without_being_awaited_is_nothing() -> None:
    client = ClientMachine()
    client.sent(5.0)
    assert (client.state, client.deadline_s) == (ClientState.IDLE, None)
    assert client.advance_to(100.0) == []
    assert client.request(READ, 3.0) == READ.to_wire()
    assert client.deadline_s == 4.0


def test_an_answer_may_come_in_pieces() -> None:
    client = asked()
    wire = ANSWER.to_wire()
    assert client.receive(wire[:5], 10.1) == []
    assert client.receive(wire[5:], 10.5) == [Answered(READ, ANSWER, 0.5, 1)]


def test_a_refusal_is_an_answer_too() -> None:
    client = asked()
    [event] = client.receive(Response(0x04, 0x81).to_wire(), 10.1)
    assert isinstance(event, Answered)
    assert event.response.status == 0x81


@pytest.mark.parametrize("status", [0x80, 0x81, 0x83])
def test_a_refusal_without_its_checksum_is_taken_for_what_it_says(status: int) -> None:
    machine = ClientMachine()
    machine.request(READ, 0.0)
    unsigned = bytes((0xDD, READ.register, status, 0, 0, 0, 0x77))
    first = machine.receive(unsigned, 0.1)[0]
    assert first == Answered(READ, Response(READ.register, status), 0.1, 1)


@pytest.mark.parametrize(
    "raw",
    [
        "dd 03 80 00 00 00 77",
        "dd 04 00 00 00 01 77",
        "dd 04 80 00 00 01 77",
        "dd 04 80 00 00 00 78",
    ],
    ids=["another register", "no refusal", "another checksum", "another end"],
)
def test_other_damage_is_not_taken_for_a_refusal(raw: str) -> None:
    machine = ClientMachine()
    machine.request(READ, 0.0)
    assert isinstance(machine.receive(bytes.fromhex(raw), 0.1)[0], BadFrame)
    assert machine.state is ClientState.AWAITING


def test_silence_is_asked_again_and_then_given_up() -> None:
    client = asked(retries=1)
    assert client.advance_to(10.999) == []
    assert client.advance_to(11.0) == [Retry(READ.to_wire(), 2)]
    assert client.deadline_s == 12.0
    assert client.advance_to(12.5) == [GaveUp(READ, 2)]
    assert client.state is ClientState.IDLE
    assert client.advance_to(99.0) == []


def test_without_retries_the_first_silence_is_the_last() -> None:
    assert asked(retries=0).advance_to(11.0) == [GaveUp(READ, 1)]


def test_the_latency_counts_from_the_last_try() -> None:
    client = asked()
    client.advance_to(11.5)
    assert client.receive(ANSWER.to_wire(), 11.75) == [Answered(READ, ANSWER, 0.25, 2)]


def test_an_answer_after_giving_up_is_late_and_ends_nothing() -> None:
    client = asked(retries=0)
    client.advance_to(11.0)
    assert client.receive(ANSWER.to_wire(), 11.1) == [LateAnswer(ANSWER)]
    client.request(ReadRequest(0x03), 12.0)
    assert client.receive(ANSWER.to_wire(), 12.1) == [LateAnswer(ANSWER)]
    assert client.state is ClientState.AWAITING


def test_what_was_given_up_on_and_is_asked_again_is_answered() -> None:
    client = asked(retries=0)
    client.advance_to(11.0)
    client.request(READ, 12.0)
    assert client.receive(ANSWER.to_wire(), 12.5) == [Answered(READ, ANSWER, 0.5, 1)]


def test_the_second_answer_to_a_request_sent_twice_is_late_and_not_foreign() -> None:
    client = asked()
    client.advance_to(11.0)
    events = client.receive(ANSWER.to_wire() * 2, 11.5)
    assert events == [Answered(READ, ANSWER, 0.5, 2), LateAnswer(ANSWER)]


def test_an_answer_to_what_nobody_asked_is_foreign() -> None:
    client = asked()
    foreign = Response(0x03, 0x80)
    assert client.receive(foreign.to_wire(), 10.1) == [ForeignAnswer(foreign)]
    assert client.state is ClientState.AWAITING
    idle = ClientMachine()
    assert idle.receive(ANSWER.to_wire(), 0.0) == [ForeignAnswer(ANSWER)]


def test_noise_and_damaged_frames_are_told_and_the_answer_is_still_awaited() -> None:
    client = asked()
    bad = ANSWER.to_wire()[:-1] + b"\x00"
    events = client.receive(b"\x00" + bad + ANSWER.to_wire(), 10.5)
    assert events == [
        Noise(b"\x00"),
        BadFrame(bad, Fault.END_BYTE),
        Answered(READ, ANSWER, 0.5, 1),
    ]


def test_a_second_request_while_one_is_awaited_is_refused_and_changes_nothing() -> None:
    client = asked()
    with pytest.raises(LocalError) as caught:
        client.request(ReadRequest(0x03), 10.5)
    assert str(caught.value) == "request 0x03: an answer is still awaited"
    assert client.deadline_s == 11.0
    assert client.receive(ANSWER.to_wire(), 10.75) == [Answered(READ, ANSWER, 0.75, 1)]


def test_a_request_that_does_not_fit_a_frame_is_refused_and_nothing_is_awaited() -> None:
    client = ClientMachine()
    with pytest.raises(LocalError):
        client.request(WriteRequest(0x10, bytes(256)), 0.0)
    assert client.state is ClientState.IDLE


def test_half_an_answer_does_not_swallow_the_answer_to_the_next_try() -> None:
    client = asked()
    half = ANSWER.to_wire()[:6]
    assert client.receive(half, 10.5) == []
    assert client.advance_to(11.0) == [
        BadFrame(half, Fault.TRUNCATED),
        Retry(READ.to_wire(), 2),
    ]
    assert client.receive(ANSWER.to_wire(), 11.5) == [Answered(READ, ANSWER, 0.5, 2)]


def test_an_answer_hidden_in_half_a_frame_is_found_when_the_time_is_up() -> None:
    client = asked()
    stray = b"\xdd\x03\x00\xff"
    assert client.receive(stray + ANSWER.to_wire(), 10.5) == []
    assert client.advance_to(11.0) == [
        BadFrame(stray + ANSWER.to_wire(), Fault.TRUNCATED),
        Answered(READ, ANSWER, 1.0, 1),
    ]
    assert client.state is ClientState.IDLE


@pytest.mark.parametrize(
    ("timeout_s", "retries", "text"),
    [
        (0.0, 0, "timeout_s 0.0: must be above 0, at most 86400"),
        (-1.0, 0, "timeout_s -1.0: must be above 0, at most 86400"),
        (float("nan"), 0, "timeout_s nan: must be above 0, at most 86400"),
        (float("inf"), 0, "timeout_s inf: must be above 0, at most 86400"),
        (1.0, -1, "retries -1: must be 0 or more"),
    ],
)
def test_a_client_that_cannot_wait_is_refused(timeout_s: float, retries: int, text: str) -> None:
    with pytest.raises(LocalError) as caught:
        ClientMachine(timeout_s=timeout_s, retries=retries)
    assert str(caught.value) == text


def test_the_table_lists_every_move_and_the_rest_is_refused() -> None:
    listed = {(Trigger.REQUEST, ClientState.IDLE)} | {
        (trigger, ClientState.AWAITING)
        for trigger in (Trigger.ANSWER, Trigger.TIMEOUT, Trigger.LAST_TIMEOUT)
    }
    assert {(trigger, state) for state, trigger in TRANSITIONS} == listed
    assert Effect.REFUSE not in {effect for _, effect in TRANSITIONS.values()}


REGISTERS = (0x03, 0x04, 0x10)
registers = st.sampled_from(REGISTERS)
TIMEOUT_S = 4.0


@dataclass
class Awaited:
    request: ReadRequest
    sent_s: float
    tries: int


class ClientModel(RuleBasedStateMachine):
    """The automaton beside what it should do, said without a table.

    Times are multiples of a quarter second, so that sums and differences are exact.
    """

    @initialize(retries=st.integers(0, 3))
    def begin(self, retries: int) -> None:
        self.client = ClientMachine(timeout_s=TIMEOUT_S, retries=retries)
        self.retries = retries
        self.now_s = 0.0
        self.awaited: Awaited | None = None
        self.abandoned: set[int] = set()
        self.half = b""
        self.rest = b""

    @rule(register=registers)
    def ask(self, register: int) -> None:
        request = ReadRequest(register)
        if self.awaited is not None:
            with pytest.raises(LocalError):
                self.client.request(request, self.now_s)
            return
        assert self.client.request(request, self.now_s) == request.to_wire()
        self.awaited = Awaited(request, self.now_s, 1)
        self.abandoned.discard(register)

    @rule(quarters=st.integers(0, 8))
    def its_bytes_leave(self, quarters: int) -> None:
        self.now_s += quarters / 4
        self.client.sent(self.now_s)
        if self.awaited is not None:
            self.awaited.sent_s = self.now_s

    @precondition(lambda self: not self.half)
    @rule(register=registers, status=st.sampled_from([0x00, 0x80]))
    def answer(self, register: int, status: int) -> None:
        response = Response(register, status)
        events = self.client.receive(response.to_wire(), self.now_s)
        assert events == [self.expected(response)]

    @precondition(lambda self: not self.half)
    @rule(register=registers, size=st.integers(1, 8))
    def half_an_answer(self, register: int, size: int) -> None:
        wire = Response(register, 0, b"\x01\x02").to_wire()
        self.half, self.rest = wire[:size], wire[size:]
        assert self.client.receive(self.half, self.now_s) == []

    @precondition(lambda self: self.half)
    @rule()
    def the_other_half(self) -> None:
        wire = self.half + self.rest
        events = self.client.receive(self.rest, self.now_s)
        assert events == [self.expected(Response(wire[1], 0, b"\x01\x02"))]
        self.half = self.rest = b""

    @precondition(lambda self: not self.half and self.rest)
    @rule()
    def the_other_half_too_late(self) -> None:
        """What comes after the flush is noise."""
        assert self.client.receive(self.rest, self.now_s) == [Noise(self.rest)]
        self.rest = b""

    @precondition(lambda self: not self.half)
    @rule(raw=st.binary(min_size=1, max_size=5).filter(lambda raw: 0xDD not in raw))
    def noise(self, raw: bytes) -> None:
        assert self.client.receive(raw, self.now_s) == [Noise(raw)]

    @rule(quarters=st.integers(0, 40))
    def wait(self, quarters: int) -> None:
        self.now_s += quarters / 4
        expected: list[ClientEvent] = []
        if self.awaited is not None and self.now_s - self.awaited.sent_s >= TIMEOUT_S:
            if self.half:
                expected.append(BadFrame(self.half, Fault.TRUNCATED))
                self.half = b""
            if self.awaited.tries > self.retries:
                expected.append(GaveUp(self.awaited.request, self.awaited.tries))
                self.abandoned.add(self.awaited.request.register)
                self.awaited = None
            else:
                self.awaited.tries += 1
                self.awaited.sent_s = self.now_s
                wire = self.awaited.request.to_wire()
                expected.append(Retry(wire, self.awaited.tries))
        assert self.client.advance_to(self.now_s) == expected

    def expected(self, response: Response) -> ClientEvent:
        awaited = self.awaited
        if awaited is not None and awaited.request.register == response.register:
            self.awaited = None
            if awaited.tries > 1:
                self.abandoned.add(response.register)
            return Answered(awaited.request, response, self.now_s - awaited.sent_s, awaited.tries)
        if response.register in self.abandoned:
            return LateAnswer(response)
        return ForeignAnswer(response)

    @invariant()
    def state_and_deadline_are_those_of_the_model(self) -> None:
        if self.awaited is None:
            assert (self.client.state, self.client.deadline_s) == (ClientState.IDLE, None)
        else:
            assert self.client.state is ClientState.AWAITING
            assert self.client.deadline_s == self.awaited.sent_s + TIMEOUT_S


TestClientModel = pytest.mark.slow(ClientModel.TestCase)
TestClientModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
