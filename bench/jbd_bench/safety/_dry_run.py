"""Plays a run against the emulated twin of a board, and keeps every write it would make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from jbd_emulator import Unit, unit_from_table
from jbd_protocol import RequestDecoder, describe

from .._client import BmsClient
from .._leave import LeaveGuard
from ..board import take_snapshot
from ..board._twin import unit_table
from ..transports import open_target, parse_target
from ..transports._embedded import EmbeddedLink

if TYPE_CHECKING:
    from .._link import Link
    from .._outgoing import OutgoingWrite
    from ._options import SafetyOptions


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """A write that a run would make.

    Attributes:
        target: the board's target string.
        test: the test that makes it; None where it puts the board back.
        register: what is written.
        frame: its bytes.
    """

    target: str
    test: str | None
    register: int
    frame: bytes

    @property
    def meaning(self) -> str:
        """What it says, in words."""
        decoder = RequestDecoder()
        events = [*decoder.receive(self.frame), *decoder.flush()]
        return " | ".join(map(describe, events))

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "target": self.target,
            "test": self.test,
            "register": f"0x{self.register:02X}",
            "hex": self.frame.hex(" ").upper(),
            "meaning": self.meaning,
        }


@dataclass(slots=True, eq=False)
class Rehearsal:
    """A pytest plugin that puts twins in the place of boards.

    Attributes:
        twins: how to make each twin, by target string.
        folder: where the journals of the rehearsal go, away from the real ones.
        writes: what would be written, in order.
    """

    twins: dict[str, Callable[[], Link]]
    folder: Path
    writes: list[PlannedWrite] = field(default_factory=list)

    def jbd_rehearse(self, options: SafetyOptions) -> SafetyOptions:
        """Return how boards are guarded in a rehearsal."""
        return replace(
            options, folder=self.folder, open_link=lambda text: self.twins[text](), told=self._told
        )

    def _told(self, target: str, test: str | None, write: OutgoingWrite) -> None:
        if write.whole:
            self.writes.append(PlannedWrite(target, test, write.register, write.frame))


def rehearse(targets: Sequence[str], play: Callable[[Rehearsal], object]) -> list[PlannedWrite]:
    """Play a run on the twins of boards.

    Args:
        targets: target strings; each board is opened, read, and closed again before anything is
            played. Nothing is written to it.
        play: runs the suites with the plugin it is given.
    Returns:
        Every write that would be made.
    Raises:
        LinkError: a board cannot be opened.
        ReplyTimeout, RequestRefused: it does not serve 0x03.
    """
    twins: dict[str, Callable[[], Link]] = {}
    for text in targets:
        if not parse_target(text).embedded:
            twins[text] = _twin(text)
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="jbd-bench-"))
        rehearsal = Rehearsal(twins, Path(folder))
        play(rehearsal)
    return rehearsal.writes


def _twin(text: str) -> Callable[[], Link]:
    target = parse_target(text)
    link = open_target(text)
    try:
        snapshot = take_snapshot(BmsClient(LeaveGuard(link, frozenset())), factory=False)
    finally:
        link.close()
    table = unit_table(snapshot)
    if target.pin is not None:
        table["pin"] = target.pin
        if "pin_encoding" in target.options:
            table["pin_encoding"] = target.options["pin_encoding"]
    config = unit_from_table(table)
    return lambda: EmbeddedLink(Unit(config), text)
