"""Sources and loads at the node behind the FETs, as branches of the circuit."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import pi, sin
from typing import Final

from ._circuit import INFINITY, Branch
from ._limits import number, text, whole

DAY_S: Final = 86_400.0
OFF: Final = Branch(0.0, 0.0, 0.0, 0.0)

# A load lets go as its supply sinks below a volt; a node without a source then rests at nothing.
KNEE_MV: Final = 1000.0

MV: Final = (1.0, 1_000_000.0)
MA: Final = (0.0, 10_000_000.0)
HOURS: Final = (0.0, 24.0)


def _sink(current_ma: float) -> Branch:
    return Branch(0.0, current_ma / KNEE_MV, -current_ma, 0.0)


def _push(current_ma: float, ceiling_mv: float) -> Branch:
    return Branch(ceiling_mv, current_ma / KNEE_MV, 0.0, current_ma)


class Terminal:
    """What a source or a load is to the pack: a branch now, and a word on what came of it.

    Attributes:
        follows_node: the branch depends on the node voltage, so that the pack solves again
            until both agree.
    """

    __slots__ = ()
    follows_node = False

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the branch for the step that begins at `time_s`; `node_mv` is the last answer."""
        raise NotImplementedError

    def settle(self, time_s: float, dt_s: float, node_mv: float, current_ma: float) -> None:
        """Learn how the step went: node voltage, and the current fed into the node."""

    def state(self) -> dict[str, object]:
        """Return what must be kept over a restart; most terminals have nothing to keep."""
        return {}

    def restore(self, state: Mapping[str, object]) -> None:
        """Take over what `state` gave.

        Raises:
            ValueError: a field is missing or out of its limits; it is named.
        """


