"""FF AA: logins, what they open, what the module keeps."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from jbd_emulator import ConfigError, Unit, parse_unit
from jbd_emulator.module import GENERATIONS, BleModule, Timing
from jbd_protocol import ROOT_PASSWORD, ModuleFrame, ReadRequest, obfuscate, parse_module_frame

Linked = Callable[..., BleModule]

READ_04 = ReadRequest(0x04).to_wire()
KEY = b"000000"
ACCEPTED, REFUSED, NO_PASSWORD = b"\x00", b"\x01", b"\x02"
LOGIN_KEYS = ["telink-login", "fa00-login", "key-login"]
CAPTURED_KEYS = LOGIN_KEYS[:2]


class Central:
    """The far end, in the words of an app."""

    def __init__(self, module: BleModule) -> None:
        self.module = module
        self._clock = 10.0
        self._random = 0

    def ask(self, command: int, data: bytes = b"") -> bytes | None:
        """Return the data of the module's answer, None for silence."""
        wire = ModuleFrame(command, data).to_wire()
        pieces = self.send(wire[:20]) + (self.send(wire[20:]) if wire[20:] else [])
        if not pieces:
            return None
        frame = parse_module_frame(b"".join(pieces))
        assert frame.command == command
        return frame.data

    def send(self, wire: bytes) -> list[bytes]:
        self._clock += 0.01
        self.module.written(wire, self._clock)
        return self.module.take(self._clock)

    def draw(self) -> None:
        answer = self.ask(0x17)
        assert answer is not None
        (self._random,) = answer

    def log_in(self, command: int, password: bytes, *, draw: bool = True) -> bytes | None:
        if draw:
            self.draw()
        return self.ask(command, obfuscate(password, self.module.address, self._random))

    def reconnect(self) -> None:
        self.module.disconnected(self._clock)
        assert self.module.connected(self._clock)
        self.module.subscribed(self._clock)

    @property
    def board_answers(self) -> bool:
        return bool(self.send(READ_04))


@pytest.fixture
def central(linked: Linked) -> Central:
    return Central(linked("telink-login", "0x44", password="246810"))


@pytest.fixture
def root(central: Central) -> Central:
    assert central.log_in(0x18, b"246810") == ACCEPTED
    assert central.log_in(0x1D, ROOT_PASSWORD) == ACCEPTED
    return central


# -- the gate --------------------------------------------------------------------------------


def test_board_frames_are_met_with_silence_before_the_login(central: Central) -> None:
    heard: list[bytes] = []
    central.module.unit.tap = lambda now_s, direction, data: heard.append(data)

    assert not central.module.logged_in
    assert not central.board_answers
    assert heard == []


@pytest.mark.parametrize("key", CAPTURED_KEYS)
def test_the_user_password_opens_the_board(linked: Linked, key: str) -> None:
    central = Central(linked(key, "0x44", password="246810"))

    assert central.ask(0x15, KEY) == ACCEPTED
    assert not central.board_answers, "the app key alone opens nothing"
    assert central.log_in(0x18, b"246810") == ACCEPTED
    assert central.module.logged_in
    assert central.board_answers


def test_a_wrong_password_is_refused_and_the_link_stays(central: Central) -> None:
    assert central.log_in(0x18, b"000000") == REFUSED
    assert not central.board_answers
    assert central.log_in(0x18, b"246810") == ACCEPTED


def test_the_root_password_opens_the_board_by_itself(central: Central) -> None:
    assert central.log_in(0x1D, ROOT_PASSWORD) == ACCEPTED
    assert central.board_answers


def test_root_may_reuse_the_random_byte_of_the_user_login(central: Central) -> None:
    assert central.log_in(0x18, b"246810") == ACCEPTED
    assert central.log_in(0x1D, ROOT_PASSWORD, draw=False) == ACCEPTED


def test_the_login_ends_with_the_link(root: Central) -> None:
    root.reconnect()

    assert not root.module.logged_in
    assert not root.board_answers


