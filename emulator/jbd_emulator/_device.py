"""The board in software: requests in, outcomes out, time and randomness handed in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    SETTINGS,
    BasicInfo,
    Fets,
    ReadRequest,
    Request,
    Response,
    Status,
    Tail,
    WriteRequest,
)

from . import _answers
from ._lab import Lab
from ._mode import Effect, Mode, Trigger, step
from ._password import PinGuard
from ._rules import ASLEEP, Outcome
from ._store import SettingsStore
from .board import Monitor
from .plant import Pack
from .profiles import BoardKit, FirmwareProfile, PairingEnds

if TYPE_CHECKING:
    from .scenario import Story

TICK_S: Final = 1.0
MOST_SPEED: Final = 10_000
"""How many times faster than its clock a pack may live; one core holds five of that."""
_ROUNDING: Final = 1e-6
"""Part of a tick that sums of floating numbers may be short of a whole one."""
SLEEP_AFTER_S: Final = 30.0
"""Silence after which a board that sleeps falls asleep. Captured: SP04S060, about 30 s."""
_KNOWN_TAIL: Final = 9
_NO_PROBE_DK: Final = 2431
"""What a missing NTC reads, -30.0 °C. Captured."""

Handler = Callable[["Device", bytes], Outcome]


class Device:
    """One board with its pack.

    Sans-I/O: :meth:`handle` takes a request and returns the answer, or silence, with the rule
    that explains it. A driver says what time it is with every call; nothing happens between.

    Args:
        firmware: what this version does.
        board: cells, probes, names and parameter set.
        rng: seeds the spread between cells; the same seed gives the same bytes.
        now_s: the time of power-on, in seconds.
        pin: six raw bytes of a stored PIN, None for none.
        saved: committed settings by address.
        pack: the plant; None makes a healthy one of the board's size.
        sleeps: whether the board falls asleep after 30 s of silence.
    Attributes:
        speed: how many times faster than the clock pack and board live.
    """

    __slots__ = (
        "_basic_info", "_heard_s", "_mode", "_reads", "_tick_s", "_ticked_s", "_writes", "board",
        "factory_code", "factory_stuck", "firmware", "lab", "monitor", "pack", "pin", "revision",
        "settings", "sleeps", "speed", "started_s", "story",
    )  # fmt: skip

    def __init__(
        self,
        firmware: FirmwareProfile,
        board: BoardKit,
        *,
        rng: random.Random,
        now_s: float = 0.0,
        pin: bytes | None = None,
        saved: Mapping[int, bytes] | None = None,
        pack: Pack | None = None,
        sleeps: bool = False,
    ) -> None:
        self.firmware, self.board, self.sleeps = firmware, board, sleeps
        self.settings = SettingsStore(board.settings, saved)
        self.pin = PinGuard(firmware, pin)
        self.pack = pack or Pack(
            cells=board.cells, capacity_mah=board.capacity_mah, ntcs=board.ntcs, rng=rng
        )
        self.monitor = Monitor(
            self.pack, self.settings, remaining_mah=self.pack.soc * self.pack.capacity_mah, rng=rng
        )
        self.lab = Lab(self)
        self.story: Story | None = None
        """What happens to board and pack as time passes, None for time alone."""
        self.factory_code = b"\x56\x78"
        self.factory_stuck = False
        """The bench's hand: factory mode, once entered, ends with the power alone."""
        self.revision = 0
        """Grows with every change that must survive power-off; a front end then saves."""
        self.started_s = self._ticked_s = self._heard_s = now_s
        self.speed = 1
        self._tick_s = TICK_S
        self._mode = Mode.ASLEEP if sleeps else Mode.NORMAL
        self._basic_info: Outcome | None = None
        self._reads, self._writes = READS, WRITES

    # -- time --------------------------------------------------------------------------------

    def advance_to(self, now_s: float) -> None:
        """Let pack and board live until ``now_s``, in whole ticks."""
        due = int((now_s - self._ticked_s) / self._tick_s + _ROUNDING)
        if due > 0:
            if self.story is None:
                for _ in range(due):
                    self.monitor.tick(TICK_S)
                self._ticked_s += due * self._tick_s
            else:
                for _ in range(due):
                    # First: what happens in the story asks what time it is.
                    self._ticked_s += self._tick_s
                    self.story.live(TICK_S)
            self._basic_info = None
        if self.sleeps and now_s - self._heard_s >= SLEEP_AFTER_S:
            self._fall_asleep()

    def set_speed(self, speed: int, now_s: float) -> None:
        """Let pack and board live ``speed`` times faster than the clock from now on.

        A tick stays a second of theirs; it only comes round sooner. The wire, its silences and
        the board's sleep keep to the clock.

        Raises:
            ValueError: outside 1 to 10000.
        """
        if not 1 <= speed <= MOST_SPEED:
            raise ValueError(f"speed: {speed} must be 1 to {MOST_SPEED}")
        self.advance_to(now_s)
        self.speed, self._tick_s = speed, TICK_S / speed

    def skip_to(self, now_s: float) -> None:
        """Leave out the time up to ``now_s``: for a front end that cannot keep up."""
        self._ticked_s = max(self._ticked_s, now_s)

    def flash(self, firmware: FirmwareProfile, now_s: float) -> None:
        """Put another firmware in and restart; settings, PIN and counters stay."""
        self.advance_to(now_s)
        self.firmware = firmware
        self.pin = PinGuard(firmware, self.pin.kept)
        self.power_cycle(now_s)
        self.changed()

    def power_cycle(self, now_s: float) -> None:
        """Take the power away and give it back: only what was committed survives."""
        self.advance_to(now_s)
        self._restart()
        self._heard_s = now_s

    # -- requests ----------------------------------------------------------------------------

    def handle(self, request: Request, now_s: float) -> Outcome:
        """Answer one request, or keep silent; the outcome says why."""
        if now_s - self._ticked_s >= self._tick_s or self.sleeps:
            self.advance_to(now_s)
        self._heard_s = now_s
        if self._mode is Mode.ASLEEP:
            self._step(Trigger.ANY_FRAME)
            return Outcome(None, ASLEEP)
        register = request.register
        if isinstance(request, ReadRequest):
            # A handler that is called millions of times, looked up once.
            if register == 0x03 and self._basic_info is not None and not request.callback_id:
                return self._basic_info
            handler = self._reads.get(register, _answers.unknown_read)
        else:
            handler = self._writes.get(register, _answers.unknown_write)
            self._basic_info = None
        response, rule = handler(self, request)
        if response is not None and request.callback_id:
            response = Response(
                response.register, response.status, response.data, request.callback_id
            )
        return Outcome(response, rule)

    # -- state that the answers share --------------------------------------------------------

    @property
    def lived_until_s(self) -> float:
        """The time up to which pack and board have lived."""
        return self._ticked_s

    @property
    def mode(self) -> Mode:
        """Asleep, normal or factory mode."""
        return self._mode

    @property
    def pin_is_set(self) -> bool:
        """Whether a PIN is stored."""
        return self.pin.stored is not None

    @property
    def settings_open(self) -> bool:
        """Whether settings may be read and written."""
        return self._mode is Mode.FACTORY

    def enter_factory(self) -> None:
        """Open the settings."""
        self._step(Trigger.ENTER_FACTORY)
        self.monitor.bleed_override = None

    def leave_factory(self, *, save: bool) -> None:
        """Close the settings; ``save`` makes what was written permanent and zeroes 0xAA."""
        was_open = self.settings_open
        effect = self._step(Trigger.EXIT_SAVE if save else Trigger.EXIT_DISCARD)
        if effect is Effect.COMMIT:
            self.settings.commit()
            self.monitor.clear_counters()
            self.revision += 1
        if self.factory_stuck and was_open:
            self._step(Trigger.ENTER_FACTORY)
            return
        self.pin.end_pairing(PairingEnds.FACTORY_EXIT)

    def changed(self) -> None:
        """Note a change that must survive power-off."""
        self.revision += 1
        self._basic_info = None

    def refresh(self) -> None:
        """Answer anew where an answer was kept: somebody's hand changed the board."""
        self._basic_info = None

    def sleep(self) -> None:
        """Fall asleep now, whatever :attr:`sleeps` says."""
        self._fall_asleep()

    def restart(self) -> None:
        """Restart the controller, as command 0x0A 0300 does."""
        self._restart()

    def basic_info(self) -> BasicInfo:
        """Return what register 0x03 says now."""
        settings, monitor = self.settings, self.monitor
        sample = monitor.sample
        function_bits = settings.word(0x2D)
        wide = bool(function_bits & 0x1000)
        scale = 100 if wide else 10
        fets = monitor.fets | (int(Fets.UNIT_X10) if wide else 0)
        remaining = int(monitor.remaining_mah) // scale * scale
        nominal = settings.word(0x10) * scale
        limit = 0xFFFF * scale
        cells = min(settings.word(0x2F), 32)
        mask = settings.word(0x2E)
        ntc_dk = tuple(
            sample.ntc_dk[n] if n < len(sample.ntc_dk) else _NO_PROBE_DK
            for n in range(mask.bit_count())
        )
        tail, behind = None, self.firmware.tail_bytes.value
        if behind:
            full = monitor.full_mah // scale * scale
            tail = Tail(0, 0, min(full, limit), min(remaining, limit), 0)
        current = max(-0x8000, min(0x7FFF, round(sample.current_ma / scale)))
        return BasicInfo(
            pack_mv=min(round(sample.pack_mv / 10), 0xFFFF) * 10,
            current_ma=current * scale,
            remaining_mah=min(remaining, limit),
            nominal_mah=min(nominal, limit),
            cycles=settings.word(0x17) + monitor.cycles,
            date_code=settings.word(0x15),
            balance_low=monitor.shown_balance & 0xFFFF,
            balance_high=monitor.shown_balance >> 16,
            protection_bits=monitor.shown_protection,
            version=self.firmware.version,
            rsoc_percent=monitor.rsoc_percent,
            fet_bits=fets,
            cells=cells,
            ntc_dk=ntc_dk,
            tail=tail,
            # What newer boards put behind the known tail is not known either.
            trailing=bytes(max(0, behind - _KNOWN_TAIL)),
        )

    def basic_info_outcome(self) -> Outcome:
        """Return what 0x03 comes to; built once a tick, however often it is polled."""
        if self._basic_info is None:
            response = Response(0x03, Status.OK, self.basic_info().to_payload())
            self._basic_info = Outcome(response, _answers.monitoring(self))
        return self._basic_info

    def cell_mv(self) -> tuple[int, ...]:
        """Return one voltage in mV per cell of the series count; a cell not wired reads 0."""
        count = min(self.settings.word(0x2F), 32)
        measured = self.monitor.sample.cell_mv
        return measured[:count] + (0,) * (count - len(measured))

    def _step(self, trigger: Trigger) -> Effect:
        self._mode, effect = step(self._mode, trigger)
        return effect

    def _fall_asleep(self) -> None:
        if self._step(Trigger.FALL_ASLEEP) is Effect.NOTHING:
            self.pin.end_pairing(PairingEnds.POWER_OR_SLEEP)

    def _restart(self) -> None:
        self._step(Trigger.POWER_ON)
        self.settings.revert()
        self.pin.end_pairing(PairingEnds.POWER_OR_SLEEP)
        self.monitor.restart()
        self._basic_info = None


