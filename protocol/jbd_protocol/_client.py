"""The client automaton: request, awaited answer, timeout, retry, late and foreign answers.

Sans-I/O: a driver writes the bytes it is given, feeds what it reads and says what time it is.

========  ===================  ========  =========================================
state     trigger              next      effect
========  ===================  ========  =========================================
IDLE      REQUEST              AWAITING  SEND
AWAITING  ANSWER               IDLE      ANSWERED
AWAITING  TIMEOUT, tries left  AWAITING  RETRY
AWAITING  TIMEOUT, none left   IDLE      GIVE_UP
========  ===================  ========  =========================================

Everything else stays where it is: an answer to what was given up on, or had to be asked again,
is *late*, one to what was never asked is *foreign*; neither is taken for the answer that is
awaited. Several clients of the field do take it, which is one of the faults this project exists
to show. A refusal without its checksum is taken for what it says where it is awaited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeAlias

from ._decoder import ResponseDecoder
from ._errors import LocalError
from ._frames import BadFrame, Noise, Request, Response, unsigned_refusal

_LONGEST_S: Final = 86_400.0
"""A try of more than a day is a mistake, and no driver's timer counts to infinity."""


class ClientState(Enum):
    """Whether an answer is awaited."""

    IDLE = auto()
    AWAITING = auto()


class Trigger(Enum):
    """What moves the automaton."""

    REQUEST = auto()
    ANSWER = auto()
    TIMEOUT = auto()
    LAST_TIMEOUT = auto()


class Effect(Enum):
    """What the automaton does about it."""

    SEND = auto()
    ANSWERED = auto()
    RETRY = auto()
    GIVE_UP = auto()
    REFUSE = auto()


TRANSITIONS: Final[Mapping[tuple[ClientState, Trigger], tuple[ClientState, Effect]]] = (
    MappingProxyType(
        {
            (ClientState.IDLE, Trigger.REQUEST): (ClientState.AWAITING, Effect.SEND),
            (ClientState.AWAITING, Trigger.ANSWER): (ClientState.IDLE, Effect.ANSWERED),
            (ClientState.AWAITING, Trigger.TIMEOUT): (ClientState.AWAITING, Effect.RETRY),
            (ClientState.AWAITING, Trigger.LAST_TIMEOUT): (ClientState.IDLE, Effect.GIVE_UP),
        }
    )
)


@dataclass(frozen=True, slots=True)
class Answered:
    """The awaited answer came; its status may still be a refusal."""

    request: Request
    response: Response
    latency_s: float
    """Seconds from when the last try had left to the completed answer."""
    tries: int


@dataclass(frozen=True, slots=True)
class Retry:
    """No answer in time: send these bytes again."""

    wire: bytes
    tries: int


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No answer to any try."""

    request: Request
    tries: int


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """An answer to a request that was given up on, or that another try had answered."""

    response: Response


@dataclass(frozen=True, slots=True)
class ForeignAnswer:
    """An answer to a register that nobody asked for."""

    response: Response


ClientEvent: TypeAlias = "Answered | Retry | GaveUp | LateAnswer | ForeignAnswer | BadFrame | Noise"


class ClientMachine:
    """One request in flight at a time.

    Args:
        timeout_s: how long each try waits, in seconds.
        retries: how often an unanswered request is sent again.
    Raises:
        LocalError: a timeout that is not above 0 or above 86,400 s, or fewer than no retries.
    """

    __slots__ = (
        "_abandoned", "_decoder", "_request", "_sent_s", "_state", "_tries", "retries", "timeout_s",
    )  # fmt: skip

    def __init__(self, *, timeout_s: float = 1.0, retries: int = 2) -> None:
        if not 0 < timeout_s <= _LONGEST_S:
            raise LocalError(f"timeout_s {timeout_s}: must be above 0, at most {_LONGEST_S:g}")
        if retries < 0:
            raise LocalError(f"retries {retries}: must be 0 or more")
        self.timeout_s, self.retries = timeout_s, retries
        self._decoder = ResponseDecoder()
        self._state = ClientState.IDLE
        self._request: Request | None = None
        self._abandoned: set[int] = set()
        self._sent_s = 0.0
        self._tries = 0

    @property
    def state(self) -> ClientState:
        """Whether an answer is awaited."""
        return self._state

    @property
    def deadline_s(self) -> float | None:
        """When :meth:`advance_to` has something to do, or None while nothing is awaited."""
        return self._sent_s + self.timeout_s if self._state is ClientState.AWAITING else None

    def request(self, request: Request, now_s: float) -> bytes:
        """Begin an exchange; return the bytes to send.

        Raises:
            LocalError: an answer is still awaited, or the request does not fit a frame.
        """
        wire = request.to_wire()
        if self._step(Trigger.REQUEST) is Effect.REFUSE:
            raise LocalError(f"request 0x{request.register:02X}: an answer is still awaited")
        self._request, self._sent_s, self._tries = request, now_s, 1
        # Asked again, so an answer to it is no longer late.
        self._abandoned.discard(request.register)
        return wire

    def sent(self, now_s: float) -> None:
        """Say when the bytes of a try had left, where sending them took its time.

        The try waits from then on, not from when it was asked for. Nothing happens where no
        answer is awaited.
        """
        self._sent_s = max(self._sent_s, now_s)

    def receive(self, data: bytes, now_s: float) -> list[ClientEvent]:
        """Take bytes as they come; return what they mean."""
        return [self._judge(event, now_s) for event in self._decoder.receive(data)]

    def advance_to(self, now_s: float) -> list[ClientEvent]:
        """Say what time it is; return the retry or the giving-up that is due."""
        events: list[ClientEvent] = []
        while (deadline := self.deadline_s) is not None and now_s >= deadline:
            # What an answer left unfinished will not come any more, and must not swallow the
            # beginning of the next one.
            events += [self._judge(event, now_s) for event in self._decoder.flush()]
            request = self._request
            if self._state is ClientState.IDLE or request is None:
                break
            last = self._tries > self.retries
            if self._step(Trigger.LAST_TIMEOUT if last else Trigger.TIMEOUT) is Effect.GIVE_UP:
                self._abandoned.add(request.register)
                self._request = None
                events.append(GaveUp(request, self._tries))
            else:
                self._tries += 1
                self._sent_s = now_s
                events.append(Retry(request.to_wire(), self._tries))
        return events

    def _judge(self, event: Response | BadFrame | Noise, now_s: float) -> ClientEvent:
        request = self._request
        if isinstance(event, BadFrame) and request is not None:
            refusal = unsigned_refusal(event.raw)
            if refusal is not None and refusal.register == request.register:
                # Read as damage it would be asked again until the time is over, and the user
                # would be told of a broken line where the board said no.
                event = refusal
        if not isinstance(event, Response):
            return event
        if request is not None and event.register == request.register:
            self._step(Trigger.ANSWER)
            self._request = None
            if self._tries > 1:
                # The tries before may have an answer under way too.
                self._abandoned.add(request.register)
            return Answered(request, event, now_s - self._sent_s, self._tries)
        if event.register in self._abandoned:
            return LateAnswer(event)
        return ForeignAnswer(event)

    def _step(self, trigger: Trigger) -> Effect:
        self._state, effect = TRANSITIONS.get((self._state, trigger), (self._state, Effect.REFUSE))
        return effect
