"""The faults that a unit has: which strike, how often they did, and when they are healed."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakSet

from jbd_protocol import WriteRequest

from .._config import ConfigError
from ._board import BOARD
from ._edits import EDITS
from ._fault import Fault, fault_from_table
from ._kinds import NOW
from ._passing import Passing

if TYPE_CHECKING:
    from jbd_protocol import Request

    from .._unit import Unit
    from ._wire import Wire

MOST_FAULTS: Final = 256
"""Faults that one unit holds at a time."""
_REMEMBERED: Final = 100
_NEVER: Final = float("inf")


class Hit(NamedTuple):
    """One strike of a fault, as the traffic log has it.

    Attributes:
        fault, kind: id and kind.
        direction, end: as the fault has them.
        register: of the exchange, None for what needs none.
        exchange: which one it was among those that matched the fault, from 1; 0 for none.
        did: what it did, in words.
        before, after: the frame's bytes as they came and as they went on; empty for what does
            not act on bytes.
    """

    fault: str
    kind: str
    direction: str
    end: str
    register: int | None
    exchange: int
    did: str
    before: bytes = b""
    after: bytes = b""

    def __str__(self) -> str:
        where = self.direction if self.register is None else (
            f"{self.direction} 0x{self.register:02X}, number {self.exchange}"
        )  # fmt: skip
        return f"fault {self.fault}: {self.did} ({where}, at the {self.end})"

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON has it; bytes are hexadecimal."""
        return self._asdict() | {"before": self.before.hex(), "after": self.after.hex()}


class ActiveFault:
    """A fault of one unit.

    Attributes:
        fault: what it is.
        id: its name among the unit's faults.
        seen: exchanges that matched it.
        hits: how often it has struck.
        healed: whether it is over.
        stands: whether it is a state, of the board or the link, that has begun.
    """

    __slots__ = (
        "_ends_s", "_quiet_until_s", "_rng", "fault", "healed", "hits", "id", "seen", "stands",
    )  # fmt: skip

    def __init__(self, fault: Fault, name: str, seed: int, now_s: float) -> None:
        self.fault, self.id = fault, name
        self.seen = self.hits = 0
        self.healed = False
        # A stream of its own: one fault more must not change what another one draws.
        self._rng = random.Random(f"fault {seed} {name}")
        self.stands = False
        self._ends_s = _NEVER if fault.heals_after_s is None else now_s + fault.heals_after_s
        self._quiet_until_s = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the fault's table with id, hits, exchanges seen and whether it is healed."""
        return self.fault.as_table() | {
            "id": self.id, "hits": self.hits, "seen": self.seen, "healed": self.healed,
        }  # fmt: skip

    def matches(self, direction: str, request: Request) -> bool:
        """Whether it means this exchange, whatever its number."""
        fault = self.fault
        return (
            fault.direction == direction
            and (fault.register is None or fault.register == request.register)
            and (
                fault.access == "any"
                or (fault.access == "write") is isinstance(request, WriteRequest)
            )
        )

    def strikes(self, now_s: float) -> bool:
        """Count an exchange that matches; return whether it strikes this one."""
        self.seen += 1
        if now_s < self._quiet_until_s:
            return True
        past = self.seen - self.fault.nth
        if past < 0 or past % self.fault.every or self.stands:
            return False
        return self.fault.p >= 1.0 or self._rng.random() < self.fault.p


