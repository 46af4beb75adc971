"""A scenario as a value: read from a table, checked whole, turned into a pack and a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jbd_protocol import ZERO_CELSIUS_DK

from .._config import ConfigError, UnitConfig, unit_from_table
from ..faults import KINDS, fault_from_table
from ..plant import Pack, Terminal, pack_from_table, terminal_from_table
from ..plant._limits import items, number, only, table, text
from ._actions import ACTIONS, Stage, encode_settings, perform
from ._story import Story
from ._times import line_of, seconds
from ._triggers import DEEDS, Trigger, trigger_from

if TYPE_CHECKING:
    from .._device import Device

_EMPTY: Final[Mapping[str, object]] = MappingProxyType({})
_OWN_KEYS: Final = ("title", "about", "lasts", "pack", "settings", "terminal", "event")
_EVENT_KEYS: Final = ("at", "do", "note", "when", "after", "until", "for")
_TERMINAL_KEYS: Final = ("name", "connected", "file")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens once.

    Attributes:
        at_s: seconds from the start; with ``when``, from then on it waits.
        do: key of ``ACTIONS``.
        fields: what the action needs.
        note: for people.
        when: what a client must do first.
        after_s: how long after that it happens.
        until: what ends it: a time from the start in seconds, or something a client does.
        lasts_s: how long after it happened it ends.

    Raises:
        ConfigError: it should end and cannot, or in two ways.
    """

    at_s: float
    do: str
    fields: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    note: str = ""
    when: Trigger | None = None
    after_s: float = 0.0
    until: float | Trigger | None = None
    lasts_s: float | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.lasts_s is not None:
            raise ConfigError("for: the event has an until already")
        key = "until" if self.until is not None else "for"
        if self.until is None and self.lasts_s is None:
            return
        if ACTIONS[self.do].undo is None:
            ends = ", ".join(name for name, row in ACTIONS.items() if row.undo is not None)
            raise ConfigError(f"{key}: {self.do} does not end; what does is {ends}")
        if isinstance(self.until, float) and self.until <= self.at_s:
            raise ConfigError(f"until: {self.until:g} s is not after at, {self.at_s:g} s")


