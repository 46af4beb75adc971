"""A link that other programs can share the time of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._link import Link, LinkError, RealClock
from ..transports import open_target, parse_target


@contextmanager
def real_time(text: str) -> Iterator[Link]:
    """Yield a link to a target on the machine's clock; an emulated unit is served in a thread.

    Raises:
        LinkError: it cannot be opened, or its time jumps and nothing else can follow it.
        ConfigError: an emulator target that names an unknown firmware, board or option.
    """
    target = parse_target(text)
    if target.scheme == "emulator":
        from .._under_test import EmulatedUnit

        unit = EmulatedUnit(target)
        try:
            with _opened(f"serial:{unit.serve()}") as link:
                yield link
        finally:
            unit.close()
        return
    with _opened(text) as link:
        yield link


@contextmanager
def _opened(text: str) -> Iterator[Link]:
    link = open_target(text)
    try:
        if not isinstance(link.clock, RealClock):
            raise LinkError(f"target {text!r}: its time jumps, no other program can follow it")
        yield link
    finally:
        link.close()
