"""Serves a replay to a client, in real time."""

from __future__ import annotations

import select

from .._link import Clock
from ._doors import Door, Happened, PtyDoor
from ._replay import Replay
from ._stop import Stop


def serve_replay(replay: Replay, door: Door, clock: Clock, stop: Stop) -> None:
    """Answer the client at a door until ``stop`` is set."""
    if isinstance(door, PtyDoor):
        replay.connected(clock.now_s())
    while not stop.is_set:
        due_s = replay.due_s
        wait_s = None if due_s is None else max(0.0, due_s - clock.now_s())
        ready = select.select([stop.fileno(), *door.watched()], [], [], wait_s)[0]
        for descriptor in ready:
            if descriptor == stop.fileno() or (event := door.on_readable(descriptor)) is None:
                continue
            if event.what is Happened.CONNECTED:
                replay.connected(clock.now_s())
            elif event.what is Happened.WROTE:
                replay.receive(event.data, clock.now_s())
        for piece in replay.take(clock.now_s()):
            door.write(piece)
