"""A unit: one device, what clients reach it by, and the file it survives a restart in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from jbd_protocol import Response

from ._config import ConfigError, UnitConfig
from ._device import Device
from ._line import Line, Tap, Watcher
from .plant import Pack

if TYPE_CHECKING:
    # Loaded by the unit that has a state file, and by the one that has faults.
    from ._state_file import StateError, StateFile, UnitState
    from .faults import Faults, HangUp, Hit

_SPREAD: Final = 0.01
_SOC_SPREAD: Final = 0.004


class Port(Protocol):
    """Something that clients reach a unit by, which can be unplugged."""

    @property
    def fed_by_board(self) -> bool:
        """Whether it loses its power with the board, as a Bluetooth module does."""

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """End the connections there are."""

    def set_plugged(self, plugged: bool) -> None:
        """Take the plug out, so that nobody is connected or can connect; or put it back."""


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
        "_at_start", "_faults", "_own_file", "_sent", "_sent_wire", "_set_aside", "_state_file",
        "complain", "config", "device", "faulty", "line", "module", "module_state", "on_fault",
        "plugged", "ports", "prepared_revision", "pulled", "tap", "unplugged", "watcher",
        "zero_checksum",
    )  # fmt: skip

    def __init__(self, config: UnitConfig, now_s: float = 0.0) -> None:
        self.config = config
        self.tap: Tap | None = None
        self.watcher: Watcher | None = None
        self.unplugged = False
        """Whether the cable between adapter and board is pulled: bytes are lost both ways."""
        self.pulled = False
        """Whether a hand did that, and not a fault; see :meth:`pull_cable`."""
        self.on_fault: list[Callable[[float, Hit], None]] = []
        """Each is called with the time and the strike whenever a fault has struck."""
        self.ports: list[Port] = []
        """What clients reach it by; front ends enter and leave themselves."""
        self.plugged = True
        """Whether clients can reach those ports at all; see :meth:`set_plugged`."""
        self.faulty = False
        """Whether bytes take the way past the faults; the faults see to it."""
        self._faults: Faults | None = None
        self.complain: Callable[[str], None] | None = None
        """Called with one line when something went wrong that no client can be told."""
        self._own_file = self._state_file = _state_file(config)
        self._at_start = state = self._own_file.load() if self._own_file is not None else None
        self._set_aside: UnitState | None = None
        self.device = _build(config, state, now_s)
        self.zero_checksum = config.profile.zero_checksum_refusal.value
        self.prepared_revision = self.device.revision
        self.module: Survivor | None = None
        """The Bluetooth module on this unit's UART, which keeps a state of its own."""
        self.module_state = state.module if state is not None else None
        self._sent: Response | None = None
        self._sent_wire = b""
        self.line = Line(self)
        self._begin(now_s)

    @property
    def name(self) -> str:
        """What the unit is called."""
        return self.config.title

    @property
    def faults(self) -> Faults:
        """What goes wrong: ``faults.add(Fault("drop", register=0x03))``."""
        if self._faults is None:
            # A unit without faults starts without what knows them.
            from .faults import Faults

            self._faults = Faults(self)
        return self._faults

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

    def pull_cable(self) -> None:
        """Pull the cable between adapter and board, until :meth:`plug_in`."""
        self.pulled = self.unplugged = True
        self.line.reset()

    def plug_in(self) -> None:
        """Put in what a hand, a fault or a scenario has pulled, at either end of the link."""
        self.pulled = self.unplugged = False
        for active in self._faults.active if self._faults is not None else ():
            if active.fault.kind == "unplugged":
                self.faults.remove(active)
        for port in tuple(self.ports):
            # What a broken link keeps away for a while; a module comes back by itself.
            if not port.fed_by_board:
                port.set_plugged(True)
        self.line.reset()

    def start_over(self, config: UnitConfig, now_s: float, *, as_it_was: bool = False) -> None:
        """Become the unit of another configuration, on the same lines.

        It is new from the shelf; one with a state file is what that held when the unit was made.
        A configuration without the file may take its place for a while, as a scenario does: what
        the unit is then is set aside, on disk and here, and nothing is saved meanwhile.

        Args:
            config: what it becomes.
            now_s: the time.
            as_it_was: take up what was set aside in place of what was there at the start.

        Raises:
            ConfigError: another state file than its own; ValueError: as from a new unit. Nothing
                has been changed then.
        """
        own = None if self._own_file is None else self._own_file.path
        if config.state is not None and config.state != own:
            raise ConfigError(f"state {config.state}: cannot change while the unit is served")
        state = None
        if config.state is not None:
            state = self._set_aside if as_it_was and self._set_aside else self._at_start
        device = _build(config, state, now_s)
        if self._state_file is not None and config.state is None:
            self._set_aside = self._state()
            if self.prepare_save():
                self.settle()
        elif config.state is not None:
            self._set_aside = None
        self._state_file = self._own_file if config.state is not None else None
        # Not lower than what was saved before: the save must happen.
        device.revision = self.device.revision + 1
        self.plug_in()
        if self._faults is not None:
            self._faults.forget()
        self.device = device
        self._adopt(config)
        self._begin(now_s)

    def client_did(self, deed: str) -> None:
        """Take note of what a client did that is no request: a key of ``scenario.DEEDS``."""
        if self.device.story is not None:
            self.device.story.client_did(deed)

    def _begin(self, now_s: float) -> None:
        """Break what is broken from the start, and let the story begin."""
        for fault in self.config.all_faults:
            self.faults.add(fault, now_s)
        story = self.device.story
        if story is None:
            return
        if story.listens:
            self.faults.listen()
        story.stage.unit = self
        story.start()

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

    def set_plugged(self, plugged: bool) -> None:
        """Take every plug out, or put it back."""
        if plugged is not self.plugged:
            self.plugged = plugged
            for port in tuple(self.ports):
                port.set_plugged(plugged)

    def may_answer(self, before: int) -> bool:
        """Prepare what must be saved; False where that failed for a change since ``before``.

        Args:
            before: the device's revision before the request that is to be answered.
        """
        revision = self.device.revision
        return revision == self.prepared_revision or self.prepare_save() or revision == before

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
