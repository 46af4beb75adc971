"""Android Xiaoxiang 3.2.x: logs in at the Bluetooth module, never sends 06, clears every PIN.

It cannot meet the conflict of firmware 2.1. What it does instead is worse in another way: the
clear word goes out on every entry to the main page, so an owner's PIN is gone without a word.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    Evidence,
    Grade,
    ModuleCommand,
    ModuleFrame,
    ModuleStatus,
    ReadRequest,
    obfuscate,
    read_parameters,
)

from ._frames import (
    ANDROID_32_ORDER,
    CHIP,
    CLR,
    FE,
    FX,
    K15,
    K17,
    R03,
    R04,
    reading,
    seen,
)
from ._model import Choice, ClientModel, Radio, Step, User
from ._reception import ANDROID_ENGINE
from ._session import Session, succeeded

_CAPTURED: Final = Evidence(Grade.CAPTURED, "CLIENTS.md 3; ble-sp04s034-v13-ffaa-android-2025")
_APP: Final = Evidence(Grade.REPORTED, "CLIENTS.md 3 (app analysis of 3.2.033)")
_QUEUE_GAP_S: Final = 0.05
_POLL_S: Final = 2.0
_FIRST_POLL_S: Final = 0.3
"""From the clear word to the first poll: 280 ms in the capture of 2025."""
_CHIP_ADDRESSES: Final = bytes.fromhex("A5 C2 37")

_APP_KEY = Step(name="module: app key", wire=K15, evidence=_CAPTURED, timeout_s=3.0)
_RANDOM = Step(name="module: random byte", wire=K17, evidence=_CAPTURED, timeout_s=3.0)
_LOGIN = Step(name="module: first password", evidence=_CAPTURED, timeout_s=3.0)
_CLEAR = Step(name="clear the PIN, unasked", wire=CLR, evidence=_CAPTURED)
_INFO = Step(name="basic info", wire=R03, evidence=_CAPTURED)
_CELLS = Step(name="cells", wire=R04, evidence=_CAPTURED)
_CHIP = Step(name="chip type", wire=CHIP, evidence=_CAPTURED)
_ENTER = Step(name="factory mode on", wire=FE, evidence=_APP)
_REGISTER = Step(name="register", evidence=_APP)
_NEW_PAGE = Step(name="parameter block", evidence=_APP)
_LEAVE = Step(name="factory mode off", wire=FX, evidence=_CAPTURED)
_NEW_READS: Final = tuple(
    ReadRequest(0xFA, read_parameters(first, count)).to_wire()
    for first, count in ((16, 8), (48, 4), (2, 1))
)

_OLD_MODULE = Choice("a module that does not answer is an old one and needs no login", _APP)
_SILENT_CLEAR = Choice("the clear word goes out on every entry to the main page", _APP)
_OLD_PAGES = Choice("the parameter pages are the old ones, forced in this build", _APP)
_BY_LENGTH = Choice("basic info longer than 27 + 2 per NTC means the new parameter pages", _APP)
_RADIO = Radio(
    write="from the characteristic's property",
    mtu=None,
    piece=20,
    piece_gap_s=0.005,
    first_write_s=0.5,
    evidence=_CAPTURED,
)


class _Android32:
    """One run of the app."""

    def __init__(self, session: Session, user: User, *, by_length: bool) -> None:
        self.session, self.person, self.by_length = session, user, by_length
        self.new_pages = False

    def play(self) -> None:
        self.session.settle(_RADIO.first_write_s)
        if not self._log_in():
            return
        self._enter_main_page()
        for number in range(self.person.polls):
            began_s = self.session.now_s
            self._poll(first=number == 0)
            self.session.pause_until(began_s + _POLL_S)
        if self.person.opens_parameters:
            self._parameters()

    def _log_in(self) -> bool:
        """Return whether the module lets the app through."""
        answer = self.session.module_request(_APP_KEY)
        if answer is None:
            self.session.decide(_OLD_MODULE)
            return True
        status = answer.data[:1]
        if status == bytes((ModuleStatus.NO_PASSWORD,)):
            return True
        if status != bytes((ModuleStatus.ACCEPTED,)):
            self.session.show("no data: APPKEY, disconnected")
            return False
        return self._present_password()

    def _present_password(self) -> bool:
        random = self.session.module_request(_RANDOM)
        password, address = self.person.module_password, self.session.address
        if random is None or len(random.data) != 1 or password is None or address is None:
            self.session.show("no data: asks for the module's password")
            return False
        hidden = obfuscate(password.encode("ascii", "replace"), address, random.data[0])
        answer = self.session.module_request(
            _LOGIN, wire=ModuleFrame(ModuleCommand.LOGIN, hidden).to_wire()
        )
        if answer is not None and answer.data == bytes((ModuleStatus.REFUSED,)):
            self.session.show("no data: Password error, disconnected")
            return False
        return True

    def _enter_main_page(self) -> None:
        # Not queued: the app waits for no answer, and could take it for that of another request.
        self.session.decide(_SILENT_CLEAR)
        self.session.send(_CLEAR)
        self.session.pause(_FIRST_POLL_S)

    def _poll(self, *, first: bool) -> None:
        answer = self.session.request(_INFO)
        if (info := seen(answer)) is not None and answer is not None:
            self.session.version = info.version
            self.new_pages = len(answer.data) > 27 + 2 * len(info.ntc_dk)
            self.session.show_data()
            if first and (self.session.address or b"")[:3] == _CHIP_ADDRESSES:
                self.session.pause(_QUEUE_GAP_S)
                self.session.request(_CHIP)
        self.session.pause(_QUEUE_GAP_S)
        self.session.request(_CELLS)

    def _parameters(self) -> None:
        self.session.user("opens the parameters")
        self.session.decide(_BY_LENGTH if self.by_length else _OLD_PAGES)
        if self.by_length and self.new_pages:
            good = self._read_new()
        else:
            good = self._read_old()
        if not good:
            return
        self.session.show_parameters()
        cleared = self.session.heard(0x09)
        if cleared is not None and succeeded(cleared):
            # Nothing tells the user; the next PIN dialog of another client does.
            self.session.show("all data and parameters; any PIN is cleared unasked")

    def _read_new(self) -> int:
        good = 0
        for wire in _NEW_READS:
            answer = self.session.request(_NEW_PAGE, wire=wire)
            good += answer is not None and succeeded(answer)
            self.session.pause(_QUEUE_GAP_S)
        if not good:
            self.session.show("data, but the parameters stay empty")
        return good

    def _read_old(self) -> int:
        answer, good = self.session.request(_ENTER), 0
        if answer is None or not succeeded(answer):
            self.session.show("data, but: Setting failed")
            return 0
        for register in ANDROID_32_ORDER:
            self.session.pause(_QUEUE_GAP_S)
            answer = self.session.request(_REGISTER, wire=reading(register))
            good += answer is not None and succeeded(answer)
        self.session.pause(_QUEUE_GAP_S)
        self.session.request(_LEAVE)
        return good


def android_3_2(*, by_length: bool = False) -> ClientModel:
    """Return the app that never sends 06 and clears every PIN.

    Args:
        by_length: choose the parameter pages by the length of basic info, as the code does
            before the examined build forces the old ones.
    """

    def play(session: Session, user: User) -> None:
        _Android32(session, user, by_length=by_length).play()

    return ClientModel(
        id="android-3.2",
        title="Xiaoxiang for Android 3.2.x: no 06, clears the PIN by itself",
        radio=_RADIO,
        reception=ANDROID_ENGINE,
        steps=(
            _APP_KEY, _RANDOM, _LOGIN, _CLEAR, _INFO, _CHIP, _CELLS,
            _ENTER, _REGISTER, _NEW_PAGE, _LEAVE,
        ),
        choices=(_OLD_MODULE, _SILENT_CLEAR, _OLD_PAGES, _BY_LENGTH),
        play=play,
    )  # fmt: skip
