"""What a client shows its user, and what the board really is: the two that a judge compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jbd_protocol import BasicInfo, PayloadError, parse_basic_info

if TYPE_CHECKING:
    from jbd_emulator import Device

_PACK_MV: Final = 150
_CELL_MV: Final = 30
_SHARE: Final = 0.02
"""How far a shown value may be from the true one: what a quiet pack drifts and a client rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the battery; a value is None where the client does not show it.

    Attributes:
        at_s: on the link's clock.
        pack_mv: pack voltage.
        cell_mv: one voltage per cell.
        rsoc_percent: state of charge.
        remaining_mah, nominal_mah: capacities.
        error: what the client says in place of values, or empty.
    """

    at_s: float = 0.0
    pack_mv: int | None = None
    cell_mv: tuple[int, ...] | None = None
    rsoc_percent: int | None = None
    remaining_mah: int | None = None
    nominal_mah: int | None = None
    error: str = ""

    @property
    def shows(self) -> bool:
        """Whether there is a value to be seen."""
        return any(value is not None for value in (self.pack_mv, self.cell_mv, self.rsoc_percent))


@dataclass(slots=True)
class Use:
    """What came of one client that was used for a while.

    Attributes:
        looks: oldest first.
        settings: what became of reading the settings: empty where they were read, else the
            client's words; None where it was not tried.
        written: likewise, of writing one.
        asked: requests the board got, by register.
        left_open: whether the board was left in factory mode.
        ended: the client's last words where it gave up or broke, or empty.
    """

    looks: list[Look] = field(default_factory=list)
    settings: str | None = None
    written: str | None = None
    asked: dict[int, int] = field(default_factory=dict)
    left_open: bool = False
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a healthy client would show, by the board itself.

    Attributes:
        info: what 0x03 says, nothing between.
        cell_mv: one voltage per cell.
    """

    info: BasicInfo
    cell_mv: tuple[int, ...]

    @classmethod
    def of(cls, device: Device) -> Truth:
        """Return it of a device, now."""
        return cls(device.basic_info(), device.cell_mv())

    def wrong(self, look: Look) -> str:
        """Return what a look shows and is not so, in words; empty where nothing is."""
        info = self.info
        if look.pack_mv is not None and abs(look.pack_mv - info.pack_mv) > _PACK_MV:
            return f"{look.pack_mv / 1000:.2f} V, the pack has {info.pack_mv / 1000:.2f} V"
        if (cells := look.cell_mv) is not None:
            if len(cells) != len(self.cell_mv):
                return f"{len(cells)} cells, the pack has {len(self.cell_mv)}"
            for number, (shown, true) in enumerate(zip(cells, self.cell_mv, strict=True), 1):
                if abs(shown - true) > _CELL_MV:
                    return f"cell {number} with {shown} mV, it has {true} mV"
        if look.rsoc_percent is not None and abs(look.rsoc_percent - info.rsoc_percent) > 1:
            return f"{look.rsoc_percent} % charge, the board says {info.rsoc_percent} %"
        for name, shown_mah, true_mah in (
            ("remaining", look.remaining_mah, info.remaining_mah),
            ("nominal", look.nominal_mah, info.nominal_mah),
        ):
            if shown_mah is not None and abs(shown_mah - true_mah) > _SHARE * info.nominal_mah:
                return f"{shown_mah / 1000:g} Ah {name}, the board says {true_mah / 1000:g} Ah"
        return ""


def seen_in(register: int, data: bytes) -> Look:
    """Return what a client shows that believes a payload as it stands, checks or none.

    Args:
        register: 0x03 or 0x04; anything else shows nothing.
        data: the payload it took; what is not there reads as the client's empty buffer, zero.
    """
    if register == 0x04:
        words = range(0, len(data) - 1, 2)
        return Look(cell_mv=tuple(int.from_bytes(data[at : at + 2], "big") for at in words))
    if register != 0x03:
        return Look()
    try:
        info = parse_basic_info(data)
    except PayloadError:
        padded = data.ljust(23, b"\0")
        return Look(
            pack_mv=int.from_bytes(padded[0:2], "big") * 10,
            remaining_mah=int.from_bytes(padded[4:6], "big") * 10,
            rsoc_percent=padded[19],
        )
    # What a model does with the unit bit is not known of most; the rest is read alike by all.
    return Look(pack_mv=info.pack_mv, rsoc_percent=info.rsoc_percent)
