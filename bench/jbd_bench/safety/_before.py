"""What is seen to before a write leaves: journal, snapshot, PIN, and which board it goes to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jbd_protocol import ENTER_FACTORY, WriteRequest

from .._leave import SETTINGS
from .._outgoing import OutgoingWrite
from ..board import Snapshot, read_identity, take_snapshot
from ..records import Direction
from ._errors import NotSafe
from ._journal import Journal
from ._ledger import Ledger
from ._pins import find_pin
from ._recover import check_alone
from ._same_board import AnotherBoard, check_same_board
from ._watchdog import limits_of

if TYPE_CHECKING:
    from ._board import GuardedBoard
    from ._guard import GuardedLink


def begin(board: GuardedBoard, link: GuardedLink) -> None:
    if board.journal is None:
        identity = read_identity(link.aside())
        journal = Journal.begin(board.options.folder, board.name, identity, board.leaves)
        try:
            # Both see the other where two begin at once; nothing of either has left yet.
            check_alone(board.target, board.options.folder, journal.path)
        except BaseException:
            journal.discard()
            raise
        board.journal, board.journal_path = journal, journal.path
        board.recognised(link.clock.now_s())
    elif board.doubtful:
        look_who_it_is(board, link)
    _take_snapshot(board, link)


def _take_snapshot(board: GuardedBoard, link: GuardedLink) -> None:
    journal = board.journal
    assert journal is not None
    ledger = journal.record.ledger
    was_on = ledger.factory and not ledger.leaving
    if SETTINGS in board.leaves:
        board.announce(_outgoing(ENTER_FACTORY))
    snapshot = take_snapshot(link.aside(), factory=SETTINGS in board.leaves)
    entered = any(
        piece.direction is Direction.TO_BOARD and piece.data == ENTER_FACTORY.to_wire()
        for piece in snapshot.frames
    )
    unsure = any(note.startswith("factory mode") for note in snapshot.notes)
    journal.snapshot(
        _kept(journal.record.snapshot, snapshot), factory=unsure if entered else was_on
    )
    board.recognised(link.clock.now_s())
    board.watchdog.cells = snapshot.identity.cells
    if snapshot.complete:
        board.watchdog.own = limits_of(snapshot)


def _kept(first: Snapshot | None, now: Snapshot) -> Snapshot:
    """Return what is kept of a snapshot; what an earlier one held was there before any write."""
    if first is None:
        return replace(now, frames=())
    return replace(
        now,
        frames=(),
        payloads={**now.payloads, **first.payloads},
        parameters={**now.parameters, **first.parameters},
        settings={**now.settings, **first.settings},
    )


def check_held(board: GuardedBoard, write: OutgoingWrite, link: GuardedLink) -> None:
    asked = Ledger()
    asked.note(write)
    if not (missing := _missing(board, asked)):
        return
    assert board.journal is not None
    snapshot = board.journal.record.snapshot
    if snapshot is None or not snapshot.complete:
        # A PIN may have been presented since.
        _take_snapshot(board, link)
        missing = _missing(board, asked)
    if missing:
        raise NotSafe(
            write.register,
            f"{board.name} did not show what it holds at {', '.join(missing)}, so it could not "
            "be put back",
        )


def _missing(board: GuardedBoard, asked: Ledger) -> list[str]:
    assert board.journal is not None
    snapshot = board.journal.record.snapshot
    settings = snapshot.settings if snapshot is not None else {}
    parameters = snapshot.parameters if snapshot is not None else {}
    refused = snapshot.refused if snapshot is not None and snapshot.complete else {}
    return [
        f"0x{address:02X}"
        for address in sorted(asked.touched)
        # What does not exist (0x80) holds nothing.
        if address not in settings and refused.get(address) != 0x80
    ] + [f"parameter {number}" for number in sorted(asked.numbers) if number not in parameters]


def check_pin(board: GuardedBoard, write: OutgoingWrite, link: GuardedLink) -> None:
    assert board.journal is not None
    if board.pins.found is None:
        client = link.aside()

        def ask(request: WriteRequest) -> int | None:
            board.announce(_outgoing(request))
            answer = client.exchange(request)
            return None if answer is None else answer.status

        board.pins.found = find_pin(ask, board.pin)
        board.journal.pin(board.pins.found.pin, board.pins.found.password)
    board.pins.check(write, board.name)


def look_who_it_is(board: GuardedBoard, link: GuardedLink) -> None:
    assert board.journal is not None
    try:
        check_same_board(board.journal.record, read_identity(link.aside()), board.name)
    except AnotherBoard as error:
        board.stop(str(error))
        raise
    board.recognised(link.clock.now_s())


def _outgoing(request: WriteRequest) -> OutgoingWrite:
    return OutgoingWrite(request.register, module=False, frame=request.to_wire(), whole=True)
