"""Exchanges over a link, counted and timed."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from jbd_bench import Link, LinkError, open_target
from jbd_protocol import Response, ResponseDecoder

ValueT = TypeVar("ValueT")
BASIC: Final = bytes.fromhex("dda50300fffd77")
CELLS: Final = bytes.fromhex("dda50400fffc77")
_ANSWER_S: Final = 20.0
_QUIET_S: Final = 0.3
_TURNS: Final = 10


@contextlib.contextmanager
def opened(address: str, options: str = "") -> Iterator[Link]:
    """Yield a link of the bench to a module."""
    link = open_target(f"ble:{address}{options}")
    try:
        yield link
    finally:
        link.close()


def answers(link: Link, count: int) -> list[bytes]:
    """Return the next pieces, ``count`` of them; the lone byte of link-up is none.

    Raises:
        AssertionError: fewer came.
    """
    pieces: list[bytes] = []
    until_s = link.clock.now_s() + _ANSWER_S
    while len(pieces) < count:
        piece = link.read(until_s)
        assert piece, f"{count - len(pieces)} of {count} pieces are missing"
        pieces += [] if piece == b"\x00" else [piece]
    return pieces


def sizes(link: Link, request: bytes, count: int) -> list[int]:
    """Ask; return the sizes of the pieces that answer."""
    link.write(request)
    return [len(piece) for piece in answers(link, count)]


def quiet(link: Link) -> bool:
    """Return whether nothing more comes."""
    return not link.read(link.clock.now_s() + _QUIET_S)


def thousand(link: Link, count: int = 1000) -> str:
    """Ask for basic info a thousand times, every tenth time with a second request right behind.

    Each answer has to come as the pieces 20 and 14, in order, whole, and nothing besides.

    Returns:
        What the exchanges took, in words.
    """
    took_s = []
    for number in range(count):
        begun_s = time.monotonic()
        link.write(BASIC)
        both = number % 10 == 0
        if both:
            link.write(CELLS)
        pieces = answers(link, 3 if both else 2)
        took_s.append(time.monotonic() - begun_s)
        assert [len(piece) for piece in pieces] == [20, 14, 15][: len(pieces)], number
        heard = ResponseDecoder().receive(b"".join(pieces))
        assert [event.register for event in heard if isinstance(event, Response)] == (
            [0x03, 0x04] if both else [0x03]
        ), number
    assert quiet(link), "an answer too many"
    return in_words(took_s)


def run(work: Coroutine[Any, Any, ValueT]) -> ValueT:
    """Run a test's own bleak; bleak leaves its sockets to the loop's next turns."""

    async def to_the_end() -> ValueT:
        try:
            return await work
        finally:
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    return asyncio.run(to_the_end())


def in_words(took_s: list[float]) -> str:
    """Return median and worst of many exchanges."""
    median_ms, worst_ms = 1000 * statistics.median(took_s), 1000 * max(took_s)
    return f"{len(took_s)} exchanges, median {median_ms:.0f} ms, longest {worst_ms:.0f} ms"


def reopened(link: Link) -> None:
    """Wait for the end of a link that the other side ends, and make it anew."""
    until_lost(link)
    link.reconnect()


def until_lost(link: Link) -> list[bytes]:
    """Return what still comes until the other side ends the link."""
    heard: list[bytes] = []
    with contextlib.suppress(LinkError):
        while True:
            heard.append(link.read(link.clock.now_s() + _ANSWER_S))
            assert heard[-1], "the link has not ended"
    return heard
