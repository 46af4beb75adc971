"""The node behind the FETs: what voltage makes all currents into it add up to nothing.

Everything at the node is a branch of one shape, a voltage behind a conductance whose current is
held within two limits: a CC/CV supply, a load of constant current, a resistor, and the pack
itself, whose FETs with their body diodes are the limits. Which of them feeds the load, and
whether the pack takes part at all, follows from the solution and from no rule.
"""

from typing import Final, NamedTuple

INFINITY: Final = float("inf")

_LOWEST_MV: Final = -1e6
_HIGHEST_MV: Final = 1e6
_ENOUGH_MA: Final = 1e-6
_TURNS: Final = 200


class Branch(NamedTuple):
    """Current into the node: (voltage_mv - node) times `siemens`, held within two limits, mA.

    Positive feeds the node. mV times siemens is mA.
    """

    voltage_mv: float
    siemens: float
    low_ma: float
    high_ma: float


# 100 MOhm of dirt: 0.13 uA at 13 V. It gives a node that nothing drives a voltage of its own.
LEAK: Final = Branch(0.0, 1e-8, -INFINITY, INFINITY)


def branch_ma(branch: Branch, node_mv: float) -> float:
    """Return what one branch feeds into the node, in mA."""
    voltage, siemens, low, high = branch
    current = (voltage - node_mv) * siemens
    if current > high:
        return high
    if current < low:
        return low
    return current


def solve_node(branches: list[Branch], guess_mv: float) -> float:
    """Return the node voltage in mV.

    The sum of the branches never rises with the voltage and is straight between the corners of
    their limits, so Newton from the last answer lands at once unless a corner was passed; a
    bracket catches the steps that overshoot.

    Args:
        branches: all that is connected; at least one with a slope everywhere, such as LEAK.
        guess_mv: the last answer.
    """
    low_mv, high_mv = _LOWEST_MV, _HIGHEST_MV
    node = guess_mv
    for _ in range(_TURNS):
        total = slope = 0.0
        for voltage, siemens, low, high in branches:
            current = (voltage - node) * siemens
            if current > high:
                total += high
            elif current < low:
                total += low
            else:
                total += current
                slope += siemens
        if -_ENOUGH_MA < total < _ENOUGH_MA:
            return node
        if total > 0:
            low_mv = node
        else:
            high_mv = node
        step = node + total / slope if slope > 0 else low_mv
        if step == node:
            return node
        node = step if low_mv < step < high_mv else (low_mv + high_mv) / 2
    return node
