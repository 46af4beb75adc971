"""The app as it should be: the rule this bench holds clients to.

Live data never depends on 06. 00 and 80 to 06 mean "go on", 81 and 83 mean "ask for a PIN and
keep the data coming", silence means "once more, then as 80". Factory mode refused with 81 means
"ask for a PIN", with 80 "this board has no settings to read". The clear word goes out when the
user asks for it, never otherwise.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import Evidence, Grade, Response, Status

from ._frames import ALL_SETTINGS, CLR, FE, FX, P0, R03, R04, pairing
from ._model import Choice, ClientModel, Radio, Step, User
from ._polling import Polling
from ._reception import CAREFUL
from ._session import Session, succeeded

_RULE: Final = Evidence(Grade.ASSUMED, "CLIENTS.md 11: our rule for a fixed app; no such app seen")
_INFO = Step(name="basic info", wire=R03, evidence=_RULE)
_CELLS = Step(name="cells", wire=R04, evidence=_RULE)
_PAIR = Step(name="pair, blank PIN", wire=P0, evidence=_RULE)
_PAIR_TYPED = Step(name="pair, typed PIN", evidence=_RULE)
_ENTER = Step(name="factory mode on", wire=FE, evidence=_RULE)
_REGISTER = Step(name="register", evidence=_RULE)
_LEAVE = Step(name="factory mode off", wire=FX, evidence=_RULE)
_CLEAR = Step(name="clear the PIN, on the user's wish", wire=CLR, evidence=_RULE)

_FREE = Choice("live data never depends on 06", _RULE)
_GO_ON = Choice("06 answered 00 or 80, or twice not at all: go on to factory mode", _RULE)
_ASK = Choice("06 or factory mode answered 81 or 83: ask for a PIN, keep polling", _RULE)
_NO_SERVICE = Choice("factory mode answered 80: the board has no settings to read", _RULE)
_RADIO = Radio(
    write="from the characteristic's property",
    mtu=None,
    piece=20,
    piece_gap_s=0.005,
    first_write_s=0.5,
    evidence=_RULE,
)
_ASKS_FOR_PIN: Final = frozenset({int(Status.INVALID), int(Status.WRONG_PASSWORD)})


class _Fixed:
    """One run of the app."""

    def __init__(self, session: Session, user: User) -> None:
        self.session, self.person = session, user
        self.live = Polling(session, (_INFO, _CELLS))
        self.pins = iter(user.pins)

    def play(self) -> None:
        self.session.settle(_RADIO.first_write_s)
        self.session.decide(_FREE)
        self.live.go_on(float(self.person.polls))
        if self.person.clears_pin:
            self.session.user("clears the PIN")
            self.live.ask(_CLEAR)
        if self.person.opens_parameters:
            self.session.user("opens the parameters")
            self._parameters()

    def _parameters(self) -> None:
        admitted = self._present(None)
        while True:
            answer = self.live.ask(_ENTER) if admitted else None
            if answer is not None and succeeded(answer):
                self._read()
                return
            if answer is not None and answer.status == Status.NO_SUCH_COMMAND:
                self.session.decide(_NO_SERVICE)
                self.session.show("data; this board has no parameter service")
                return
            if admitted and (answer is None or answer.status not in _ASKS_FOR_PIN):
                self.session.show("data; the board does not open its parameters")
                return
            pin = self._ask_for_pin()
            if pin is None:
                return
            admitted = self._present(pin)

    def _present(self, pin: str | None) -> bool:
        """Return whether to go on to factory mode."""
        step, wire = (_PAIR, P0) if pin is None else (_PAIR_TYPED, pairing(pin))
        answer: Response | None = self.live.ask(step, wire=wire)
        if answer is None:
            answer = self.live.ask(step, wire=wire, note=f"{step.name}, once more")
        if answer is not None and answer.status in _ASKS_FOR_PIN:
            return False
        self.session.decide(_GO_ON)
        return True

    def _ask_for_pin(self) -> str | None:
        self.session.decide(_ASK)
        self.session.show("data; asks for the PIN before it shows parameters")
        pin = next(self.pins, None)
        if pin is not None:
            self.live.go_on(self.person.typing_s)
            self.session.user(f"types the PIN {pin}")
        return pin

    def _read(self) -> None:
        if self.live.read_all(_REGISTER, ALL_SETTINGS):
            self.session.show_parameters()
            self.session.show("all data and parameters")
        self.live.ask(_LEAVE)
        self.live.go_on(1.0)


def fixed_app() -> ClientModel:
    """Return the app that follows the rule."""

    def play(session: Session, user: User) -> None:
        _Fixed(session, user).play()

    return ClientModel(
        id="fixed-app",
        title="an app that follows the bench's rule: data first, 80 to 06 is no password",
        radio=_RADIO,
        reception=CAREFUL,
        steps=(_INFO, _CELLS, _PAIR, _PAIR_TYPED, _ENTER, _REGISTER, _LEAVE, _CLEAR),
        choices=(_FREE, _GO_ON, _ASK, _NO_SERVICE),
        play=play,
    )
