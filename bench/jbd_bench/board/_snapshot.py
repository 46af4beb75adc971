"""Everything a board tells at one moment: what it is, what it holds, the frames that said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from jbd_protocol import (
    ENTER_FACTORY,
    LAST_PARAMETER,
    LEAVE_FACTORY,
    SETTINGS,
    BasicInfo,
    ReadRequest,
    Response,
    parse_basic_info,
    read_parameters,
    status_name,
)

from .._client import BmsClient
from .._leave import WriteRefused
from .._tap import Tap
from ..records import Piece, Traffic
from ._exchanges import exchanges
from ._identity import PATIENCE_S, BoardIdentity, identity_of, words_of

MONITORING: Final = (0x03, 0x04, 0x05, 0xAA)
MANNERS: Final = (
    ReadRequest(0x00, b"\x00\x00"),
    ReadRequest(0x24),
    ReadRequest(0x42),
    ReadRequest(0x9F),
)
"""Reads whose refusal, or silence, depends on the firmware: chip type, a setting while closed, a
capacity point while closed, a register that no source names."""
_HALF: Final = (LAST_PARAMETER + 1) // 2
_EMPTY: Final[Mapping[int, bytes]] = MappingProxyType({})
NEEDS_LEAVE: Final = (
    "settings: not read, they need factory mode, which is entered by a write: --allow settings "
    "(left without saving)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One board at one moment, raw.

    Attributes:
        target: what the link was called.
        taken: when, UTC.
        identity: which board it is.
        payloads: of 0x03, 0x04, 0x05 and 0xAA as far as they were served, by register.
        settings: raw data by address, as the registers answered.
        parameters: two bytes by parameter number, where the board serves 0xFA.
        refused: reads of settings, monitoring and 0xFA that were not served, by register: the
            status, None for silence. Empty for settings that were not asked for.
        notes: what is missing and what would help, one line each.
        frames: every piece both ways, seconds counted from the first.
    """

    target: str
    taken: datetime
    identity: BoardIdentity
    payloads: Mapping[int, bytes]
    settings: Mapping[int, bytes] = field(default_factory=lambda: _EMPTY)
    parameters: Mapping[int, bytes] = field(default_factory=lambda: _EMPTY)
    refused: Mapping[int, int | None] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    frames: tuple[Piece, ...] = ()

    @property
    def info(self) -> BasicInfo:
        """What 0x03 said."""
        return parse_basic_info(self.payloads[0x03])

    @property
    def complete(self) -> bool:
        """Whether the settings were read."""
        return bool(self.settings)

    def to_toml(self) -> str:
        """Return the snapshot as a file that :meth:`from_toml` reads."""
        from ._snapshot_file import to_toml

        return to_toml(self)

    @classmethod
    def from_toml(cls, text: str) -> Snapshot:
        """Return what :meth:`to_toml` gave.

        Raises:
            LocalError: it is not that; the message names the field.
        """
        from ._snapshot_file import from_toml

        return from_toml(text)


def take_snapshot(
    client: BmsClient,
    *,
    factory: bool,
    now: datetime | None = None,
    step: Callable[[int, int], None] = lambda done, of: None,
) -> Snapshot:
    """Read everything a board tells.

    Without ``factory`` nothing is written; settings are then there only where the board serves
    them at any time. With it factory mode is entered, and left without saving whatever happens.

    Args:
        client: of the board; present its PIN before where it has one.
        factory: enter factory mode for the settings. A link without leave for ``settings`` leaves
            a note and no settings.
        now: the time to put on it; the present.
        step: called with how many of how many settings are read.
    Raises:
        ReplyTimeout, RequestRefused, PayloadError: not even register 0x03 is served.
        LinkError: the link is gone.
    """
    tap = Tap(client.link)
    reader = _Reader(client.over(tap), tap, step)
    reader.payloads[0x03] = client.over(tap).read(0x03)
    info = parse_basic_info(reader.payloads[0x03])
    reader.monitoring()
    reader.manners()
    reader.parameters_by_number()
    reader.all_settings(factory=factory)
    return Snapshot(
        target=client.link.name,
        taken=(now or datetime.now(UTC)).replace(microsecond=0),
        identity=identity_of(
            info,
            name=reader.payloads.get(0x05),
            cells=reader.payloads.get(0x04),
            counters=reader.payloads.get(0xAA),
            words=reader.parameters,
            settings=reader.settings,
        ),
        payloads=MappingProxyType(reader.payloads),
        settings=MappingProxyType(reader.settings),
        parameters=MappingProxyType(reader.parameters),
        refused=MappingProxyType(reader.refused),
        notes=tuple(reader.notes),
        frames=tuple(_from_zero(tap.traffic)),
    )


