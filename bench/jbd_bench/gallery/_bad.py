"""One client for each entry, with exactly the bug that the entry is about.

They prove the gallery: an entry that lets its own bad client pass shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jbd_protocol import LEAVE_FACTORY, ReadRequest, Request, Response, pair, parse_basic_info

from .._link import Link
from ._careful import WAIT_S, CarefulClient
from ._look import Look, seen_in

_QUIET_S: Final = 0.15


class _Gated(CarefulClient):
    """Shows nothing until a PIN was answered 00."""

    def look(self) -> Look:
        answer = self.ask(pair())
        if answer is None or answer.status:
            return Look(at_s=self.link.clock.now_s(), error="asks for the PIN")
        return super().look()


class _Gatherer(CarefulClient):
    """Takes what comes until the line is quiet, and hands it on as it is."""

    most = 1 << 16

    def gather(self) -> bytes:
        clock, raw = self.link.clock, b""
        until_s = clock.now_s() + WAIT_S
        while piece := self.link.read(until_s):
            raw += self.keep(piece)
            until_s = clock.now_s() + _QUIET_S
        return raw[: self.most]

    def keep(self, piece: bytes) -> bytes:
        return piece


class _FortyBytes(_Gatherer):
    """Has a buffer of forty bytes, as long as every answer its author had seen."""

    most = 40

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        whole = len(raw) > 6 and len(raw) == raw[3] + 7 and raw[-1] == 0x77
        return Response(raw[1], raw[2], raw[4:-3]) if whole and raw[1] == register else None


class _Ghosts(_Gatherer):
    """Counts cells by what arrived, not by what the frame says."""

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        return Response(register, 0, raw[4:-3]) if raw else None

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        shown, count = seen_in(0x03, info), len(cells) // 2
        voltages = tuple(int.from_bytes(cells[2 * n : 2 * n + 2], "big") for n in range(count))
        return Look(at_s=at_s, pack_mv=shown.pack_mv, cell_mv=voltages)


class _Padding(_Gatherer):
    """Reads a short answer as if the rest were there; its buffer holds zeros."""

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        return Response(register, 0, raw[4 : 4 + raw[3]]) if len(raw) > 4 else None

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        padded = cells.ljust(8, b"\0")
        voltages = tuple(int.from_bytes(padded[n : n + 2], "big") for n in range(0, 8, 2))
        return Look(at_s=at_s, pack_mv=seen_in(0x03, info).pack_mv, cell_mv=voltages)


class _RefusalIsSilence(CarefulClient):
    """Waits on where the board said no; and it wants a name before anything else."""

    def look(self) -> Look:
        if not self.name and (answer := self.ask(ReadRequest(0x05))) is not None:
            self.name = answer.data.decode("latin-1")
        if not self.name:
            return Look(at_s=self.link.clock.now_s(), error="no answer")
        return super().look()

    def hear(self, register: int) -> Response | None:
        answer = super().hear(register)
        return None if answer is not None and answer.status else answer


class _Stuck(_Gatherer):
    """Never empties its buffer behind a frame it could not use."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.buffer = b""

    def hear(self, register: int) -> Response | None:
        raw = self.buffer + self.gather()
        whole = len(raw) > 6 and len(raw) == raw[3] + 7 and raw[-1] == 0x77
        if not whole or raw[1] != register:
            self.buffer = raw
            return None
        self.buffer = b""
        return Response(raw[1], raw[2], raw[4:-3])


class _Impatient(CarefulClient):
    """Takes fifty quiet milliseconds for the end of an answer."""

    def hear(self, register: int) -> Response | None:
        clock = self.link.clock
        raw = self.link.read(clock.now_s() + WAIT_S)
        while piece := self.link.read(clock.now_s() + 0.05):
            raw += piece
        whole = len(raw) > 6 and len(raw) == raw[3] + 7
        return Response(raw[1], raw[2], raw[4:-3]) if whole and raw[1] == register else None


