"""A unit: one device, the lines into it, and the file it survives a restart in."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from jbd_protocol import ReadRequest, Request, RequestDecoder, Response, WriteRequest

from ._config import Override, UnitConfig
from ._device import Device
from ._state_file import StateFile, UnitState
from .plant import Pack

GAP_S: Final = 0.1
"""Silence after which a half-received request is given up, in seconds. Assumed: boards find the
next request after a damaged one; how long they wait was never measured."""
_SPREAD: Final = 0.01
_SOC_SPREAD: Final = 0.004

Tap = Callable[[float, str, bytes], None]
"""Called with time in seconds, ``rx`` or ``tx`` as the board sees it, and the bytes."""


class Line:
    """One byte stream into a unit: what a UART, or one TCP connection, is to the board."""

    __slots__ = ("_decoder", "_heard_s", "_late", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
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
        decoder, unit = self._decoder, self.unit
        if unit.tap is not None:
            unit.tap(now_s, "rx", data)
        answer = b""
        if decoder.pending and now_s - self._heard_s >= GAP_S:
            answer = self._answer_all(decoder.flush(), now_s)
        self._heard_s = now_s
        answer += self._answer_all(decoder.receive(data), now_s)
        if answer and unit.tap is not None:
            unit.tap(now_s, "tx", answer)
        return answer

    def on_due(self, now_s: float) -> bytes:
        """Do what time alone makes due; return the bytes that leave now."""
        answer = b""
        if self._decoder.pending and now_s - self._heard_s >= GAP_S:
            answer = self._answer_all(self._decoder.flush(), now_s)
        ready = [item for item in self._late if item[0] <= now_s]
        if ready:
            self._late = [item for item in self._late if item[0] > now_s]
            answer += b"".join(wire for _, wire in ready)
        if answer and self.unit.tap is not None:
            self.unit.tap(now_s, "tx", answer)
        return answer

    def reset(self) -> None:
        """Forget what was half received and what was still to be sent."""
        self._decoder.reset()
        self._late.clear()

    def _answer_all(self, events: Sequence[object], now_s: float) -> bytes:
        unit = self.unit
        answer = b""
        for event in events:
            if isinstance(event, (ReadRequest, WriteRequest)):
                response = unit.device.handle(event, now_s).response
                override = unit.answers.get(event.register)
                if override is not None:
                    answer += self._overridden(event, response, override, now_s)
                elif response is not None:
                    answer += unit.to_wire(response)
        if unit.device.revision != unit.prepared_revision:
            unit.prepare_save()
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


class Unit:
    """A device with everything a front end needs.

    Args:
        config: what it is made of.
        now_s: the time of power-on, in seconds.
    Raises:
        StateError: the state file is damaged or another board's.
    """

    __slots__ = (
        "_state_file", "answers", "config", "device", "line", "prepared_revision", "tap",
        "zero_checksum",
    )  # fmt: skip

    def __init__(self, config: UnitConfig, now_s: float = 0.0) -> None:
        self.config = config
        self.answers = dict(config.answers)
        self.tap: Tap | None = None
        self._state_file = StateFile(config.state) if config.state is not None else None
        state = self._state_file.load() if self._state_file is not None else None
        self.device = _build(config, state, now_s)
        self.zero_checksum = config.profile.zero_checksum_refusal.value
        self.prepared_revision = self.device.revision
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

    def to_wire(self, response: Response) -> bytes:
        """Return an answer's bytes, as this firmware writes them."""
        wire = response.to_wire()
        if self.zero_checksum and response.status:
            return wire[:4] + b"\x00\x00" + wire[6:]
        return wire

    def prepare_save(self) -> None:
        """Write the state beside its file; :meth:`settle` puts it in place.

        In two steps, so that the acknowledgement can leave between them: a client that saw it
        finds its settings after a crash, and one that did not finds the ones before.
        """
        self.prepared_revision = self.device.revision
        if self._state_file is not None:
            self._state_file.prepare(self._state())

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
        device = self.device
        return UnitState(
            firmware=device.firmware.version,
            board=device.board.key,
            settings=device.settings.saved(),
            pin=device.pin.stored,
            factory_code=device.factory_code,
            counters=tuple(device.monitor.counters),
            remaining_mah=device.monitor.remaining_mah,
            cycles_mah=device.monitor.cycles_mah,
            pack=device.pack.state(),
        )


def _build(config: UnitConfig, state: UnitState | None, now_s: float) -> Device:
    rng = random.Random(config.seed)
    kit = config.kit
    soc = config.soc_percent / 100
    pack = Pack(
        cells=kit.cells, capacity_mah=kit.capacity_mah, ntcs=kit.ntcs, soc=soc, rng=rng,
        spread=_SPREAD,
    )  # fmt: skip
    for number in range(1, kit.cells + 1):
        pack.set_cell(number, soc=min(1.0, max(0.0, soc + rng.gauss(0.0, _SOC_SPREAD))))
    if state is not None:
        state.check(kit.key)
        pack.restore(state.pack)
    device = Device(
        config.profile,
        kit,
        rng=rng,
        now_s=now_s,
        pin=config.stored_pin if state is None else state.pin,
        saved=None if state is None else state.settings,
        pack=pack,
        sleeps=config.sleep,
    )
    if state is not None:
        device.factory_code = state.factory_code
        device.monitor.counters = list(state.counters)
        device.monitor.remaining_mah = state.remaining_mah
        device.monitor.cycles_mah = state.cycles_mah
    device.lab.set_load(config.load_ma)
    device.lab.set_charger(config.charge_mv, config.charge_ma)
    return device
