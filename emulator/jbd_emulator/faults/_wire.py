"""A line with faults on it: the way of a frame from the client to the board and back."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, NamedTuple

from jbd_protocol import ReadRequest, Request, Response, WriteRequest

from .._rules import Outcome, assumed
from ._framer import OVERHEAD, READ, WRITE, Framer, request_in
from ._kinds import ANSWER, REQUEST
from ._passing import START, HangUp, Passing, Piece

if TYPE_CHECKING:
    from .._line import Line
    from ._active import Faults

HANG_UP_S: Final = 0.02
"""From the last byte to the end of the link. A pseudo-terminal that is closed takes with it what
its reader has not read yet; a wire does not."""
_INSTEAD: Final = assumed("the bench answers in the board's place", "a fault of kind answer")
_BOARD: Final = ("board",)
_BOTH: Final = ("board", "client")
_CLIENT: Final = ("client",)


class _Waiting(NamedTuple):
    """Something that leaves, or arrives, when its time has come."""

    due_s: float
    number: int
    what: bytes | HangUp


class _Held(NamedTuple):
    """Frames that wait to be glued to the next ones."""

    data: bytes
    missing: int
    until_s: float


class Wire:
    """One line of a unit while the unit has faults.

    What arrives is cut into requests, each goes past the faults of its direction, and what is left
    of it is what the board hears; what the board says goes the same way back. Bytes that are no
    request go by untouched. Each direction keeps its order: what is behind a late frame is late.

    Args:
        line: whose bytes they are; its decoder is the board's.
        faults: of the line's unit.
    """

    __slots__ = (
        "__weakref__", "_faults", "_framer", "_held", "_inbox", "_line", "_number", "_outbox",
        "_tail_s", "asked",
    )  # fmt: skip

    def __init__(self, line: Line, faults: Faults) -> None:
        self._line, self._faults = line, faults
        self._framer = Framer()
        self._inbox: list[_Waiting] = []
        self._outbox: list[_Waiting] = []
        self._held: dict[str, _Held] = {}
        self._tail_s = {REQUEST: 0.0, ANSWER: 0.0}
        self._number = 0
        self.asked: Request = ReadRequest(0)
        """The request that was answered last."""
        faults.wires.add(self)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._inbox or self._outbox or self._held or self._framer.pending)

    @property
    def due_s(self) -> float | None:
        """When :meth:`on_due` has something to do, or None."""
        times = [queue[0].due_s for queue in (self._inbox, self._outbox) if queue]
        times += [held.until_s for held in self._held.values()]
        gap_s = self._line.gap_s
        if gap_s is not None:
            times.append(gap_s)
        elif self._framer.pending:
            times.append(self._line.silent_s)
        ends_s = self._faults.due_s
        if ends_s is not None:
            times.append(ends_s)
        return min(times, default=None)

    def receive(self, data: bytes, now_s: float) -> bytes:
        """Take bytes as they come; return those that leave at once."""
        self._due(now_s)
        self._line.heard(now_s)
        if now_s < self._faults.dead_until_s:
            self._forget()
            return self._leave(now_s)
        for raw in self._framer.receive(data):
            self._request(raw, now_s)
        self._hear(now_s)
        return self._leave(now_s)

    def on_due(self, now_s: float) -> bytes:
        """Do what time alone makes due; return the bytes that leave now, in one piece."""
        self._due(now_s)
        return self._leave(now_s)

    def reset(self) -> None:
        """Forget what is under way, as a connection that is gone does."""
        self._framer.flush()
        self._inbox.clear()
        self._outbox.clear()
        self._held.clear()
        # Nothing is left that what comes next could overtake.
        self._tail_s = {REQUEST: 0.0, ANSWER: 0.0}

    def far(self, pieces: list[Piece], now_s: float) -> tuple[list[Piece], HangUp | None]:
        """Return what becomes, at the client's end, of an answer in pieces.

        For a front end that cuts answers itself: a module, a line at its own speed.
        """
        wire = b"".join(data for _, data in pieces)
        if len(wire) < OVERHEAD or wire[0] != START or wire[1] in (READ, WRITE):
            return pieces, None
        passing = Passing(ANSWER, pieces)
        self._faults.bend(passing, self.asked, _CLIENT, now_s)
        if passing.echo:
            self._queue(self._inbox, REQUEST, now_s, passing.echo)
        return passing.pieces, passing.hang_up

    # -- the way in --------------------------------------------------------------------------

    def _request(self, raw: bytes, now_s: float) -> None:
        request = request_in(raw)
        if request is None:
            self._queue(self._inbox, REQUEST, now_s, raw)
            return
        for tell in self._faults.on_request:
            tell(now_s, request)
        passing = Passing(REQUEST, [(now_s, raw)])
        self._faults.bend(passing, request, _BOTH, now_s)
        if passing.echo:
            self._queue(self._outbox, ANSWER, now_s, passing.echo)
        self._pass(self._inbox, passing, now_s)

    def _hear(self, now_s: float) -> None:
        """Let the board hear what has arrived by now."""
        line = self._line
        while self._inbox and self._inbox[0].due_s <= now_s:
            what = heapq.heappop(self._inbox).what
            if isinstance(what, HangUp):
                # The link ends on the client's way in: nothing comes back on it.
                self.reset()
                line.hang_up(what, now_s)
                return
            line.heard(now_s)
            self._serve(line.decoder.receive(what), now_s)

    def _serve(self, events: object, now_s: float) -> None:
        assert isinstance(events, list)
        for event in events:
            if isinstance(event, ReadRequest | WriteRequest):
                self.asked = event
                self._carry_out(event, now_s)

    def _carry_out(self, request: Request, now_s: float) -> None:
        faults, unit = self._faults, self._line.unit
        if now_s < faults.dead_until_s or faults.shake(REQUEST, request, now_s):
            return
        instead = faults.answer_for(request, now_s)
        device = unit.device
        before = device.revision
        if instead is None or instead.carried_out:
            outcome = device.handle(request, now_s)
        if instead is not None:
            said = Response(request.register, instead.status or 0, instead.data or b"")
            outcome = Outcome(said, _INSTEAD)
        if unit.watcher is not None:
            unit.watcher.decided(self._line, now_s, request, outcome)
        response = outcome.response
        may = unit.may_answer(before) and not faults.shake(ANSWER, request, now_s)
        if response is not None and may:
            self._answer(request, response, now_s)
        if device.story is not None:
            device.story.client_did("asks", request, response)

    def _answer(self, request: Request, response: Response, now_s: float) -> None:
        unit, faults = self._line.unit, self._faults
        passing = Passing(ANSWER, [(now_s, unit.to_wire(response))])
        faults.bend(passing, request, _BOARD if self._line.cuts else _BOTH, now_s)
        if passing.echo:
            self._queue(self._inbox, REQUEST, now_s, passing.echo)
        self._pass(self._outbox, passing, now_s)

    # -- queues ------------------------------------------------------------------------------

    def _pass(self, queue: list[_Waiting], passing: Passing, now_s: float) -> None:
        """Queue what is left of a frame, behind what is held for it."""
        direction = passing.direction
        held = self._held.pop(direction, None)
        if held is not None and not passing.pieces:
            self._held[direction] = held
        elif held is not None:
            due_s, first = passing.pieces[0]
            passing.pieces[0] = (due_s, held.data + first)
            if passing.join is None and held.missing > 1:
                passing.join = (held.missing, held.until_s - now_s)
        if passing.join is not None and passing.pieces:
            frames, hold_s = passing.join
            if held is not None:
                frames, hold_s = held.missing, held.until_s - now_s
            if frames > 1:
                self._held[direction] = _Held(passing.wire, frames - 1, now_s + hold_s)
                return
        for due_s, data in passing.pieces:
            self._queue(queue, direction, due_s, data)
        if passing.hang_up is not None:
            last_s = passing.pieces[-1][0] if passing.pieces else now_s
            self._queue(queue, direction, last_s + HANG_UP_S, passing.hang_up)

    def _queue(
        self, queue: list[_Waiting], direction: str, due_s: float, what: bytes | HangUp
    ) -> None:
        self._tail_s[direction] = due_s = max(due_s, self._tail_s[direction])
        self._number += 1
        heapq.heappush(queue, _Waiting(due_s, self._number, what))

    def _due(self, now_s: float) -> None:
        self._faults.advance_to(now_s)
        for direction, held in tuple(self._held.items()):
            if held.until_s <= now_s:
                del self._held[direction]
                queue = self._inbox if direction == REQUEST else self._outbox
                self._queue(queue, direction, now_s, held.data)
        self._hear(now_s)
        line = self._line
        if now_s >= line.silent_s:
            if raw := self._framer.flush():
                self._serve(line.decoder.receive(raw), now_s)
            if line.decoder.pending:
                self._serve(line.decoder.flush(), now_s)

    def _leave(self, now_s: float) -> bytes:
        """Return what leaves now: what has the same time leaves in one piece."""
        outbox, data = self._outbox, b""
        first_s = outbox[0].due_s if outbox else now_s
        while outbox and outbox[0].due_s <= now_s and outbox[0].due_s == first_s:
            what = outbox[0].what
            if isinstance(what, HangUp):
                if data:
                    break
                heapq.heappop(outbox)
                self.reset()
                self._line.hang_up(what, now_s)
                break
            heapq.heappop(outbox)
            data += what
        self._faults.rest()
        return data

    def _forget(self) -> None:
        """Lose what a board without power had half heard."""
        self._framer.flush()
        self._line.decoder.reset()
