"""How a run guards its boards."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .._link import Link
from .._outgoing import OutgoingWrite
from ..transports import open_target
from ._journal import default_folder
from ._watchdog import Limit

REPLUG_S: Final = 30.0
Told = Callable[[str, str | None, OutgoingWrite], None]


def _say(line: str) -> None:
    sys.stderr.write(f"jbd-bench: {line}\n")


@dataclass(frozen=True, slots=True)
class SafetyOptions:
    """How a run guards its boards.

    Attributes:
        folder: where journals lie.
        limits: of the watchdog, besides the board's own.
        replug_s: how long a board that is gone is waited for, in seconds.
        say: called with one line when something was restored or could not be.
        told: called with every write before it leaves: target, test or None where it puts back.
        open_link: opens a board's link; the transports do.
    """

    folder: Path = field(default_factory=default_folder)
    limits: tuple[Limit, ...] = ()
    replug_s: float = REPLUG_S
    say: Callable[[str], None] = _say
    told: Told | None = None
    open_link: Callable[[str], Link] = open_target
