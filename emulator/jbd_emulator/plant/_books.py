"""Where the charge and the energy went, so that a test can add them up."""

from typing import Final

_FIELDS: Final = (
    "bench_mah",
    "bench_mwh",
    "bleed_mah",
    "bleed_mwh",
    "charged_mah",
    "charged_mwh",
    "diode_mwh",
    "discharged_mah",
    "discharged_mwh",
    "hysteresis_mwh",
    "ohmic_mwh",
    "path_mwh",
    "rc_mwh",
    "self_discharge_mah",
    "self_discharge_mwh",
    "side_mah",
    "side_mwh",
)


class Books:
    """Running totals since the pack was made; charge in mAh, energy in mWh.

    Attributes:
        charged_mah: taken in at the terminals; `discharged_mah` given out. The same with `_mwh`,
            at the voltage of the node behind the FETs.
        ohmic_mwh: turned to heat in the cells at once; `rc_mwh` in their RC pairs.
        hysteresis_mwh: charge branch above, discharge branch below the mean curve; a half-closed
            loop may still owe some.
        path_mwh: heat in FETs, shunt and leads; `diode_mwh` in body diodes.
        self_discharge_mah: self-discharge and leaks, summed over cells; `_mwh` likewise.
        bleed_mah: through the bleed resistors, summed over cells; `_mwh` likewise.
        side_mah: passed through overcharged or dead cells without being stored, summed over cells.
        bench_mah: brought in by hand: state of charge or capacity set, cells held (what the
            simulator took counts negative), summed over cells; `_mwh` likewise.

    Charge: n (charged - discharged) + bench = change of stored + self + bleed + side.
    Energy: charged - discharged + bench = change of stored + all that was dissipated.
    """

    __slots__ = _FIELDS

    def __init__(self) -> None:
        self.charged_mah = self.charged_mwh = 0.0
        self.discharged_mah = self.discharged_mwh = 0.0
        self.ohmic_mwh = self.rc_mwh = self.hysteresis_mwh = 0.0
        self.path_mwh = self.diode_mwh = 0.0
        self.self_discharge_mah = self.self_discharge_mwh = 0.0
        self.bleed_mah = self.bleed_mwh = 0.0
        self.side_mah = self.side_mwh = 0.0
        self.bench_mah = self.bench_mwh = 0.0

    @property
    def dissipated_mwh(self) -> float:
        """All that left as heat, mWh."""
        return (
            self.ohmic_mwh
            + self.rc_mwh
            + self.hysteresis_mwh
            + self.path_mwh
            + self.diode_mwh
            + self.self_discharge_mwh
            + self.bleed_mwh
            + self.side_mwh
        )

    @property
    def lost_mah(self) -> float:
        """All charge that cells lost to other than the terminals, summed over cells, mAh."""
        return self.self_discharge_mah + self.bleed_mah + self.side_mah

    def as_dict(self) -> dict[str, float]:
        """Return all totals by name."""
        return {name: getattr(self, name) for name in _FIELDS}

    def load(self, totals: dict[str, float]) -> None:
        """Take over totals that `as_dict` gave; a missing one starts at nothing."""
        for name in _FIELDS:
            setattr(self, name, totals.get(name, 0.0))
