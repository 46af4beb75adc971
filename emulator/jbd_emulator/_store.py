"""The settings a board keeps: what is burnt in, what is saved, what holds until power-off."""

from __future__ import annotations

from collections.abc import Mapping

from jbd_protocol import SETTINGS, TEXT_SETTINGS


class SettingsStore:
    """Raw setting data by address, in three layers.

    A written setting takes effect at once and is lost at power-off unless it was committed:
    clients that leave factory mode with 0000 rely on the first, and the register map states the
    second. Only what differs from the factory set takes memory.

    Args:
        factory: what the board's EEPROM holds when new.
        saved: what was committed since, from a state file.
    Attributes:
        revision: grows whenever what is in force changes.
    """

    __slots__ = ("_factory", "_live", "_saved", "revision")

    def __init__(self, factory: Mapping[int, bytes], saved: Mapping[int, bytes] | None = None):
        self._factory = factory
        self._saved: dict[int, bytes] = dict(saved or {})
        self._live: dict[int, bytes] = {}
        self.revision = 0

    def __contains__(self, address: object) -> bool:
        return address in self._factory

    def __getitem__(self, address: int) -> bytes:
        """Return what is in force.

        Raises:
            KeyError: the board has no such setting.
        """
        live = self._live.get(address)
        if live is not None:
            return live
        saved = self._saved.get(address)
        return saved if saved is not None else self._factory[address]

    def word(self, address: int) -> int:
        """Return a two-byte setting as an unsigned number."""
        return int.from_bytes(self[address], "big")

    def signed(self, address: int) -> int:
        """Return a two-byte setting as a signed number."""
        return int.from_bytes(self[address], "big", signed=True)

    def write(self, address: int, data: bytes) -> None:
        """Put a setting in force until power-off.

        Raises:
            KeyError: the board has no such setting.
            ValueError: the data is not what the setting holds.
        """
        self.check(address, data)
        self._live[address] = data
        self.revision += 1

    def burn(self, address: int, data: bytes) -> None:
        """Store a value for good, as the board itself does with what it learns.

        Raises:
            KeyError: the board has no such setting.
            ValueError: the data is not what the setting holds.
        """
        self.check(address, data)
        self._live.pop(address, None)
        self._saved[address] = data
        self.revision += 1

    def check(self, address: int, data: bytes) -> None:
        """Raise as :meth:`write` would, and write nothing."""
        if address not in self._factory:
            raise KeyError(address)
        check_setting(address, data)

    def commit(self) -> bool:
        """Make what is in force permanent; return whether that changed anything."""
        changed = self._changed()
        self._live.clear()
        self._saved |= changed
        return bool(changed)

    @property
    def unsaved(self) -> int:
        """How many settings in force are not what is stored."""
        return len(self._changed())

    def tear(self, count: int, *, half: bool) -> int | None:
        """Lose power while :meth:`commit` is at work.

        Args:
            count: settings that are stored whole, in the order of their addresses.
            half: whether the next one gets its new high byte and keeps its low byte.

        Returns:
            The address of the one that is half new, None where none is.
        """
        changed = sorted(self._changed().items())
        self._saved |= dict(changed[:count])
        torn = None
        for address, data in changed[count : count + half]:
            # A text is stored with its length first: half of it would be no setting at all.
            if len(data) == 2:
                self._saved[address] = data[:1] + self._stored(address)[1:]
                torn = address
        self._live.clear()
        self.revision += 1
        return torn

    def revert(self) -> None:
        """Forget what was not committed, as a loss of power does."""
        self._live.clear()
        self.revision += 1

    def saved(self) -> dict[int, bytes]:
        """Return what was committed and differs from the factory set."""
        return {a: d for a, d in self._saved.items() if d != self._factory.get(a)}

    def eeprom(self) -> dict[int, bytes]:
        """Return every setting as it will be after power-off."""
        return {address: self._stored(address) for address in self._factory}

    def _changed(self) -> dict[int, bytes]:
        return {a: d for a, d in self._live.items() if self._stored(a) != d}

    def _stored(self, address: int) -> bytes:
        saved = self._saved.get(address)
        return saved if saved is not None else self._factory[address]


def check_setting(address: int, data: bytes) -> None:
    """Refuse data that a setting cannot hold.

    Raises:
        ValueError: the message names the setting and the limit.
    """
    row = SETTINGS.get(address)
    name = row.name if row is not None else f"parameter {address - 0x100}"
    if address in TEXT_SETTINGS:
        if not data or data[0] != len(data) - 1 or data[0] > 31:
            raise ValueError(f"{name}: must be a length byte and that many characters, at most 31")
    elif len(data) != 2:
        raise ValueError(f"{name}: must be 2 bytes, not {len(data)}")
