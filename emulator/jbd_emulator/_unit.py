"""A unit: one device, the lines into it, and the file it survives a restart in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from jbd_protocol import ReadRequest, Request, RequestDecoder, Response, WriteRequest

from ._config import ConfigError, Override, UnitConfig
from ._device import Device
from .plant import Pack

if TYPE_CHECKING:
    # Loaded by the unit that has a state file.
    from ._rules import Outcome
    from ._state_file import StateError, StateFile, UnitState

GAP_S: Final = 0.1
"""Silence after which a half-received request is given up, in seconds. Assumed: boards find the
next request after a damaged one; how long they wait was never measured."""
_SPREAD: Final = 0.01
_SOC_SPREAD: Final = 0.004

Tap = Callable[[float, str, bytes], None]
"""Called with time in seconds, ``rx`` or ``tx`` as the board sees it, and the bytes."""


class Watcher(Protocol):
    """Sees all that passes a unit, line by line, with the reason of every answer."""

    def passed(self, line: Line, now_s: float, direction: str, data: bytes) -> None:
        """Bytes passed: ``rx`` or ``tx`` as the board sees it."""

    def decided(self, line: Line, now_s: float, request: Request, outcome: Outcome) -> None:
        """The board decided what to answer to a request."""


class Line:
    """One byte stream into a unit: what a UART, or one TCP connection, is to the board.

    Args:
        unit: the board.
        name: of the line, for people; ``serial`` for the unit's own.
    """

    __slots__ = ("_decoder", "_heard_s", "_late", "name", "unit")

    def __init__(self, unit: Unit, name: str = "serial") -> None:
        self.unit, self.name = unit, name
        self._decoder = RequestDecoder()
        self._heard_s = 0.0
        self._late: list[tuple[float, bytes]] = []

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        pending = self._decoder.pending
        if not pending and not self._late:
            return None
        late = min((due for due, _ in self._late), default=None)
        if not pending:
            return late
        gap = self._heard_s + GAP_S
        return gap if late is None else min(gap, late)

    def receive(self, data: bytes, now_s: float) -> bytes:
        """Take bytes as they come; return the bytes that answer them, empty for silence."""
        unit = self.unit
        if unit.unplugged:
            return b""
        if unit.tap is not None:
            unit.tap(now_s, "rx", data)
        if unit.watcher is not None:
            unit.watcher.passed(self, now_s, "rx", data)
        answer = self._behind_gap(now_s)
        self._heard_s = now_s
        answer += self._answer_all(self._decoder.receive(data), now_s)
        if answer:
            self._note_sent(answer, now_s)
        return answer

    def on_due(self, now_s: float) -> bytes:
        """Do what time alone makes due; return the bytes that leave now."""
        answer = self._behind_gap(now_s)
        ready = [item for item in self._late if item[0] <= now_s]
        if ready:
            self._late = [item for item in self._late if item[0] > now_s]
            answer += b"".join(wire for _, wire in ready)
        if self.unit.unplugged:
            return b""
        if answer:
            self._note_sent(answer, now_s)
        return answer

    def _note_sent(self, answer: bytes, now_s: float) -> None:
        unit = self.unit
        if unit.tap is not None:
            unit.tap(now_s, "tx", answer)
        if unit.watcher is not None:
            unit.watcher.passed(self, now_s, "tx", answer)

    def _behind_gap(self, now_s: float) -> bytes:
        """Give up a half-received request where the line was silent for long enough."""
        if self._decoder.pending and now_s >= self._heard_s + GAP_S:
            return self._answer_all(self._decoder.flush(), now_s)
        return b""

    def reset(self) -> None:
        """Forget what was half received and what was still to be sent."""
        self._decoder.reset()
        self._late.clear()

    def _answer_all(self, events: Sequence[object], now_s: float) -> bytes:
        unit = self.unit
        before = unit.device.revision
        answer = b""
        for event in events:
            if isinstance(event, (ReadRequest, WriteRequest)):
                outcome = unit.device.handle(event, now_s)
                response = outcome.response
                if unit.watcher is not None:
                    unit.watcher.decided(self, now_s, event, outcome)
                override = unit.answers.get(event.register)
                if override is not None:
                    answer += self._overridden(event, response, override, now_s)
                elif response is not None:
                    answer += unit.to_wire(response)
        revision = unit.device.revision
        if revision != unit.prepared_revision and not unit.prepare_save() and revision != before:
            # A save that could not be stored is not acknowledged.
            return b""
        return answer

    def _overridden(
        self, request: Request, response: Response | None, override: Override, now_s: float
    ) -> bytes:
        if override.kind == "silence":
            return b""
        if override.kind == "status":
            return Response(request.register, override.status).to_wire()
        if response is None:
            return b""
        wire = bytearray(self.unit.to_wire(response))
        if override.kind == "bad-checksum":
            wire[-2] ^= 0x01
            return bytes(wire)
        self._late.append((now_s + override.delay_s, bytes(wire)))
        return b""


class Survivor(Protocol):
    """A part of a unit with a state of its own that outlives a loss of power."""

    def state(self) -> dict[str, object]:
        """Return that state, as JSON takes it."""


class Unit:
    """A device with everything a front end needs.

    Args:
        config: what it is made of.
        now_s: the time of power-on, in seconds.
    Raises:
        StateError: the state file is damaged or another board's.
    """

    __slots__ = (
        "_sent", "_sent_wire", "_state_file", "answers", "complain", "config", "device", "line",
        "module", "module_state", "prepared_revision", "tap", "unplugged", "watcher",
        "zero_checksum",
    )  # fmt: skip

    def __init__(self, config: UnitConfig, now_s: float = 0.0) -> None:
        self.config = config
        self.answers = dict(config.answers)
        self.tap: Tap | None = None
        self.watcher: Watcher | None = None
        self.unplugged = False
        """Whether the cable between adapter and board is pulled: bytes are lost both ways."""
        self.complain: Callable[[str], None] | None = None
        """Called with one line when something went wrong that no client can be told."""
        self._state_file = _state_file(config)
        state = self._state_file.load() if self._state_file is not None else None
        self.device = _build(config, state, now_s)
        self.zero_checksum = config.profile.zero_checksum_refusal.value
        self.prepared_revision = self.device.revision
        self.module: Survivor | None = None
        """The Bluetooth module on this unit's UART, which keeps a state of its own."""
        self.module_state = state.module if state is not None else None
        self._sent: Response | None = None
        self._sent_wire = b""
        self.line = Line(self)

    @property
    def name(self) -> str:
        """What the unit is called."""
        return self.config.title

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        return self.line.due_s

    def receive(self, data: bytes, now_s: float) -> bytes:
        """Take bytes on the unit's own line; see :meth:`Line.receive`."""
        return self.line.receive(data, now_s)

    def on_due(self, now_s: float) -> bytes:
        """Do what is due on the unit's own line; see :meth:`Line.on_due`."""
        return self.line.on_due(now_s)

    # -- hands on the bench --------------------------------------------------------------------

    def flash(self, version: int, now_s: float) -> None:
        """Put another firmware in, as an update does: settings and PIN stay, the board restarts.

        Raises:
            ConfigError: there is no such firmware.
        """
        config = replace(self.config, firmware=version, name=self.name)
        self.device.flash(config.profile, now_s)
        self._adopt(config)

    def set_pin(self, pin: str | None) -> None:
        """Store six digits as the PIN, or none, as the firmware's own encoding has them.

        Raises:
            ConfigError: it is not six digits.
        """
        config = replace(self.config, pin=pin)
        self.device.pin.stored = config.stored_pin
        self.device.pin.paired = False
        self.device.changed()

    def start_over(self, config: UnitConfig, now_s: float) -> None:
        """Become the unit of another configuration, new from the shelf, on the same lines.

        Raises:
            ConfigError: it has a state file of its own, or lives on a module; ValueError: as
                from a new unit. Nothing has been changed then.
        """
        if config.state != self.config.state:
            raise ConfigError(f"state {config.state}: cannot change while the unit is served")
        device = _build(config, None, now_s)
        # Not lower than what was saved before: the save must happen.
        device.revision = self.device.revision + 1
        self.device = device
        self.answers = dict(config.answers)
        self.unplugged = False
        self.line.reset()
        self._adopt(config)

    def _adopt(self, config: UnitConfig) -> None:
        self.config = config
        self.zero_checksum = config.profile.zero_checksum_refusal.value
        self._sent = None

    def to_wire(self, response: Response) -> bytes:
        """Return an answer's bytes, as this firmware writes them."""
        if response is self._sent:
            # The device hands out one object as long as what it says holds, which is a second
            # of polling for 0x03; making its bytes anew would be a fifth of an exchange.
            return self._sent_wire
        wire = response.to_wire()
        if self.zero_checksum and response.status:
            wire = wire[:4] + b"\x00\x00" + wire[6:]
        self._sent, self._sent_wire = response, wire
        return wire

    def prepare_save(self) -> bool:
        """Write the state beside its file; :meth:`settle` puts it in place.

        In two steps, so that the acknowledgement can leave between them: a client that saw it
        finds its settings after a crash, and one that did not finds the ones before. Returns
        False where the disk refuses; the next request tries again.
        """
        if self._state_file is not None:
            try:
                self._state_file.prepare(self._state())
            except OSError as error:
                if self.complain is not None:
                    self.complain(f"state {self._state_file.path}: {error.strerror}, not saved")
                return False
        self.prepared_revision = self.device.revision
        return True

    def settle(self) -> None:
        """Put a prepared state in place; call when the answer has left."""
        if self._state_file is not None:
            self._state_file.commit()

    def save(self) -> None:
        """Write the state now, pack and counters included, as at a clean end."""
        if self._state_file is not None:
            self._state_file.prepare(self._state())
            self._state_file.commit()

    def _state(self) -> UnitState:
        from ._state_file import UnitState

        device = self.device
        return UnitState(
            firmware=device.firmware.version,
            board=device.board.key,
            settings=device.settings.saved(),
            pin=device.pin.kept,
            factory_code=device.factory_code,
            monitor=device.monitor.state(),
            pack=device.pack.state(),
            module=self.module_state if self.module is None else self.module.state(),
        )