class CcCvSupply(Terminal):
    """A laboratory supply: a voltage, a current limit, a source resistance; it never sinks.

    Args:
        voltage_mv: at no load, 1..1,000,000 mV.
        current_ma: limit, 0..10,000,000 mA.
        resistance_ohm: leads and regulation, 0.0001..1000 Ohm; 1 mOhm is assumed.

    Raises:
        ValueError: a number out of its limits; the field is named.
    """

    __slots__ = ("_branch",)

    def __init__(self, voltage_mv: float, current_ma: float, resistance_ohm: float = 0.001) -> None:
        self._branch = Branch(
            number("voltage_mv", voltage_mv, *MV),
            1.0 / number("resistance_ohm", resistance_ohm, 1e-4, 1e3),
            0.0,
            number("current_ma", current_ma, *MA),
        )

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the same branch at all times."""
        return self._branch


class LeadAcidCharger(Terminal):
    """A multistage charger made for lead-acid: bulk, absorption, float, and back.

    Args:
        current_ma: limit in every stage.
        absorption_mv: bulk ends and absorption begins when the output has reached it.
        absorption_s: absorption ends after this time, 0..864,000 s,
        tail_ma: or once its current falls to this; 0 for by time alone.
        float_mv: held from then on.
        rebulk_mv: in float, a node below this for `rebulk_s` starts bulk again; 0 for never.
        rebulk_s: how long.
        rebulk_after_s: float is left after this time all the same; 0 for never.
        resistance_ohm: leads and regulation, as for CcCvSupply.

    Raises:
        ValueError: a number out of its limits; the field is named.

    Source: assumed; the stages are those of the common three-stage charger.
    """

    __slots__ = (
        "_absorption_s",
        "_current_ma",
        "_rebulk_after_s",
        "_rebulk_mv",
        "_rebulk_s",
        "_siemens",
        "_tail_ma",
        "_voltages_mv",
        "low_s",
        "stage",
        "stage_s",
    )

    def __init__(
        self,
        current_ma: float,
        absorption_mv: float,
        float_mv: float,
        absorption_s: float = 3600.0,
        tail_ma: float = 0.0,
        rebulk_mv: float = 0.0,
        rebulk_s: float = 60.0,
        rebulk_after_s: float = 0.0,
        resistance_ohm: float = 0.001,
    ) -> None:
        absorption = number("absorption_mv", absorption_mv, *MV)
        self._voltages_mv = {
            "bulk": absorption,
            "absorption": absorption,
            "float": number("float_mv", float_mv, *MV),
        }
        self._current_ma = number("current_ma", current_ma, *MA)
        self._absorption_s = number("absorption_s", absorption_s, 0.0, 864_000.0)
        self._tail_ma = number("tail_ma", tail_ma, *MA)
        self._rebulk_mv = number("rebulk_mv", rebulk_mv, 0.0, MV[1])
        self._rebulk_s = number("rebulk_s", rebulk_s, 0.0, 864_000.0)
        self._rebulk_after_s = number("rebulk_after_s", rebulk_after_s, 0.0, 1e9)
        self._siemens = 1.0 / number("resistance_ohm", resistance_ohm, 1e-4, 1e3)
        self.stage, self.stage_s, self.low_s = "bulk", 0.0, 0.0

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the branch of the present stage."""
        return Branch(self._voltages_mv[self.stage], self._siemens, 0.0, self._current_ma)

    def settle(self, time_s: float, dt_s: float, node_mv: float, current_ma: float) -> None:
        """Count time and change the stage where its rule says so."""
        self.stage_s += dt_s
        if self.stage == "bulk":
            # The voltage behind the resistance: only a regulated output has reached it, whatever
            # holds the current back (its own limit, or the sun).
            if node_mv + current_ma / self._siemens >= self._voltages_mv["bulk"] - 1.0:
                self._enter("absorption")
        elif self.stage == "absorption":
            if self.stage_s >= self._absorption_s or current_ma <= self._tail_ma:
                self._enter("float")
        else:
            self.low_s = self.low_s + dt_s if node_mv < self._rebulk_mv else 0.0
            fell = self.low_s > 0 and self.low_s >= self._rebulk_s
            if fell or 0 < self._rebulk_after_s <= self.stage_s:
                self._enter("bulk")

    def _enter(self, stage: str) -> None:
        self.stage, self.stage_s, self.low_s = stage, 0.0, 0.0

    def state(self) -> dict[str, object]:
        """Return stage and its clocks."""
        return {"stage": self.stage, "stage_s": self.stage_s, "low_s": self.low_s}

    def restore(self, state: Mapping[str, object]) -> None:
        """Take over stage and clocks.

        Raises:
            ValueError: a field is missing or out of its limits; it is named.
        """
        self.stage = text("stage", state.get("stage"), tuple(self._voltages_mv))
        self.stage_s = number("stage_s", state.get("stage_s"), 0.0, 1e12)
        self.low_s = number("low_s", state.get("low_s"), 0.0, 1e12)


class SolarProfile(Terminal):
    """A charger that gives no more than the sun does: half a sine from sunrise to sunset.

    Args:
        charger: any source; its current limit is lowered.
        peak_ma: at noon between the two.
        sunrise_hour: 0..24.
        sunset_hour: later than sunrise.

    Raises:
        ValueError: a number out of its limits; the field is named.

    Source: assumed, clear sky on a flat panel.
    """

    __slots__ = ("_charger", "_daylight_s", "_peak_ma", "_sunrise_s")

    def __init__(
        self,
        charger: Terminal,
        peak_ma: float,
        sunrise_hour: float = 6.0,
        sunset_hour: float = 18.0,
    ) -> None:
        self._charger = charger
        self._peak_ma = number("peak_ma", peak_ma, *MA)
        self._sunrise_s = number("sunrise_hour", sunrise_hour, *HOURS) * 3600.0
        sunset = number("sunset_hour", sunset_hour, *HOURS) * 3600.0
        if sunset <= self._sunrise_s:
            raise ValueError(f"sunset_hour: {sunset_hour!r} is not after {sunrise_hour!r}")
        self._daylight_s = sunset - self._sunrise_s

    @property
    def follows_node(self) -> bool:  # type: ignore[override]  # asks the charger inside
        """As the charger inside."""
        return self._charger.follows_node

    def available_ma(self, time_s: float) -> float:
        """Return what the sun allows at a time of day, mA."""
        part = (time_s % DAY_S - self._sunrise_s) / self._daylight_s
        return self._peak_ma * sin(pi * part) if 0.0 < part < 1.0 else 0.0

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the charger's branch, its current lowered to what the sun allows."""
        branch = self._charger.branch(time_s, node_mv)
        return branch._replace(high_ma=min(branch.high_ma, self.available_ma(time_s)))

    def settle(self, time_s: float, dt_s: float, node_mv: float, current_ma: float) -> None:
        """Tell the charger; by night it is without power and its clocks stand."""
        if self.available_ma(time_s) > 0.0:
            self._charger.settle(time_s, dt_s, node_mv, current_ma)

    def state(self) -> dict[str, object]:
        """Return the charger's state."""
        return self._charger.state()

    def restore(self, state: Mapping[str, object]) -> None:
        """Restore the charger.

        Raises:
            ValueError: as the charger's.
        """
        self._charger.restore(state)