def test_a_login_with_a_random_byte_of_the_link_before_is_refused(central: Central) -> None:
    central.draw()
    central.reconnect()

    assert central.log_in(0x18, b"246810", draw=False) == REFUSED


def test_a_login_with_an_old_random_byte_is_refused(linked: Linked) -> None:
    central = Central(linked("telink-login", "0x44", password="246810"))
    central.draw()
    central.ask(0x17)

    assert central.log_in(0x18, b"246810", draw=False) == REFUSED


@pytest.mark.parametrize("data", [b"", b"2468", bytes(255)])
@pytest.mark.parametrize("command", [0x18, 0x1D])
def test_a_login_of_the_wrong_length_is_refused(
    central: Central, command: int, data: bytes
) -> None:
    central.draw()
    wire = ModuleFrame(command, data).to_wire()
    pieces = [piece for at in range(0, len(wire), 20) for piece in central.send(wire[at : at + 20])]

    assert [parse_module_frame(piece).data for piece in pieces] == [REFUSED]


def test_the_app_key_is_fixed_whatever_the_password(central: Central) -> None:
    assert central.ask(0x15, b"246810") == REFUSED
    assert central.ask(0x15, b"000000") == ACCEPTED
    assert central.ask(0x15, b"") == REFUSED


def test_where_no_password_is_set_the_app_is_told_and_the_board_is_open(linked: Linked) -> None:
    central = Central(linked("telink-login", "0x44", password=""))

    assert central.ask(0x15, KEY) == NO_PASSWORD
    assert central.log_in(0x18, b"246810") == NO_PASSWORD
    assert central.board_answers


def test_the_key_module_opens_with_its_users_secret(linked: Linked) -> None:
    central = Central(linked("key-login", "0x44", password="246810"))

    assert central.ask(0x15, b"000000") == REFUSED
    assert not central.board_answers
    assert central.ask(0x15, b"246810") == ACCEPTED
    assert central.board_answers


@pytest.mark.parametrize("command", sorted({0x15, 0x16, 0x17, 0x18, 0x1D, 0x22, 0x99}))
def test_modules_without_a_login_are_silent_on_its_commands(linked: Linked, command: int) -> None:
    assert Central(linked("telink")).ask(command, b"\x01") is None


def test_an_unknown_command_is_met_with_silence(root: Central) -> None:
    assert root.ask(0x99) is None


# -- passwords -------------------------------------------------------------------------------


def test_the_user_password_is_changed_in_clear(central: Central) -> None:
    central.log_in(0x18, b"246810")

    assert central.ask(0x16, b"123123") == ACCEPTED
    central.reconnect()
    assert central.log_in(0x18, b"246810") == REFUSED
    assert central.log_in(0x18, b"123123") == ACCEPTED


def test_the_user_password_is_not_changed_before_the_login(central: Central) -> None:
    assert central.ask(0x16, b"123123") == REFUSED
    assert central.log_in(0x18, b"246810") == ACCEPTED


@pytest.mark.parametrize("command", [0x16, 0x19])
@pytest.mark.parametrize("data", [b"", b"12312", b"1231231", b"\x01"])
def test_a_new_password_of_the_wrong_length_is_refused(
    root: Central, command: int, data: bytes
) -> None:
    before = root.module.state()

    assert root.ask(command, data) == REFUSED
    assert root.module.state() == before | {"random": root.module.state()["random"]}


def test_who_sets_the_first_password_is_not_locked_out(linked: Linked) -> None:
    central = Central(linked("telink-login", "0x44", password=""))

    assert central.ask(0x16, b"123123") == ACCEPTED
    assert central.board_answers
    central.reconnect()
    assert not central.board_answers


