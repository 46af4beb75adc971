"""A bar on stderr for runs that take a while; nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

_WIDTH = 40


class ProgressBar:
    """Shows how far a run is, on a terminal only; wiped when it is done.

    Args:
        stream: where to; stderr by default.
        words: what runs.
    """

    __slots__ = ("_shown", "_stream", "_words")

    def __init__(self, words: str, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._words = words
        self._shown = -1

    def __enter__(self) -> Callable[[float], None]:
        return self.show

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, share: float) -> None:
        """Draw the bar at a share of 0..1."""
        done = int(_WIDTH * min(max(share, 0.0), 1.0))
        if done == self._shown or not self._stream.isatty():
            return
        self._shown = done
        bar = "#" * done + "." * (_WIDTH - done)
        self._stream.write(f"\r{self._words} [{bar}] {100 * share:3.0f} %")
        self._stream.flush()