class ConstantCurrentLoad(Terminal):
    """A load of constant current, mA; it lets go below one volt.

    Raises:
        ValueError: current outside 0..10,000,000 mA.
    """

    __slots__ = ("_branch",)

    def __init__(self, current_ma: float) -> None:
        self._branch = _sink(number("current_ma", current_ma, *MA))

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the same branch at all times."""
        return self._branch


class ConstantPowerLoad(Terminal):
    """A load of constant power, such as an inverter; below `minimum_mv` its current stops rising.

    Args:
        power_mw: 0..1e9 mW.
        minimum_mv: below it the current of that voltage is kept; it lets go below one volt.

    Raises:
        ValueError: a number out of its limits; the field is named.
    """

    __slots__ = ("_minimum_mv", "_power_uw")
    follows_node = True

    def __init__(self, power_mw: float, minimum_mv: float = 1000.0) -> None:
        self._power_uw = number("power_mw", power_mw, 0.0, 1e9) * 1000.0
        self._minimum_mv = number("minimum_mv", minimum_mv, *MV)

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the current that this power is at the last node voltage."""
        return _sink(self._power_uw / max(node_mv, self._minimum_mv))


class ResistanceLoad(Terminal):
    """A resistor; a few mOhm make a short circuit.

    Raises:
        ValueError: resistance outside 0.0001..1e9 Ohm.
    """

    __slots__ = ("_branch",)

    def __init__(self, resistance_ohm: float) -> None:
        siemens = 1.0 / number("resistance_ohm", resistance_ohm, 1e-4, 1e9)
        self._branch = Branch(0.0, siemens, -INFINITY, 0.0)

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the same branch at all times."""
        return self._branch


class DailySchedule(Terminal):
    """A terminal that is there between two hours of each day, over midnight too.

    Args:
        terminal: what to connect.
        on_hour: 0..24; time 0 of the pack is midnight.
        off_hour: 0..24; equal to `on_hour` for never.

    Raises:
        ValueError: an hour out of its limits; the field is named.
    """

    __slots__ = ("_off_s", "_on_s", "_terminal")

    def __init__(self, terminal: Terminal, on_hour: float, off_hour: float) -> None:
        self._terminal = terminal
        self._on_s = number("on_hour", on_hour, *HOURS) * 3600.0
        self._off_s = number("off_hour", off_hour, *HOURS) * 3600.0

    @property
    def follows_node(self) -> bool:  # type: ignore[override]  # asks the terminal inside
        """As the terminal inside."""
        return self._terminal.follows_node

    def is_on(self, time_s: float) -> bool:
        """Tell whether the terminal is connected."""
        now = time_s % DAY_S
        if self._on_s <= self._off_s:
            return self._on_s <= now < self._off_s
        return now >= self._on_s or now < self._off_s

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return the terminal's branch, or one without current."""
        return self._terminal.branch(time_s, node_mv) if self.is_on(time_s) else OFF

    def settle(self, time_s: float, dt_s: float, node_mv: float, current_ma: float) -> None:
        """Tell the terminal while it is connected."""
        if self.is_on(time_s):
            self._terminal.settle(time_s, dt_s, node_mv, current_ma)

    def state(self) -> dict[str, object]:
        """Return the terminal's state."""
        return self._terminal.state()

    def restore(self, state: Mapping[str, object]) -> None:
        """Restore the terminal.

        Raises:
            ValueError: as the terminal's.
        """
        self._terminal.restore(state)


