"""Every kind over a real pseudo-terminal: the log is what the wire carried, and says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jbd_emulator import Fault
from jbd_emulator.faults import KINDS, WHERE, Field, Hit
from jbd_emulator.faults._edits import EDITS
from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    ReadRequest,
    RequestDecoder,
    WriteRequest,
    checksum,
)

from .terminal import Row, Terminal

READS = [ReadRequest(register) for register in (0x03, 0x04, 0x05, 0xAA, 0x10)]
WRITES = [
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    WriteRequest(0x24, b"\x0e\x10"),
    WriteRequest(0x26, b"\x0b\x54"),
    WriteRequest(0xE1, b"\x00\x01"),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([request.to_wire() for request in READS * 2 + WRITES])
        | st.just(ReadRequest(0x03).to_wire() + ReadRequest(0x04).to_wire())
        | st.binary(min_size=1, max_size=5),
        st.sampled_from([0.0, 0.02, 0.15, 1.0, 4.0]),
    ),
    min_size=1,
    max_size=8,
)
_SHORT = {"delay_s": 3.0, "jitter_s": 1.0, "gap_s": 0.3, "timeout_s": 2.0, "margin_s": 0.5,
          "down_s": 2.0, "for_s": 3.0, "hold_s": 2.0, "heals_after_s": 6.0}  # fmt: skip
LONG_S = 3600.0
_FEW = {"nth": 3, "every": 3, "times": 3, "count": 40, "copies": 3}


def given_to(field: Field) -> st.SearchStrategy[Any]:  # Any: what a field holds depends on it
    """Values that eight exchanges can show something of."""
    low, high = field.low, field.high
    if field.name == "register":
        return st.sampled_from([0x00, 0x01, 0x03, 0x04, 0x24])
    if field.name == "byte":
        return st.integers(-40, 40)
    if field.type == "number":
        return st.floats(low, _SHORT.get(field.name, high), allow_nan=False)
    if field.type in ("whole", "register"):
        return st.integers(int(low), int(_FEW.get(field.name, high)))
    if field.type == "bytes":
        return st.binary(min_size=int(low), max_size=12)
    if field.type == "choice":
        return st.sampled_from(field.choices)
    return st.booleans()


@st.composite
def fault(draw: st.DrawFn, kind: str) -> Fault:
    row = KINDS[kind]
    values: dict[str, Any] = {"direction": draw(st.sampled_from(row.directions))}
    for field in (*WHERE, *row.fields):
        if field.name in ("id", "direction"):
            continue
        if field.name == "ntc":
            values["ntc"] = draw(st.integers(1, 2))
        elif draw(st.integers(0, 2)) == 0:
            values[field.name] = draw(given_to(field))
    return Fault(kind, **values)


ANY = st.sampled_from([*EDITS, "answer", "watchdog", "sleep"]).flatmap(fault)


def play(faults: list[Fault], seed: int, steps: list[tuple[bytes, float]]) -> Terminal:
    terminal = Terminal(f"0x21?board=4s&seed={seed}", faults)
    try:
        for data, seconds in steps:
            terminal.write(data)
            terminal.wait(seconds)
        terminal.wait(8.0)
        # Faults behind one another, such as duplicate and slow, can take longer than that.
        while (due_s := terminal.port.due_s) is not None and due_s < LONG_S:
            terminal.wait(max(0.0, due_s - terminal.now_s))
    finally:
        terminal.close()
    return terminal


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(data=st.data())
def test_the_log_is_what_the_wire_carried(kind: str, data: st.DataObject) -> None:
    faults = [data.draw(fault(kind)), *data.draw(st.lists(ANY, max_size=2))]
    seed = data.draw(st.integers(0, 3))
    steps = data.draw(STEPS)
    terminal = play(faults, seed, steps)
    rows = terminal.rows("rx")
    cut = any(one.kind == "unplugged" and one.end == "board" for one in faults)
    assert cut or b"".join(row.about for row in rows) == terminal.wrote
    # The same pieces at the same times, byte for byte.
    assert [(row.at_s, row.about) for row in terminal.rows("tx")] == terminal.heard
    for hit in terminal.hits:
        meant = next(one for one in terminal.unit.faults.healed + terminal.unit.faults.active
                     if one.id == hit.fault).fault  # fmt: skip
        if hit.kind in EDITS:
            told(meant, hit)
        if hit.direction == "request" and hit.before and not terminal_is_bent(terminal, hit):
            assert hit.before in terminal.wrote
    explained(terminal)
    again = play(faults, seed, steps)
    assert (again.log, again.heard, again.hang_ups) == (
        terminal.log, terminal.heard, terminal.hang_ups,
    )  # fmt: skip


def terminal_is_bent(terminal: Terminal, hit: Hit) -> bool:
    """Whether the frame that the fault struck was what another fault had left."""
    return any(other.after == hit.before for other in terminal.hits if other is not hit)


def explained(terminal: Terminal) -> None:
    """Work out from what the board decided, and from the marks, what must have left."""
    due = b""
    left = b"".join(row.about for row in terminal.rows("tx"))
    cuts = [row for row in terminal.log if row.what == "fault" and row.about.kind == "disconnect"]
    if cuts or terminal.hang_ups:
        # What was still to come when the link ended is lost: up to there it is all there.
        first_s = cuts[0].at_s if cuts else terminal.hang_ups[0][0]
        log = [row for row in terminal.log if row.at_s <= first_s]
        due = expected(log)
        sent = b"".join(row.about for row in log if row.what == "tx")
        assert due.startswith(sent)
        return
    assert left == expected(terminal.log)


def expected(log: list[Row]) -> bytes:
    """Return the bytes that the board's answers come to, behind all that befell them."""
    due, frame, lost = b"", b"", False
    for row in log:
        if row.what == "decided":
            due += b"" if lost else frame
            _, outcome = row.about
            frame, lost = b"" if outcome.response is None else outcome.response.to_wire(), False
        elif row.what == "fault":
            hit: Hit = row.about
            if hit.direction == "answer" and hit.kind in EDITS:
                assert hit.before == frame, hit
                frame = hit.after
            elif hit.direction == "answer" and hit.kind in ("watchdog", "brown_out"):
                lost = True
            elif hit.direction == "request" and hit.kind == "echo":
                due += (b"" if lost else frame) + hit.before
                frame = b""
    return due + (b"" if lost else frame)


