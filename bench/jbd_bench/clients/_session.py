"""One client at work: its requests, its pauses, its screen, and the log of all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jbd_protocol import (
    BadFrame,
    Evidence,
    ModuleDecoder,
    ModuleFrame,
    Noise,
    Response,
    ResponseDecoder,
)

from .._link import Link, left_s_of, radio_of
from ._log import LIVE_DATA, PARAMETERS, SUBSCRIBED, Direction, Entry
from ._model import Choice, Radio, Report, Step, Taken, weakest
from ._reception import Reception, take


def succeeded(response: Response) -> bool:
    """Return whether the status is 00: what most clients accept."""
    return response.status == 0


class Session:
    """What a client model is played through.

    Times are the link's clock; nothing here sleeps by itself.

    Args:
        link: bytes to the board.
        reception: how this client puts answers together.
        address: the Bluetooth module's address, where there is one.
        radio: how the client uses a module; without effect where there is none.
    """

    def __init__(
        self,
        link: Link,
        reception: Reception,
        *,
        address: bytes | None = None,
        radio: Radio | None = None,
    ) -> None:
        self._link, self._reception, self.address = link, reception, address
        self._end, self._radio = radio_of(link), radio
        # A phone's time counts from where it can hear: from the subscription.
        self._began_s = link.clock.now_s() if self._end is None else self._end.subscribed_s
        self._log: list[Entry] = []
        self._connection = 1
        self._port = b""
        self._tap = ResponseDecoder()
        self._relied: list[Evidence] = []
        self._taken: list[Taken] = []
        self._monitoring = self._parameters = False
        self._message = ""
        self.version: int | None = None
        self._connected()

    @property
    def now_s(self) -> float:
        """The link's clock, in seconds; only the log counts from the session's beginning."""
        return self._link.clock.now_s()

    # --- the wire -------------------------------------------------------------------------

    def send(self, step: Step, *, wire: bytes = b"", note: str = "") -> None:
        """Send without waiting for an answer; ``wire`` replaces the step's bytes."""
        self._rely(step.evidence)
        self._write(wire or step.wire, note or step.name)

    def request(
        self,
        step: Step,
        *,
        wire: bytes = b"",
        note: str = "",
        accept: Callable[[Response], bool] = succeeded,
    ) -> Response | None:
        """Send and wait, as often as the step says, until an answer is accepted.

        Args:
            step: timeout, tries and the pause between them.
            wire: replaces the step's bytes.
            note: replaces the step's name in the log.
            accept: what this client takes for success.
        Returns:
            The accepted answer; else the last one that came, refusal or not; None for silence.
        """
        self._rely(step.evidence)
        last: Response | None = None
        for attempt in range(step.tries):
            if attempt:
                self.pause(step.retry_gap_s)
            damaged = attempt and step.retries
            out = step.wire_of(attempt) if damaged or not wire else wire
            self._write(out, note or step.name)
            asked = out[2] if len(out) > 2 else 0
            last = self._await(step, asked)
            if last is not None and accept(last):
                self._taken.append(Taken(self.now_s - self._began_s, asked, last))
                return last
        return last

    def module_request(self, step: Step, *, wire: bytes = b"") -> ModuleFrame | None:
        """Send a frame to the Bluetooth module; None where nothing answers as a module does."""
        self._rely(step.evidence)
        self._write(wire or step.wire, step.name)
        decoder, deadline_s = ModuleDecoder(), self.now_s + step.timeout_s
        while self.now_s < deadline_s:
            for event in decoder.receive(self._read(deadline_s)):
                if isinstance(event, ModuleFrame):
                    return event
        return None

    def settle(self, seconds: float) -> None:
        """Wait out the pause between the subscription, or the opened port, and the first write."""
        self.pause_until(self._ready_s + seconds)

    def pause(self, seconds: float) -> None:
        """Let time pass; what arrives meanwhile is kept or dropped as the client does."""
        self.pause_until(self.now_s + seconds)

    def pause_until(self, when_s: float) -> None:
        """Let time pass until a moment of :attr:`now_s`; at once where it is past."""
        while self.now_s < when_s:
            self._keep(self._read(when_s))

    def reconnect(self) -> None:
        """Drop the connection and make it again."""
        self._note(Direction.LINK, "disconnected by the client")
        self._flush_tap()
        self._link.reconnect()
        self._port = b""
        self._connection += 1
        self._connected()

    # --- the screen -----------------------------------------------------------------------

    def show_data(self) -> None:
        """Show measurements to the user."""
        if not self._monitoring:
            self._note(Direction.UI, LIVE_DATA)
        self._monitoring = True

    def show_parameters(self) -> None:
        """Show the board's settings to the user."""
        if not self._parameters:
            self._note(Direction.UI, PARAMETERS)
        self._parameters = True

    def show(self, message: str) -> None:
        """Show words to the user; the last ones are the symptom."""
        if message != self._message:
            self._note(Direction.UI, message)
        self._message = message

    def user(self, action: str) -> None:
        """Record what the person did."""
        self._note(Direction.USER, action)

    def decide(self, choice: Choice) -> None:
        """Record that the run went the way it did because of a choice."""
        self._rely(choice.evidence)

    def heard(self, register: int) -> Response | None:
        """Return the last good answer of a register that passed, taken by the client or not."""
        for entry in reversed(self._log):
            meaning = entry.meaning if entry.direction is Direction.RX else None
            if isinstance(meaning, Response) and meaning.register == register:
                return meaning
        return None

    # --- the end --------------------------------------------------------------------------

    def end(self) -> None:
        """Close the log."""
        self._flush_tap()
        self._note(Direction.LINK, "end")

    def report(self, client: str) -> Report:
        """Return how it went."""
        return Report(
            client=client,
            monitoring=self._monitoring,
            parameters=self._parameters,
            symptom=self._message or self._plain_symptom(),
            log=tuple(self._log),
            grade=weakest(tuple(self._relied)),
            version=self.version,
            taken=tuple(self._taken),
        )

    def _plain_symptom(self) -> str:
        if self._monitoring and self._parameters:
            return "all data and parameters"
        if self._monitoring:
            return "data, no parameters"
        return "parameters, no data" if self._parameters else "no data"

    def _await(self, step: Step, register: int) -> Response | None:
        buffer, self._port = self._port, b""
        deadline_s = self.now_s + step.timeout_s
        deaf = False
        while True:
            taken = take(self._reception, buffer, register, step.size)
            buffer, deaf = taken.rest, deaf or taken.deaf
            if not deaf and taken.response is not None:
                self._keep(taken.rest)
                return taken.response
            if not deaf and taken.failed:
                self._keep(taken.rest)
                return None
            if self.now_s >= deadline_s:
                return None
            data = self._read(deadline_s)
            buffer += data
            if data and self._reception.each_byte_extends:
                deadline_s = self.now_s + step.timeout_s

    def _write(self, wire: bytes, note: str) -> None:
        if not self._reception.keeps_stale:
            # What lies in the port now is older than the request, and this client drops it.
            while self._read(self.now_s):
                pass
        self._flush_tap()
        self._note(Direction.TX, note, wire)
        line, radio = len(self._log) - 1, self._radio
        piece = len(wire) if self._end is None or radio is None else radio.piece
        for at in range(0, len(wire), max(1, piece)):
            if at and radio is not None:
                self._link.clock.sleep_until(self.now_s + radio.piece_gap_s)
            self._link.write(wire[at : at + piece])
            if not at and (left_s := left_s_of(self._link)) is not None:
                # What a guard asked before it let them go is no time of the board's.
                self._log[line] = replace(self._log[line], t_s=left_s - self._began_s)

    def _connected(self) -> None:
        # In real time the subscription is a little past when it comes to be written down.
        self._ready_s = self.now_s if self._end is None else self._end.subscribed_s
        self._note(Direction.LINK, "connected", at_s=self._ready_s)
        if self._end is not None:
            self._note(Direction.LINK, SUBSCRIBED, at_s=self._ready_s)

    def _read(self, until_s: float) -> bytes:
        data = self._link.read(until_s)
        if data[:2] == b"\xff\xaa":
            self._note(Direction.RX, "", data)
        elif data:
            self._record(self._tap.receive(data))
        return data

    def _keep(self, data: bytes) -> None:
        if self._reception.keeps_stale:
            self._port += data

    def _record(self, events: list[Response | BadFrame | Noise]) -> None:
        for event in events:
            if isinstance(event, Response):
                self._note(Direction.RX, "", event.to_wire())
            else:
                self._note(Direction.RX, "", event.raw)

    def _flush_tap(self) -> None:
        self._record(self._tap.flush())

    def _note(
        self, direction: Direction, note: str, frame: bytes = b"", *, at_s: float | None = None
    ) -> None:
        t_s = (self.now_s if at_s is None else at_s) - self._began_s
        self._log.append(Entry(t_s, direction, frame, note, self._connection))

    def _rely(self, evidence: Evidence) -> None:
        if evidence not in self._relied:
            self._relied.append(evidence)
