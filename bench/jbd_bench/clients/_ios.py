"""The iOS app xiaoxiangBMS: live data never needs a PIN; its page of settings does.

A closed app, known from its users' reports. In June 2022 it took "no such command" from
firmware 2.1 for a wrong PIN; that was resolved, how is not known: the smallest change that fits
is to take it for "no password here".
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import Evidence, Grade, Response, Status

from ._frames import ALL_SETTINGS, CLR, FE, FX, P0, R03, R04, pairing
from ._model import Choice, ClientModel, Radio, Step, User
from ._polling import Polling
from ._reception import CAREFUL
from ._session import Session, succeeded

_REPORTED: Final = Evidence(Grade.REPORTED, "CLIENTS.md 4a (tracker of xiaoxiangBMS)")
_OLDEST_WITH_PIN: Final = 0x17

_INFO = Step(name="basic info", wire=R03, evidence=_REPORTED)
_CELLS = Step(name="cells", wire=R04, evidence=_REPORTED)
_PAIR = Step(name="pair, blank PIN", wire=P0, evidence=_REPORTED)
_PAIR_TYPED = Step(name="pair, typed PIN", evidence=_REPORTED)
_ENTER = Step(name="factory mode on", wire=FE, evidence=_REPORTED)
_REGISTER = Step(name="register", evidence=_REPORTED)
_LEAVE = Step(name="factory mode off", wire=FX, evidence=_REPORTED)
_CLEAR = Step(
    name="clear the PIN, on the user's wish",
    wire=CLR,
    evidence=Evidence(Grade.REPORTED, "CLIENTS.md 4a: reset tool, shipped in spring 2023"),
)

_DATA_FREE = Choice("live data never needs a PIN", _REPORTED)
_TOO_OLD = Choice(
    "below a version no PIN is presented",
    Evidence(Grade.ASSUMED, "CLIENTS.md 4a: the rule is reported (186), its value is not"),
)
_WRONG = Choice("any refusal of 06 is a wrong PIN: message, back to the PIN page", _REPORTED)
_NO_SUCH = Choice(
    "80 to 06 means that the board has no password",
    Evidence(Grade.ASSUMED, "CLIENTS.md 4a: the smallest change that fits what users report"),
)
_RADIO = Radio(
    write="from the characteristic's property",
    mtu=185,
    piece=20,
    piece_gap_s=0.0,
    first_write_s=0.5,
    evidence=Evidence(Grade.ASSUMED, "CLIENTS.md 4b: captured of the vendor's iOS app"),
)


class _Ios:
    """One run of the app."""

    def __init__(self, session: Session, user: User, *, fixed: bool) -> None:
        self.session, self.person, self.fixed = session, user, fixed
        self.live = Polling(session, (_INFO, _CELLS))

    def play(self) -> None:
        self.session.settle(_RADIO.first_write_s)
        self.session.decide(_DATA_FREE)
        self.live.go_on(float(self.person.polls))
        if self.fixed and self.person.clears_pin:
            self.session.user("clears the PIN")
            self.live.ask(_CLEAR)
        if self.person.opens_parameters:
            self._visit()

    def _visit(self) -> None:
        """Open the page of settings, and again with every PIN the user types."""
        pin: str | None = None
        for typed in (*self.person.pins, None):
            self.session.user("opens Config")
            if self._let_in(pin):
                self._read()
                return
            self.session.show("data, but Config fails: wrong PIN")
            if typed is None:
                return
            self.live.go_on(self.person.typing_s)
            self.session.user(f"types the PIN {typed}")
            pin = typed

    def _let_in(self, pin: str | None) -> bool:
        if (self.session.version or 0) < _OLDEST_WITH_PIN:
            self.session.decide(_TOO_OLD)
            return True
        if pin is None:
            answer = self.live.ask(_PAIR)
        else:
            answer = self.live.ask(_PAIR_TYPED, wire=pairing(pin))
        if answer is not None and succeeded(answer):
            return True
        if self.fixed and answer is not None and answer.status == Status.NO_SUCH_COMMAND:
            self.session.decide(_NO_SUCH)
            return True
        self.session.decide(_WRONG)
        return False

    def _read(self) -> None:
        if not _good(self.live.ask(_ENTER)):
            self.session.show("data, but Config fails")
            return
        # Registers that answer "unknown" are hidden, not an error.
        if self.live.read_all(_REGISTER, ALL_SETTINGS):
            self.session.show_parameters()
            self.session.show("all data and parameters")
        self.live.ask(_LEAVE)
        self.live.go_on(1.0)


def _good(answer: Response | None) -> bool:
    return answer is not None and succeeded(answer)


def _ios(*, fixed: bool) -> ClientModel:
    def play(session: Session, user: User) -> None:
        _Ios(session, user, fixed=fixed).play()

    steps = (_INFO, _CELLS, _PAIR, _PAIR_TYPED, _ENTER, _REGISTER, _LEAVE)
    choices = (_DATA_FREE, _TOO_OLD, _WRONG)
    return ClientModel(
        id="ios-fixed" if fixed else "ios-before-fix",
        title="xiaoxiangBMS for iOS, "
        + ('after the fix: 80 to 06 is "no password"' if fixed else "June 2022: 80 is a wrong PIN"),
        radio=_RADIO,
        reception=CAREFUL,
        steps=(*steps, _CLEAR) if fixed else steps,
        choices=(*choices, _NO_SUCH) if fixed else choices,
        play=play,
    )


def ios_before_fix() -> ClientModel:
    """Return the app of June 2022: data always, Config never on firmware 2.1."""
    return _ios(fixed=False)


def ios_fixed() -> ClientModel:
    """Return the app after its fix."""
    return _ios(fixed=True)