def daily_load(current_ma: float, on_hour: float, off_hour: float) -> DailySchedule:
    """Return a load of constant current between two hours of each day.

    Raises:
        ValueError: a number out of its limits; the field is named.
    """
    return DailySchedule(ConstantCurrentLoad(current_ma), on_hour, off_hour)


class CsvProfile(Terminal):
    """A recorded current over time: positive charges, negative loads.

    Args:
        rows: (time_s, current_ma), times rising from the pack's time 0. Before the first row
            nothing flows, after the last its current stays.
        shape: `step` keeps a current to the next row, `linear` goes straight to it.
        ceiling_mv: a charging current stops below this voltage, as a real source's would.

    Raises:
        ValueError: no rows, times that do not rise, numbers out of limits; row and field named.
    """

    __slots__ = ("_ceiling_mv", "_currents_ma", "_linear", "_times_s")

    def __init__(
        self,
        rows: Iterable[tuple[float, float]],
        shape: str = "step",
        ceiling_mv: float = 100_000.0,
    ) -> None:
        self._times_s: list[float] = []
        self._currents_ma: list[float] = []
        for count, (time_s, current_ma) in enumerate(rows, start=1):
            self._times_s.append(number(f"row {count} time_s", time_s, 0.0, 1e12))
            self._currents_ma.append(number(f"row {count} current_ma", current_ma, -MA[1], MA[1]))
        whole("rows", len(self._times_s), 1, 10_000_000)
        for count, (left, right) in enumerate(pairwise(self._times_s), start=2):
            if right <= left:
                raise ValueError(f"row {count} time_s: {right!r} is not after {left!r}")
        self._linear = text("shape", shape, ("step", "linear")) == "linear"
        self._ceiling_mv = number("ceiling_mv", ceiling_mv, *MV)

    @classmethod
    def parse(
        cls, content: str, shape: str = "step", ceiling_mv: float = 100_000.0
    ) -> "CsvProfile":
        """Read `time_s,current_ma` lines; a header, blank lines and # comments are skipped.

        Raises:
            ValueError: a line that is not two numbers, and as the class; the line is named.
        """
        rows: list[tuple[float, float]] = []
        for count, line in enumerate(content.splitlines(), start=1):
            fields = [field.strip() for field in line.split(",")]
            if not line.strip() or line.startswith("#") or fields[0] == "time_s":
                continue
            try:
                time_s, current_ma = map(float, fields)
            except ValueError:
                raise ValueError(f"line {count}: {line!r} is not time_s,current_ma") from None
            rows.append((time_s, current_ma))
        return cls(rows, shape, ceiling_mv)

    def current_ma(self, time_s: float) -> float:
        """Return the current of the profile, mA."""
        times = self._times_s
        index = bisect_right(times, time_s) - 1
        if index < 0:
            return 0.0
        current = self._currents_ma[index]
        if not self._linear or index + 1 == len(times):
            return current
        part = (time_s - times[index]) / (times[index + 1] - times[index])
        return current + part * (self._currents_ma[index + 1] - current)

    def branch(self, time_s: float, node_mv: float) -> Branch:
        """Return a source or a sink of the present current."""
        current = self.current_ma(time_s)
        return _push(current, self._ceiling_mv) if current > 0 else _sink(-current)
