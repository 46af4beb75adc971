"""What the kinds on the wire do to a frame: one function per kind.

Each takes the passing frame and the fault, changes the frame, and returns what it did in words;
None where the frame has no such byte, and then the fault has not struck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from jbd_protocol import checksum

from ._fault import Fault
from ._kinds import ANSWER, REQUEST
from ._passing import START, TRAILER, HangUp, Passing

Edit = Callable[[Passing, Fault], str | None]
MOST_BYTES: Final[Mapping[str, int]] = MappingProxyType({REQUEST: 1024, ANSWER: 8192})
"""Bytes that a frame may grow to. Faults act upon what others have left: without a bound a few that
duplicate, one behind the other, would fill the machine's memory with one answer."""


def _room(passing: Passing) -> int:
    return MOST_BYTES[passing.direction] - len(passing.wire)


def _place(passing: Passing, fault: Fault, drawn: int | None, *, behind: bool = False) -> int:
    """Return the byte that a fault names, or -1 where the frame has none such.

    Args:
        drawn: what is taken where it names none; None draws one from the seed.
        behind: whether it may be the place behind the last byte.
    """
    size = len(passing.wire)
    at = fault.byte
    if at is None:
        if drawn is None:
            drawn = passing.rng.randrange(size + behind) if size else -1
        at = drawn
    elif at < 0:
        at += size
    return at if 0 <= at < size + behind else -1


def _drop(passing: Passing, fault: Fault) -> str | None:
    wire = passing.wire
    if fault.byte is None:
        passing.pieces = []
        return f"lost all {len(wire)} bytes"
    at = _place(passing, fault, 0)
    if at < 0:
        return None
    lost = wire[at : at + (fault.count or 1)]
    passing.spell(at, len(lost), b"")
    return f"lost {lost.hex(' ')} at byte {at}"


def _flip(passing: Passing, fault: Fault) -> str | None:
    at = _place(passing, fault, None)
    if at < 0:
        return None
    mask = fault.mask or 1 << passing.rng.randrange(8)
    old = passing.wire[at]
    passing.spell(at, 1, bytes((old ^ mask,)))
    return f"byte {at} is {old ^ mask:02x} in place of {old:02x}"


def _insert(passing: Passing, fault: Fault) -> str | None:
    at = _place(passing, fault, None, behind=True)
    if at < 0:
        return None
    data = fault.data or passing.rng.randbytes(fault.count or 1)
    if len(data) > _room(passing):
        return None
    passing.spell(at, 0, data)
    return f"{data.hex(' ')} before byte {at}"


def _noise(passing: Passing, fault: Fault) -> str | None:
    # Drawn noise never holds the start byte: a frame that it seems to begin would be another fault.
    others = bytes(value for value in range(256) if value != START)
    data = fault.data or bytes(passing.rng.choices(others, k=fault.count or 1))
    if not passing.pieces or len(data) > _room(passing):
        return None
    passing.spell(0, 0, data)
    return f"{data.hex(' ')} before it"


