"""What was said on a link and shown on a screen, in order: the evidence a verdict is drawn from.

A log is a tuple of entries and knows nothing of the client that made it, so that one recorded
from a phone over Bluetooth can be judged by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from jbd_protocol import (
    BadFrame,
    FrameError,
    LocalError,
    ModuleFrame,
    Noise,
    Request,
    Response,
    describe,
    parse_module_frame,
    parse_request,
    parse_response,
)

LIVE_DATA = "live data"
"""Note of the UI entry that says: from here on the user sees measurements."""
PARAMETERS = "parameters"
"""Note of the UI entry that says: from here on the user sees the board's settings."""

SUBSCRIBED = "subscribed"
"""Note of the LINK entry of a Bluetooth link whose notifications are on: from here on the
client can hear answers."""


class Direction(StrEnum):
    """Who speaks."""

    TX = "tx"
    """The client, to the board."""
    RX = "rx"
    """The board, to the client."""
    UI = "ui"
    """The client's screen, to the user."""
    USER = "user"
    """The user, to the client: a PIN typed, a page opened."""
    LINK = "link"
    """The connection itself: made, dropped."""


ARROWS = {
    Direction.TX: "->",
    Direction.RX: "<-",
    Direction.UI: "shows",
    Direction.USER: "user",
    Direction.LINK: "link",
}

Meaning: TypeAlias = Request | Response | BadFrame | Noise | ModuleFrame


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log."""

    t_s: float
    """Seconds since the log began."""
    direction: Direction
    frame: bytes = b""
    """The bytes, whole; empty where nothing went over the wire."""
    note: str = ""
    connection: int = 1
    """Counts connections, from 1."""

    @property
    def meaning(self) -> Meaning | None:
        """The frame as a value; None where the entry carries none."""
        if not self.frame:
            return None
        try:
            if self.frame[:2] == b"\xff\xaa":
                return parse_module_frame(self.frame)
            if self.direction is Direction.TX:
                return parse_request(self.frame)
            return parse_response(self.frame)
        except FrameError as error:
            return BadFrame(self.frame, error.reason)  # type: ignore[arg-type]  # always a Fault

    @property
    def text(self) -> str:
        """What the entry says, in words."""
        meaning = self.meaning
        if meaning is None:
            return self.note
        if isinstance(meaning, ModuleFrame):
            answer = self.direction is Direction.RX
            shown = ", ".join(f"{k} {v}" for k, v in meaning.values(answer=answer).items())
            return f"module 0x{meaning.command:02X}: {shown or 'no data'}"
        return describe(meaning)

    def to_json(self) -> dict[str, Any]:  # Any: a JSON object
        """Return the entry as a JSON object; ``frame`` is spaced hexadecimal."""
        return {
            "t": round(self.t_s, 6),
            "dir": str(self.direction),
            "frame": self.frame.hex(" ").upper(),
            "note": self.note,
            "connection": self.connection,
            "text": self.text,
        }


Log: TypeAlias = tuple[Entry, ...]


def parse_log(rows: Iterable[dict[str, Any]]) -> Log:  # Any: JSON objects
    """Return the log that :meth:`Entry.to_json` rows hold, from a file or another tool.

    Args:
        rows: objects with ``t`` (seconds), ``dir``, and where they apply ``frame`` (hexadecimal),
            ``note`` and ``connection``.
    Raises:
        LocalError: a row that is none; the text names its number and field.
    """
    entries = []
    for number, row in enumerate(rows, 1):
        try:
            entries.append(
                Entry(
                    float(row["t"]),
                    Direction(row["dir"]),
                    bytes.fromhex(row.get("frame", "")),
                    str(row.get("note", "")),
                    int(row.get("connection", 1)),
                )
            )
        except (KeyError, ValueError, TypeError) as error:
            raise LocalError(f"log row {number}: {error}") from error
    return tuple(entries)
