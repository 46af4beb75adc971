"""Every client model against every kind of board, each cell from running the one on the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jbd_protocol import Grade, LocalError

from ._lockout_controls import target_like
from .clients import CLIENTS, CONDITIONS, EXPECTED, Report, User, client_model
from .transports import open_target, parse_target

if TYPE_CHECKING:
    from ._link import Link
    from .clients import Log

UNKNOWN_PIN: Final = "765828"
"""The PIN that the user of a locked board does not know; the vendor document's example."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A kind of board to put a client in front of.

    Attributes:
        target: a fresh emulated unit.
        cleared: another client sends the clear word first.
    """

    target: str
    cleared: bool = False


_LOCKED: Final = f"emulator:0x17?pin={UNKNOWN_PIN}"
TARGETS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "0x16": Condition("emulator:0x16"),
        "0x17 without PIN": Condition("emulator:0x17"),
        "0x17 unknown PIN": Condition(_LOCKED),
        "0x17 after clear": Condition(_LOCKED, cleared=True),
        "0x21": Condition("emulator:0x21"),
        "0x21 after clear": Condition("emulator:0x21", cleared=True),
        "0x25": Condition("emulator:0x25"),
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one client in one condition.

    Attributes:
        client: the model's id.
        condition: key of :data:`TARGETS`.
        monitoring: the user sees live data.
        parameters: the user sees the board's settings.
        symptom: what the user sees, in short plain words.
        grade: how well that outcome is known.
    """

    client: str
    condition: str
    monitoring: bool
    parameters: bool
    symptom: str
    grade: str

    def to_json(self) -> dict[str, str | bool]:
        """Return the cell as a JSON object."""
        return asdict(self)


def clear_by_another_client(link: Link) -> Log:
    """Send the clear word as a client does that knows it, on a connection of its own.

    Returns:
        What was said; the board may have refused.
    Raises:
        LinkError: the link failed.
    """
    from .clients._frames import CLR
    from .clients._model import Step
    from .clients._reception import CAREFUL
    from .clients._session import Session

    session = Session(link, CAREFUL)
    step = Step(name="clear the PIN, another client", wire=CLR, evidence=CAREFUL.evidence, tries=2)
    # Whatever the answer: a second try is for a board that slept.
    session.request(step, accept=lambda _answer: True)
    session.end()
    link.reconnect()
    return session.report("another client").log


OVER: Final[Mapping[str, str]] = MappingProxyType(
    {"serial": "emulator:0x21", "ble": "emulator-ble:0x21?module=telink&paced=1"}
)
"""What the boards of the matrix are reached over: a target that says how."""


def clients_over(over: str) -> tuple[str, ...]:
    """Return the clients that use such a link: over Bluetooth the apps alone."""
    return tuple(c for c in CLIENTS if over == "serial" or client_model(c).radio is not None)


def run_cell(
    client: str, condition: str, user: User | None = None, *, over: str = "serial"
) -> Cell:
    """Run one client model on a fresh unit.

    Args:
        client: id of the model.
        condition: key of :data:`TARGETS`.
        user: what the person does; see :class:`User`.
        over: ``serial``, or ``ble`` for a Telink module in front of the board.
    Raises:
        LocalError: no such client or condition, or a program of the serial line over Bluetooth.
    """
    model, chosen = client_model(client), TARGETS.get(condition)
    if chosen is None:
        raise LocalError(f"condition {condition!r}: must be one of {', '.join(TARGETS)}")
    if client not in clients_over(over):
        raise LocalError(f"client {client!r}: is a program of the serial line, not one over {over}")
    link = open_target(target_like(chosen.target, parse_target(OVER[over])))
    try:
        if chosen.cleared:
            clear_by_another_client(link)
        report = model.run(link, user)
    finally:
        link.close()
    return Cell(
        client,
        condition,
        report.monitoring,
        report.parameters,
        report.symptom,
        str(_grade(report, condition)),
    )


def _grade(report: Report, condition: str) -> Grade:
    """Return the better of what the run relied on and what was said of its outcome directly."""
    known = EXPECTED[report.client, condition]
    if (known.monitoring, known.parameters) != (report.monitoring, report.parameters):
        return report.grade
    return min(report.grade, known.evidence.grade, key=tuple(Grade).index)


def run_matrix(
    clients: Iterable[str] | None = None,
    conditions: Iterable[str] | None = None,
    *,
    over: str = "serial",
) -> Iterator[Cell]:
    """Yield the cells, client by client; arguments as in :func:`run_cell`."""
    wanted = list(CONDITIONS if conditions is None else conditions)
    for client in clients_over(over) if clients is None else clients:
        for condition in wanted:
            yield run_cell(client, condition, over=over)
