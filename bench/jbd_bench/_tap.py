"""A tap on a link: the same interface, and every piece that passes is kept."""

from __future__ import annotations

from ._link import Link, radio_of
from .records import Direction, Traffic


class Tap:
    """Wraps a link and records both directions with the times of the link's clock.

    Attributes:
        traffic: what passed so far.
        radio: the near end of a Bluetooth link, see :class:`RadioEnd`.
    """

    def __init__(self, link: Link, traffic: Traffic | None = None) -> None:
        self.name, self.clock = link.name, link.clock
        self.traffic = Traffic() if traffic is None else traffic
        self.radio = radio_of(link)
        self._link = link
        self._notes: list[tuple[float, str]] = []

    def write(self, data: bytes) -> None:
        """Send bytes and note them; what could not be sent is not noted."""
        now_s = self.clock.now_s()
        self._link.write(data)
        self.traffic.add(now_s, Direction.TO_BOARD, data)
        self._tell()

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive, noted; see :class:`Link`."""
        data = self._link.read(until_s)
        self._tell()
        if data:
            self.traffic.add(self.clock.now_s(), Direction.FROM_BOARD, data)
        return data

    def note_later(self, now_s: float, note: str) -> None:
        """Note what happened to the bytes under way, behind the piece that is being written."""
        self._notes.append((now_s, note))

    def _tell(self) -> None:
        for at_s, note in self._notes:
            self.traffic.mark(at_s, note)
        self._notes.clear()

    def reconnect(self) -> None:
        """Drop the connection and make it again, noted as a mark."""
        self._link.reconnect()
        self.traffic.mark(self.clock.now_s(), "reconnected")

    def close(self) -> None:
        """Give the link up."""
        self._link.close()
