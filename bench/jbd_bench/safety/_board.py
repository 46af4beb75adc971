"""A board under test, so guarded that it is left as it was found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    ENTER_FACTORY,
    JbdError,
    RemoteError,
    ReplyTimeout,
    WriteRequest,
)

from .._client import BmsClient
from .._leave import SETTINGS, tier_of
from .._link import Link, LinkError
from .._outgoing import OutgoingWrite
from .._tap import Tap
from ..board import read_identity, take_snapshot
from ..records import Direction, Traffic
from ..transports import claim, open_target, parse_target, release
from ._errors import NotRestored, NotSafe
from ._guard import GuardedLink
from ._journal import Journal, default_folder, read_journals
from ._ledger import Ledger
from ._pins import PinGuard, find_pin
from ._recover import announcing, recover, same_port
from ._restore import Outcome, Restorer, undisturbed
from ._same_board import AnotherBoard, check_same_board
from ._watchdog import Limit, Watchdog, WatchdogTripped, limits_of

if TYPE_CHECKING:
    from ..transports import Target

REPLUG_S: Final = 30.0
PATIENCE_S: Final = 0.6
"""How long the watchdog waits for an answer; captured ones come within 0.12 s."""
_RETRY_S: Final = 0.1
_TRIES: Final = 4
"""How often a board is put back that goes away while it is, or does not take what it is given."""

Told = Callable[[str, str | None, OutgoingWrite], None]


def _say(line: str) -> None:
    sys.stderr.write(f"jbd-bench: {line}\n")


@dataclass(frozen=True, slots=True)
class SafetyOptions:
    """How a run guards its boards.

    Attributes:
        folder: where journals lie.
        limits: of the watchdog, besides the board's own.
        replug_s: how long a board that is gone is waited for, in seconds.
        say: called with one line when something was restored or could not be.
        told: called with every write before it leaves: target, test or None where it puts back.
        open_link: opens a board's link; the transports do.
    """

    folder: Path = field(default_factory=default_folder)
    limits: tuple[Limit, ...] = ()
    replug_s: float = REPLUG_S
    say: Callable[[str], None] = _say
    told: Told | None = None
    open_link: Callable[[str], Link] = open_target


class GuardedBoard:
    """One board for the length of a session.

    Args:
        target: its target string, taken apart.
        leaves: what may be changed on it.
        options: journal, limits, patience.
    Attributes:
        journal: None until something was about to be written.
        journal_path: where it lies, also when it has its end.
        stopped: why nothing is sent any more, None while all is well.
        lost: the link failed.
        opened: whether the link was ever opened.
        doubtful: the link was made again, and nobody has looked yet which board it leads to.
        outcomes: what was restored, in the order of the tests, with the test's name.
    """

    def __init__(self, target: Target, leaves: frozenset[str], options: SafetyOptions) -> None:
        self.target, self.leaves, self.options = target, leaves, options
        self.watchdog = Watchdog(options.limits)
        self.pins = PinGuard()
        self.journal: Journal | None = None
        self.journal_path: Path | None = None
        self.stopped: str | None = None
        self.lost = self.doubtful = False
        self.outcomes: list[tuple[str, Outcome]] = []
        self.opened = False
        self._raw: Link | None = None
        self._test: str | None = None
        self._test_noted = False
        self._told: set[str] = set()

    @property
    def name(self) -> str:
        """The target string."""
        return self.target.text

    @property
    def pin(self) -> bytes | None:
        """The six bytes of the PIN that the unit is said to have."""
        return self.target.pin_bytes

    # -- the link ----------------------------------------------------------------------------

    def open(self) -> Link:
        """Open the board's link; first put back what a killed run left there.

        Raises:
            LinkError: it cannot be opened.
            NotRestored: an earlier run's changes are still there, and cannot be put back now.
            JournalBusy: a run that lives works on this board.
        """
        if self._raw is not None:
            return self._raw
        raw = self.options.open_link(self.name)
        try:
            recover(raw, self.target, self.options.folder, self.pin, self._report)
        except BaseException:
            raw.close()
            raise
        claim(self.name)
        self._raw, self.opened = raw, True
        return raw

    def has_open_journal(self) -> bool:
        """Return whether a run on this port has no end."""
        return any(
            same_port(record.target, self.name) for _, record in read_journals(self.options.folder)
        )

    def link(self, traffic: Traffic | None = None) -> GuardedLink:
        """Return a link for one test, or for one question; raises as :meth:`open`.

        Args:
            traffic: where to keep what passes.
        """
        return GuardedLink(Tap(self.open(), traffic), self)

    def begin_test(self, test_id: str, link: GuardedLink, *, writes: bool) -> None:
        """Make ready for a test: a clear line, and a snapshot where it will write.

        Raises:
            LinkError: the board is gone and did not come back.
        """
        self._test, self._test_noted = test_id, False
        try:
            # What the test before left on its way is not this test's answer.
            while link.read(link.clock.now_s()):
                pass
            if writes and self.journal is None:
                self._begin(link)
        except LinkError:
            self.lost = True
            self._settle(link, whole=True)
            if writes and self.journal is None:
                self._begin(link)

    def end_test(self, link: GuardedLink) -> Outcome | None:
        """Put back what the test changed and read it back; None where it changed nothing.

        Raises:
            NotRestored: something is not as it was; nothing is sent any more.
        """
        link.close()
        self._test = None
        if self.lost or (self.journal is not None and not self.journal.record.ledger.clean):
            return self._settle(link, whole=self.lost)
        return None

    def close(self) -> Outcome | None:
        """Put back what is left, compare every setting, end the journal, close the link.

        A second call does nothing. What could not be put back is told, and the journal stays.
        """
        raw, self._raw = self._raw, None
        journal, self.journal = self.journal, None
        if raw is None:
            return None
        outcome = None
        try:
            if journal is not None:
                outcome = self._last_look(raw, journal)
        finally:
            release(self.name)
            raw.close()
            if journal is not None:
                journal.close()
        return outcome

    def to_json(self) -> dict[str, object]:
        """Return what became of the board, as the report has it."""
        return {
            "target": self.name,
            "leaves": sorted(self.leaves),
            "tier": str(tier_of(self.leaves)),
            "stopped": self.stopped,
            "journal": None if self.journal_path is None else str(self.journal_path),
            "restored": [{"test": test, **outcome.to_json()} for test, outcome in self.outcomes],
        }

    # -- before a write ----------------------------------------------------------------------

    def check_running(self) -> None:
        """Refuse to send anything once something went wrong.

        Raises:
            WatchdogTripped: it did.
        """
        if self.stopped is not None:
            raise WatchdogTripped(self.stopped)

    def before_write(self, write: OutgoingWrite, link: GuardedLink) -> None:
        """Make sure that a write can be taken back, and put it into the journal.

        Raises:
            NotSafe: it cannot.
            AnotherBoard: the link leads to another board since it was made again.
            JournalError: the journal cannot be written.
        """
        if self.journal is None:
            self._begin(link)
        if self.doubtful:
            self._look_who_it_is(link)
        self._check_held(write, link)
        if self.pins.concerns(write):
            self._check_pin(write, link)
        self.announce(write)
        self.pins.sent(write)

    def announce(self, write: OutgoingWrite) -> None:
        """Put a write into the journal."""
        assert self.journal is not None
        if self._test is not None and not self._test_noted:
            self.journal.test(self._test)
            self._test_noted = True
        self.journal.write(write)
        if self.options.told is not None:
            self.options.told(self.name, self._test, write)

    def look(self, link: GuardedLink) -> None:
        """Let the watchdog look.

        Raises:
            WatchdogTripped: a reading is past a limit.
        """
        client = BmsClient(link.aside().link, timeout_s=PATIENCE_S, retries=1)
        self.watchdog.looked_s = link.clock.now_s()
        try:
            info = client.basic_info()
            cells = client.cell_voltages()
        except (ReplyTimeout, RemoteError):
            # A board may be made to refuse or keep silent; that is the test's to judge.
            return
        try:
            self.watchdog.judge(info, cells)
        except WatchdogTripped as tripped:
            self.stop(str(tripped))
            raise

    def stop(self, why: str) -> None:
        """Send nothing any more but what restores."""
        if self.stopped is None:
            self.stopped = f"{self.name}: {why}"
            self._report(self.stopped)

    def hold(self, link: Link) -> None:
        """Take the snapshot now where it was not taken; tests that write ask for it early."""
        if isinstance(link, GuardedLink) and self.journal is None:
            self._begin(link)

    def _begin(self, link: GuardedLink) -> None:
        client = link.aside()
        identity = read_identity(client)
        self.journal = Journal.begin(self.options.folder, self.name, identity, self.leaves)
        self.journal_path = self.journal.path
        self.doubtful = False
        self._take_snapshot(link)

    def _take_snapshot(self, link: GuardedLink) -> None:
        journal = self.journal
        assert journal is not None
        ledger = journal.record.ledger
        was_on = ledger.factory and not ledger.leaving
        if SETTINGS in self.leaves:
            self.announce(_outgoing(ENTER_FACTORY))
        snapshot = take_snapshot(link.aside(), factory=SETTINGS in self.leaves)
        entered = any(
            piece.direction is Direction.TO_BOARD and piece.data == ENTER_FACTORY.to_wire()
            for piece in snapshot.frames
        )
        unsure = any(note.startswith("factory mode") for note in snapshot.notes)
        journal.snapshot(replace(snapshot, frames=()), factory=unsure if entered else was_on)
        self.watchdog.cells = snapshot.identity.cells
        if snapshot.complete:
            self.watchdog.own = limits_of(snapshot)

    def _check_held(self, write: OutgoingWrite, link: GuardedLink) -> None:
        asked = Ledger()
        asked.note(write)
        if not (missing := self._missing(asked)):
            return
        assert self.journal is not None
        snapshot = self.journal.record.snapshot
        if snapshot is None or not snapshot.complete:
            # A PIN may have been presented since.
            self._take_snapshot(link)
            missing = self._missing(asked)
        if missing:
            raise NotSafe(
                write.register,
                f"{self.name} did not show what it holds at {', '.join(missing)}, so it could not "
                "be put back",
            )

    def _missing(self, asked: Ledger) -> list[str]:
        assert self.journal is not None
        snapshot = self.journal.record.snapshot
        settings = snapshot.settings if snapshot is not None else {}
        parameters = snapshot.parameters if snapshot is not None else {}
        refused = snapshot.refused if snapshot is not None and snapshot.complete else {}
        return [
            f"0x{address:02X}"
            for address in sorted(asked.touched)
            # What does not exist (0x80) holds nothing.
            if address not in settings and refused.get(address) != 0x80
        ] + [f"parameter {number}" for number in sorted(asked.numbers) if number not in parameters]

    def _check_pin(self, write: OutgoingWrite, link: GuardedLink) -> None:
        assert self.journal is not None
        if self.pins.found is None:
            client = link.aside()

            def ask(request: WriteRequest) -> int | None:
                self.announce(_outgoing(request))
                answer = client.exchange(request)
                return None if answer is None else answer.status

            self.pins.found = find_pin(ask, self.pin)
            self.journal.pin(self.pins.found.pin, self.pins.found.password)
        self.pins.check(write, self.name)

    def _look_who_it_is(self, link: GuardedLink) -> None:
        assert self.journal is not None
        try:
            check_same_board(self.journal.record, read_identity(link.aside()), self.name)
        except AnotherBoard as error:
            self.stop(str(error))
            raise
        self.doubtful = False

    # -- after a test ------------------------------------------------------------------------

    def _settle(self, link: GuardedLink, *, whole: bool) -> Outcome | None:
        """Put back what the journal says, over a link that may be gone.

        Raises:
            NotRestored: it cannot be; nothing is sent any more.
        """
        outcome, trouble = None, ""
        for _ in range(_TRIES):
            try:
                if self.lost:
                    self._replug(link.tap)
                    whole = True
                outcome = self._restore(link.tap, whole=whole)
                trouble = "; ".join(outcome.failed) if outcome is not None else ""
            except (AnotherBoard, _Gone) as error:
                trouble = str(error)
                break
            except LinkError as error:
                self.lost, trouble = True, str(error)
            if not trouble:
                return outcome
        self.stop(f"not restored: {trouble}; {self._left()}" if self.journal else trouble)
        raise NotRestored(str(self.stopped))

    def _restore(self, raw: Link, *, whole: bool) -> Outcome | None:
        journal = self.journal
        if journal is None or (journal.record.ledger.clean and not whole):
            return None
        test = journal.record.test or "?"
        client = BmsClient(raw)
        if self.doubtful:
            check_same_board(journal.record, read_identity(client), self.name)
        with undisturbed():
            restorer = Restorer(
                client, journal.record, self.pin, announcing(journal, self.options.told)
            )
            outcome = restorer.run(whole=whole, stranger=self.doubtful)
            self.doubtful = False
            journal.restored(outcome.restored, outcome.lasting, outcome.failed)
        if outcome != Outcome():
            self.outcomes.append((test, outcome))
        for line in (*outcome.lasting, *outcome.failed):
            if line not in self._told:
                self._told.add(line)
                self._report(f"{self.name}: after {test}: {line}")
        return outcome

    def _replug(self, raw: Link) -> None:
        """Wait for a board to come back; which one it is remains to be seen.

        Raises:
            _Gone: none did.
        """
        clock, wait_s = raw.clock, self.options.replug_s
        until_s = clock.now_s() + wait_s
        self._report(f"{self.name}: gone; waiting {wait_s:g} s for it to come back")
        while True:
            try:
                raw.reconnect()
                BmsClient(raw, timeout_s=0.5).basic_info()
                break
            except (LinkError, JbdError) as error:
                if clock.now_s() >= until_s:
                    raise _Gone(f"gone, and not back within {wait_s:g} s: {error}") from None
                clock.sleep_until(clock.now_s() + _RETRY_S)
        self.lost, self.doubtful = False, True
        self._report(f"{self.name}: back")

    def _last_look(self, raw: Link, journal: Journal) -> Outcome | None:
        self.journal = journal
        ledger = journal.record.ledger
        wrote = bool(ledger.written)
        if ledger.clean and not wrote and not self.lost:
            self.journal_path = journal.end()
            return None
        try:
            link = GuardedLink(raw, self)
            self._test = None
            outcome = self._settle(link, whole=wrote)
        except (NotRestored, JbdError, OSError) as error:
            self._report(f"{error}; {self._left()}")
            return None
        finally:
            self.journal = None
        self.journal_path = journal.end()
        return outcome

    def _left(self) -> str:
        path = self.journal.path if self.journal is not None else "?"
        return f"what is left to put back stands in {path}: jbd-bench restore --journal {path}"

    def _report(self, line: str) -> None:
        self.options.say(line)


class _Session(GuardedLink):
    """A link that is a whole session: closing it puts the board back."""

    def __init__(self, link: Link, board: GuardedBoard) -> None:
        super().__init__(link, board)
        self._session = board

    def close(self) -> None:
        """Put the board back and close its link; a second call does nothing."""
        super().close()
        self._session.close()


def open_safely(
    target: str, leaves: frozenset[str], name: str, options: SafetyOptions | None = None
) -> Link:
    """Return a guarded link to a board for a tool that is no test.

    Args:
        target: a target string that names no embedded emulator.
        leaves: what may be changed.
        name: of the tool, for the journal.
        options: journal, limits, patience; the usual ones.
    Raises:
        NotRestored: an earlier run left the board changed.
        LinkError: it cannot be opened.
    """
    board = GuardedBoard(parse_target(target), leaves, options or SafetyOptions())
    link = _Session(Tap(board.open()), board)
    board.begin_test(name, link, writes=True)
    return link


class _Gone(JbdError):
    """A board that did not come back."""


def _outgoing(request: WriteRequest) -> OutgoingWrite:
    return OutgoingWrite(request.register, module=False, frame=request.to_wire(), whole=True)
