"""A board on jumping time whose cable can be pulled and whose place another board can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jbd_bench import BmsClient, Clock, LinkError
from jbd_bench._leave import parse_leaves
from jbd_bench.safety import GuardedBoard, GuardedLink, SafetyOptions
from jbd_bench.transports import parse_target
from jbd_bench.transports._embedded import EmbeddedLink
from jbd_emulator import Unit, parse_unit
from jbd_protocol import RequestDecoder, WriteRequest

ALL = "all"


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing of the run is called any more."""


class PlugClock:
    """The time at the plug, which goes on when another board is put there."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.ahead_s = clock, 0.0

    def now_s(self) -> float:
        return self.ahead_s + self.clock.now_s()

    def sleep_until(self, when_s: float) -> None:
        self.clock.sleep_until(when_s - self.ahead_s)

    def follow(self, clock: Clock) -> None:
        self.ahead_s, self.clock = self.now_s() - clock.now_s(), clock


class Plug:
    """The cable to a unit.

    Attributes:
        away: how many times it still fails to be plugged in again.
        deaf_until_s: until when nothing gets through, though the adapter is there.
        writes_left: frames that still reach the board before the bench is killed.
        before: whether it is killed before its last frame has left, or behind it.
    """

    def __init__(self, unit: Unit, name: str) -> None:
        self.name = name
        self._link = EmbeddedLink(unit, name)
        self._clock = PlugClock(self._link.clock)
        self.clock: Clock = self._clock
        self.away = 0
        self.deaf_until_s = 0.0
        self.unplugged = False
        self.writes_left: int | None = None

    def write(self, data: bytes) -> None:
        self._check()
        if self.writes_left is not None and data[:2] == b"\xdd\x5a":
            self.writes_left -= 1
            if self.writes_left < 0:
                raise Killed
        if self.clock.now_s() >= self.deaf_until_s:
            self._link.write(data)

    def read(self, until_s: float) -> bytes:
        self._check()
        return self._link.read(until_s - self._clock.ahead_s)

    def reconnect(self) -> None:
        if self.unplugged:
            self.away -= 1
            if self.away >= 0:
                raise LinkError("no such port")
            self.unplugged = False
        self._link.reconnect()

    def close(self) -> None:
        """The cable stays where it is."""

    def pull(self) -> None:
        """Pull it for good."""
        self._link.close()

    def swap(self, unit: Unit) -> None:
        """Put another board behind the port."""
        self._link.close()
        self._link = EmbeddedLink(unit, self.name)
        self._clock.follow(self._link.clock)

    def _check(self) -> None:
        if self.unplugged:
            raise LinkError(f"{self.name}: the link is gone: no such port")


class Rig:
    """One board, and runs on it one after the other.

    Attributes:
        unit: the emulated unit.
        plug: the cable to it.
        said: what the guard said.
        folder: where the journals lie.
    """

    def __init__(self, folder: Path, unit: str = "0x20?board=4s", target: str = "") -> None:
        self.folder = folder / "journals"
        self.target = parse_target(f"serial:{folder / 'port'}{target}")
        self.said: list[str] = []
        self._boards: list[GuardedBoard] = []
        self.unit = self._tapped(Unit(parse_unit(unit)))
        self.heard = b""
        self.plug = Plug(self.unit, self.target.text)
        self.options = SafetyOptions(
            folder=self.folder, replug_s=5.0, say=self.said.append, open_link=lambda _: self.plug
        )

    def board(self, allow: str = ALL, **options: Any) -> GuardedBoard:  # Any: fields of a dataclass
        """Return the guard of a new run."""
        board = GuardedBoard(self.target, parse_leaves(allow), replace(self.options, **options))
        self._boards.append(board)
        return board

    def close(self) -> None:
        """Let go of everything."""
        self.plug.writes_left = None
        for board in self._boards:
            self.kill(board)
        self.plug.pull()

    def test(
        self, board: GuardedBoard, body: Callable[[BmsClient], object], name: str = "a test"
    ) -> None:
        """Play a test, as the plugin does."""
        link = self.begin(board, name)
        try:
            body(BmsClient(link))
        except Killed:
            raise
        except Exception:
            board.end_test(link)
            raise
        board.end_test(link)

    def begin(self, board: GuardedBoard, name: str = "a test") -> GuardedLink:
        link = board.link()
        board.begin_test(name, link, writes=True)
        return link

    def kill(self, board: GuardedBoard) -> None:
        """Let a run end as SIGKILL ends it: nothing is called, the kernel drops its locks."""
        if board.journal is not None:
            board.journal.close()
        from jbd_bench.transports import release

        release(board.name)

    def swap(self, unit: str) -> Unit:
        """Put another board on the port."""
        other = self._tapped(Unit(parse_unit(unit)))
        self.plug.swap(other)
        return other

    def writes(self) -> list[WriteRequest]:
        """Return the writes that the board heard."""
        decoder = RequestDecoder()
        events = [*decoder.receive(self.heard), *decoder.flush()]
        return [event for event in events if isinstance(event, WriteRequest)]

    def state(self) -> dict[str, object]:
        """Return all of the board that a run must leave as it found it."""
        device = self.unit.device
        return {
            "live": {a: device.settings[a] for a in device.board.settings},
            "eeprom": device.settings.eeprom(),
            "mode": device.mode,
            "fet lock": device.monitor.fet_lock,
            "balance test": device.monitor.bleed_override,
            "pin": device.pin.stored,
            "factory code": device.factory_code,
        }

    def _tapped(self, unit: Unit) -> Unit:
        def tap(_: float, direction: str, data: bytes) -> None:
            if direction == "rx":
                self.heard += data

        unit.tap = tap
        return unit


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*args: str) -> Rig:
        made.append(Rig(tmp_path, *args))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()
