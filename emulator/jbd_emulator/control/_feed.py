"""Live events: one look at a unit serves every page that shows it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from ._link import Boards, BoardsAway, RefusedByDesk
from ._words import Entry

MOST_STREAMS: Final = 32
PERIOD_S: Final = 0.2
_QUIET_S: Final = 1.0
"""A state that nobody changed is sent this often all the same: its times go on."""
_BEATS: Final = 15.0
_MOST_WAITING: Final = 32
"""Messages a page may leave unread; then it is told that it missed some."""


class TooMany(Exception):
    """There are as many streams as are allowed."""


class _Page:
    """One subscriber and what it has not read yet."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self.missed = 0

    def push(self, message: str) -> None:
        """Hand a message over; a page that does not read loses the oldest."""
        while True:
            try:
                self.queue.put_nowait(message)
                return
            except asyncio.QueueFull:
                self.queue.get_nowait()
                self.missed += 1


class Feed:
    """Streams of events, by unit.

    Args:
        boards: where units are looked at.
        period_s: how often.
    """

    def __init__(self, boards: Boards, period_s: float = PERIOD_S) -> None:
        self._boards, self._period_s = boards, period_s
        self._pages: dict[str, set[_Page]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def streams(self) -> int:
        """How many there are."""
        return sum(len(pages) for pages in self._pages.values())

    def join(self, unit: str) -> _Page:
        """Return a new subscriber.

        Raises:
            TooMany: there are ``MOST_STREAMS``.
        """
        if self.streams >= MOST_STREAMS:
            raise TooMany
        page = _Page()
        self._pages.setdefault(unit, set()).add(page)
        if unit not in self._tasks:
            self._tasks[unit] = asyncio.create_task(self._look(unit))
        return page

    def leave(self, unit: str, page: _Page) -> None:
        """Take a subscriber off; the last one ends the looking."""
        pages = self._pages.get(unit, set())
        pages.discard(page)
        if not pages:
            self._pages.pop(unit, None)
            task = self._tasks.pop(unit, None)
            if task is not None:
                task.cancel()

    async def stream(self, unit: str, page: _Page) -> AsyncIterator[str]:
        """Yield server-sent events until the reader leaves."""
        try:
            while True:
                try:
                    async with asyncio.timeout(_BEATS):
                        message = await page.queue.get()
                except TimeoutError:
                    message = ": still here\n\n"  # a proxy, or a dead line, shows itself
                if page.missed:
                    yield _event("missed", {"messages": page.missed})
                    page.missed = 0
                yield message
        finally:
            self.leave(unit, page)

    async def close(self) -> None:
        """End all looking."""
        for task in self._tasks.values():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _look(self, unit: str) -> None:
        before: dict[str, Any] = {}
        loop = asyncio.get_running_loop()
        sent_s = 0.0
        while True:
            try:
                state, entries = await self._boards.follow(unit)
            except (BoardsAway, RefusedByDesk) as error:
                self._tell(unit, _event("away", {"detail": str(error)}))
                await asyncio.sleep(_QUIET_S)
                continue
            if entries:
                self._tell(unit, _traffic(entries))
            seen = {key: value for key, value in state.items() if key not in ("t_s", "traffic")}
            if seen != before or loop.time() - sent_s >= _QUIET_S:
                self._tell(unit, _event("state", state))
                before, sent_s = seen, loop.time()
            await asyncio.sleep(self._period_s)

    def _tell(self, unit: str, message: str) -> None:
        for page in self._pages.get(unit, ()):
            page.push(message)


def _traffic(entries: list[Entry]) -> str:
    return _event("traffic", {"entries": entries})


def _event(name: str, data: dict[str, Any]) -> str:  # Any: values of a JSON object
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
