"""What reading alone tells of a board: registers, ways, password, closest profile, module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from jbd_emulator import FIRMWARE, PasswordFunction
from jbd_protocol import (
    SETTINGS,
    ReadRequest,
    Response,
    read_parameters,
    register,
)

from .._client import BmsClient
from .._tap import Tap
from ._closest import Candidate, Clue, candidates, closest, traits_of
from ._exchanges import exchanges
from ._identity import PATIENCE_S, BoardIdentity, read_identity
from ._snapshot import MANNERS, MONITORING

_SWEPT: Final = (
    *(ReadRequest(address) for address in MONITORING),
    MANNERS[0],
    ReadRequest(0xF6),
    ReadRequest(0xFA, read_parameters(0, 1)),
    *(ReadRequest(address) for address in SETTINGS),
    MANNERS[-1],
)
"""Every register that some source says can be read, and one that none names."""
Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Register:
    """A register and what became of a read: ``status`` is None for silence."""

    address: int
    title: str
    outcome: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What reading told.

    Attributes:
        target: what the link was called.
        identity: which board it is.
        registers: every register that was read.
        password: what is known of the password function and of a PIN, one line.
        ranking: all firmware profiles with their clues, the closest first.
        closest: the first of them, None where more speaks against it than for it.
    """

    target: str
    identity: BoardIdentity
    registers: tuple[Register, ...]
    password: str
    ranking: tuple[Candidate, ...]
    closest: Candidate | None

    def to_json(self) -> dict[str, object]:
        """Return everything by name."""
        identity = self.identity
        return {
            "target": self.target,
            "firmware": f"0x{identity.version:02X}",
            "identity": identity.to_table(),
            "payload_bytes": {
                "0x03": identity.basic_info_bytes,
                "0x04": identity.cell_bytes,
                "0x05": None if identity.name is None else len(identity.name),
                "0xAA": identity.counter_bytes,
            },
            "registers": {
                f"0x{row.address:02X}": {
                    "title": row.title,
                    "status": None if row.status is None else f"0x{row.status:02X}",
                    "outcome": row.outcome,
                }
                for row in self.registers
            },
            "password": self.password,
            "closest": None if self.closest is None else f"0x{self.closest.version:02X}",
            "profiles": [_candidate_json(row) for row in self.ranking],
        }


def identify(client: BmsClient, step: Step = lambda done, of: None) -> Findings:
    """Return what reading tells; never writes.

    Args:
        step: called with how many of how many reads are done.
    Raises:
        ReplyTimeout, RequestRefused, PayloadError: not even register 0x03 is served.
        LinkError: the link is gone.
    """
    tap = Tap(client.link)
    identity = read_identity(client.over(tap))
    reader = BmsClient(tap, timeout_s=PATIENCE_S, retries=1)
    at = len(tap.traffic)
    for done, request in enumerate(_SWEPT):
        step(done, len(_SWEPT))
        reader.exchange(request)
    step(len(_SWEPT), len(_SWEPT))
    seen = {exchange.request.register: exchange for exchange in exchanges(tap.traffic.pieces[at:])}
    registers = tuple(
        Register(address, _title(address), exchange.outcome(), _status(exchange.response))
        for address, exchange in seen.items()
    )
    traits = traits_of(tap.traffic.pieces)
    found = closest(identity.version, traits)
    return Findings(
        target=client.link.name,
        identity=identity,
        registers=registers,
        password=_password(found, {row.address: row.status for row in registers}),
        ranking=tuple(candidates(identity.version, traits)),
        closest=found,
    )


def page(findings: Findings) -> Iterator[str]:
    """Yield the lines of a page for a person."""
    identity = findings.identity
    yield identity.describe()
    yield ""
    lengths = {0x03: identity.basic_info_bytes, 0x04: identity.cell_bytes}
    lengths |= {0xAA: identity.counter_bytes}
    shown = [f"{a:02X} {n}" for a, n in lengths.items() if n is not None]
    yield f"Lengths   {', '.join(shown)} bytes; {identity.ntcs} NTCs"
    for outcome, addresses in _by_outcome(findings.registers).items():
        yield f"Read      {outcome}: {_ranges(addresses)}"
    yield f"Password  {findings.password}"
    best = findings.closest
    if best is None:
        yield "Firmware  unknown: more speaks against every profile than for it; the nearest:"
        best = findings.ranking[0]
    yield f"Firmware  0x{best.version:02X}, {FIRMWARE[best.version].title}"
    yield from (f"  for     {clue}" for clue in best.speaking_for)
    yield from (f"  against {clue}" for clue in best.against)


def _by_outcome(registers: tuple[Register, ...]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row in registers:
        key = "served" if row.status == 0x00 else row.outcome
        groups.setdefault(key, []).append(row.address)
    return groups


def _ranges(addresses: list[int]) -> str:
    """Return ``10..47, A0``."""
    runs: list[list[int]] = []
    for address in sorted(addresses):
        if runs and address == runs[-1][1] + 1:
            runs[-1][1] = address
        else:
            runs.append([address, address])
    return ", ".join(f"{a:02X}" if a == b else f"{a:02X}..{b:02X}" for a, b in runs)


def _password(found: Candidate | None, statuses: dict[int, int | None]) -> str:
    """Return what reading tells: seldom more than whether the firmware has the function."""
    if statuses.get(0x10) == 0x00:
        return "settings are open without factory mode"
    if statuses.get(0xFA) == 0x81:
        return "parameters by number are refused with 0x81: a PIN is set and was not presented"
    if found is None:
        return "unknown; reading does not tell"
    fact = FIRMWARE[found.version].password
    row = f"by the row of 0x{found.version:02X}, {fact.evidence.grade}"
    if fact.value is PasswordFunction.ABSENT:
        return f"no password function ({row})"
    if statuses.get(0xFA) == 0x00:
        return f"a password function ({row}); parameters by number are open: no PIN in the way"
    return f"a password function ({row}); whether a PIN is set reading does not tell"


def _candidate_json(row: Candidate) -> dict[str, object]:
    return {
        "firmware": f"0x{row.version:02X}",
        "score": row.score,
        "for": [_clue_json(clue) for clue in row.speaking_for],
        "against": [_clue_json(clue) for clue in row.against],
    }


def _clue_json(clue: Clue) -> dict[str, str]:
    return {
        "fact": clue.trait,
        "seen": clue.seen,
        "profile": clue.expected,
        "grade": str(clue.evidence.grade),
        "source": clue.evidence.source,
    }


def _title(address: int) -> str:
    row = register(address)
    return row.title if row is not None else "named by no source"


def _status(response: Response | None) -> int | None:
    return None if response is None else response.status