class Faults:
    """The faults of one unit.

    Args:
        unit: whose they are.
    """

    __slots__ = (
        "_healed",
        "_list",
        "_listens",
        "_now_s",
        "_number",
        "dead_until_s",
        "on_request",
        "record",
        "unit",
        "wires",
    )

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.wires: WeakSet[Wire] = WeakSet()
        self.dead_until_s = -_NEVER
        """Until when the board neither hears nor answers."""
        self.record: deque[tuple[float, Hit]] = deque(maxlen=_REMEMBERED)
        """The last hundred strikes with their times."""
        self.on_request: list[Callable[[float, Request], None]] = []
        """Each is called with a request as the client sent it; what it adds strikes this one.
        Call :meth:`listen` beside."""
        self._list: list[ActiveFault] = []
        self._healed: deque[ActiveFault] = deque(maxlen=_REMEMBERED)
        self._number = 0
        self._now_s = -_NEVER
        self._listens = False

    # -- from outside ------------------------------------------------------------------------

    def add(self, fault: Fault | Mapping[str, object], now_s: float | None = None) -> ActiveFault:
        """Let a fault strike from now on.

        Args:
            fault: the fault, or its table.
            now_s: the time, on the unit's clock; None takes the time that the board has lived to,
                which may be a few seconds ago where nobody asks it.

        Raises:
            ConfigError: the table is wrong, the id is taken, the board has no such part, or there
                are ``MOST_FAULTS`` already.
        """
        one = fault if isinstance(fault, Fault) else fault_from_table(fault)
        if now_s is None:
            now_s = self.unit.device.lived_until_s
        self._now_s = max(self._now_s, now_s)
        if len(self._list) >= MOST_FAULTS:
            raise ConfigError(f"faults: there are {MOST_FAULTS} already, remove one first")
        self._number += 1
        name = one.id or f"{one.kind}-{self._number}"
        if any(active.id == name for active in self._list):
            raise ConfigError(f"fault {one.kind} id {name!r}: there is one of this id already")
        active = ActiveFault(one, name, self.unit.config.seed, now_s)
        if one.kind == "ntc":
            most = len(self.unit.device.pack.sample().ntc_dk)
            if one.ntc is not None and one.ntc > most:
                raise ConfigError(f"fault ntc ntc {one.ntc}: must be 1 to {most} on this board")
        self._list.append(active)
        self.unit.faulty = True
        if one.direction == NOW:
            self._strike_board(active, None, now_s)
        return active

    def remove(self, fault: ActiveFault | str) -> None:
        """Heal a fault now; what is under way stays so.

        Raises:
            KeyError: there is none of this id, or it is healed already.
        """
        name = fault if isinstance(fault, str) else fault.id
        for active in self._list:
            if active.id == name:
                self._heal(active)
                return
        raise KeyError(name)

    def clear(self) -> None:
        """Heal every fault now."""
        for active in tuple(self._list):
            self._heal(active)

    def forget(self) -> None:
        """Heal every fault, and what they left behind: the unit becomes another one."""
        self.clear()
        self.dead_until_s = -_NEVER
        self._listens = bool(self.on_request)
        self.rest()

    @property
    def active(self) -> tuple[ActiveFault, ...]:
        """Those that may still strike, or stand, in the order they were added."""
        return tuple(self._list)

    @property
    def healed(self) -> tuple[ActiveFault, ...]:
        """The last hundred that are over."""
        return tuple(self._healed)

    # -- time --------------------------------------------------------------------------------

    @property
    def due_s(self) -> float | None:
        """When :meth:`advance_to` has something to do, None for never."""
        due_s = min((one._ends_s for one in self._list), default=_NEVER)
        device = self.unit.device
        if self._listens and device.story is not None and device.story.due_s < _NEVER:
            # Boards live in whole ticks of a second of theirs.
            ticks = max(1, math.ceil(device.story.due_s - device.story.time_s))
            due_s = min(due_s, device.lived_until_s + ticks / device.speed)
        return due_s if due_s < _NEVER else None

    def advance_to(self, now_s: float) -> None:
        """Heal what is over by now, and let the story come to what is due in it."""
        self._now_s = now_s
        if self._listens:
            self.unit.device.advance_to(now_s)
        for active in tuple(self._list):
            if active._ends_s <= now_s:
                self._heal(active)

    def listen(self) -> None:
        """Keep all bytes on the way past the faults: somebody wants to know what clients do."""
        self._listens = self.unit.faulty = True

    def rest(self) -> None:
        """Let the unit answer without detour where nothing is left to strike or to be sent."""
        if self._list or self._listens or self._now_s < self.dead_until_s:
            return
        self.unit.faulty = any(wire.busy for wire in self.wires)

    # -- what a line asks --------------------------------------------------------------------

    def bend(self, passing: Passing, request: Request, ends: tuple[str, ...], now_s: float) -> None:
        """Let the faults on the wire do to a frame what they do."""
        direction = passing.direction
        for active in tuple(self._list):
            fault = active.fault
            edit = EDITS.get(fault.kind)
            if (
                edit is None
                or fault.end not in ends
                or not active.matches(direction, request)
                or not active.strikes(now_s)
            ):
                continue
            passing.rng, before = active._rng, passing.wire
            did = edit(passing, fault)
            if did is None:
                continue
            quiet = now_s < active._quiet_until_s
            if fault.for_s and not quiet:
                active._quiet_until_s = now_s + fault.for_s
            self._mark(active, request.register, now_s, did, before, passing.wire)
            self._count(active, free=quiet)

    def answer_for(self, request: Request, now_s: float) -> Fault | None:
        """Return what the board is made to answer in place of its own, None for its own."""
        for active in self._list:
            fault = active.fault
            if fault.kind != "answer" or not active.matches("answer", request):
                continue
            if active.strikes(now_s):
                said = f"status 0x{fault.status:02X}, data {(fault.data or b'').hex(' ') or 'none'}"
                kept = "" if fault.carried_out else ", not carried out"
                self._mark(active, request.register, now_s, f"answered with {said}{kept}")
                self._count(active)
                return fault
        return None

    def shake(self, direction: str, request: Request, now_s: float) -> bool:
        """Let the faults of the board strike; return whether the exchange is lost with it."""
        lost = False
        for active in tuple(self._list):
            kind = active.fault.kind
            if (
                kind in BOARD
                and active.matches(direction, request)
                and BOARD[kind].means(self.unit, request)
                and active.strikes(now_s)
            ):
                self._strike_board(active, request, now_s)
                # Also where it is back at once: what it was at is gone.
                lost = lost or BOARD[kind].resets
        return lost or now_s < self.dead_until_s

    # -- inside ------------------------------------------------------------------------------

    def _strike_board(self, active: ActiveFault, request: Request | None, now_s: float) -> None:
        fault = active.fault
        done = BOARD[fault.kind].strike(self.unit, fault, active._rng, now_s)
        if done.dead_s:
            self.dead_until_s = max(self.dead_until_s, now_s + done.dead_s)
        register = None if request is None else request.register
        self._mark(active, register, now_s, done.did)
        if fault.row.lasts:
            active.hits += 1
            active.stands = True
            self._hold(fault)
        elif request is None:
            active.hits += 1
            self._heal(active)
        else:
            self._count(active)

    def _hold(self, changed: Fault) -> None:
        standing = [one.fault for one in self._list if one.stands]
        alike = [one for one in standing if one.kind == changed.kind]
        BOARD[changed.kind].hold(self.unit, alike, changed)

    def _mark(
        self, active: ActiveFault, register: int | None, now_s: float, did: str,
        before: bytes = b"", after: bytes = b"",
    ) -> None:  # fmt: skip
        fault = active.fault
        hit = Hit(active.id, fault.kind, fault.direction, fault.end, register, active.seen, did,
                  before, after)  # fmt: skip
        self.record.append((now_s, hit))
        for tell in tuple(self.unit.on_fault):
            tell(now_s, hit)

    def _count(self, active: ActiveFault, *, free: bool = False) -> None:
        active.hits += 1
        times = active.fault.times
        if times is not None and not free and active.hits >= times:
            # What is quiet for a while is so to the end, however often it is asked meanwhile.
            active._ends_s = min(active._ends_s, active._quiet_until_s)
            if not active.fault.for_s:
                self._heal(active)

    def _heal(self, active: ActiveFault) -> None:
        if active.healed:
            return
        active.healed = True
        self._list.remove(active)
        self._healed.append(active)
        if active.stands:
            active.stands = False
            self._hold(active.fault)
        self.rest()
