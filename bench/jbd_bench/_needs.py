"""What the ``jbd`` marker of a test asks for, and whether a target has it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ._leave import ALL_LEAVES

if TYPE_CHECKING:
    import pytest

    from ._under_test import TargetUnderTest

_OVER: Final = {
    "line": "the serial line itself: --target emulator:0x21, serial:/dev/ttyUSB0",
    "module": "a Bluetooth module: --target emulator-ble:0x21, ble:A5:C2:37:00:00:01",
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a test needs of the board.

    Attributes:
        writes: the leaves it needs.
        firmware: the version bytes it is meant for; None for all.
        pin: a PIN that is set, one that is not; None for either.
        embedded: the emulator in this process.
        over: ``line`` for what is about the serial line itself, ``module`` for what is about
            the Bluetooth module; None for both.
    """

    writes: frozenset[str] = frozenset()
    firmware: frozenset[int] | None = None
    pin: bool | None = None
    embedded: bool = False
    over: str | None = None

    def unmet_by_name(self, target: TargetUnderTest) -> str | None:
        """Return why the target cannot serve the test, as far as its name alone tells."""
        if self.over is not None and self.over != target.over:
            return f"is about {_OVER[self.over]}"
        if self.over is None and target.about_module:
            return f"is about more than the module, which is all that {target.name} is for"
        if self.pin is not None and self.pin != (target.pin is not None):
            said = "a unit with a known PIN" if self.pin else "a unit without a PIN"
            return f"needs {said}: --target '{target.target.scheme}:...{'?pin=' * self.pin}'"
        if target.embedded:
            return self._unmet_by_version(target.version())
        return None

    def unmet(self, target: TargetUnderTest) -> str | None:
        """Return why the target cannot serve the test; asks the board for its version."""
        if self.embedded and not target.embedded:
            return f"needs the embedded emulator, not {target.name}: --target emulator:0x21"
        if (why := self.unmet_by_name(target)) is not None:
            return why
        # Leave comes last: nobody should be told to give it for what is about another firmware.
        if self.firmware is not None:
            why = self._unmet_by_version(target.version())
        if why is None and (missing := sorted(self.writes - target.leaves)):
            why = f"writes {', '.join(missing)} on {target.name}: --allow {','.join(missing)}"
        return why

    def _unmet_by_version(self, version: int) -> str | None:
        if self.firmware is None or version in self.firmware:
            return None
        wanted = ", ".join(f"0x{row:02X}" for row in sorted(self.firmware))
        return f"is about firmware {wanted}; this is 0x{version:02X}"


def needs_of(node: pytest.Item | pytest.FunctionDefinition) -> Needs:  # type: ignore[name-defined]  # the definition is not exported
    """Return what all ``jbd`` markers of a test ask for together, the nearest first.

    Raises:
        ValueError: an unknown keyword or leave.
    """
    asked: dict[str, object] = {}
    writes: frozenset[str] = frozenset()
    for marker in node.iter_markers("jbd"):
        if marker.args or (
            unknown := set(marker.kwargs) - {"writes", "firmware", "pin", "embedded", "over"}
        ):
            shown = marker.args or sorted(unknown)
            raise ValueError(f"jbd marker of {node.nodeid}: unknown {shown}")
        writes |= _leaves(marker.kwargs.get("writes", ()))
        asked = {**marker.kwargs, **asked}
    firmware, pin, over = asked.get("firmware"), asked.get("pin"), asked.get("over")
    if over is not None and over not in _OVER:
        raise ValueError(f"jbd marker of {node.nodeid}: over {over!r}, must be of {sorted(_OVER)}")
    return Needs(
        writes=writes,
        firmware=None if firmware is None else _versions(firmware),
        pin=None if pin is None else bool(pin),
        embedded=bool(asked.get("embedded", False)),
        over=None if over is None else str(over),
    )


def _leaves(asked: str | Collection[str]) -> frozenset[str]:
    leaves = frozenset([asked] if isinstance(asked, str) else asked)
    if unknown := sorted(leaves - ALL_LEAVES):
        raise ValueError(f"jbd marker: writes {unknown[0]!r}, must be of {sorted(ALL_LEAVES)}")
    return leaves


def _versions(asked: object) -> frozenset[int]:
    if isinstance(asked, int):
        return frozenset({asked})
    assert isinstance(asked, Collection)
    return frozenset(asked)
