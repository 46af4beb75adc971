"""What a recording is written to: JSON lines, and a capture beside them."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from jbd_protocol import __version__

from ..records import Direction, Explainer, Piece, row_of
from ._pcapng import PcapngWriter


class RecordingLog:
    """Writes pieces as they pass; what is written survives a kill.

    Args:
        path: JSON lines.
        target: what is recorded.
        wall_s: seconds since 1970 at time 0 of the pieces.
        pcapng: capture to write as well.
    Attributes:
        counts: pieces and bytes so far, by direction.
    Raises:
        OSError: a file cannot be written.
    """

    def __init__(
        self, path: Path, target: str, wall_s: float, *, pcapng: Path | None = None
    ) -> None:
        tool = f"jbd-bench {__version__}"
        self.counts = {direction: [0, 0] for direction in Direction}
        self._explainer = Explainer()
        self._wall_s = wall_s
        self._comment = ""
        # Line buffered: a recording that is read while it grows, and after a kill, is whole lines.
        # Emptied when both can be written: an earlier recording is not lost for a typing mistake.
        self._file: TextIO = path.open("a", buffering=1, encoding="utf-8")
        try:
            self._capture = None if pcapng is None else PcapngWriter(pcapng, target, tool)
        except OSError:
            self._file.close()
            if not path.stat().st_size:
                path.unlink()
            raise
        self._file.truncate(0)
        started = datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")
        about: dict[str, object] = {"tool": tool, "target": target, "started": started}
        self._write(Piece(0.0, Direction.MARK, b"", f"recording of {target}"), about)

    def add(self, piece: Piece) -> str:
        """Write a piece; return what it means, in words."""
        count = self.counts[piece.direction]
        count[0] += 1
        count[1] += len(piece.data)
        if self._capture is not None:
            self._to_capture(self._capture, piece)
        return self._write(piece, {})

    def close(self) -> None:
        """Bring everything to the disk and end."""
        if self._file.closed:
            return
        self._file.flush()
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            # A pipe and /dev/null have nothing to bring anywhere.
            if error.errno != errno.EINVAL:
                raise
        self._file.close()
        if self._capture is not None:
            self._capture.close()

    def _write(self, piece: Piece, more: dict[str, object]) -> str:
        meaning = self._explainer.explain(piece)
        row = row_of(piece, meaning) | more
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return meaning

    def _to_capture(self, capture: PcapngWriter, piece: Piece) -> None:
        if piece.direction is Direction.MARK:
            # A packet without bytes would be one that nobody sent.
            self._comment = "; ".join(filter(None, (self._comment, piece.note)))
            return
        inbound = piece.direction is Direction.FROM_BOARD
        capture.packet(self._wall_s + piece.t_s, piece.data, inbound=inbound, comment=self._comment)
        self._comment = ""
