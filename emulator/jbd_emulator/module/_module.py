"""The Bluetooth module: a chip of its own between a GATT server and the board's serial line."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from jbd_protocol import FrameError, parse_module_frame

from .._config import ConfigError
from .._line import GAP_S, Line
from .._unit import Unit
from ._access import Access
from ._advertisement import (
    DEFAULT_NAME,
    Advertisement,
    format_address,
    manufacturer_field,
    parse_address,
)
from ._generations import ATT_HEADER, GENERATIONS, MIN_MTU, Generation
from ._start_up import StartUp
from ._timing import PIECE_GAP_S, Timing, latency_s, split_answers

if TYPE_CHECKING:
    from ..faults import HangUp

QUEUE_LIMIT: Final = 64
"""Notifications that wait at most; an answer that does not fit is lost. Assumed."""
FORGETS_LINK_S: Final = 60.0
"""Seconds without a link after which link-up notifies its byte again. Assumed: four of nine
captured links have it. Three begin a log, one follows another after an unknown pause; the five
without it follow another after 2 to 18 s."""
_START: Final = b"\xff\xaa"
_OVERHEAD: Final = 5
_NAME_READ: Final = "2a00"
_NEVER: Final = float("-inf")


class Notification(NamedTuple):
    """One notification: its value, when it leaves, whether it leaves without a subscription.

    One that ``ends`` the link has no value.
    """

    data: bytes
    due_s: float
    unasked: bool = False
    ends: HangUp | None = None


class BleModule:
    """One module on one unit; sans-I/O, a front end tells it what happens on the air.

    After every call, and when :attr:`due_s` has come, a front end notifies what :meth:`take`
    returns, in order, one notification each, also where it believes that nobody subscribed: the
    module drops what needs a subscription itself. Then it calls :meth:`settle`.

    Args:
        unit: the board; the module has a serial line of its own into it.
        generation: a row of ``GENERATIONS``, or its key.
        rng: makes the address where none is given, and the byte of 0x17.
        address: ``A4:C1:37:04:2D:BE``; None makes one of the generation's prefix.
        password: six characters of the user password, empty for none; None takes the
            generation's. Only login modules look at it.
        name: what it advertises; empty takes what the board says at power-up.
        timing: paced as captured, or immediate.
        state: what :meth:`state` gave before power-off; wins over password and name.
        on_change: called when :meth:`state` has changed and should be saved.
    Raises:
        ConfigError: a value is out of range; one line names it.
    """

    __slots__ = (
        "_access", "_connected", "_frame", "_frame_s", "_left_s", "_line", "_mtu", "_on_change",
        "_paired", "_queue", "_saved", "_start_up", "_subscribed", "_tail_s", "address",
        "ending", "generation", "lost", "on_air", "on_plug", "timing", "unit",
    )  # fmt: skip
    fed_by_board = True

    def __init__(
        self,
        unit: Unit,
        generation: Generation | str = "telink",
        *,
        rng: random.Random,
        address: str | None = None,
        password: str | None = None,
        name: str = "",
        timing: Timing = Timing.PACED,
        state: Mapping[str, object] | None = None,
        on_change: Callable[[], object] | None = None,
    ) -> None:
        self.unit = unit
        self.generation = _row(generation)
        self.timing = timing
        if address is None:
            self.address = self.generation.prefix.value + rng.randbytes(3)
        else:
            self.address = parse_address(address)
        default = self.generation.password.value or ""
        self._access = Access(
            self.generation,
            self.address,
            rng,
            password=default if password is None else password,
            name=name,
        )
        if state is not None:
            self._access.restore(state)
        self._saved = self._access.revision
        self._on_change = on_change
        self._line = Line(unit, "ble")
        self._line.cuts = True
        self._line.on_hang_up = self.hang_up
        unit.ports.append(self)
        self.ending: HangUp | None = None
        """How a fault ends the link, once what was taken has been notified; the front end does."""
        self.on_plug: Callable[[bool], None] | None = None
        """Tells the front end to leave the air, with False, or to be on it again."""
        self.on_air: Callable[[float, str, bytes], None] | None = None
        """Told what happens on the air: the time, ``connected``, ``subscribed``, ``unsubscribed``,
        ``encrypted``, ``paired``, ``written``, ``refused``, ``notified``, ``lost`` or
        ``disconnected``, and the bytes of it."""
        self._start_up = StartUp()
        self._queue: deque[Notification] = deque()
        self._frame = bytearray()
        self._frame_s = 0.0
        self._tail_s = self._left_s = _NEVER
        self._connected = self._subscribed = self._paired = False
        self._mtu = MIN_MTU
        self.lost = 0
        """Notifications that nobody got: not subscribed, link lost, or too many waiting."""

    # -- what a front end shows ----------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a central is connected: no advertising, and a second one is turned away."""
        return self._connected

    @property
    def logged_in(self) -> bool:
        """Whether DD frames pass: no login is needed, or it was made on this link."""
        return self._access.open and (self.generation.passkey.value is None or self._paired)

    @property
    def name(self) -> str:
        """The name it advertises: one that was set, the board's, or the maker's."""
        raw = self._access.name
        return raw.decode("utf-8", "replace") if raw else self._start_up.name or DEFAULT_NAME

    @property
    def address_text(self) -> str:
        """``A4:C1:37:04:2D:BE``."""
        return format_address(self.address)

    def advertisement(self) -> Advertisement:
        """Return what a scanner sees while nobody is connected."""
        row = self.generation
        return Advertisement(
            self.name,
            row.advertised.value,
            self.address,
            manufacturer_field(self.address, row.layout.value),
        )

    def read(self, uuid: str) -> bytes:
        """Return what a read of a characteristic gives; its UUID as in the attribute table.

        The serial line's own two read one zero byte (assumed: the chip maker's example keeps
        notified and written data out of the attribute).
        """
        if uuid == _NAME_READ:
            name = self._access.name or self.name.encode("utf-8")
            return name.ljust(self.generation.name_size.value, b"\0")
        for service in self.generation.services.value:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid and characteristic.value is not None:
                    return characteristic.value
        return b"\x00"

    # -- what happens on the air ---------------------------------------------------------------

    def connected(self, now_s: float, mtu: int = MIN_MTU) -> bool:
        """Note that a central connected; False where one is connected already (turn it away)."""
        if self._connected:
            return False
        # What became due before went to nobody.
        self.on_due(now_s)
        self._connected = True
        self._tell(now_s, "connected")
        self.unit.client_did("connects")
        self.mtu_changed(mtu)
        self._tail_s = _NEVER
        if self.generation.link_up_byte.value and now_s - self._left_s >= FORGETS_LINK_S:
            self._queue.append(Notification(b"\x00", now_s, unasked=True))
        return True

    def disconnected(self, now_s: float) -> None:
        """Note that the link is gone: what was not notified is lost, the login ends."""
        if not self._connected:
            return
        self._connected = self._subscribed = self._paired = False
        self._left_s = now_s
        self.ending = None
        self.unit.client_did("disconnects")
        for piece in self._queue:
            self._lose(now_s, piece)
        self._tell(now_s, "disconnected")
        self._queue.clear()
        self._frame.clear()
        self._access.end_link()
        self.settle()

    def subscribed(self, now_s: float, on: bool = True) -> None:
        """Note that notifications were enabled or disabled (0x2902 written)."""
        self._subscribed = on and self._connected
        self._tell(now_s, "subscribed" if on else "unsubscribed")

    def paired(self, now_s: float, *, with_passkey: bool) -> None:
        """Note that the link is encrypted, and whether a passkey stood behind it."""
        self._paired = with_passkey and self._connected
        self._tell(now_s, "paired" if with_passkey else "encrypted")

    def mtu_changed(self, mtu: int) -> None:
        """Note the ATT MTU of the link; beyond the module's own it changes nothing."""
        self._mtu = max(MIN_MTU, min(mtu, self.generation.mtu.value))

    def written(self, data: bytes, now_s: float, *, with_response: bool = False) -> bool:
        """Take a write to the request characteristic.

        Returns:
            False where the attribute does not offer this kind of write, and nothing was taken:
            a front end then answers a request with "write not permitted".
        """
        taken = self.generation.accepts(with_response=with_response)
        self._tell(now_s, "written" if taken else "refused", data)
        if not taken:
            return False
        if not self._connected or not data:
            return True
        if not with_response:
            data = data[: min(self.generation.write_limit.value, self._mtu - ATT_HEADER)]
        self.on_due(now_s)
        if self.generation.passkey.value is not None and not self._paired:
            self._send(data, now_s, self.generation.ffaa_s.value)
        else:
            self._sort(data, now_s)
        return True

    # -- time ----------------------------------------------------------------------------------

    def power_up(self, now_s: float) -> None:
        """Give the module power: it asks the board for its name, where the generation does."""
        self.disconnected(now_s)
        self._left_s = _NEVER
        if self.generation.start_up.value:
            self._start_up.begin(now_s)
        self.on_due(now_s)

    @property
    def due_s(self) -> float | None:
        """When :meth:`take` or :meth:`on_due` has something to do, None for never."""
        times = [self._line.due_s, self._start_up.due_s]
        if self._frame:
            times.append(self._frame_s + GAP_S)
        if self._queue:
            times.append(self._queue[0].due_s)
        return min((time for time in times if time is not None), default=None)

    def on_due(self, now_s: float) -> None:
        """Do what time alone makes due."""
        if self._frame and now_s - self._frame_s >= GAP_S:
            self._frame.clear()
        due_s = self._line.due_s
        if due_s is not None and due_s <= now_s:
            self._from_board(self._line.on_due(now_s), now_s)
        while (request := self._start_up.request(now_s)) is not None:
            self._from_board(self._line.receive(request, now_s), now_s)

    def take(self, now_s: float) -> list[bytes]:
        """Return the notifications that leave by now, in order."""
        self.on_due(now_s)
        pieces: list[bytes] = []
        while self._queue and self._queue[0].due_s <= now_s and self.ending is None:
            piece = self._queue.popleft()
            if piece.ends is not None:
                self.ending = piece.ends
            elif self._subscribed or piece.unasked:
                self._tell(now_s, "notified", piece.data)
                pieces.append(piece.data)
            else:
                self._lose(now_s, piece)
        return pieces

    def hang_up(self, how: HangUp, now_s: float) -> None:
        """End the link behind what is still to be notified."""
        if self._connected:
            self._queue.append(Notification(b"", max(now_s, self._tail_s), ends=how))

    def set_plugged(self, plugged: bool) -> None:
        """Leave the air, or come back."""
        if self.on_plug is not None:
            self.on_plug(plugged)

    def pending(self) -> tuple[Notification, ...]:
        """Return what waits, with the times it leaves at."""
        return tuple(self._queue)

    # -- what survives -------------------------------------------------------------------------

    def settle(self) -> None:
        """Put a prepared state file in place; call when what was taken has been notified."""
        self.unit.settle()

    def state(self) -> dict[str, object]:
        """Return name, passwords and random byte as plain data for a file."""
        return self._access.state()

    def restore(self, state: Mapping[str, object]) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ConfigError: it is not that; nothing was taken.
        """
        self._access.restore(state)

    # -- inside --------------------------------------------------------------------------------

    def _tell(self, now_s: float, what: str, data: bytes = b"") -> None:
        if self.on_air is not None:
            self.on_air(now_s, what, data)

    def _lose(self, now_s: float, piece: Notification) -> None:
        self.lost += 1
        self._tell(now_s, "lost", piece.data)

    def _sort(self, data: bytes, now_s: float) -> None:
        """Keep what begins with FF AA, over the writes it comes in; the rest is the board's.

        Only the beginning of a write is looked at, so that a setting may hold these two bytes
        (assumed); a lone FF is held until the next write tells.
        """
        held = self._frame
        held += data
        self._frame_s = now_s
        while held.startswith(_START):
            size = held[3] + _OVERHEAD if len(held) > 3 else _OVERHEAD
            if len(held) < size:
                return
            raw = bytes(held[:size])
            del held[:size]
            self._module_frame(raw, now_s)
        if held == _START[:1]:
            return
        rest = bytes(held)
        held.clear()
        if rest and self._access.open:
            self._from_board(self._line.receive(rest, now_s), now_s)

    def _module_frame(self, raw: bytes, now_s: float) -> None:
        try:
            frame = parse_module_frame(raw)
        except FrameError:
            return
        was_open = self._access.open
        answer = self._access.answer(frame)
        if self._access.open and not was_open:
            self.unit.client_did("logs_in")
        if answer is not None:
            self._send(answer.to_wire(), now_s, self.generation.ffaa_s.value)
        if self._access.revision != self._saved:
            self._saved = self._access.revision
            if self._on_change is not None:
                self._on_change()

    def _from_board(self, run: bytes, now_s: float) -> None:
        for answer in split_answers(run):
            if not self._start_up.answered(answer, now_s) and self._connected:
                self._send(answer, now_s, latency_s(answer))

    def _send(self, data: bytes, now_s: float, latency: float) -> None:
        """Cut an answer into pieces and queue them behind what still waits."""
        size = min(self.generation.piece.value, self._mtu - ATT_HEADER)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        if len(self._queue) + len(pieces) > QUEUE_LIMIT:
            self.lost += len(pieces)
            self._tell(now_s, "lost", data)
            return
        gap_s = PIECE_GAP_S.value
        if self.timing is Timing.IMMEDIATE:
            first_s, gap_s = max(now_s, self._tail_s), 0.0
        else:
            # An answer never overtakes the one before it (captured once: DD, then FF AA).
            first_s = max(now_s + latency - gap_s * (len(pieces) - 1), self._tail_s + gap_s)
        timed = [(first_s + number * gap_s, piece) for number, piece in enumerate(pieces)]
        ends: HangUp | None = None
        if self.unit.faulty:
            timed, ends = self._line.wire.far(timed, now_s)
        for due_s, piece in timed:
            self._tail_s = due_s
            self._queue.append(Notification(piece, due_s))
        if ends is not None:
            self.hang_up(ends, now_s)


def _row(generation: Generation | str) -> Generation:
    if isinstance(generation, Generation):
        return generation
    row = GENERATIONS.get(generation)
    if row is None:
        raise ConfigError(f"module {generation!r}: unknown; there is {', '.join(GENERATIONS)}")
    return row
