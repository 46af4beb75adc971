"""The module suite: it passes on every generation, and notices modules that do it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jbd_bench._suite_run import run_suites
from jbd_bench.records import Recorder
from jbd_emulator.module import _access, _generations, _module, _timing
from jbd_protocol import Evidence, Grade, reveal

if TYPE_CHECKING:
    from jbd_emulator.module import BleModule

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]
GENERATIONS = {
    "older": "0x25?module=older",
    "telink": "0x25?module=telink&paced=1",
    "telink-login": "0x44?module=telink-login&login=123456&paced=1",
    "fa00-login": "0x80?module=fa00-login&login=123123",
    "key-login": "0x25?module=key-login&password=555555&login=555555",
    "passkey": "0x25?module=passkey&passkey=123456",
    "clone": "0x25?board=16s&module=clone",
    "fff0": "0x25?module=fff0",
}


FILES = {
    "LINK": "links", "LOGIN": "login", "NAME": "names", "OPEN": "login", "PAIR": "pairing",
    "PIECE": "pieces", "SLEEP": "links", "TIME": "links", "WRITE": "writes",
}  # fmt: skip
"""Where the requirements of a group stand."""

WHOLE = [
    ("telink", ""), ("telink-login", ""), ("passkey", ""), ("clone", "PIECE"), ("fff0", "PIECE"),
    ("older", "WRITE"), ("fa00-login", "LOGIN"), ("key-login", "LOGIN"),
]  # fmt: skip
"""Every generation, each with what it is about; the first three with all of the suite."""


def judged(generation: str, group: str = "") -> Recorder:
    """Run the suite, or the file of one group of it, on a fresh unit of a generation."""
    suite = f"module/test_{FILES[group]}.py" if group else "module"
    recorder = Recorder()
    run_suites([f"emulator-ble:{GENERATIONS[generation]}"], [suite], recorder=recorder)
    assert not recorder.errors, recorder.errors
    return recorder


def failed(recorder: Recorder) -> set[str]:
    return {row["id"] for test in recorder.failed for row in test.requirements}


def passed(recorder: Recorder) -> set[str]:
    """The requirements that were shown by at least one test."""
    return {
        row["id"] for test in recorder.tests for row in test.requirements
        if test.outcome == "passed"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["telink", "telink-login"])
def test_without_leave_no_test_fails_for_want_of_it(generation: str) -> None:
    """What every board over Bluetooth is tested with, unless its owner says otherwise."""
    recorder = Recorder()
    target = f"emulator-ble:{GENERATIONS[generation]}"
    run_suites([target], ["module"], recorder=recorder, allow="none")
    assert not recorder.errors, recorder.errors
    assert failed(recorder) == set()
    assert "MOD-WRITE-01" in passed(recorder)


@pytest.mark.slow
def test_every_generation_passes_and_together_they_show_every_requirement() -> None:
    shown: set[str] = set()
    for generation, group in WHOLE:
        recorder = judged(generation, group)
        assert failed(recorder) == set(), generation
        shown |= passed(recorder)
    known = {
        "MOD-LINK": 4, "MOD-LOGIN": 11, "MOD-NAME": 3, "MOD-OPEN": 1, "MOD-PAIR": 3,
        "MOD-PIECE": 4, "MOD-SLEEP": 1, "MOD-TIME": 1, "MOD-WRITE": 7,
    }  # fmt: skip
    wanted = {f"{group}-{n:02}" for group, count in known.items() for n in range(1, count + 1)}
    assert shown == wanted


def fact(generation: str, **values: object) -> Break:
    """Return what makes a row of the generations say something else."""

    def patch(monkeypatch: Patch) -> None:
        row = _generations.GENERATIONS[generation]
        changed = {name: getattr(row, name)._replace(value=value) for name, value in values.items()}
        rows = {**_generations.GENERATIONS, generation: replace(row, **changed)}
        monkeypatch.setattr(_module, "GENERATIONS", rows)

    return patch


def method(owner: type, name: str, made: Callable[..., Any]) -> Break:
    """Return what replaces a method by ``made(original)``."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, made(getattr(owner, name)))


