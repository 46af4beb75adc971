"""The desk in the board's process: takes a question as a table, gives an answer as a table.

Sans-I/O: whoever owns the loop hands in a question and the time. Nothing that is asked raises;
what is wrong with it is an answer too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import LocalError

from ..plant._limits import whole
from ._fault_hands import FAULT_HANDS
from ._hands import HANDS, Conflict, NotThere, perform
from ._recorder import Recorder, Row, rows_each
from ._snapshot import Table, settings, snapshot, summary

if TYPE_CHECKING:
    from ..faults import Hit
    from ..frontends._server import ServedUnit

MOST_ROWS_AT_ONCE: Final = 400
"""Rows of traffic in one answer; about 50 kB."""


class Refused(Exception):  # an answer, not a failure of ours
    """A question that is refused.

    Args:
        kind: ``invalid``, ``not found``, ``conflict`` or ``fault`` of our own.
        detail: one line for people.
        field: what was wrong with the question, where one field was.
    """

    def __init__(self, kind: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.field = kind, detail, field

    def as_table(self) -> Table:
        """Return it as the other process gets it."""
        return {"kind": self.kind, "detail": self.detail, "field": self.field}


class Desk:
    """Answers questions about the units of one process and does what it is told.

    Args:
        units: what is served.
        now_s: what times in the traffic are counted from.
        complain: called with one line for a fault of our own.
    """

    def __init__(
        self,
        units: Sequence[ServedUnit],
        now_s: float,
        complain: Callable[[str], None] | None = None,
    ) -> None:
        self._units: dict[str, ServedUnit] = {}
        self._recorders: dict[str, Recorder] = {}
        self._started_s, self._complain = now_s, complain
        most = rows_each(len(units))
        for served in units:
            name = self._free_name(served.unit.name)
            recorder = Recorder(most, now_s)
            self._units[name], self._recorders[name] = served, recorder
            served.unit.watcher = recorder
            served.unit.on_fault.append(_striking(recorder))

    def answer(self, question: Mapping[str, Any], now_s: float) -> Table:
        """Return ``{"ok": ...}`` or ``{"error": ...}`` to a question.

        Args:
            question: ``do``, and with most of them ``unit`` and ``with``, a table of fields.
            now_s: the time, on the units' clock.
        """
        try:
            return {"ok": self._answer(question, now_s)}
        except Refused as refused:
            return {"error": refused.as_table()}
        except Exception as error:
            # A fault of ours must not take the boards down with it.
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            if self._complain is not None:
                self._complain(f"control: {question.get('do')}: {line}")
            return {"error": Refused("fault", line).as_table()}

    def _answer(self, question: Mapping[str, Any], now_s: float) -> Table:
        do, given = question.get("do"), question.get("with")
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise Refused("invalid", f"with: {given!r} is not a table", "with")
        if do == "overview":
            return self._overview(now_s)
        name = question.get("unit")
        served = self._units.get(name) if isinstance(name, str) else None
        if served is None or not isinstance(name, str):
            raise Refused("not found", f"unit {name!r}: there is {', '.join(self._units)}", "unit")
        ask = _QUESTIONS.get(str(do))
        if ask is not None:
            return ask(self, name, served, given, now_s)
        if do not in HANDS and do not in FAULT_HANDS:
            raise Refused("invalid", f"do: {do!r} is unknown", "do")
        return self._do(name, served, str(do), given, now_s)

    def _do(
        self, name: str, served: ServedUnit, do: str, given: Mapping[str, Any], now_s: float
    ) -> Table:
        unit = served.unit
        unit.device.advance_to(now_s)
        more: Table = {}
        try:
            if do in FAULT_HANDS:
                more = FAULT_HANDS[do](served, given, now_s)
            elif (mark := perform(served, do, given, now_s)) is not None:
                self._recorders[name].struck(now_s, f"bench: {mark}")
        except NotThere as error:
            raise Refused("not found", str(error), "id") from None
        except Conflict as error:
            detail = str(error).splitlines()[0]
            raise Refused("conflict", detail, _field_of(detail, given)) from None
        except (ValueError, LocalError) as error:
            detail = str(error).splitlines()[0]
            asked = {**dict.fromkeys(HANDS[do].fields), **given} if do in HANDS else given
            raise Refused("invalid", detail, _field_of(detail, asked)) from None
        unit.device.refresh()
        if unit.device.revision != unit.prepared_revision and unit.prepare_save():
            unit.settle()
        served.rearm()
        return self._state(name, served, given, now_s) | more

    # -- questions that change nothing -----------------------------------------------------------

    def _overview(self, now_s: float) -> Table:
        return {
            "t_s": round(now_s - self._started_s, 6),
            "units": [summary(name, served) for name, served in self._units.items()],
        }

    def _state(
        self, name: str, served: ServedUnit, given: Mapping[str, Any], now_s: float
    ) -> Table:
        served.unit.device.advance_to(now_s)
        recorder = self._recorders[name]
        return snapshot(name, served) | {
            "t_s": round(now_s - self._started_s, 6),
            "traffic": {"first": recorder.first, "next": recorder.next},
        }

    def _settings(
        self, name: str, served: ServedUnit, given: Mapping[str, Any], now_s: float
    ) -> Table:
        return {"settings": settings(served.unit.device)}

    def _traffic(
        self, name: str, served: ServedUnit, given: Mapping[str, Any], now_s: float
    ) -> Table:
        recorder = self._recorders[name]
        try:
            number = whole("since", given.get("since", 0), 0, 2**53)
        except ValueError as error:
            raise Refused("invalid", str(error), "since") from None
        start, rows = recorder.since(number, MOST_ROWS_AT_ONCE)
        return {"start": start, "next": recorder.next, "rows": [_flat(row) for row in rows]}

    def _follow(
        self, name: str, served: ServedUnit, given: Mapping[str, Any], now_s: float
    ) -> Table:
        """State and new traffic at once: what a page in front of somebody asks for."""
        return {
            "state": self._state(name, served, given, now_s),
            "traffic": self._traffic(name, served, given, now_s),
        }

    def _forget(
        self, name: str, served: ServedUnit, given: Mapping[str, Any], now_s: float
    ) -> Table:
        self._recorders[name].clear()
        return self._state(name, served, given, now_s)

    def _free_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._units:
            number += 1
            name = f"{wanted}-{number}"
        return name


_Question = Callable[["Desk", str, "ServedUnit", Mapping[str, Any], float], Table]
_QUESTIONS: Final[Mapping[str, _Question]] = {
    "state": Desk._state,
    "settings": Desk._settings,
    "traffic": Desk._traffic,
    "follow": Desk._follow,
    "forget_traffic": Desk._forget,
}


def _striking(recorder: Recorder) -> Callable[[float, Hit], None]:
    return lambda now_s, hit: recorder.struck(now_s, str(hit))


def _flat(row: Row) -> list[Any]:
    """Return a row as JSON takes it."""
    t_s, line, kind, *rest = row
    head = [round(t_s, 6), line, kind]
    if kind in ("rx", "tx"):
        return [*head, rest[0].hex()]
    if kind == "why":
        register, written, rule, silent = rest
        grade, source = rule.evidence
        return [*head, register, written, rule.text, str(grade), source, silent]
    return [*head, *rest]


def _field_of(detail: str, given: Mapping[str, Any]) -> str | None:
    """Return the field that a refusal begins with, as most of ours do."""
    word = detail.replace(":", " ").split(" ", 1)[0]
    inside = given.get("values")
    asked = {*given, *(inside if isinstance(inside, Mapping) else ())}
    return word if word in asked else None