def _state_file(config: UnitConfig) -> StateFile | None:
    if config.state is None:
        return None
    from ._state_file import StateFile

    return StateFile(config.state)


def _unusable(config: UnitConfig, error: Exception) -> StateError:
    from ._state_file import StateError

    return StateError(f"state {config.state}: {error}; it is kept")


def _build(config: UnitConfig, state: UnitState | None, now_s: float) -> Device:
    rng = random.Random(config.seed)
    scenario = config.scenario
    pack = _usual_pack(config, rng) if scenario is None else scenario.make_pack(config)
    saved: Mapping[int, bytes] | None = None
    if scenario is not None:
        saved = scenario.raw_settings(config)
    if state is not None:
        try:
            state.check(config.kit.key)
            pack.restore(state.pack)
        except (KeyError, TypeError, ValueError) as error:
            raise _unusable(config, error) from None
        saved = state.settings
    device = Device(
        config.profile,
        config.kit,
        rng=rng,
        now_s=now_s,
        pin=config.stored_pin if state is None else state.pin,
        saved=saved,
        pack=pack,
        sleeps=config.sleep,
    )
    if state is not None:
        device.factory_code = state.factory_code
        try:
            device.monitor.restore(state.monitor)
        except ValueError as error:
            raise _unusable(config, error) from None
    device.lab.set_load(config.load_ma)
    device.lab.set_charger(config.charge_mv, config.charge_ma)
    if config.likeness is not None and state is None:
        config.likeness.begin(device)
    if scenario is not None:
        device.story = scenario.begin(device)
    device.set_speed(config.speed, now_s)
    return device


def _usual_pack(config: UnitConfig, rng: random.Random) -> Pack:
    """Return a healthy pack of the board's size, with the spread that cells of one batch have."""
    kit, soc = config.kit, config.soc_percent / 100
    pack = Pack(
        cells=kit.cells, capacity_mah=kit.capacity_mah, ntcs=kit.ntcs, soc=soc, rng=rng,
        spread=_SPREAD,
    )  # fmt: skip
    for number in range(1, kit.cells + 1):
        pack.set_cell(number, soc=min(1.0, max(0.0, soc + rng.gauss(0.0, _SOC_SPREAD))))
    if config.likeness is not None:
        config.likeness.lay_out(pack)
    return pack
