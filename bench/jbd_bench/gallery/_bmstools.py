"""bmstools, the real library of BMS-Tools, behind a port of ours: a real terminal, jumping time.

Nothing in it is replaced but the clock it looks at and the object it calls a serial port.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace
from typing import Any

from .._link import Link
from ._client import Drive, GalleryClient, drive_steps, words_of
from ._entry import CAPACITY, CHARGE, MONITOR, SETTINGS
from ._look import Look, Use
from ._stage import LINE, Stage


class _Port:
    """What bmstools uses of pyserial, on a link."""

    timeout = 0.5

    def __init__(self, link: Link) -> None:
        self._link = link
        self._bytes: deque[int] = deque()

    def open(self) -> None:
        """The link is open."""

    def close(self) -> None:
        """The link stays open; what has come stays in the port."""

    def write(self, data: bytes) -> int:
        self._link.write(bytes(data))
        return len(data)

    def read(self, size: int = 1) -> bytes:
        clock = self._link.clock
        until_s = clock.now_s() + self.timeout
        while len(self._bytes) < size and clock.now_s() < until_s:
            self._bytes.extend(self._link.read(until_s))
        return bytes(self._bytes.popleft() for _ in range(min(size, len(self._bytes))))


class _BmsTools:
    """One program on the library: reads basic info, cells and name, as BMS-Tools does."""

    def __init__(self, link: Link) -> None:
        self._clock = link.clock
        self._library = import_module("bmstools.jbd")
        self._client: Any = self._library.JBD(_Port(link))

    def look(self) -> Look:
        try:
            basic, cells, _ = self._client.readInfo()
        except self._library.BMSError as error:
            return Look(at_s=self._clock.now_s(), error=words_of(error))
        return Look(
            at_s=self._clock.now_s(),
            pack_mv=round(basic["pack_mv"]),
            cell_mv=tuple(round(mv) for mv in cells.values()),
            rsoc_percent=round(basic["cap_pct"]),
            remaining_mah=round(basic["cur_cap"]),
            nominal_mah=round(basic["full_cap"]),
        )

    def read_settings(self) -> str:
        try:
            self._client.readEeprom()
        except self._library.BMSError as error:
            return words_of(error)
        return ""

    def write_setting(self) -> str:
        raise RuntimeError("it does not know register 0x42")


def bmstools() -> GalleryClient:
    """Return the program, or why it cannot be run."""
    try:
        release, missing = version("bmstools"), ""
    except PackageNotFoundError:
        release, missing = "1.2.0", "not installed: pip install bmstools"
    return GalleryClient(
        id=f"bmstools {release}",
        title="the library of BMS-Tools, itself",
        can=frozenset({MONITOR, SETTINGS, CAPACITY, CHARGE}),
        over=(LINE,),
        drive=_drive,
        missing=missing,
    )


def _drive(stage: Stage, over: str) -> Use:
    def make(link: Link) -> _BmsTools:
        clocks.enter(link)
        return _BmsTools(link)

    with _clock_of_the_link() as clocks:
        drive: Drive = drive_steps(make)
        return drive(stage, over)


class _Clocks:
    """Puts a link's clock in the place of the module ``time`` that bmstools imported."""

    def __init__(self, library: Any) -> None:  # Any: the package has no types
        self._library = library

    def enter(self, link: Link) -> None:
        clock = link.clock
        self._library.time = SimpleNamespace(
            time=clock.now_s, sleep=lambda s: clock.sleep_until(clock.now_s() + s)
        )


@contextmanager
def _clock_of_the_link() -> Iterator[_Clocks]:
    library: Any = import_module("bmstools.jbd.jbd")
    kept = library.time
    try:
        yield _Clocks(library)
    finally:
        library.time = kept