@dataclass(frozen=True, slots=True)
class TerminalRow:
    """A source or a load.

    Attributes:
        table: as ``plant.terminal_from_table`` takes it.
        name: what events call it; empty for one they need not.
        connected: whether it is connected from the start.
    """

    table: Mapping[str, object]
    name: str = ""
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A unit, its pack, what is connected, and what happens.

    Attributes:
        name: of the file or the gallery.
        title: one sentence.
        about: the story.
        lasts_s: when it is told, seconds.
        unit: keys of ``unit_from_table``.
        pack: as ``plant.pack_from_table`` takes it, with ``ambient_celsius`` beside
            ``ambient_dk``; cells, capacity, NTCs, charge and seed are the unit's where not given.
        settings: burnt in before the start, by field name and in the field's unit.
        terminals: sources and loads.
        events: in the order of their times.

    Raises:
        ConfigError: a name is given twice; the message says which. The rest is checked by
            :func:`scenario_from_table` and :meth:`check`.
    """

    name: str = "scenario"
    title: str = ""
    about: str = ""
    lasts_s: float = 3600.0
    unit: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    pack: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    settings: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    terminals: tuple[TerminalRow, ...] = ()
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        names = [row.name for row in self.terminals if row.name]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"terminal name: {name!r} is given twice")
        object.__setattr__(self, "events", tuple(sorted(self.events, key=lambda event: event.at_s)))

    def config(self, **changes: object) -> UnitConfig:
        """Return the unit that lives through this; ``changes`` win over the scenario's own keys.

        Raises:
            ConfigError: a key or a value is wrong.
        """
        return unit_from_table({**changes, "scenario": self})

    def make_pack(self, config: UnitConfig) -> Pack:
        """Return the pack as it is at the start, terminals not yet connected.

        Raises:
            ValueError: a field is unknown or out of its limits; it is named.
        """
        given = dict(self.pack)
        if "ambient_celsius" in given:
            only("", {"ambient_dk": 0} if "ambient_dk" in given else {}, ("ambient_celsius",))
            celsius = number("ambient_celsius", given.pop("ambient_celsius"), -50.0, 150.0)
            given["ambient_dk"] = ZERO_CELSIUS_DK + 10.0 * celsius
        kit = config.kit
        if given.get("cells", kit.cells) != kit.cells:
            raise ValueError(f"cells: {given['cells']!r}, board {kit.key} has {kit.cells}")
        own = {
            "cells": kit.cells,
            "capacity_mah": kit.capacity_mah,
            "ntcs": kit.ntcs,
            "soc": config.soc_percent / 100,
            "seed": config.seed,
        }
        return pack_from_table(own | given)

    def raw_settings(self, config: UnitConfig) -> dict[int, bytes]:
        """Return the settings burnt in before the start, by address.

        Raises:
            ValueError: an unknown name, or a value its field cannot hold.
        """
        return encode_settings(self.settings, config.kit.settings.__getitem__)

    def begin(self, device: Device) -> Story:
        """Connect the terminals and return the story, not yet started.

        Raises:
            ValueError: a terminal is wrong.
        """
        terminals: dict[str, Terminal] = {}
        for row in self.terminals:
            terminal = terminal_from_table(row.table)
            if row.connected:
                device.pack.connect(terminal)
            if row.name:
                terminals[row.name] = terminal
        return Story(Stage(device, terminals), self.events)

    def check(self, where: Callable[[str, int, str], str] | None = None) -> None:
        """Play every event once on a unit of its own, without letting time pass.

        Args:
            where: turns table, number and message into the place to name.

        Raises:
            ConfigError: one line that names the place, the field and the limit.
        """
        from .._unit import Unit

        name = where or (lambda one, n, _: f"{one} {n}" if n else one)
        with _told(name, "unit"):
            config = self.config()
        with _told(name, "pack"):
            self.make_pack(config)
        with _told(name, "settings"):
            self.raw_settings(config)
        for count, row in enumerate(self.terminals, start=1):
            with _told(name, "terminal", count):
                terminal_from_table(row.table)
        quiet = Scenario(
            unit={key: value for key, value in self.unit.items() if key != "fault"},
            pack=self.pack, settings=self.settings, terminals=self.terminals,
        )  # fmt: skip
        with _told(name, "fault"):
            Unit(replace(quiet.config(), faults=config.faults))
        unit = Unit(quiet.config())
        story = unit.device.story
        assert story is not None
        ids = {fault.id for fault in config.faults}
        ids |= {str(one.fields.get("id")) for one in self.events if one.do == "fault"}
        for count, event in enumerate(self.events, start=1):
            with _told(name, "event", count):
                perform(story.stage, event.do, event.fields)
                if event.do == "heal" and event.fields["id"] not in ids:
                    raise ValueError(f"id: {event.fields['id']!r} is the id of no fault")
                # Each by itself: when it strikes and heals depends on the client.
                unit.faults.clear()


@contextmanager
def _told(name: Callable[[str, int, str], str], part: str, count: int = 0) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        message = str(error).splitlines()[0]
        raise ConfigError(f"{name(part, count, message)}: {message}") from None


def scenario_from_table(
    document: Mapping[str, object], *, name: str = "scenario", source: str = "",
    folder: Path | None = None,
) -> Scenario:  # fmt: skip
    """Return the scenario that a TOML document describes, checked whole.

    Args:
        document: unit keys at the top, ``title``, ``about``, ``lasts``, ``[pack]``,
            ``[settings]``, ``[[terminal]]`` and ``[[event]]``.
        name: what it is called.
        source: the text it came from, so that messages can name the line.
        folder: where the ``file`` of a csv terminal is looked for.

    Raises:
        ConfigError: one line that names scenario, line, table, field and limit.
    """
    order: list[int] = []  # events as written, by place in time

    def place(part: str, count: int, message: str) -> str:
        written = order[count - 1] if part == "event" and order else count
        header = "" if part in ("unit", "top") else part
        # A message begins with its field: "covp: ...", "cell soc: ...", "settings covp: ...",
        # one of a fault with its kind before the field: "fault drop byte 512: ...".
        words = message.split(":", 1)[0].split(" ")
        if words[0] == "fault" and len(words) > 2:
            words = words[2:] if words[1] in KINDS else words[1:]
        key = words[0]
        line = line_of(source, header, written, key) if source else None
        at = f", line {line}" if line else ""
        return f"scenario {name}{at}" + (f", {part} {written}" if written else f", {part}" * (
            part not in ("unit", "top")
        ))  # fmt: skip

    with _told(place, "top"):
        top = table("top", document)
        title, about = (text(key, top.get(key, "")) for key in ("title", "about"))
        pack, settings = (table(key, top.get(key, {})) for key in ("pack", "settings"))
        lasts_s = seconds("lasts", top.get("lasts", 3600))
        if "scenario" in top:
            raise ValueError("scenario: a scenario cannot live through another one")
    terminals, events = [], []
    for count, entry in enumerate(_entries(place, "terminal", document), start=1):
        with _told(place, "terminal", count):
            terminals.append(_terminal(table("terminal", entry), folder))
    for count, entry in enumerate(_entries(place, "event", document), start=1):
        with _told(place, "event", count):
            events.append(_event(table("event", entry)))
    for count, entry in enumerate(_entries(place, "fault", document), start=1):
        with _told(place, "fault", count):
            fault_from_table(table("fault", entry))
    order[:] = sorted(range(1, len(events) + 1), key=lambda n: events[n - 1].at_s)
    with _told(place, "top"):
        scenario = Scenario(
            name=name, title=title, about=about.strip(), lasts_s=lasts_s,
            unit={key: value for key, value in top.items() if key not in _OWN_KEYS},
            pack=pack, settings=settings, terminals=tuple(terminals), events=tuple(events),
        )  # fmt: skip
    scenario.check(place)
    return scenario


def parse_scenario(source: str, *, name: str, folder: Path | None = None) -> Scenario:
    """Return the scenario that a TOML text describes.

    Raises:
        ConfigError: it is not TOML, or as :func:`scenario_from_table`.
    """
    import tomllib

    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"scenario {name}: {error}") from None
    return scenario_from_table(document, name=name, source=source, folder=folder)


def _entries(
    place: Callable[[str, int, str], str], part: str, document: Mapping[str, object]
) -> list[object]:
    with _told(place, "top"):
        return items(part, document.get(part, []))


def _terminal(entry: Mapping[str, object], folder: Path | None) -> TerminalRow:
    inner = {key: value for key, value in entry.items() if key not in _TERMINAL_KEYS}
    connected = entry.get("connected", True)
    if not isinstance(connected, bool):
        raise ValueError(f"connected: {connected!r} is not true or false")
    if "file" in entry:
        path = (folder or Path()) / text("file", entry["file"])
        try:
            inner["content"] = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"file: {path}: {(error.strerror or str(error)).lower()}") from None
        except UnicodeDecodeError:
            raise ValueError(f"file: {path}: is not text in UTF-8") from None
    return TerminalRow(inner, text("name", entry.get("name", "")), connected)


def _event(entry: Mapping[str, object]) -> Event:
    if "at" not in entry and "when" not in entry:
        raise ValueError("at: missing from an event, and it has no when")
    at_s = seconds("at", entry.get("at", 0))
    do = text("do", entry.get("do"), tuple(ACTIONS))
    fields = {key: value for key, value in entry.items() if key not in _EVENT_KEYS}
    action = ACTIONS[do]
    only("", fields, action.needed + action.optional)
    for name in action.needed:
        if name not in fields:
            raise ValueError(f"{name}: missing from {do}")
    if "after" in entry and "when" not in entry:
        raise ValueError("after: there is no when that it would come after")
    return Event(
        at_s, do, fields, text("note", entry.get("note", "")),
        when=trigger_from("when", entry["when"]) if "when" in entry else None,
        after_s=seconds("after", entry.get("after", 0)),
        until=_until(entry["until"]) if "until" in entry else None,
        lasts_s=seconds("for", entry["for"]) if "for" in entry else None,
    )  # fmt: skip


def _until(value: object) -> float | Trigger:
    if isinstance(value, Mapping) or value in DEEDS:
        return trigger_from("until", value)
    return seconds("until", value)
