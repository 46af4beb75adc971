"""The file a unit survives a restart in: replaced whole, checked on load, never repaired."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jbd_protocol import COUNTERS

FORMAT: Final = "jbd-emulator state"
VERSION: Final = 1


class StateError(ValueError):
    """A state file that cannot be used; it is left as it is. One line says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """What survives power-off.

    Attributes:
        firmware, board: what it was saved by; settings survive a firmware update, a state of
            another board is refused.
        settings: committed data by address, where it differs from the factory set.
        pin: six bytes or None.
        factory_code: two bytes.
        counters: words of 0xAA.
        remaining_mah, cycles_mah: what the board believes.
        pack: the plant's own state.
    """

    firmware: int
    board: str
    settings: Mapping[int, bytes]
    pin: bytes | None
    factory_code: bytes
    counters: tuple[int, ...]
    remaining_mah: float
    cycles_mah: float
    pack: Mapping[str, object]

    def check(self, board: str) -> None:
        """Refuse to be another board's.

        Raises:
            StateError: it is.
        """
        if board != self.board:
            raise StateError(f"state of a {self.board} board, the unit is a {board} board")

    def to_json(self) -> dict[str, object]:
        """Return plain data for the file."""
        return {
            "firmware": f"0x{self.firmware:02X}",
            "board": self.board,
            "settings": {f"0x{a:02X}": data.hex() for a, data in sorted(self.settings.items())},
            "pin": self.pin.hex() if self.pin is not None else None,
            "factory_code": self.factory_code.hex(),
            "counters": list(self.counters),
            "remaining_mah": self.remaining_mah,
            "cycles_mah": self.cycles_mah,
            "pack": dict(self.pack),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> UnitState:  # Any: json's own type
        """Return what :meth:`to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        pin = data["pin"]
        counters = tuple(int(n) for n in data["counters"])
        if len(counters) != len(COUNTERS) or any(not 0 <= n <= 0xFFFF for n in counters):
            raise ValueError("counters")
        return cls(
            firmware=int(data["firmware"], 16),
            board=str(data["board"]),
            settings={int(a, 16): bytes.fromhex(raw) for a, raw in data["settings"].items()},
            pin=None if pin is None else bytes.fromhex(pin),
            factory_code=bytes.fromhex(data["factory_code"]),
            counters=counters,
            remaining_mah=float(data["remaining_mah"]),
            cycles_mah=float(data["cycles_mah"]),
            pack=dict(data["pack"]),
        )


class StateFile:
    """One state file.

    Args:
        path: where it is, or will be.
    """

    __slots__ = ("_prepared", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prepared: Path | None = None

    def load(self) -> UnitState | None:
        """Return the state, or None where there is no file yet.

        Raises:
            StateError: there is one and it is damaged, unreadable or of another kind.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            if not self.path.parent.is_dir():
                raise StateError(f"state {self.path}: no such folder") from None
            return None
        except OSError as error:
            raise StateError(f"state {self.path}: {error.strerror}") from None
        try:
            document = json.loads(raw)
            if document["format"] != FORMAT or document["version"] != VERSION:
                raise ValueError("format")
            if document["sha256"] != _digest(document["state"]):
                raise ValueError("sha256")
            return UnitState.from_json(document["state"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StateError(
                f"state {self.path}: damaged or not a state file of version {VERSION}; "
                "it is kept, move it away to start afresh"
            ) from None

    def prepare(self, state: UnitState) -> None:
        """Write a new version beside the file, whole and on disk.

        Raises:
            OSError: the disk refuses.
        """
        body = state.to_json()
        document = {"format": FORMAT, "version": VERSION, "sha256": _digest(body), "state": body}
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        self._prepared = beside

    def commit(self) -> None:
        """Put the prepared version in place, in one step; without one do nothing."""
        if self._prepared is not None:
            self._prepared.replace(self.path)
            self._prepared = None


def _digest(state: object) -> str:
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
