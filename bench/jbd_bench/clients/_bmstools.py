"""BMS-Tools, desktop, Python: 1.1.4 without passwords, 1.2.0 with 06 before every factory mode.

1.2.0 takes "no such command" for a wrong password, so on firmware without 06 it monitors and
never reads a setting: the fault of Android 3.1.1026 in a client that can be read.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import Evidence, Grade, PinEncoding, Response

from ._frames import BMSTOOLS_ORDER, CLR, FE, FX, P0, R03, R04, R05, pairing, reading, seen
from ._model import Choice, ClientModel, Step, User
from ._reception import BMSTOOLS
from ._session import Session, succeeded

_MEASURED: Final = Evidence(Grade.CAPTURED, "CLIENT-TRAFFIC.md 1 to 3, bmstools 1.2.0 and clone")
_POLL_S: Final = 1.0
_NO_TALK: Final = "Unable to communicate with BMS"


def _once(name: str, wire: bytes = b"") -> Step:
    return Step(name=name, wire=wire, evidence=_MEASURED, timeout_s=1.0)


def _five(name: str, wire: bytes = b"") -> Step:
    return Step(name=name, wire=wire, evidence=_MEASURED, timeout_s=1.0, tries=5, retry_gap_s=0.3)


_INFO, _CELLS, _NAME = _once("basic info", R03), _once("cells", R04), _once("board name", R05)
_PAIR = _five("present the password", P0)
_ENTER = _five("factory mode on", FE)
_REGISTER = _once("register")
_LEAVE = _once("factory mode off", FX)
_CLEAR = Step(name="clear the PIN, on click", wire=CLR, evidence=_MEASURED, timeout_s=1.0, tries=5)
_BAD_PASSWORD = Choice("06 refused five times, 80 included: factory mode is not tried", _MEASURED)
_NO_06 = Choice(
    "1.1.4 has no password support", Evidence(Grade.REPORTED, "CLIENTS.md 6 (its source)")
)
_GOES_ON = Choice("a refused factory mode is ignored; the first register fails", _MEASURED)


def _good(answer: Response | None) -> bool:
    return answer is not None and succeeded(answer)


class _BmsTools:
    """One run of the program."""

    def __init__(self, session: Session, user: User, password: bytes | None) -> None:
        self.session, self.person, self.password = session, user, password

    def play(self) -> None:
        for _ in range(self.person.polls):
            began_s = self.session.now_s
            self._poll()
            self.session.pause_until(began_s + _POLL_S)
        if self.password is not None and self.person.clears_pin:
            self.session.user("clicks: reset password")
            # Five refusals, and it goes on as if all were well.
            self.session.request(_CLEAR)
        if self.person.opens_parameters:
            self._parameters()

    def _poll(self) -> None:
        for step in (_INFO, _CELLS, _NAME):
            answer = self.session.request(step)
            if not _good(answer):
                self.session.show(_NO_TALK)
                return
            if step is _INFO and (info := seen(answer)) is not None:
                self.session.version = info.version
                self.session.show_data()

    def _parameters(self) -> None:
        self.session.user("clicks: read EEPROM")
        if self.password is None:
            self.session.decide(_NO_06)
        elif not _good(self.session.request(_PAIR, wire=self.password)):
            self.session.pause(_PAIR.retry_gap_s)  # it sleeps after the last try, too
            self.session.decide(_BAD_PASSWORD)
            self.session.show("data, but: bad password")
            return
        if not _good(self.session.request(_ENTER)):
            self.session.pause(_ENTER.retry_gap_s)
            self.session.decide(_GOES_ON)
        if all(self._read(register) for register in BMSTOOLS_ORDER):
            self.session.show_parameters()
        else:
            self.session.show(f"data, but: {_NO_TALK}")
        self.session.request(_LEAVE)

    def _read(self, register: int) -> bool:
        return _good(self.session.request(_REGISTER, wire=reading(register)))


def bms_tools_1_1_4() -> ClientModel:
    """Return the release that knows no passwords."""

    def play(session: Session, user: User) -> None:
        _BmsTools(session, user, None).play()

    return ClientModel(
        id="bms-tools-1.1.4",
        title="BMS-Tools 1.1.4, desktop: no password support",
        radio=None,
        reception=BMSTOOLS,
        steps=(_INFO, _CELLS, _NAME, _ENTER, _REGISTER, _LEAVE),
        choices=(_NO_06, _GOES_ON),
        play=play,
    )


def bms_tools_1_2_0(*, password: str | None = None) -> ClientModel:
    """Return the release that presents a password before every factory mode.

    Args:
        password: six digits as its user typed them, sent as characters; None is its default,
            six zero bytes.
    """
    wire = P0 if password is None else pairing(password, PinEncoding.ASCII)

    def play(session: Session, user: User) -> None:
        _BmsTools(session, user, wire).play()

    return ClientModel(
        id="bms-tools-1.2.0",
        title="BMS-Tools 1.2.0, desktop: 06 before every factory mode",
        radio=None,
        reception=BMSTOOLS,
        steps=(_INFO, _CELLS, _NAME, _CLEAR, _PAIR, _ENTER, _REGISTER, _LEAVE),
        choices=(_BAD_PASSWORD, _GOES_ON),
        play=play,
    )
