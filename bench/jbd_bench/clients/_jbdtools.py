"""The vendor's desktop JBDTools V2.9 of 2021, as measured by running it.

It never sends 06 by itself. Its password page does, and then retries with frames built from
memory that is no longer valid: the first is right, the second and third are damaged, yet carry
valid checksums. A board must not take any of them for a match.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import Evidence, Grade, Response, WriteRequest

from ._frames import (
    CLR,
    FE,
    FX,
    JBDTOOLS_CAPACITY,
    JBDTOOLS_ORDER,
    JBDTOOLS_TAIL,
    R03,
    R04,
    R05,
    pairing,
    reading,
    seen,
)
from ._model import Choice, ClientModel, Step, User
from ._reception import JBDTOOLS
from ._session import Session

_MEASURED: Final = Evidence(Grade.CAPTURED, "CLIENT-TRAFFIC.md 1 to 3, JBDTools V2.9")
_GAP_S: Final = 0.05
_POLL_S: Final = 1.0
_ACK_BYTES: Final = 7
_WORD_BYTES: Final = 9
_DAMAGED_06: Final = (WriteRequest(0x06).to_wire(), WriteRequest(0x06, b"\0").to_wire())
_DAMAGED_09: Final = (WriteRequest(0x09).to_wire(), WriteRequest(0x09).to_wire())
"""Of the damaged retries seen, those that can be written down; others carry stack memory."""


def _poll(name: str, wire: bytes) -> Step:
    # Refused: again after 20 ms. Silent: 2.05 s from try to try.
    return Step(name=name, wire=wire, evidence=_MEASURED, timeout_s=2.03, tries=3, retry_gap_s=0.02)


_INFO = _poll("basic info", R03)
_CELLS = _poll("cells", R04)
_NAME = _poll("board name", R05)
_ENTER = Step(
    name="factory mode on", wire=FE, evidence=_MEASURED, timeout_s=0.5, tries=3,
    retry_gap_s=0.017, size=_ACK_BYTES,
)  # fmt: skip
# An error answer is two bytes short of what it waits for, so each try takes its full time.
_REGISTER = Step(name="register", evidence=_MEASURED, timeout_s=1.05, tries=3, size=_WORD_BYTES)
_BLOCK = Step(name="text or counters", evidence=_MEASURED, timeout_s=1.05, tries=3)
_LEAVE = Step(
    name="factory mode off", wire=FX, evidence=_MEASURED, timeout_s=0.5, tries=3,
    retry_gap_s=0.017, size=_ACK_BYTES,
)  # fmt: skip
_PAIR = Step(
    name="pair, on click", evidence=_MEASURED, timeout_s=2.03, tries=3, retry_gap_s=0.017,
    retries=_DAMAGED_06, size=_ACK_BYTES,
)  # fmt: skip
_CLEAR = Step(
    name="clear the PIN, on click", wire=CLR, evidence=_MEASURED, timeout_s=2.03, tries=3,
    retry_gap_s=0.017, retries=_DAMAGED_09, size=_ACK_BYTES,
)  # fmt: skip
_REFUSED = Choice("a refused factory mode ends the reading; no 06 follows", _MEASURED)
_PROBE = Choice("43 to 47 are read where 42 answers", _MEASURED)


def accepts(response: Response) -> bool:
    """Return whether JBDTools takes an answer for success: bit 7 of the status, nothing else."""
    return not response.status & 0x80


def _good(answer: Response | None) -> bool:
    return answer is not None and accepts(answer)


class _JbdTools:
    """One run of the program."""

    def __init__(self, session: Session, user: User, *, pairs: bool) -> None:
        self.session, self.person, self.pairs = session, user, pairs

    def play(self) -> None:
        self.session.pause(0.1)
        for _ in range(self.person.polls):
            began_s = self.session.now_s
            self._poll()
            self.session.pause_until(began_s + _POLL_S)
        if self.person.clears_pin:
            self._clear()
        if self.pairs:
            self._pair()
        if self.person.opens_parameters:
            self._parameters()

    def _poll(self) -> None:
        for step in (_INFO, _CELLS, _NAME):
            answer = self.session.request(step, accept=accepts)
            if step is _INFO and _good(answer) and (info := seen(answer)) is not None:
                self.session.version = info.version
                self.session.show_data()
            self.session.pause(_GAP_S)

    def _clear(self) -> None:
        self.session.user("clicks: clear password")
        if _good(self.session.request(_CLEAR, accept=accepts)):
            self.session.show("box: password cleared")
        else:
            self.session.show("box: clearing the password failed, please retry")

    def _pair(self) -> None:
        for pin in self.person.pins:
            self.session.pause(self.person.typing_s)
            self.session.user(f"types the PIN {pin} and clicks")
            if _good(self.session.request(_PAIR, wire=pairing(pin), accept=accepts)):
                self.session.show("box: password right")
                return
            self.session.show("box: wrong password")

    def _parameters(self) -> None:
        self.session.user("clicks: read parameters")
        entered = _good(self.session.request(_ENTER, accept=accepts))
        good = self._read_all() if entered else 0
        if good:
            self.session.show_parameters()
        elif not entered:
            self.session.decide(_REFUSED)
        left = _good(self.session.request(_LEAVE, accept=accepts))
        if not entered or not left:
            self.session.show("data, but: Error reading parameter")
        elif good:
            self.session.show("")

    def _read_all(self) -> int:
        good = sum(self._word(register) for register in JBDTOOLS_ORDER)
        self.session.decide(_PROBE)
        if self._word(0x42):
            good += sum(self._word(register) for register in JBDTOOLS_CAPACITY)
        for register in JBDTOOLS_TAIL:
            self.session.request(_BLOCK, wire=reading(register), accept=accepts)
        return good

    def _word(self, register: int) -> bool:
        answer = self.session.request(_REGISTER, wire=reading(register), accept=accepts)
        return _good(answer)


def jbdtools_2021(*, pairs: bool = False) -> ClientModel:
    """Return the vendor's desktop program.

    Args:
        pairs: the user types PINs on its password page before reading parameters.
    """

    def play(session: Session, user: User) -> None:
        _JbdTools(session, user, pairs=pairs).play()

    return ClientModel(
        id="jbdtools-2021",
        title="JBDTools V2.9-20210524, desktop: no 06 unless clicked",
        radio=None,
        reception=JBDTOOLS,
        steps=(
            _INFO, _CELLS, _NAME, _CLEAR, _PAIR, _ENTER, _REGISTER, _BLOCK, _LEAVE,
        ),
        choices=(_REFUSED, _PROBE),
        play=play,
    )  # fmt: skip
