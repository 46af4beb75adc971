"""Android Xiaoxiang, 3.1 generation: 3.1.1026, which locks itself out, and 3.1.1015, which not.

No binary and no capture that names 3.1.1026 was available. Its opening is that of three
recordings of 2022 with the same fingerprint (R04 before R03, 2.0 s, no module login); what it
makes of a refusal is the field's report; what it does while it is stuck is not known and is
a parameter, :class:`Loop`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from jbd_protocol import Evidence, Grade, Response

from ._frames import ANDROID_31_ORDER, FE, FX, P0, R03, R04, pairing, reading, seen
from ._model import Choice, ClientModel, Radio, Step, User
from ._reception import ANDROID_ENGINE
from ._session import Session

_CAPTURED: Final = Evidence(Grade.CAPTURED, "CLIENTS.md 2; ble-sp04s034-u-*-2022")
_SEED: Final = Evidence(Grade.REPORTED, "CLIENTS.md 2, row 5 (stated by the field)")
_QUEUE_GAP_S: Final = 0.05
"""From an answer to the next queued request: 30 to 80 ms in the captures of 2022."""
_P0_DELAY_S: Final = 0.14
"""From the R03 answer to P0: 130 to 150 ms in two captures, 940 ms in a third."""
_POLL_DELAY_S: Final = 0.25
"""From the 00 of 06 to the first poll: 240 to 270 ms in three captures."""
_POLL_S: Final = 1.0
OLDEST_WITH_PIN: Final = 0x17
"""The field says that 06 is sent on 0x17; 3.2.033 still carries an unused 0x20."""


class Loop(StrEnum):
    """What 3.1.1026 does while it is stuck; not known which."""

    A = "A"
    """It presents the PIN again by itself, every period, on the same connection."""
    B = "B"
    """It presents a PIN once for every PIN dialog the user answers."""
    C = "C"
    """It drops the connection, comes back and presents the blank PIN."""


_CELLS = Step(name="cells", wire=R04, evidence=_CAPTURED, timeout_s=2.0)
# 2.0 s looked at every 100 ms: seen again after 2.06 to 2.6 s.
_INFO = Step(
    name="basic info", wire=R03, evidence=_CAPTURED, timeout_s=2.0, tries=4, retry_gap_s=0.1
)
_POLL_INFO = Step(name="basic info", wire=R03, evidence=_CAPTURED, timeout_s=2.0)
_PAIR = Step(name="pair, blank PIN", wire=P0, evidence=_CAPTURED, timeout_s=2.0)
_PAIR_TYPED = Step(name="pair, typed PIN", evidence=_SEED, timeout_s=2.0)
_ENTER = Step(name="factory mode on", wire=FE, evidence=_CAPTURED, timeout_s=2.0)
_LEAVE = Step(name="factory mode off", wire=FX, evidence=_CAPTURED, timeout_s=2.0)
_REGISTER = Step(name="register", evidence=_CAPTURED, timeout_s=2.0)

_IDENTITY = Choice(
    "the app recorded in 2022, which nothing names, behaves as 3.1.1026",
    Evidence(Grade.ASSUMED, "CLIENTS.md 2: from the fingerprint of the opening"),
)
_BELOW_RULE = Choice(
    "below the version rule no 06 is sent",
    Evidence(Grade.ASSUMED, "CLIENTS.md 2: 3.2.033 carries the rule, its value in 1026 is unknown"),
)
_STUCK = Choice("nothing but a 00 to 06 leads on to live data", _SEED)
_SILENT_06 = Choice(
    "no answer to 06 is taken like a refusal",
    Evidence(Grade.ASSUMED, "CLIENTS.md 2, row 5d: from the queue engine"),
)
_MUTE = Choice("without basic info no 06 is sent", _CAPTURED)
_NO_06 = Choice(
    "the app has no 06 step",
    Evidence(Grade.ASSUMED, "CLIENTS.md 2: the simplest reading of what the field says"),
)
_NO_FACTORY = Choice(
    "a refused factory mode ends the page of settings",
    Evidence(Grade.ASSUMED, "CLIENTS.md 11, firmware 0x17, row 3.1.1015"),
)
_RADIO = Radio(
    write="write command, from the characteristic's property",
    mtu=None,
    piece=20,
    piece_gap_s=0.005,
    first_write_s=0.016,
    evidence=_CAPTURED,
)


class _Android31:
    """One run of the app."""

    def __init__(
        self, session: Session, user: User, *, pairs: bool, loop: Loop, rule: int, period_s: float
    ) -> None:
        self.session, self.person = session, user
        self.pairs, self.loop, self.rule, self.period_s = pairs, loop, rule, period_s
        self.pins: Iterator[str] = iter(user.pins)
        self.gives_up_s = 0.0

    def play(self) -> None:
        for connection in range(1 + self.person.returns):
            if connection:
                self.session.reconnect()
            self.session.decide(_IDENTITY)
            self.session.settle(_RADIO.first_write_s)
            if not self._open():
                return
            if self._let_in():
                self._look()
                return
            if self.loop is not Loop.C:
                return
        self.session.pause_until(self.gives_up_s)

    def _open(self) -> bool:
        self.session.request(_CELLS)
        self.session.pause(_QUEUE_GAP_S)
        info = seen(self.session.request(_INFO))
        if info is None:
            self.session.decide(_MUTE)
            self.session.show("no data: the board does not answer")
            self.session.pause(self.person.patience_s)
            return False
        self.session.version = info.version
        return True

    def _let_in(self) -> bool:
        """Return whether the app goes on to live data."""
        if not self.pairs:
            self.session.decide(_NO_06)
            return True
        if (self.session.version or 0) < self.rule:
            self.session.decide(_BELOW_RULE)
            return True
        self.session.pause(_P0_DELAY_S)
        if not self.gives_up_s:
            self.gives_up_s = self.session.now_s + self.person.patience_s
        if self._present(None):
            return True
        return {Loop.A: self._repeat, Loop.B: self._dialogs, Loop.C: self._one_dialog}[self.loop]()

    def _present(self, pin: str | None) -> bool:
        if pin is None:
            answer = self.session.request(_PAIR)
        else:
            answer = self.session.request(_PAIR_TYPED, wire=pairing(pin))
        if answer is not None and answer.status == 0:
            return True
        self.session.decide(_SILENT_06 if answer is None else _STUCK)
        self.session.show("no data: asks for a PIN and accepts none")
        return False

    def _type(self) -> str | None:
        """Return what the user types next, or None once there is nothing left to try."""
        pin = next(self.pins, None)
        if pin is not None:
            self.session.pause(self.person.typing_s)
            self.session.user(f"types the PIN {pin}")
        return pin

    def _repeat(self) -> bool:
        """Loop A: the app repeats by itself what was entered last."""
        pin: str | None = None
        while (due_s := self.session.now_s + self.period_s) <= self.gives_up_s:
            typed = next(self.pins, None)
            if typed is not None:
                self.session.user(f"types the PIN {typed}")
                pin = typed
            self.session.pause_until(due_s)
            if self._present(pin):
                return True
        self.session.pause_until(self.gives_up_s)
        return False

    def _dialogs(self) -> bool:
        """Loop B: one 06 for every dialog the user answers."""
        while (pin := self._type()) is not None:
            if self._present(pin):
                return True
        self.session.pause_until(self.gives_up_s)
        return False

    def _one_dialog(self) -> bool:
        """Loop C: one dialog, then the connection is dropped."""
        pin = self._type()
        return pin is not None and self._present(pin)

    def _look(self) -> None:
        self.session.pause(_POLL_DELAY_S if self.pairs else _QUEUE_GAP_S)
        for _ in range(self.person.polls):
            began_s = self.session.now_s
            self._poll(_CELLS, _POLL_INFO)
            self.session.pause_until(began_s + _POLL_S)
        if self.person.opens_parameters:
            self._parameters()

    def _poll(self, *steps: Step) -> None:
        for number, step in enumerate(steps):
            if number:
                self.session.pause(_QUEUE_GAP_S)
            answer = self.session.request(step)
            if step is _POLL_INFO and seen(answer) is not None:
                self.session.show_data()

    def _parameters(self) -> None:
        self.session.user("opens the parameters")
        if not _ok(self.session.request(_ENTER)):
            self.session.decide(_NO_FACTORY)
            self.session.show("data, but the parameters fail")
        else:
            if self._read_all():
                self.session.show_parameters()
            self.session.pause(_QUEUE_GAP_S)
            self.session.request(_LEAVE)
        self.session.pause(_QUEUE_GAP_S)
        self._poll(_POLL_INFO, _CELLS)
        self.session.user("leaves the parameters")
        self.session.request(_LEAVE)

    def _read_all(self) -> int:
        """Read the page; return how many registers were answered. Live data goes on."""
        polled_s, good = self.session.now_s, 0
        for register in ANDROID_31_ORDER:
            self.session.pause(_QUEUE_GAP_S)
            if self.session.now_s >= polled_s + _POLL_S:
                polled_s = self.session.now_s
                self._poll(_POLL_INFO, _CELLS)
                self.session.pause(_QUEUE_GAP_S)
            answer = self.session.request(_REGISTER, wire=reading(register))
            good += _ok(answer)
        return good


def _ok(answer: Response | None) -> bool:
    return answer is not None and answer.status == 0


_STEPS = (_CELLS, _INFO, _PAIR, _PAIR_TYPED, _POLL_INFO, _ENTER, _REGISTER, _LEAVE)


def android_3_1_1026(
    *, loop: Loop = Loop.A, version_rule: int = OLDEST_WITH_PIN, period_s: float = 2.0
) -> ClientModel:
    """Return the app that takes "no such command" for "wrong PIN".

    Args:
        loop: what it does while it is stuck.
        version_rule: firmware below this version byte gets no 06; 0x17, or 0x20.
        period_s: of the automatic repeat, loop A, in seconds.
    """

    def play(session: Session, user: User) -> None:
        _Android31(
            session, user, pairs=True, loop=loop, rule=version_rule, period_s=period_s
        ).play()

    return ClientModel(
        id="android-3.1.1026",
        title="Xiaoxiang for Android 3.1.1026: shows nothing until 06 is answered 00",
        radio=_RADIO,
        reception=ANDROID_ENGINE,
        steps=_STEPS,
        choices=(_IDENTITY, _BELOW_RULE, _STUCK, _SILENT_06, _MUTE, _NO_FACTORY),
        play=play,
    )


def android_3_1_1015() -> ClientModel:
    """Return the older app, which knows no PIN and so never stumbles over one."""

    def play(session: Session, user: User) -> None:
        _Android31(
            session, user, pairs=False, loop=Loop.B, rule=OLDEST_WITH_PIN, period_s=2.0
        ).play()

    return ClientModel(
        id="android-3.1.1015",
        title="Xiaoxiang for Android 3.1.1015: no PIN step at all",
        radio=_RADIO,
        reception=ANDROID_ENGINE,
        steps=tuple(step for step in _STEPS if step not in (_PAIR, _PAIR_TYPED)),
        choices=(_IDENTITY, _NO_06, _MUTE, _NO_FACTORY),
        play=play,
    )
