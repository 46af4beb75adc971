"""Stands between a client and a board, passes every byte on, and writes down what passed."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Final

from .._link import Link, LinkError
from ..records import Direction, Piece
from ._doors import Door, DoorEvent, Happened
from ._log import RecordingLog
from ._stop import Stop

_SLICE_S: Final = 0.2
"""How long one read of the board waits; the end of a recording waits as long at most."""
_RETRY_S: Final = 1.0
"""Between two attempts to find a board that is gone."""

Watcher = Callable[[Piece, str], None]


class Relay:
    """Passes bytes on until it is told to stop.

    Nothing is held back, changed or refused: what a client writes reaches the board. A board that
    is gone, a cable that was pulled, is looked for until it is back; what a client writes in
    between is noted as lost.

    Args:
        link: the board.
        door: where the client comes in.
        log: where it is written down; times are seconds since the beginning.
        watcher: called with every piece and what it means, under a lock.
    """

    def __init__(
        self, link: Link, door: Door, log: RecordingLog, watcher: Watcher | None = None
    ) -> None:
        self._link, self._door, self._log, self._watcher = link, door, log, watcher
        self._began_s = link.clock.now_s()
        self._lock = threading.Lock()
        self._gone = False
        self._error: BaseException | None = None

    def run(self, stop: Stop) -> None:
        """Pass bytes on until ``stop`` is set.

        Raises:
            OSError: the recording cannot be written any more.
        """
        reader = threading.Thread(target=self._guarded, args=(stop,), name="jbd board", daemon=True)
        reader.start()
        try:
            while not stop.is_set:
                ready = select.select([stop.fileno(), *self._door.watched()], [], [])[0]
                for descriptor in ready:
                    if descriptor != stop.fileno():
                        self._from_client(self._door.on_readable(descriptor))
        finally:
            stop.set()
            reader.join()
        if self._error is not None:
            raise self._error

    def _from_client(self, event: DoorEvent | None) -> None:
        if event is None:
            return
        # Passed on and noted in one go: the answer must not be noted before its request.
        with self._lock:
            now_s = self._now_s()
            if event.what is not Happened.WROTE:
                self._note(Piece(now_s, Direction.MARK, b"", event.what.value))
                return
            try:
                if self._gone:
                    raise LinkError("no board")
                self._link.write(event.data)
            except LinkError:
                lost = event.data.hex(" ").upper()
                note = f"lost on the way to the board: {lost}"
                self._note(Piece(now_s, Direction.MARK, b"", note))
            else:
                self._note(Piece(now_s, Direction.TO_BOARD, event.data))

    def _guarded(self, stop: Stop) -> None:
        try:
            while not stop.is_set:
                self._from_board(stop)
        except BaseException as error:
            # Raised by run(); a thread has nobody else to tell.
            self._error = error
            stop.set()

    def _from_board(self, stop: Stop) -> None:
        try:
            data = self._link.read(self._link.clock.now_s() + _SLICE_S)
        except LinkError as error:
            self._find_again(error, stop)
            return
        if not data:
            return
        with self._lock:
            now_s = self._now_s()
            lost = self._door.write(data)
            self._note(Piece(now_s, Direction.FROM_BOARD, data))
            if lost:
                note = f"the client left {lost} bytes unread and lost them"
                self._note(Piece(now_s, Direction.MARK, b"", note))

    def _find_again(self, error: LinkError, stop: Stop) -> None:
        self._gone = True
        with self._lock:
            self._note(Piece(self._now_s(), Direction.MARK, b"", str(error)))
        while not select.select([stop.fileno()], [], [], _RETRY_S)[0]:
            try:
                self._link.reconnect()
            except LinkError:
                continue
            self._gone = False
            with self._lock:
                self._note(Piece(self._now_s(), Direction.MARK, b"", "the board is back"))
            return

    def _note(self, piece: Piece) -> None:
        meaning = self._log.add(piece)
        if self._watcher is not None:
            self._watcher(piece, meaning)

    def _now_s(self) -> float:
        return self._link.clock.now_s() - self._began_s
