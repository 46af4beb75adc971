"""The control process's end of the line to the boards."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, Final, Protocol

from ._words import Entry, Words

_PATIENCE_S: Final = 10.0
_AT_ONCE: Final = 8
_MOST_LINE: Final = 4 * 1024 * 1024
_TURNS: Final = 12
Table = dict[str, Any]  # Any: values of a JSON object


class RefusedByDesk(Exception):
    """The desk's own refusal: see ``jbd_emulator.control.Refused``."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("detail")))
        self.kind = str(error.get("kind"))
        self.detail = str(error.get("detail"))
        self.field: str | None = error.get("field")


class BoardsAway(Exception):
    """The boards' process did not answer in time, or is gone."""


class Asker(Protocol):
    """Something that takes questions to a desk."""

    async def ask(self, question: Table) -> Table:
        """Return the desk's answer, ``ok`` or ``error`` inside."""


class BoardLine:
    """Questions over the socket pair, a few at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[Table]] = {}
        self._number = 0
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self.gone = asyncio.Event()

    @classmethod
    async def open(cls, end: socket.socket) -> tuple[BoardLine, Table]:
        """Return the line, and what the boards' process said first."""
        reader, writer = await asyncio.open_connection(sock=end, limit=_MOST_LINE)
        settings: Table = json.loads(await reader.readline())
        return cls(reader, writer), settings

    async def listen(self) -> None:
        """Hand out answers until the other end closes."""
        try:
            while line := await self._reader.readline():
                answer = json.loads(line)
                future = self._waiting.pop(answer["id"], None)
                if future is not None and not future.done():
                    future.set_result(answer)
        except OSError:
            pass
        finally:
            self.gone.set()
            for future in self._waiting.values():
                future.cancel()

    def tell_ready(self) -> None:
        """Say that requests are taken."""
        self._writer.write(b'{"id": 0, "do": "ready"}\n')

    async def ask(self, question: Table) -> Table:
        """Return the desk's answer.

        Raises:
            BoardsAway: there was none in ten seconds.
        """
        async with self._gate:
            self._number += 1
            number = self._number
            future: asyncio.Future[Table] = asyncio.get_running_loop().create_future()
            self._waiting[number] = future
            try:
                self._writer.write(json.dumps({"id": number, **question}).encode() + b"\n")
                return await asyncio.wait_for(future, _PATIENCE_S)
            except (TimeoutError, OSError, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and not self.gone.is_set():
                    raise
                raise BoardsAway("the boards did not answer") from None
            finally:
                self._waiting.pop(number, None)


class Boards:
    """The units, as routes and feeds ask for them.

    Args:
        asker: who takes the questions.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._words: dict[str, Words] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def ask(self, do: str, unit: str | None = None, **given: object) -> Table:
        """Return what the desk answers.

        Raises:
            RefusedByDesk: it refuses.
            BoardsAway: it does not answer.
        """
        question: Table = {"do": do, "with": given}
        if unit is not None:
            question["unit"] = unit
        answer = await self._asker.ask(question)
        if "error" in answer:
            raise RefusedByDesk(answer["error"])
        table: Table = answer["ok"]
        return table

    async def follow(self, unit: str) -> tuple[Table, list[Entry]]:
        """Return a unit's state, and the traffic that came since anybody asked."""
        words, lock = self._of(unit)
        async with lock:
            answer = await self.ask("follow", unit, since=words.next)
            return answer["state"], words.take(
                answer["traffic"]["start"], answer["traffic"]["rows"]
            )

    async def words(self, unit: str) -> Words:
        """Return a unit's traffic in words, brought up to date."""
        words, lock = self._of(unit)
        async with lock:
            for _ in range(_TURNS):  # a unit that is asked without pause never lets this catch up
                answer = await self.ask("traffic", unit, since=words.next)
                words.take(answer["start"], answer["rows"])
                if words.next >= answer["next"]:
                    break
        return words

    async def forget(self, unit: str) -> Table:
        """Drop a unit's traffic and return its state."""
        words, lock = self._of(unit)
        async with lock:
            state = await self.ask("forget_traffic", unit)
            words.forget()
            words.next = max(words.next, state["traffic"]["next"])
        return state

    def _of(self, unit: str) -> tuple[Words, asyncio.Lock]:
        return (
            self._words.setdefault(unit, Words()),
            self._locks.setdefault(unit, asyncio.Lock()),
        )
