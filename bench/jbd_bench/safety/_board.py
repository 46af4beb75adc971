"""A board under test, so guarded that it is left as it was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from jbd_protocol import JbdError, RemoteError, ReplyTimeout

from .._client import BmsClient
from .._leave import tier_of
from .._link import Link, LinkError
from .._outgoing import OutgoingWrite
from .._tap import Tap
from ..records import Traffic
from ..transports import claim, release
from ._after import settle
from ._before import begin, check_held, check_pin, look_who_it_is
from ._errors import NotRestored
from ._guard import GuardedLink
from ._journal import Journal, open_journals
from ._options import SafetyOptions
from ._outcome import Outcome
from ._pins import PinGuard
from ._record import JournalError
from ._recover import names, recover
from ._watchdog import Watchdog, WatchdogTripped

if TYPE_CHECKING:
    from ..transports import Target

SWAPPED_S: Final = 3.0
"""Nobody moves a cable from one board to another in less."""
PATIENCE_S: Final = 0.6
"""How long the watchdog waits for an answer; captured ones come within 0.12 s."""


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
        doubtful: the link was made again, or the board was away for long enough to be another,
            and nobody has looked yet which board it leads to.
        told_before: what was told already and is not told again.
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
        self.told_before: set[str] = set()

    @property
    def name(self) -> str:
        """The target string."""
        return self.target.text

    @property
    def held(self) -> bool:
        """Whether the journal says what the board held; without it nothing is written."""
        return self.journal is not None and self.journal.record.snapshot is not None

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
            recover(raw, self.target, self.options.folder, self.pin, self.report)
        except BaseException:
            raw.close()
            raise
        claim(self.name)
        self._raw, self.opened = raw, True
        return raw

    def has_open_journal(self) -> bool:
        """Return whether a run on this port has no end."""
        return any(names(path, self.target) for path in open_journals(self.options.folder))

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
            if writes and not self.held:
                begin(self, link)
        except LinkError:
            self.lost = True
            settle(self, link, whole=True)
            if writes and not self.held:
                begin(self, link)

    def end_test(self, link: GuardedLink) -> Outcome | None:
        """Put back what the test changed and read it back; None where it changed nothing.

        Raises:
            NotRestored: something is not as it was; nothing is sent any more.
        """
        link.close()
        self._test = None
        if self.lost or (self.journal is not None and not self.journal.record.ledger.clean):
            return settle(self, link, whole=self.lost)
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
        if not self.held:
            begin(self, link)
        self.doubt_after_silence(link.clock.now_s())
        if self.doubtful:
            look_who_it_is(self, link)
        check_held(self, write, link)
        if self.pins.concerns(write):
            check_pin(self, write, link)
        self.announce(write)
        self.pins.sent(write)

    def heard(self, now_s: float) -> None:
        """Note that a board spoke."""
        self.doubt_after_silence(now_s)
        self.watchdog.heard_s = now_s

    def recognised(self, now_s: float) -> None:
        """Note that it was made sure which board it is."""
        self.doubtful = False
        self.watchdog.heard_s = now_s

    def doubt_after_silence(self, now_s: float) -> None:
        """Doubt a board that was not heard for so long that another can be in its place.

        The adapter stays plugged in when the cable behind it goes from board to board, and the
        port shows nothing of it. A board that was sent a reset may be silent and come back with
        nothing that it is known by; it stays trusted, or its own run could not put it back.
        """
        journal, heard_s = self.journal, self.watchdog.heard_s
        if journal is None or heard_s is None or journal.record.ledger.everything:
            return
        if now_s - heard_s > SWAPPED_S:
            self.doubtful = True

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
            self.heard(link.clock.now_s())
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
            self.report(self.stopped)

    def hold(self, link: Link) -> None:
        """Take the snapshot now where it was not taken; tests that write ask for it early."""
        if isinstance(link, GuardedLink) and not self.held:
            begin(self, link)

    # -- after a test ------------------------------------------------------------------------

    def _last_look(self, raw: Link, journal: Journal) -> Outcome | None:
        self.journal = journal
        ledger = journal.record.ledger
        wrote = bool(ledger.written)
        if ledger.clean and not wrote and not self.lost:
            self._end(journal)
            return None
        try:
            link = GuardedLink(raw, self)
            self._test = None
            outcome = settle(self, link, whole=wrote)
        except (NotRestored, JbdError, OSError) as error:
            self.report(f"{error}; {self.what_is_left()}")
            return None
        finally:
            self.journal = None
        self._end(journal)
        return outcome

    def _end(self, journal: Journal) -> None:
        try:
            self.journal_path = journal.end()
        except JournalError as error:
            self.report(
                f"{self.name}: put back, but the journal cannot be ended ({error}); the next run "
                "compares the board with it once more"
            )

    def what_is_left(self) -> str:
        """Return in words where that stands which was not put back."""
        path = self.journal.path if self.journal is not None else "?"
        return f"what is left to put back stands in {path}: jbd-bench restore --journal {path}"

    def report(self, line: str) -> None:
        """Tell a person."""
        self.options.say(line)