def command(number: int, **values: Any) -> Break:
    """Return what changes the row of one FF AA command."""

    def patch(monkeypatch: Patch) -> None:
        rows = dict(_access.COMMANDS)
        rows[number] = replace(rows[number], **values)
        monkeypatch.setattr(_access, "COMMANDS", rows)

    return patch


def always(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


def _keeps_queue(original: Callable[..., None]) -> Callable[..., None]:
    def disconnected(self: BleModule, now_s: float) -> None:
        kept = tuple(self._queue)
        original(self, now_s)
        self._queue.extend(kept)

    return disconnected


def _drops_what_follows(original: Callable[..., None]) -> Callable[..., None]:
    def sort(self: BleModule, data: bytes, now_s: float) -> None:
        original(self, data[: len(data) if data[:2] != b"\xff\xaa" else data[3] + 5], now_s)

    return sort


def _each_write_is_whole(original: Callable[..., None]) -> Callable[..., None]:
    def sort(self: BleModule, data: bytes, now_s: float) -> None:
        self._frame.clear()
        self._line.reset()
        original(self, data, now_s)

    return sort


def _passes_everything(original: Callable[..., None]) -> Callable[..., None]:
    def sort(self: BleModule, data: bytes, now_s: float) -> None:
        self._from_board(self._line.receive(data, now_s), now_s)

    return sort


def _wakes_the_board(original: Callable[..., None]) -> Callable[..., None]:
    def frame(self: BleModule, raw: bytes, now_s: float) -> None:
        self._line.receive(bytes.fromhex("dda50300fffd77"), now_s)
        original(self, raw, now_s)

    return frame


def _random_is_kept(original: Callable[..., int]) -> Callable[..., int]:
    # The first byte stays good for ever; the later ones are for show.
    def draw(self: _access.Access) -> int:
        before, fresh = self.random, self._fresh
        shown = original(self)
        if fresh:
            self.random = before
        return shown

    return draw


def _sum_is_not_looked_at(raw: bytes) -> object:
    from jbd_protocol import ModuleFrame

    return ModuleFrame(raw[2], raw[4:-1])


def _slow_pieces(monkeypatch: Patch) -> None:
    gap = _timing.PIECE_GAP_S._replace(value=0.06, evidence=Evidence(Grade.ASSUMED, "broken"))
    monkeypatch.setattr(_module, "PIECE_GAP_S", gap)


def _merged(original: Callable[..., None]) -> Callable[..., None]:
    def from_board(self: BleModule, run: bytes, now_s: float) -> None:
        if run and self._connected:
            self._send(run, now_s, 0.01)
            return
        original(self, run, now_s)

    return from_board


def _lets_in(access: _access.Access, data: bytes) -> bytes:
    access.level = _generations.Level.USER
    return b"\0"


def _any_name(access: _access.Access, data: bytes) -> bytes:
    access.name = data[:29] or b"?"
    return b""


BLE = _module.BleModule
ACCESS = _access.Access
FAULTS: dict[str, tuple[str, Break, str]] = {
    "pieces of 19": ("telink", fact("telink", piece=19), "MOD-PIECE-01"),
    "pieces of 18 leave one behind": ("telink", fact("telink", piece=10), "MOD-PIECE-02"),
    "a clone like the others": ("clone", fact("clone", piece=20), "MOD-PIECE-03"),
    "pieces that trickle": ("telink", _slow_pieces, "MOD-PIECE-04"),
    "answers run together": ("telink", method(BLE, "_from_board", _merged), "MOD-WRITE-01"),
    "each write stands alone": (
        "telink", method(BLE, "_sort", _each_write_is_whole), "MOD-WRITE-02"),
    "no more than a write": ("telink", method(BLE, "_sort", _each_write_is_whole), "MOD-WRITE-03"),
    "what follows a frame is lost": (
        "telink-login", method(BLE, "_sort", _drops_what_follows), "MOD-WRITE-04"),
    "FF AA is noise": ("telink", method(BLE, "_sort", _passes_everything), "MOD-WRITE-05"),
    "module frames must be whole": (
        "telink-login", method(BLE, "_sort", _each_write_is_whole), "MOD-WRITE-06"),
    "sums are not looked at": (
        "telink-login",
        lambda m: m.setattr(_module, "parse_module_frame", _sum_is_not_looked_at),
        "MOD-WRITE-07"),
    "open to everybody": (
        "telink-login", lambda m: m.setattr(ACCESS, "open", property(always(True))),
        "MOD-LOGIN-09"),
    "an error before the login": (
        "telink-login",
        method(BLE, "_sort", lambda original: lambda self, data, now_s: (
            self._send(bytes.fromhex("dd0381000000ff7f77")[:7], now_s, 0.01)
            if data[:1] == b"\xdd" and not self._access.open else original(self, data, now_s))),
        "MOD-LOGIN-01"),
    "two random bytes": (
        "telink-login", command(0x17, handler=always(b"\1\2")), "MOD-LOGIN-02"),
    "any key opens": ("key-login", command(0x15, handler=_lets_in), "MOD-LOGIN-03"),
    "no password is right": ("telink-login", command(0x18, handler=always(b"\1")), "MOD-LOGIN-04"),
    "every password is right": ("telink-login", command(0x18, handler=_lets_in), "MOD-LOGIN-05"),
    "no random byte is needed": (
        "telink-login",
        method(ACCESS, "shown", lambda _: lambda self, wire: reveal(
            wire, self._address, self.random)),
        "MOD-LOGIN-06"),
    "an old random byte is good": (
        "telink-login", method(ACCESS, "draw", _random_is_kept), "MOD-LOGIN-07"),
    "the login outlives the link": (
        "telink-login", method(ACCESS, "end_link", always), "MOD-LOGIN-08"),
    "the old password stays": (
        "telink-login", command(0x16, handler=always(b"\0")), "MOD-LOGIN-10"),
    "anybody changes the password": (
        "telink-login", command(0x16, needs=_generations.Level.NONE), "MOD-LOGIN-11"),
    "a frame of the module that is no use": (
        "telink", fact("telink", commands=frozenset({0x07, 0x15})), "MOD-WRITE-04"),
    "a module that holds back": (
        "telink", lambda m: m.setattr(ACCESS, "open", property(always(False))), "MOD-OPEN-01"),
    "the name is not kept": ("telink", command(0x07, handler=always(b"")), "MOD-NAME-01"),
    "a name of status": ("telink", command(0x07, handler=always(b"\0")), "MOD-NAME-01"),
    "a stranger gives names": (
        "telink-login", command(0x07, needs=_generations.Level.NONE), "MOD-NAME-03"),
    "an empty name is taken": ("telink", command(0x07, handler=_any_name), "MOD-NAME-02"),
    "no byte at link-up": ("telink", fact("telink", link_up_byte=False), "MOD-LINK-02"),
    "the next link gets the rest": (
        "telink", method(BLE, "disconnected", _keeps_queue), "MOD-LINK-03"),
    "slow to answer by itself": (
        "telink-login", fact("telink-login", ffaa_s=0.4), "MOD-TIME-01"),
    "the module wakes the board": (
        "telink", method(BLE, "_module_frame", _wakes_the_board), "MOD-SLEEP-01"),
    "silence where an echo is due": (
        "passkey", method(BLE, "_send", lambda original: lambda self, data, now_s, late: (
            original(self, data, now_s, late) if self._paired or data[:1] == b"\xdd" else None)),
        "MOD-PAIR-01"),
    "paired for ever": (
        "passkey", method(BLE, "paired", lambda _: lambda self, now_s, with_passkey: setattr(
            self, "_paired", False)), "MOD-PAIR-02"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("generation", "broken", "noticed"), FAULTS.values(), ids=FAULTS)
def test_a_module_that_does_it_otherwise_is_noticed(
    generation: str, broken: Break, noticed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert noticed in failed(judged(generation, noticed.split("-")[1]))
