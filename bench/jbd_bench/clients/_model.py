"""What a client model is made of: steps, choices, a user, and the report of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from jbd_protocol import Evidence, Grade, LocalError, Response

from .._link import radio_of
from ._log import Log
from ._reception import Reception

if TYPE_CHECKING:
    from .._link import Link
    from ._session import Session

_MODULE: Final = b"\xff\xaa"
_WEAKEST_FIRST: Final = tuple(reversed(Grade))


def weakest(evidence: tuple[Evidence, ...]) -> Grade:
    """Return the grade a chain of facts has: that of its weakest link."""
    return min((e.grade for e in evidence), key=_WEAKEST_FIRST.index, default=Grade.ASSUMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of a client: what it sends, how long it waits, how often it tries.

    Attributes:
        name: what the step is for, in words.
        wire: the bytes; empty where they depend on what went before.
        evidence: of the frame and of its place in the order.
        timeout_s: how long each try waits for the answer, in seconds.
        tries: how often it is sent in all.
        retry_gap_s: pause between a failed try and the next, in seconds.
        retries: what goes out instead of ``wire`` on the second and later tries, for clients
            whose retries are damaged.
        size: the answer is taken once it has exactly so many bytes.
    """

    name: str
    wire: bytes = b""
    evidence: Evidence
    timeout_s: float = 2.0
    tries: int = 1
    retry_gap_s: float = 0.0
    retries: tuple[bytes, ...] = ()
    size: int | None = None

    def __post_init__(self) -> None:
        if self.timeout_s <= 0:
            raise LocalError(f"timeout_s {self.timeout_s}: must be above 0")
        if self.tries < 1:
            raise LocalError(f"tries {self.tries}: must be 1 or more")

    def wire_of(self, attempt: int) -> bytes:
        """Return what goes out on a try, counted from 0."""
        if attempt == 0 or not self.retries:
            return self.wire
        return self.retries[min(attempt, len(self.retries)) - 1]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a client makes of what it saw: a fact that no frame shows by itself."""

    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """How the client uses a Bluetooth module; without effect on a serial link.

    Attributes:
        write: the write type it takes on FF02; links take it from the characteristic.
        mtu: the MTU it asks for, or None where it never asks; a link through this machine's
            own adapter asks for what its system asks for.
        piece: most bytes of one write.
        piece_gap_s: pause between the pieces of one frame, in seconds.
        first_write_s: from the acknowledged subscription to the first write, in seconds.
        evidence: where this is from.
    """

    write: str
    mtu: int | None
    piece: int
    piece_gap_s: float
    first_write_s: float
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What the person in front of the client does.

    Attributes:
        pins: typed one after the other, each time the client asks; digits.
        typing_s: how long each takes, in seconds.
        polls: rounds of live data looked at before anything else is done.
        opens_parameters: goes on to the page of settings.
        clears_pin: presses the client's own button that clears the PIN, where it has one.
        returns: how often the person comes back after the client dropped the connection.
        patience_s: how long a client that shows nothing is looked at, in seconds.
        module_password: for the login of the Bluetooth module; six characters.
    """

    pins: tuple[str, ...] = ("123456", "111111", "654321")
    typing_s: float = 3.0
    polls: int = 3
    opens_parameters: bool = True
    clears_pin: bool = False
    returns: int = 3
    patience_s: float = 12.0
    module_password: str | None = None

    def __post_init__(self) -> None:
        for pin in self.pins:
            if len(pin) != 6 or not (pin.isascii() and pin.isdigit()):
                raise LocalError(f"pin {pin!r}: must be 6 digits 0 to 9")
        for name, least in (("polls", 1), ("returns", 0), ("typing_s", 0), ("patience_s", 0)):
            if getattr(self, name) < least:
                raise LocalError(f"{name} {getattr(self, name)}: must be {least} or more")


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that a client took for the one to its request, which it need not be.

    Attributes:
        at_s: seconds since the log began.
        asked: the register of the request.
        answer: what it took.
    """

    at_s: float
    asked: int
    answer: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How one run of a client ended.

    Attributes:
        client: the model's id.
        monitoring: the user saw live data.
        parameters: the user saw the board's settings.
        symptom: what the user sees, in short plain words.
        log: everything said and shown.
        grade: the weakest of the facts that this run came to rely on.
        version: the firmware's version byte where the client saw it.
        taken: the answers it believed, oldest first.
    """

    client: str
    monitoring: bool
    parameters: bool
    symptom: str
    log: Log
    grade: Grade
    version: int | None = None
    taken: tuple[Taken, ...] = ()


Play: TypeAlias = "Callable[[Session, User], None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientModel:
    """A client of the field as data and one way to play it.

    Attributes:
        id: ``android-3.1.1026``.
        title: one line for a person.
        radio: how it uses a Bluetooth module; None for a client of the serial line.
        reception: how it puts answers together.
        steps: every frame it can send, in the order of a first use.
        choices: what it makes of answers.
        play: runs it over a session, with a user.
    """

    id: str
    title: str
    radio: Radio | None
    reception: Reception
    steps: tuple[Step, ...]
    choices: tuple[Choice, ...]
    play: Play

    @property
    def grade(self) -> Grade:
        """The weakest of all the facts it stands on."""
        steps, choices = self.steps, self.choices
        return weakest((*(s.evidence for s in steps), *(c.evidence for c in choices)))

    @property
    def logs_in(self) -> bool:
        """Whether it knows the login of a Bluetooth module."""
        return any(step.wire[:2] == _MODULE for step in self.steps)

    def run(self, link: Link, user: User | None = None, *, address: bytes | None = None) -> Report:
        """Drive the client over a link, from its opening to the end of what the user does.

        Through a Bluetooth module the client has a connection of its own, on which nothing was
        said before: it asks for its own MTU, and logs in by itself or not at all.

        Args:
            link: bytes to the board, and their clock.
            user: what the person does; the default looks, types three wrong PINs where asked
                and opens the parameters.
            address: the Bluetooth module's address, 6 bytes, where the link does not know it:
                module passwords are computed with it, and one client looks at its first half.
        Raises:
            LinkError: the link failed.
        """
        from ._session import Session  # here, for the session knows the model's types

        person, end = user or User(), radio_of(link)
        if end is not None:
            address = address or end.address or None
            if person.module_password is None:
                # Who gave the link a login knows it.
                person = replace(person, module_password=end.login)
        with _connection_of_its_own(link, self.radio):
            session = Session(link, self.reception, address=address, radio=self.radio)
            self.play(session, person)
            session.end()
        return session.report(self.id)


@contextmanager
def _connection_of_its_own(link: Link, radio: Radio | None) -> Iterator[None]:
    """Connect anew where somebody else connected; the link's own ways are given back at the end.

    The next to use the link connects anew, too, if that is no client model.
    """
    end = radio_of(link)
    if end is None:
        yield
        return
    # Pairing is the phone's, not the app's: it stays as it is.
    kept = end.login, end.ask_mtu
    mtu = radio.mtu if radio is not None else end.ask_mtu
    fresh = end.subscribed_s == link.clock.now_s() and kept == (None, mtu)
    end.login, end.ask_mtu = None, mtu
    try:
        if not fresh:
            link.reconnect()
        yield
    finally:
        end.login, end.ask_mtu = kept