def _duplicate(passing: Passing, fault: Fault) -> str | None:
    copies, gap_s = fault.copies or 1, fault.gap_s or 0.0
    copies = min(copies, _room(passing) // max(1, len(passing.wire)))
    if not passing.pieces or not copies:
        return None
    once = list(passing.pieces)
    if not gap_s:
        due_s, data = passing.pieces[-1]
        # Glued: what follows without a pause has no piece of its own.
        passing.pieces[-1] = (due_s, data + passing.wire * copies)
    else:
        span_s = once[-1][0] - once[0][0]
        for copy in range(1, copies + 1):
            later_s = copy * (span_s + gap_s)
            passing.pieces += [(due_s + later_s, data) for due_s, data in once]
    return f"comes {copies + 1} times"


def _truncate(passing: Passing, fault: Fault) -> str | None:
    size = len(passing.wire)
    drawn = passing.rng.randrange(1, size) if fault.byte is None and size > 1 else None
    at = _place(passing, fault, drawn)
    if at < 0:
        return None
    passing.spell(at, size - at, b"")
    return f"ends before byte {at}, {size - at} missing"


def _delay(passing: Passing, fault: Fault) -> str | None:
    delay_s = (fault.delay_s or 0.0) + passing.rng.random() * (fault.jitter_s or 0.0)
    passing.shift(delay_s)
    return f"{delay_s:g} s late"


def _late(passing: Passing, fault: Fault) -> str | None:
    delay_s = (fault.timeout_s or 0.0) + (fault.margin_s or 0.0)
    passing.shift(delay_s)
    return f"{delay_s:g} s late"


def _split(passing: Passing, fault: Fault) -> str | None:
    size = len(passing.wire)
    at = _place(passing, fault, size // 2)
    if at <= 0:
        return None
    gap_s, before, pieces, behind = fault.gap_s or 0.0, 0, [], False
    for due_s, data in passing.pieces:
        inside = at - before
        before += len(data)
        if behind or inside <= 0:
            pieces.append((due_s + gap_s, data))
        elif inside >= len(data):
            pieces.append((due_s, data))
            continue
        else:
            pieces += [(due_s, data[:inside]), (due_s + gap_s, data[inside:])]
        behind = True
    passing.pieces = pieces
    return f"byte {at} begins a piece {gap_s:g} s later"


def _slow(passing: Passing, fault: Fault) -> str | None:
    if not passing.pieces:
        return None
    size, gap_s = fault.size or 1, fault.gap_s or 0.0
    wire, start_s = passing.wire, passing.pieces[0][0]
    passing.pieces = [
        (start_s + number * gap_s, wire[at : at + size])
        for number, at in enumerate(range(0, len(wire), size))
    ]
    return f"{len(passing.pieces)} pieces, {gap_s:g} s apart"


def _merge(passing: Passing, fault: Fault) -> str | None:
    if not passing.pieces:
        return None
    passing.pieces = [(passing.pieces[-1][0], passing.wire)]
    frames = fault.frames or 1
    if frames == 1:
        return "in one piece"
    passing.join = (frames, fault.hold_s or 0.0)
    return f"held for {frames - 1} more"


def _echo(passing: Passing, fault: Fault) -> str | None:
    passing.echo += passing.wire
    return "comes back to its sender"


def _register_at(passing: Passing) -> int:
    return 2 if passing.direction == REQUEST else 1


def _wrong_register(passing: Passing, fault: Fault) -> str | None:
    at = _register_at(passing)
    wire = bytearray(passing.wire)
    if len(wire) < 4 + TRAILER:
        return None
    old = wire[at]
    new = (old + 1) & 0xFF if fault.value is None else fault.value
    passing.spell(at, 1, bytes((new,)))
    if passing.direction == REQUEST:
        # The checksum of an answer leaves its register out.
        wire[at] = new
        fits = checksum(bytes(wire[2:-TRAILER])).to_bytes(2, "big")
        passing.spell(len(wire) - TRAILER, 2, fits)
    return f"register 0x{new:02X} in place of 0x{old:02X}"


def _wrong_length(passing: Passing, fault: Fault) -> str | None:
    wire = passing.wire
    if len(wire) <= 3:
        return None
    new = (wire[3] + (fault.by or 0)) & 0xFF
    passing.spell(3, 1, bytes((new,)))
    return f"length {new} in place of {wire[3]}"


def _wrong_end(passing: Passing, fault: Fault) -> str | None:
    wire = passing.wire
    if not wire:
        return None
    passing.spell(len(wire) - 1, 1, bytes((fault.value or 0,)))
    return f"end byte {fault.value or 0:02x}"


def _wrong_checksum(passing: Passing, fault: Fault) -> str | None:
    wire = passing.wire
    at = len(wire) - TRAILER
    if at < 0:
        return None
    old = int.from_bytes(wire[at : at + 2], "big")
    new = old ^ (fault.mask or 1)
    passing.spell(at, 2, new.to_bytes(2, "big"))
    return f"checksum {new:04x} in place of {old:04x}"


def _silence(passing: Passing, fault: Fault) -> str | None:
    passing.pieces = []
    return "nothing comes"


def _disconnect(passing: Passing, fault: Fault) -> str | None:
    size = len(passing.wire)
    at = _place(passing, fault, size // 2, behind=True)
    if at < 0:
        return None
    passing.spell(at, size - at, b"")
    passing.hang_up = HangUp(fault.reason or 0, fault.down_s or 0.0)
    return f"the link ends before byte {at}, reason 0x{fault.reason or 0:02x}"


EDITS: Final[Mapping[str, Edit]] = MappingProxyType(
    {
        "drop": _drop,
        "flip": _flip,
        "insert": _insert,
        "noise": _noise,
        "duplicate": _duplicate,
        "truncate": _truncate,
        "delay": _delay,
        "late": _late,
        "split": _split,
        "slow": _slow,
        "merge": _merge,
        "echo": _echo,
        "wrong_register": _wrong_register,
        "wrong_length": _wrong_length,
        "wrong_end": _wrong_end,
        "wrong_checksum": _wrong_checksum,
        "silence": _silence,
        "disconnect": _disconnect,
    }
)
"""What each kind on the wire does, by its name."""