def test_the_second_password_is_set_by_root_and_opens_the_second_level(root: Central) -> None:
    assert root.log_in(0x1B, b"ABCDEF") == NO_PASSWORD
    assert root.ask(0x19, b"ABCDEF") == ACCEPTED
    root.reconnect()
    assert root.ask(0x19, b"GHIJKL") == REFUSED
    assert root.log_in(0x1B, b"GHIJKL") == REFUSED
    assert root.log_in(0x1B, b"ABCDEF") == ACCEPTED
    assert root.ask(0x19, b"GHIJKL") == ACCEPTED


def test_the_user_login_does_not_reach_what_is_roots(central: Central) -> None:
    central.log_in(0x18, b"246810")

    for command in (0x19, 0x1E, 0x1F, 0x20, 0x22, 0x23):
        assert central.ask(command, b"\x01") == REFUSED, f"0x{command:02X}"


def test_root_clears_the_user_password(root: Central) -> None:
    assert root.ask(0x22, b"\x02") == REFUSED
    assert root.ask(0x22, b"\x01") == ACCEPTED
    root.reconnect()
    assert root.ask(0x15, KEY) == NO_PASSWORD
    assert root.board_answers


def test_root_clears_the_second_password(root: Central) -> None:
    root.ask(0x19, b"ABCDEF")

    assert root.send(bytes.fromhex("ffaa23010125")) == [bytes.fromhex("ffaa23010024")]
    assert root.log_in(0x1B, b"ABCDEF") == NO_PASSWORD
    assert root.ask(0x23, b"") == REFUSED


@pytest.mark.parametrize("command", [0x1E, 0x1F, 0x20])
def test_a_restore_is_acknowledged_and_changes_nothing(root: Central, command: int) -> None:
    before = root.module.state()

    assert root.ask(command, b"\x01") == ACCEPTED
    assert root.module.state() == before


def test_the_modules_password_is_not_the_boards_pin(linked: Linked) -> None:
    central = Central(linked("telink-login", "0x44?pin=482915", password="246810"))
    central.log_in(0x18, b"246810")

    assert central.send(bytes.fromhex("dd5a00025678ff3077")) == [bytes.fromhex("dd008100ff7f77")]
    central.send(bytes.fromhex("dd5a0907064a3142324434fe8377"))
    assert not central.module.unit.device.pin_is_set
    central.reconnect()
    assert not central.board_answers, "clearing the PIN does not clear the module's password"


# -- the name --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["older", "telink", "fff0"])
def test_a_module_without_a_login_is_renamed_as_captured(linked: Linked, key: str) -> None:
    module = linked(key)
    module.written(
        bytes.fromhex("ffaa070358595a15"),
        1.0,
        with_response=GENERATIONS[key].accepts(with_response=True),
    )

    assert module.take(1.0) == [bytes.fromhex("ffaa070007")]
    assert module.name == "XYZ"
    assert module.advertisement().name == "XYZ"
    assert module.read("2a00") == b"XYZ"


def test_renaming_wants_the_login_where_there_is_one(central: Central) -> None:
    assert central.ask(0x07, b"XYZ") is None
    central.log_in(0x18, b"246810")
    assert central.ask(0x07, b"XYZ") == b""


@pytest.mark.parametrize("length", [0, 30, 255])
def test_a_name_that_does_not_fit_is_met_with_silence(linked: Linked, length: int) -> None:
    module = linked()
    wire = ModuleFrame(0x07, b"x" * length).to_wire()
    for at in range(0, len(wire), 20):
        module.written(wire[at : at + 20], 1.0)

    assert module.take(1.0) == []


def test_a_name_longer_than_a_write_is_collected(linked: Linked) -> None:
    assert Central(linked()).ask(0x07, b"N" * 29) == b""


def test_a_name_of_any_bytes_is_kept_and_read_back(linked: Linked) -> None:
    module = linked()
    Central(module).ask(0x07, b"\xff" * 29)

    assert module.read("2a00") == b"\xff" * 29
    assert len(module.advertisement().scan_response()) == 31


# -- the passkey module --------------------------------------------------------------------------


