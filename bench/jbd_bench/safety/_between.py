"""When nothing of a test is on its way, so that the watchdog's own requests disturb nothing."""

from __future__ import annotations

from typing import Final

ANSWERED_S: Final = 1.0
"""How long an answer may still come; captured ones come within 0.12 s, apps wait up to 2 s."""
GIVEN_UP_S: Final = 5.0
"""How long a request that was begun may still be ended; boards are to forget it within 0.5 s."""
LATEST_S: Final = 10.0
"""How long all this puts off a look: a flood must not keep the watchdog from its work."""
_START, _HEAD, _FRAME = 0xDD, 4, 7


class Between:
    """Follows what a test sends and hears."""

    def __init__(self) -> None:
        self._begun = b""
        self._awaiting = False
        self._sent_s: float | None = None
        self._busy_since_s: float | None = None

    def is_quiet(self, now_s: float) -> bool:
        """Return whether the watchdog may ask now."""
        if self._sent_s is None or not (self._begun or self._awaiting):
            self._busy_since_s = None
            return True
        if self._busy_since_s is None:
            self._busy_since_s = now_s
        patience_s = GIVEN_UP_S if self._begun else ANSWERED_S
        return now_s - self._sent_s > patience_s or now_s - self._busy_since_s > LATEST_S

    def sent(self, data: bytes, now_s: float) -> None:
        """Take into account what left."""
        if self._sent_s is not None and now_s - self._sent_s > GIVEN_UP_S:
            self._begun = b""
        self._sent_s, self._awaiting = now_s, True
        self._begun = _half(self._begun + data)

    def heard(self) -> None:
        """Take into account that something came."""
        self._awaiting = False


def _half(data: bytes) -> bytes:
    """Return the request that is begun and not ended at the end of ``data``."""
    while (at := data.find(_START)) >= 0:
        data = data[at:]
        if len(data) < _HEAD or len(data) < _FRAME + data[3]:
            return data
        data = data[_FRAME + data[3] :]
    return b""