def told(fault: Fault, hit: Hit) -> None:
    """Hold a mark to what its kind means, worked out anew from the bytes it shows."""
    before, after, k = hit.before, hit.after, fault.byte
    size = len(before)
    at = None if k is None else k + size if k < 0 else k
    assert at is None or 0 <= at <= size
    register = 2 if fault.direction == "request" else 1
    same = [n for n in range(min(size, len(after))) if before[n] == after[n]]
    if fault.kind == "drop":
        count = fault.count or 0
        assert after == (b"" if at is None else before[:at] + before[at + count :])
    elif fault.kind == "flip":
        [where] = set(range(size)) - set(same)
        assert len(after) == size
        assert at in (None, where)
        bits = before[where] ^ after[where]
        assert bits == fault.mask if fault.mask else bits.bit_count() == 1
    elif fault.kind in ("insert", "noise"):
        count = len(fault.data or bytes(fault.count or 0))
        assert len(after) == size + count
        places = [n for n in range(size + 1) if after[:n] + after[n + count :] == before]
        places = [n for n in places if not fault.data or after[n : n + count] == fault.data]
        wanted = 0 if fault.kind == "noise" else at
        assert places
        assert wanted in (None, *places)
    elif fault.kind == "duplicate":
        assert after == before * ((fault.copies or 0) + 1)
    elif fault.kind in ("truncate", "disconnect"):
        assert before.startswith(after)
        assert len(after) == at if at is not None else len(after) < size or not size
    elif fault.kind == "silence":
        assert after == b""
    elif fault.kind == "wrong_register":
        assert after[register] == ((before[register] + 1) % 256 if fault.value is None else
                                   fault.value)  # fmt: skip
        if fault.direction == "request" and before == _one_request(before):
            assert checksum(after[2:-3]).to_bytes(2, "big") == after[-3:-1]
    elif fault.kind == "wrong_length":
        assert after == before[:3] + bytes(((before[3] + (fault.by or 0)) % 256,)) + before[4:]
    elif fault.kind == "wrong_end":
        assert after == before[:-1] + bytes((fault.value or 0,))
    elif fault.kind == "wrong_checksum":
        old, new = (int.from_bytes(raw[-3:-1], "big") for raw in (before, after))
        assert old ^ new == fault.mask
        assert (after[:-3], after[-1:]) == (before[:-3], before[-1:])
    else:
        assert fault.kind in ("delay", "late", "split", "slow", "merge", "echo")
        assert after == before


def _one_request(raw: bytes) -> bytes:  # reads as what it stands for
    """Return the bytes again where they are one good request."""
    events = RequestDecoder().receive(raw)
    good = len(events) == 1 and isinstance(events[0], ReadRequest | WriteRequest)
    return raw if good else b""