def test_the_passkey_module_echoes_what_is_written_until_it_is_paired(linked: Linked) -> None:
    central = Central(linked("passkey"))
    key = bytes.fromhex("ffaa15063030303030303b")

    assert central.send(key) == [key]
    assert central.send(READ_04) == [READ_04]
    central.module.paired(1.0, with_passkey=False)
    assert central.send(READ_04) == [READ_04], "just works is not enough"
    assert not central.module.logged_in
    central.module.paired(1.0, with_passkey=True)
    assert [len(piece) for piece in central.send(READ_04)] == [15]
    assert central.send(key) == [], "and the FF AA login is gone"


def test_the_pairing_is_asked_for_on_every_link(linked: Linked) -> None:
    central = Central(linked("passkey"))
    central.module.paired(1.0, with_passkey=True)
    central.reconnect()

    assert central.send(READ_04) == [READ_04]


# -- what survives -------------------------------------------------------------------------------


def test_name_and_passwords_survive_and_the_login_does_not(root: Central) -> None:
    root.ask(0x07, "Zelle 1 \u00e4".encode())
    root.ask(0x16, b"123123")
    root.ask(0x19, b"ABCDEF")
    state = json.loads(json.dumps(root.module.state()))

    again = BleModule(
        Unit(parse_unit("0x44")),
        "telink-login",
        rng=random.Random(1),
        address=root.module.address_text,
        timing=Timing.IMMEDIATE,
        state=state,
    )
    assert again.name == "Zelle 1 \u00e4"
    assert again.state() == root.module.state()
    assert not again.logged_in
    again.connected(0.0)
    again.subscribed(0.0)
    again.take(0.0)
    central = Central(again)
    assert central.log_in(0x18, b"123123") == ACCEPTED
    assert central.log_in(0x1B, b"ABCDEF") == ACCEPTED


def test_every_change_that_must_survive_is_told_once(linked: Linked) -> None:
    told: list[int] = []
    module = linked("telink-login", "0x44", password="246810", on_change=lambda: told.append(1))
    central = Central(module)
    central.ask(0x15, KEY)
    central.log_in(0x18, b"246810")
    central.ask(0x16, b"12")
    assert told == []
    central.ask(0x16, b"123123")
    central.ask(0x07, b"XYZ")

    assert told == [1, 1]


DAMAGED: list[dict[str, Any]] = [
    {"name": 3}, {"name": "x" * 30}, {"name": "\u4e2d"}, {"password": "12345"}, {"password": 0},
    {"second_password": "1234567"}, {"random": 256}, {"random": True}, {"random": None},
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED, ids=str)
def test_a_damaged_state_is_refused_in_one_line_and_nothing_is_taken(
    root: Central, damage: dict[str, Any]
) -> None:
    before = root.module.state()
    with pytest.raises(ConfigError) as caught:
        root.module.restore(before | damage)

    assert next(iter(damage)) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert root.module.state() == before


@pytest.mark.parametrize("field", ["name", "password", "second_password", "random"])
def test_a_state_without_a_field_is_refused(root: Central, field: str) -> None:
    state = root.module.state()
    del state[field]

    with pytest.raises(ConfigError) as caught:
        root.module.restore(state)
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"password": "12345"}, "password"),
        ({"password": "\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d"}, "password"),
        ({"name": "x" * 30}, "name"),
        ({"address": "A4:C1:37"}, "address"),
        ({"address": "A4:C1:37:04:2D:XY"}, "address"),
        ({"address": "A4C137042DBE"}, "address"),
        ({"generation": "nrf"}, "nrf"),
    ],
)
def test_a_value_out_of_range_is_one_line_that_names_it(
    make: Linked, options: dict[str, str], word: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**options)

    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_seed_gives_the_same_address_and_random_bytes(linked: Linked) -> None:
    drawn = []
    for _ in range(2):
        module = linked("telink-login", address=None, rng=random.Random(42))
        central = Central(module)
        drawn.append((module.address, [central.ask(0x17) for _ in range(5)]))

    assert drawn[0] == drawn[1]
    assert len(set(drawn[0][1])) > 1
