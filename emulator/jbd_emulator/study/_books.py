"""Whether charge and energy add up: what came in, went out, was lost, and is still there."""

from __future__ import annotations

from typing import NamedTuple

from ..plant import Pack


class Balance(NamedTuple):
    """What a pack held when its books were opened.

    Made by :func:`open_books`; the errors are asked for later.
    """

    pack: Pack
    stored_mah: float
    stored_mwh: float
    totals: dict[str, float]

    @property
    def charge_error(self) -> float:
        """Charge that is missing or too much, as a share of the charge that was moved."""
        books, before, cells = self.pack.books, self.totals, len(self.pack.cells)
        charged = books.charged_mah - before["charged_mah"]
        discharged = books.discharged_mah - before["discharged_mah"]
        lost = books.lost_mah - sum(
            before[name] for name in ("self_discharge_mah", "bleed_mah", "side_mah")
        )
        came = cells * (charged - discharged) + books.bench_mah - before["bench_mah"]
        moved = cells * (charged + discharged) + abs(lost)
        return _share(came - lost - (self.pack.stored_mah - self.stored_mah), moved)

    @property
    def energy_error(self) -> float:
        """Energy that is missing or too much, as a share of the energy that was moved."""
        books, before = self.pack.books, self.totals
        charged = books.charged_mwh - before["charged_mwh"]
        discharged = books.discharged_mwh - before["discharged_mwh"]
        lost = books.dissipated_mwh - before["dissipated_mwh"]
        came = charged - discharged + books.bench_mwh - before["bench_mwh"]
        moved = charged + discharged + abs(lost)
        return _share(came - lost - (self.pack.stored_mwh - self.stored_mwh), moved)


def open_books(pack: Pack) -> Balance:
    """Take down what a pack holds and has moved so far."""
    books = pack.books
    totals = books.as_dict() | {"dissipated_mwh": books.dissipated_mwh}
    return Balance(pack, pack.stored_mah, pack.stored_mwh, totals)


def _share(missing: float, moved: float) -> float:
    return missing / moved if moved else 0.0
