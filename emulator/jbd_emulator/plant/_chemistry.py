"""What a LiFePO4/graphite cell is: published numbers, each row with its source.

Nothing here was fitted to a test. Grades: `published` (a paper, a thesis or a data set that
comes with one), `vendor document`, `reported` (a seller's or a user's word), `assumed`.

NAUMANN  published. M. Naumann, Techno-economic evaluation of stationary lithium-ion energy
         storage systems with special consideration of aging, PhD thesis, TU Munich, 2018:
         Sony/Murata US26650FTC1, 3.0 Ah, 25 degC; as tabled by the SimSES project
         (CLFP_Sony_US26650_OCV, _HystV, _Rint). Full charge there is 3.6 V constant voltage.
HAIDI    published. TU Munich, SimSES: Haidi HDCF18650 1.8 Ah LFP, pseudo-OCV at C/100 and GITT
         pulses (haidi_ocv_hys, haidi_rint). An independent second cell: its mean curve agrees
         with NAUMANN within 1 mV at 50 % and 3 mV from 84 % to 98 %; its graphite step lies at
         64 % instead of 78 %.
BPX      published. About:Energy, LFP/graphite 18650 2 Ah parameter set, December 2022
         (BPX lfp_18650_cell): diffusivities, particle radii, specific heat 999 J/(kg K).
VICTRON  vendor document. Victron Lithium NG 12.8 V/100 Ah technical data: pack resistance 2 mOhm.
LISHEN   vendor document. Lishen LP54173207 specification, 2020-03-09: 202 Ah, 3.95 kg,
         54 mm x 173 mm x 207 mm.
GWL      reported. GWL, "What is the real self-discharge of the LFP cells?", 2023: 3 to 4 % a year.
LIBRE    published. Libre Solar BMS 48V schematic, 2019-01-21: bq76940 with 33 Ohm bleed resistors.

What these data do not say: how a cell comes to rest after a full charge. Both curves were taken
with a small current flowing, so their last per cent keeps the charger's voltage; real cells sink
to the plateau within hours, these need 1 % taken out. Entropic heat, capacity lost to cold and
ageing are left out.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple


class OcvRow(NamedTuple):
    """Mean of the two equilibrium branches, and the gap between them, at one state of charge.

    Source: NAUMANN, published. `gap_mv` is charge branch minus discharge branch; half of it is
    the reach of the hysteresis. SimSES has read its column as a full gap (halved) and, later, as
    a half; measured gaps after long rests are 5..25 mV (reported: ACCURE, Battery hysteresis
    effect), which fits the full gap and is what is used.
    """

    soc: float
    ocv_mv: float
    gap_mv: float
    source: str


NAUMANN: Final = "NAUMANN"
ASSUMED: Final = "assumed"

OCV_ROWS: Final = (
    # Below empty: from the last measured point to a dead cell; the depth is assumed.
    OcvRow(-0.030, 0.0, 30.0, ASSUMED),
    OcvRow(0.000, 2286.2, 30.0, NAUMANN),
    OcvRow(0.005, 2683.5, 30.0, NAUMANN),
    OcvRow(0.010, 2783.3, 30.0, NAUMANN),
    OcvRow(0.015, 2847.0, 30.0, NAUMANN),
    OcvRow(0.020, 2895.2, 30.0, NAUMANN),
    OcvRow(0.030, 2967.4, 30.0, NAUMANN),
    OcvRow(0.040, 3021.3, 30.0, NAUMANN),
    OcvRow(0.050, 3064.7, 28.7, NAUMANN),
    OcvRow(0.060, 3100.8, 27.4, NAUMANN),
    OcvRow(0.070, 3131.7, 26.3, NAUMANN),
    OcvRow(0.080, 3158.3, 25.3, NAUMANN),
    OcvRow(0.090, 3181.0, 25.2, NAUMANN),
    OcvRow(0.095, 3190.2, 25.2, NAUMANN),
    OcvRow(0.100, 3196.7, 25.1, NAUMANN),
    OcvRow(0.110, 3202.7, 24.4, NAUMANN),
    OcvRow(0.120, 3205.6, 23.6, NAUMANN),
    OcvRow(0.140, 3209.9, 23.6, NAUMANN),
    OcvRow(0.160, 3214.7, 24.9, NAUMANN),
    OcvRow(0.180, 3224.1, 24.5, NAUMANN),
    OcvRow(0.200, 3234.3, 24.9, NAUMANN),
    OcvRow(0.220, 3242.9, 26.5, NAUMANN),
    OcvRow(0.240, 3250.9, 27.6, NAUMANN),
    OcvRow(0.260, 3258.1, 27.7, NAUMANN),
    OcvRow(0.280, 3264.3, 27.9, NAUMANN),
    OcvRow(0.300, 3270.3, 28.8, NAUMANN),
    OcvRow(0.320, 3275.6, 29.6, NAUMANN),
    OcvRow(0.340, 3280.2, 29.0, NAUMANN),
    OcvRow(0.360, 3284.8, 27.5, NAUMANN),
    OcvRow(0.380, 3288.7, 25.3, NAUMANN),
    OcvRow(0.400, 3292.1, 22.6, NAUMANN),
    OcvRow(0.420, 3295.0, 20.5, NAUMANN),
    OcvRow(0.440, 3296.7, 19.6, NAUMANN),
    OcvRow(0.460, 3297.8, 19.1, NAUMANN),
    OcvRow(0.480, 3298.6, 18.8, NAUMANN),
    OcvRow(0.500, 3299.5, 18.7, NAUMANN),
    OcvRow(0.550, 3301.4, 18.7, NAUMANN),
    OcvRow(0.600, 3303.5, 19.1, NAUMANN),
    OcvRow(0.625, 3304.7, 19.4, NAUMANN),
    OcvRow(0.650, 3306.3, 19.7, NAUMANN),
    OcvRow(0.675, 3308.2, 20.3, NAUMANN),
    OcvRow(0.700, 3310.8, 20.9, NAUMANN),
    OcvRow(0.720, 3313.3, 21.6, NAUMANN),
    OcvRow(0.740, 3316.5, 22.3, NAUMANN),
    OcvRow(0.760, 3321.1, 22.6, NAUMANN),
    OcvRow(0.770, 3324.0, 22.0, NAUMANN),
    OcvRow(0.780, 3327.5, 21.4, NAUMANN),
    OcvRow(0.790, 3331.2, 20.4, NAUMANN),
    OcvRow(0.800, 3334.5, 19.4, NAUMANN),
    OcvRow(0.810, 3336.7, 18.8, NAUMANN),
    OcvRow(0.820, 3338.1, 18.2, NAUMANN),
    OcvRow(0.840, 3339.8, 17.5, NAUMANN),
    OcvRow(0.860, 3340.8, 17.1, NAUMANN),
    OcvRow(0.880, 3341.6, 17.0, NAUMANN),
    OcvRow(0.900, 3342.5, 17.1, NAUMANN),
    OcvRow(0.920, 3343.2, 17.4, NAUMANN),
    OcvRow(0.940, 3344.2, 18.0, NAUMANN),
    OcvRow(0.960, 3345.3, 19.2, NAUMANN),
    OcvRow(0.970, 3346.2, 20.3, NAUMANN),
    OcvRow(0.975, 3347.1, 21.1, NAUMANN),
    OcvRow(0.980, 3348.7, 21.9, NAUMANN),
    OcvRow(0.985, 3352.2, 22.2, NAUMANN),
    OcvRow(0.990, 3361.8, 22.5, NAUMANN),
    OcvRow(0.995, 3396.3, 26.2, NAUMANN),
    OcvRow(1.000, 3530.5, 30.0, NAUMANN),
    # Above full: the slope of the last measured half per cent, carried on; how far is assumed.
    OcvRow(1.050, 4872.7, 30.0, ASSUMED),
)


class ResistanceRow(NamedTuple):
    """Resistance times capacity, so that any cell size follows; mOhm times Ah, at 25 degC.

    `ohmic` answers at once, `total` is what a long pulse sees; the RC pair is the difference.
    """

    soc: float
    ohmic: float
    total: float
    source: str


# ohmic: HAIDI pulse edges x 1.8 Ah (VICTRON's 2 mOhm for four 100 Ah cells is 50, the same again).
# total: NAUMANN, mean of the charge and discharge tables x 3.0 Ah.
RESISTANCE_ROWS: Final = (
    ResistanceRow(0.00, 66.1, 148.9, "HAIDI, NAUMANN"),
    ResistanceRow(0.05, 56.5, 148.9, "HAIDI, NAUMANN"),
    ResistanceRow(0.10, 56.5, 148.9, "HAIDI, NAUMANN"),
    ResistanceRow(0.20, 55.9, 137.7, "HAIDI, NAUMANN"),
    ResistanceRow(0.30, 56.4, 135.4, "HAIDI, NAUMANN"),
    ResistanceRow(0.40, 56.8, 140.3, "HAIDI, NAUMANN"),
    ResistanceRow(0.50, 56.3, 138.9, "HAIDI, NAUMANN"),
    ResistanceRow(0.60, 57.1, 137.9, "HAIDI, NAUMANN"),
    ResistanceRow(0.70, 55.8, 137.4, "HAIDI, NAUMANN"),
    ResistanceRow(0.80, 56.0, 140.0, "HAIDI, NAUMANN"),
    ResistanceRow(0.90, 55.5, 143.9, "HAIDI, NAUMANN"),
    ResistanceRow(1.00, 55.9, 143.9, "HAIDI, NAUMANN"),
)


class TemperatureRow(NamedTuple):
    """Resistance at a temperature over resistance at 25 degC."""

    dk: float
    factor: float
    source: str


# NAUMANN at half charge, mean of both directions; his 60 degC column repeats 40 degC, so it
# stays flat above. Below 10 degC the slope from 25 to 10 degC is carried on (Arrhenius,
# 1997 K). For the ohmic part alone the same factor is assumed.
TEMPERATURE_ROWS: Final = (
    TemperatureRow(2331.5, 6.471, ASSUMED),  # -40 degC
    TemperatureRow(2531.5, 3.289, ASSUMED),  # -20 degC
    TemperatureRow(2731.5, 1.846, ASSUMED),  # 0 degC
    TemperatureRow(2831.5, 1.426, NAUMANN),  # 10 degC
    TemperatureRow(2981.5, 1.000, NAUMANN),  # 25 degC
    TemperatureRow(3131.5, 0.795, NAUMANN),  # 40 degC
    TemperatureRow(3331.5, 0.795, NAUMANN),  # 60 degC
)

SOC_FLOOR: Final = -0.03  # a cell driven below this passes current without storing it (assumed)
SOC_CEILING: Final = 1.05  # the same above; the charge goes into side reactions (assumed)

# Time constant of the RC pair, s. Diffusion relaxes with R^2/(15 D): 160 s in BPX's graphite
# (4.8 um, 9.6e-15 m^2/s), 242 s in its LFP (0.5 um, 6.873e-17 m^2/s); their geometric mean.
RC_S: Final = 197.0

# Plett's one-state hysteresis: dh/dz = rate * (1 - h) while charging. A branch is changed to
# 95 % within 6 % of state of charge. Assumed: no fitted LFP rate was found to cite.
HYSTERESIS_RATE: Final = 50.0

HEAT_J_PER_K_AH: Final = 19.53  # LISHEN's 3.95 kg / 202 Ah, BPX's 999 J/(kg K)
# LISHEN's narrow faces (the wide ones face neighbours), 0.0410 m^2, at 15 W/(m^2 K) (NAUMANN's
# cell in SimSES), and area over volume for other sizes (assumed).
COOLING_W_PER_K: Final = 0.616
COOLING_AT_MAH: Final = 202_000.0

SELF_DISCHARGE_PER_H: Final = 0.035 / 8766.0  # GWL, 3.5 % a year; temperature dependence left out
# LIBRE. A JBD board's app shows 180 mA (reported: jbdtool issue 12), which would be 19 Ohm.
BLEED_OHM: Final = 33.0
DIODE_MV: Final = 700.0  # assumed: a silicon body diode well below its rated current
PATH_OHM: Final = 0.001  # assumed: both FETs, shunt and leads

NTC_OPEN_DK: Final = 0x097F  # captured: where no probe is fitted, boards say -30.0 degC
NTC_SHORT_DK: Final = 4231  # assumed: 150.0 degC, the hot end of a usual 10 kOhm table

STEPS_PER_SOC: Final = 1000.0


class GridPoint(NamedTuple):
    """One thousandth of state of charge: value and slopes, for a look-up without a search."""

    ocv_mv: float
    step_mv: float  # to the next point
    reach_mv: float  # half of the hysteresis gap
    ohmic: float  # Ohm times mAh
    polar: float  # Ohm times mAh, the RC pair


def _between(
    xs: Iterable[float], at: Sequence[float], *columns: Sequence[float]
) -> list[list[float]]:
    """Return the columns, given at `at`, at each of `xs`; both rise, beyond the ends nothing does.

    One pass over both: a search for each point would take a tenth of what starting a unit takes.
    """
    places: list[tuple[int, float]] = []
    left, last = 0, len(at) - 2
    for x in xs:
        while left < last and x > at[left + 1]:
            left += 1
        part = (x - at[left]) / (at[left + 1] - at[left])
        places.append((left, 0.0 if part < 0.0 else 1.0 if part > 1.0 else part))
    return [
        [column[left] + part * (column[left + 1] - column[left]) for left, part in places]
        for column in columns
    ]


def _grid() -> tuple[GridPoint, ...]:
    count = round((SOC_CEILING - SOC_FLOOR) * STEPS_PER_SOC)
    socs = [SOC_FLOOR + i / STEPS_PER_SOC for i in range(count + 1)]
    ocv, gap = _between(
        socs,
        [row.soc for row in OCV_ROWS],
        [row.ocv_mv for row in OCV_ROWS],
        [row.gap_mv for row in OCV_ROWS],
    )
    ohmic, total = _between(
        socs,
        [row.soc for row in RESISTANCE_ROWS],
        [row.ohmic for row in RESISTANCE_ROWS],
        [row.total for row in RESISTANCE_ROWS],
    )
    step = [after - here for here, after in pairwise(ocv)] + [0.0]
    reach = [one / 2 for one in gap]
    # mOhm times Ah is Ohm times mAh: the factors of a thousand cancel.
    polar = [whole - part for whole, part in zip(total, ohmic, strict=True)]
    return tuple(map(GridPoint, ocv, step, reach, ohmic, polar))


def _energy() -> tuple[float, ...]:
    total, stored = 0.0, [0.0]
    for point in GRID[:-1]:
        total += (point.ocv_mv + point.step_mv / 2) / STEPS_PER_SOC
        stored.append(total)
    return tuple(stored)


GRID: Final = _grid()
# Integral of the mean open-circuit voltage from SOC_FLOOR, mV, at each grid point.
_STORED_MV: Final = _energy()

COLDEST_DK: Final = 2000.0
HOTTEST_DK: Final = 5000.0
# Resistance factor for each kelvin from COLDEST_DK, on a logarithmic scale between the rows.
HEAT_FACTOR: Final = tuple(
    math.exp(logarithm)
    for logarithm in _between(
        [COLDEST_DK + 10 * i for i in range(int((HOTTEST_DK - COLDEST_DK) / 10) + 1)],
        [row.dk for row in TEMPERATURE_ROWS],
        [math.log(row.factor) for row in TEMPERATURE_ROWS],
    )[0]
)


def ocv_mv(soc: float, hysteresis: float = 0.0) -> float:
    """Return the open-circuit voltage in mV.

    Args:
        soc: state of charge, 0 empty, 1 full; held within SOC_FLOOR..SOC_CEILING.
        hysteresis: -1 on the discharge branch, +1 on the charge branch, 0 in the middle.

    Source: OCV_ROWS, published.
    """
    x = (min(max(soc, SOC_FLOOR), SOC_CEILING) - SOC_FLOOR) * STEPS_PER_SOC
    point = GRID[int(x)]
    return point.ocv_mv + point.step_mv * (x - int(x)) + hysteresis * point.reach_mv


def stored_mv(soc: float) -> float:
    """Return the energy over capacity stored at a state of charge, in mV (mWh per Ah).

    Counted from SOC_FLOOR on the mean curve; times a capacity in mAh it gives uWh.
    Source: the integral of OCV_ROWS, published.
    """
    x = (min(max(soc, SOC_FLOOR), SOC_CEILING) - SOC_FLOOR) * STEPS_PER_SOC
    index = int(x)
    part, point = x - index, GRID[index]
    return _STORED_MV[index] + (point.ocv_mv + point.step_mv * part / 2) * part / STEPS_PER_SOC