class _OneTry(CarefulClient):
    """Says that there is no board where the first request is not answered."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.link.write(ReadRequest(0x04).to_wire())
        if self.hear(0x04) is None:
            raise RuntimeError("no board on this port")


class _HeadFirst(_Gatherer):
    """Looks at the fourth byte of whatever comes first."""

    def keep(self, piece: bytes) -> bytes:
        if not piece[3] and piece[0] != 0xDD:
            return b""
        return piece

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        whole = len(raw) > 6 and raw[0] == 0xDD and raw[1] == register
        return Response(raw[1], raw[2], raw[4 : 4 + raw[3]]) if whole else None


class _TakesAnything(_Gatherer):
    """Takes the first DD for an answer."""

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        return Response(register, 0, raw[4 : 4 + raw[3]]) if raw[:1] == b"\xdd" else None

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        shown = seen_in(0x03, info)
        return Look(at_s=at_s, pack_mv=shown.pack_mv, rsoc_percent=shown.rsoc_percent)


class _Trusting(CarefulClient):
    """An acknowledged write is a write."""

    def verify(self, value: bytes) -> str:
        return ""


class _SignedOnly(CarefulClient):
    """Knows refusals with a checksum alone."""

    def hear(self, register: int) -> Response | None:
        clock = self.link.clock
        until_s = clock.now_s() + WAIT_S
        raw = b""
        while clock.now_s() < until_s:
            raw += self.link.read(until_s)
            if len(raw) > 6 and len(raw) >= raw[3] + 7:
                body, sent = raw[2 : 4 + raw[3]], raw[4 + raw[3] : 6 + raw[3]]
                right = (-sum(body) & 0xFFFF).to_bytes(2, "big") == sent and raw[1] == register
                return Response(raw[1], raw[2], raw[4 : 4 + raw[3]]) if right else None
        return None


class _TenMilliampHours(CarefulClient):
    """Every count of capacity is 10 mAh."""

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        return Look(
            at_s=at_s,
            pack_mv=parse_basic_info(info).pack_mv,
            remaining_mah=int.from_bytes(info[4:6], "big") * 10,
            nominal_mah=int.from_bytes(info[6:8], "big") * 10,
        )


class _TwentyBytes(_Gatherer):
    """No notification is longer than twenty bytes."""

    def keep(self, piece: bytes) -> bytes:
        return piece[:20]

    def hear(self, register: int) -> Response | None:
        raw = self.gather()
        whole = len(raw) > 6 and len(raw) == raw[3] + 7
        return Response(raw[1], raw[2], raw[4:-3]) if whole and raw[1] == register else None


class _StaysInFactoryMode(CarefulClient):
    """Takes the empty acknowledgement for a failure and goes no further."""

    def leave(self) -> None:
        return None

    def ask(self, request: Request) -> Response | None:
        return None if request == LEAVE_FACTORY else super().ask(request)


class _Divides(CarefulClient):
    """Knows the charge better than the board: remaining by nominal."""

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        basic = parse_basic_info(info)
        share = round(100 * basic.remaining_mah / basic.nominal_mah)
        return Look(at_s=at_s, pack_mv=basic.pack_mv, rsoc_percent=share)


BAD_CLIENTS: Final[Mapping[str, Callable[[Link], CarefulClient]]] = MappingProxyType(
    {
        "android-3-1-1026-lockout": _Gated,
        "split-20-20-1": _FortyBytes,
        "ghost-cells": _Ghosts,
        "zero-volt-cells": _Padding,
        "refusal-taken-for-silence": _RefusalIsSilence,
        "framing-error-for-ever": _Stuck,
        "slow-pieces": _Impatient,
        "first-request-after-sleep": _OneTry,
        "stray-first-byte": _HeadFirst,
        "echo-until-paired": _TakesAnything,
        "silent-until-login": CarefulClient,
        "forgotten-write": _Trusting,
        "refusal-without-checksum": _SignedOnly,
        "capacity-over-655-ah": _TenMilliampHours,
        "forty-six-bytes": _TwentyBytes,
        "factory-mode-left-open": _StaysInFactoryMode,
        "charge-by-division": _Divides,
    }
)
"""The client that has the bug, by the id of its entry. One that is asked for a login and has none
is the careful one without its password."""
