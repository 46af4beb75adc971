"""How a restore went."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """How a restore went, in lines for a person.

    Attributes:
        restored: what was put back, and reads back as it was.
        confirmed: how many settings were read and hold what the snapshot holds.
        lasting: what cannot be put back by anybody; the board is as the line says.
        failed: what should have been put back and was not; the journal stays open for it.
        silent: the board stopped answering.
    """

    restored: list[str] = field(default_factory=list)
    confirmed: int = 0
    lasting: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    silent: bool = False

    @property
    def lines(self) -> list[str]:
        """All of it, the worst last."""
        return [
            *(f"restored: {line}" for line in self.restored),
            *(f"cannot be restored: {line}" for line in self.lasting),
            *(f"NOT RESTORED: {line}" for line in self.failed),
        ]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "restored": self.restored,
            "settings_confirmed": self.confirmed,
            "lasting": self.lasting,
            "failed": self.failed,
        }