def _table(
    rows: Mapping[int, Callable[[Device, Request], Outcome]],
) -> Mapping[int, Callable[[Device, Request], Outcome]]:
    return MappingProxyType(dict(rows))


READS: Final = _table(
    dict.fromkeys(SETTINGS, _answers.read_setting)
    | {
        0x00: _answers.chip_type,
        0x03: _answers.basic_info,
        0x04: _answers.cell_voltages,
        0x05: _answers.board_name,
        0xAA: _answers.error_counters,
        0xF6: _answers.resistance,
        0xFA: _answers.read_parameters,
    }
)
"""One handler per register that is read; the fallback is ``_answers.unknown_read``."""

WRITES: Final = _table(
    dict.fromkeys(SETTINGS, _answers.write_setting)
    | dict.fromkeys((*range(173, 216), 224), _answers.calibrate)
    | {
        0x00: _answers.enter_factory,
        0x01: _answers.exit_factory,
        0x06: _answers.use_password,
        0x07: _answers.set_password,
        0x09: _answers.clear_password,
        0x0A: _answers.control,
        0x0B: _answers.clear_counters,
        0x0F: _answers.change_factory_code,
        0xE1: _answers.mos_control,
        0xE2: _answers.balance_test,
        0xFA: _answers.write_parameters,
        0xFB: _answers.mos_control_new,
        0xFC: _answers.heating,
    }
)
"""One handler per register that is written; the fallback is ``_answers.unknown_write``."""

__all__ = ["READS", "TICK_S", "WRITES", "Device", "Handler", "WriteRequest"]