class _Reader:
    """One look at a board, register by register."""

    def __init__(self, client: BmsClient, tap: Tap, step: Callable[[int, int], None]) -> None:
        self._client, self._tap, self._step = client, tap, step
        self.payloads: dict[int, bytes] = {}
        self.settings: dict[int, bytes] = {}
        self.parameters: dict[int, bytes] = {}
        self.refused: dict[int, int | None] = {}
        self.notes: list[str] = []

    def monitoring(self) -> None:
        """Read what is served at any time."""
        for register in MONITORING[1:]:
            if (data := self._read(ReadRequest(register))) is not None:
                self.payloads[register] = data
            else:
                self.notes.append(f"register 0x{register:02X}: {self._why(register)}")

    def manners(self) -> None:
        """Ask what tells firmwares apart; the frames keep what came."""
        client = BmsClient(self._client.link, timeout_s=PATIENCE_S, retries=1)
        for request in MANNERS:
            client.exchange(request)

    def parameters_by_number(self) -> None:
        """Read all words of 0xFA, where it is served; that needs no factory mode (vendor V11)."""
        for first in (0, _HALF):
            count = min(_HALF, LAST_PARAMETER + 1 - first)
            # Some boards keep silent at it: not asked for long.
            client = BmsClient(self._client.link, timeout_s=PATIENCE_S, retries=1)
            data = self._read(ReadRequest(0xFA, read_parameters(first, count)), client)
            if data is None:
                return
            self.parameters |= words_of(data)

    def all_settings(self, *, factory: bool) -> None:
        """Read the settings, in factory mode where they are refused outside of it."""
        first = next(iter(SETTINGS))
        if self._read(ReadRequest(first)) is not None:
            # A board that serves them to anybody, or one that was left in factory mode.
            self._settings()
            return
        if not factory:
            self.notes.append(NEEDS_LEAVE)
            return
        try:
            with self._factory_mode() as refusal:
                if refusal is None:
                    self._settings()
                else:
                    self.notes.append(f"settings: factory mode {refusal}")
        except WriteRefused:
            self.notes.append(NEEDS_LEAVE)

    @contextmanager
    def _factory_mode(self) -> Iterator[str | None]:
        """Enter factory mode and leave it with 0000; yields why it did not open, or None."""
        refused_here = False
        try:
            yield _refusal(self._client.exchange(ENTER_FACTORY))
        except WriteRefused:
            # Refused in this process: the board never heard of it.
            refused_here = True
            raise
        finally:
            if not refused_here:
                # A client of its own, for the other may still await an answer. Also where the
                # entry was not acknowledged: the board may have heard it.
                link = self._client.link
                if BmsClient(link).exchange(LEAVE_FACTORY) is None:
                    self.notes.append("factory mode: its end (01 0000) was not acknowledged")

    def _settings(self) -> None:
        for done, address in enumerate(SETTINGS, 1):
            self._step(done, len(SETTINGS))
            if (data := self._read(ReadRequest(address))) is not None:
                self.settings[address] = data
                self.refused.pop(address, None)

    def _read(self, request: ReadRequest, client: BmsClient | None = None) -> bytes | None:
        """Return what is served; note what is refused, also where the refusal has no checksum."""
        at = len(self._tap.traffic)
        answer = (client or self._client).exchange(request)
        if answer is None:
            answer = next((e.response for e in exchanges(self._tap.traffic.pieces[at:])), None)
        if answer is None or answer.status:
            self.refused[request.register] = None if answer is None else answer.status
            return None
        return answer.data

    def _why(self, register: int) -> str:
        status = self.refused[register]
        return "no answer" if status is None else status_name(status)


def _refusal(answer: Response | None) -> str | None:
    if answer is None:
        return "was not acknowledged"
    if not answer.status:
        return None
    hint = "; a PIN is set" if answer.status == 0x81 else ""
    return f"refused, {status_name(answer.status)}{hint}"


def _from_zero(traffic: Traffic) -> Iterator[Piece]:
    start_s = traffic.pieces[0].t_s if traffic.pieces else 0.0
    for piece in traffic.pieces:
        yield piece._replace(t_s=round(piece.t_s - start_s, 6))
