"""Traffic in words: each frame, and why the board answers so, with the grade of that."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from jbd_protocol import RequestDecoder, Response, ResponseDecoder, describe

MOST_ENTRIES: Final = 4000
_MOST_LINES: Final = 256
_MOST_WAITING: Final = 16
Entry = dict[str, Any]  # Any: values of a JSON object; jbd_emulator.control._models.Entry


class _Line:
    """What is half heard on one line, and the reasons of answers that have not left yet."""

    def __init__(self) -> None:
        self.requests, self.responses = RequestDecoder(), ResponseDecoder()
        self.reasons: deque[tuple[int, str, str, str]] = deque(maxlen=_MOST_WAITING)

    def reason_for(self, register: int) -> tuple[str, str, str] | None:
        """Return text, grade and source for an answer that leaves, and those before it are void."""
        for place, reason in enumerate(self.reasons):
            if reason[0] == register:
                for _ in range(place + 1):
                    self.reasons.popleft()
                return reason[1:]
        return None


class Words:
    """The traffic of one unit, decoded as it comes, bounded.

    Attributes:
        next: number of the row to be taken next.
        entries: what is kept, oldest first.
    """

    def __init__(self) -> None:
        self.next = 0
        self.entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._lines: dict[str, _Line] = {}

    @property
    def first(self) -> int:
        """Number of the oldest entry that is kept."""
        return int(self.entries[0]["n"]) if self.entries else self.next

    def take(self, start: int, rows: Sequence[Sequence[Any]]) -> list[Entry]:  # Any: JSON
        """Decode rows as the desk gives them; return the entries that came of them."""
        if start > self.next:
            self._lines.clear()  # what was half heard lies in the gap
        fresh = []
        for number, row in enumerate(rows, start):
            entry = self._entry(number, row)
            if entry is not None:
                fresh.append(entry)
        self.next = start + len(rows)
        self.entries.extend(fresh)
        return fresh

    def forget(self) -> None:
        """Drop what is kept; numbers go on."""
        self.entries.clear()

    def since(self, number: int, most: int) -> list[Entry]:
        """Return entries from row ``number`` on, the first ``most`` of them."""
        found = []
        for entry in self.entries:
            if entry["n"] >= number:
                found.append(entry)
                if len(found) == most:
                    break
        return found

    def _entry(self, number: int, row: Sequence[Any]) -> Entry | None:
        t_s, name, kind, *rest = row
        if len(self._lines) > _MOST_LINES:
            self._lines.clear()
        line = self._lines.setdefault(name, _Line())
        entry = {"n": number, "t_s": t_s, "line": name, "dir": kind, "hex": "", "words": "",
                 "why": None, "grade": None, "source": None}  # fmt: skip
        if kind == "fault":
            entry["words"] = rest[0]
        elif kind == "why":
            register, _written, text, grade, source, silent = rest
            if not silent:
                line.reasons.append((register, text, grade, source))
                return None
            entry.update(dir="silence", words="no answer", why=text, grade=grade, source=source)
        else:
            raw = bytes.fromhex(rest[0])
            entry["hex"] = raw.hex(" ").upper()
            events = (line.requests if kind == "rx" else line.responses).receive(raw)
            entry["words"] = "; ".join(describe(event) for event in events) or "part of a frame"
            if kind == "tx":
                self._explain(entry, line, events)
        return entry

    def _explain(self, entry: Entry, line: _Line, events: Sequence[object]) -> None:
        reasons = [
            reason
            for event in events
            if isinstance(event, Response)
            and (reason := line.reason_for(event.register)) is not None
        ]
        if reasons:
            entry["why"] = "; ".join(dict.fromkeys(text for text, _, _ in reasons))
            _, entry["grade"], entry["source"] = max(reasons, key=lambda one: _WORSE[one[1]])


_WORSE: Final = {"captured": 0, "vendor document": 1, "reported": 2, "assumed": 3}
