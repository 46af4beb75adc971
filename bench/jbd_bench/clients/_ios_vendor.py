"""The vendor's own iOS app (XiaoXiangElectric): logs in at the module, then live data.

One capture of 2024 on firmware 0x44 shows it, four connections long: two wrong passwords, the
right one, a change of it. It holds no page of settings, no PIN and no clear word.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    ROOT_PASSWORD,
    Evidence,
    Grade,
    ModuleCommand,
    ModuleFrame,
    ModuleStatus,
    ReadRequest,
    obfuscate,
    read_parameters,
)

from ._frames import K15, K17, R03, R04, seen
from ._model import Choice, ClientModel, Radio, Step, User
from ._reception import CAREFUL
from ._session import Session

_CAPTURED: Final = Evidence(Grade.CAPTURED, "CLIENTS.md 4b; ble-sp04s034-ffaa-ios-2024")
_FIRST_DATA_S: Final = 0.02
"""From the answer to 1D to the first R03: 7 and 42 ms."""
_SECOND_ROUND_S: Final = 1.0
"""From the first R03 to the next: 1.03 s twice."""
_QUEUE_GAP_S: Final = 0.015
"""From an answer to the next request: 9 to 23 ms."""
_POLL_S: Final = 1.8
"""From round to round: 1.6 to 2.1 s."""

_APP_KEY = Step(name="module: app key", wire=K15, evidence=_CAPTURED, timeout_s=3.0)
_RANDOM = Step(name="module: random byte", wire=K17, evidence=_CAPTURED, timeout_s=3.0)
_LOGIN = Step(name="module: first password", evidence=_CAPTURED, timeout_s=3.0)
_ROOT = Step(name="module: root password", evidence=_CAPTURED, timeout_s=3.0)
_INFO = Step(name="basic info", wire=R03, evidence=_CAPTURED)
_CELLS = Step(name="cells", wire=R04, evidence=_CAPTURED)
_RATED = Step(
    name="rated values",
    wire=ReadRequest(0xFA, read_parameters(0x75, 4)).to_wire(),
    evidence=_CAPTURED,
    timeout_s=3.0,
)

_OLD_MODULE = Choice(
    "a module that does not answer needs no login",
    Evidence(Grade.ASSUMED, "as the vendor's Android app; captured on login modules alone"),
)
_WRONG = Choice("a refused password ends the connection", _CAPTURED)
_NO_PAGE = Choice(
    "no page of settings is opened",
    Evidence(Grade.ASSUMED, "CLIENTS.md 4b: the capture holds none; there may be one"),
)
_RADIO = Radio(
    write="from the characteristic's property",
    mtu=185,
    piece=20,
    piece_gap_s=0.0,
    first_write_s=0.5,
    evidence=_CAPTURED,
)


class _IosVendor:
    """One run of the app."""

    def __init__(self, session: Session, user: User) -> None:
        self.session, self.person = session, user

    def play(self) -> None:
        self.session.settle(_RADIO.first_write_s)
        if not self._log_in():
            return
        self.session.pause(_FIRST_DATA_S)
        began_s = self.session.now_s
        self._info()
        self.session.pause_until(began_s + _SECOND_ROUND_S)
        self._round()
        self.session.request(_RATED)
        for _ in range(self.person.polls - 1):
            began_s = self.session.now_s
            self._round()
            self.session.pause_until(began_s + _POLL_S)
        if self.person.opens_parameters:
            self.session.decide(_NO_PAGE)

    def _log_in(self) -> bool:
        """Return whether the app goes on to live data."""
        answer = self.session.module_request(_APP_KEY)
        if answer is None:
            self.session.decide(_OLD_MODULE)
            return True
        if answer.data == bytes((ModuleStatus.NO_PASSWORD,)):
            return True
        random = self.session.module_request(_RANDOM)
        password, address = self.person.module_password, self.session.address
        if random is None or len(random.data) != 1 or password is None or address is None:
            self.session.show("no data: asks for the module's password")
            return False
        return self._present(password.encode("ascii", "replace"), address, random.data[0])

    def _present(self, password: bytes, address: bytes, random: int) -> bool:
        hidden = obfuscate(password, address, random)
        answer = self.session.module_request(
            _LOGIN, wire=ModuleFrame(ModuleCommand.LOGIN, hidden).to_wire()
        )
        if answer is None or answer.data != bytes((ModuleStatus.ACCEPTED,)):
            self.session.decide(_WRONG)
            self.session.show("no data: wrong password, disconnected")
            return False
        hidden = obfuscate(ROOT_PASSWORD, address, random)
        self.session.module_request(
            _ROOT, wire=ModuleFrame(ModuleCommand.ROOT_LOGIN, hidden).to_wire()
        )
        return True

    def _round(self) -> None:
        self._info()
        self.session.pause(_QUEUE_GAP_S)
        self.session.request(_CELLS)
        self.session.pause(_QUEUE_GAP_S)

    def _info(self) -> None:
        info = seen(self.session.request(_INFO))
        if info is not None:
            self.session.version = info.version
            self.session.show_data()


def ios_vendor() -> ClientModel:
    """Return the app of the capture of 2024."""

    def play(session: Session, user: User) -> None:
        _IosVendor(session, user).play()

    return ClientModel(
        id="ios-vendor",
        title="the vendor's iOS app, 2024: logs in at the module, no PIN, no settings seen",
        radio=_RADIO,
        reception=CAREFUL,
        steps=(_APP_KEY, _RANDOM, _LOGIN, _ROOT, _INFO, _CELLS, _RATED),
        choices=(_OLD_MODULE, _WRONG, _NO_PAGE),
        play=play,
    )
