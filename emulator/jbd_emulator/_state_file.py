"""The file a unit survives a restart in: replaced whole, checked on load, never repaired."""

from __future__ import annotations

import contextlib
import glob
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from jbd_protocol import PIN_LENGTH

from ._store import check_setting

FORMAT: Final = "jbd-emulator state"
VERSION: Final = 1
_BESIDE: Final = ".new"
_DAMAGE: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What reading a file that is not ours, or no longer, comes to."""


class StateError(ValueError):
    """A state file that cannot be used; it is left as it is. One line says why."""


class UnitState(NamedTuple):
    """What survives power-off.

    Attributes:
        firmware, board: what it was saved by; settings survive a firmware update, a state of
            another board is refused.
        settings: committed data by address, where it differs from the factory set.
        pin: six bytes or None.
        factory_code: two bytes.
        monitor: error counters, gauge and calibration, as the board's monitor gives them.
        pack: the plant's own state.
        module: the Bluetooth module's own state, None where the unit never had one.
    """

    firmware: int
    board: str
    settings: Mapping[int, bytes]
    pin: bytes | None
    factory_code: bytes
    monitor: Mapping[str, object]
    pack: Mapping[str, object]
    module: Mapping[str, object] | None = None

    def check(self, board: str) -> None:
        """Refuse to be another board's.

        Raises:
            StateError: it is.
        """
        if board != self.board:
            raise StateError(f"saved by a {self.board} board, the unit is a {board} board")

    def to_json(self) -> dict[str, object]:
        """Return plain data for the file."""
        return {
            "firmware": f"0x{self.firmware:02X}",
            "board": self.board,
            "settings": {f"0x{a:02X}": data.hex() for a, data in sorted(self.settings.items())},
            "pin": self.pin.hex() if self.pin is not None else None,
            "factory_code": self.factory_code.hex(),
            "monitor": dict(self.monitor),
            "pack": dict(self.pack),
            "module": dict(self.module) if self.module is not None else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> UnitState:  # Any: json's own type
        """Return what :meth:`to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        pin = None if data["pin"] is None else bytes.fromhex(data["pin"])
        code = bytes.fromhex(data["factory_code"])
        if len(code) != 2 or (pin is not None and len(pin) != PIN_LENGTH):
            raise ValueError("pin, factory_code")
        settings = {int(a, 16): bytes.fromhex(raw) for a, raw in data["settings"].items()}
        for address, raw in settings.items():
            check_setting(address, raw)
        return cls(
            firmware=int(data["firmware"], 16),
            board=str(data["board"]),
            settings=settings,
            pin=pin,
            factory_code=code,
            monitor=dict(data["monitor"]),
            pack=dict(data["pack"]),
            module=None if data["module"] is None else dict(data["module"]),
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
        self._sweep()
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
        except _DAMAGE:
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
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}{_BESIDE}")
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

    def _sweep(self) -> None:
        """Remove what a killed process prepared and never put in place."""
        name = f".{self.path.name}."
        for left in self.path.parent.glob(f"{glob.escape(name)}*{_BESIDE}"):
            owner = left.name[len(name) : -len(_BESIDE)]
            if owner.isdigit() and not _runs(int(owner)):
                with contextlib.suppress(OSError):
                    left.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _digest(state: object) -> str:
    # OpenSSL comes with it; a unit without a state file starts without.
    import hashlib

    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
