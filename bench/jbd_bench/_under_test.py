"""What the pytest plugin puts under test: a target for the session, a unit for each test."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TYPE_CHECKING

from jbd_emulator import PtyPort, Unit

from ._leave import ALL_LEAVES
from ._link import LinkError
from .transports import Target, check_target, open_target
from .transports._embedded import EmbeddedLink, unit_config
from .transports._target import MODULE

if TYPE_CHECKING:
    from collections.abc import Callable

    from jbd_emulator import ActiveFault, Device, Fault

    from ._expect import Expectations
    from .safety import GuardedBoard, SafetyOptions
    from .transports._air import AirLink


class TargetUnderTest:
    """One ``--target`` of the session.

    Args:
        target: what its string says.
        leaves: what tests may change on it; None is all on the embedded emulator, none elsewhere.
        safety: how a board that is not embedded is guarded.
    Attributes:
        target: what its string says.
        leaves: what tests may change on it.
        about_module: whether only what is about its Bluetooth module is judged.
    """

    def __init__(
        self,
        target: Target,
        leaves: frozenset[str] | None,
        safety: SafetyOptions | None = None,
    ) -> None:
        self.target = target
        self.about_module = target.about_module
        if leaves is None:
            leaves = ALL_LEAVES if target.embedded else frozenset()
        self.leaves = leaves
        self._safety = safety
        self._board: GuardedBoard | None = None
        self._version: int | None = None

    def __repr__(self) -> str:
        # Reports show the parameters of a test.
        return self.target.text

    @property
    def name(self) -> str:
        """The target string."""
        return self.target.text

    @property
    def embedded(self) -> bool:
        """Whether each test gets an emulated unit of its own."""
        return self.target.embedded

    @property
    def over(self) -> str:
        """``module`` where a Bluetooth module is between, else ``line``."""
        return self.target.over

    @property
    def pin(self) -> str | None:
        """The PIN that the unit is said to have."""
        return self.target.pin

    def check(self) -> None:
        """Refuse a target string that can name nothing, before any test runs.

        Raises:
            LinkError: an unknown scheme.
            ConfigError: an unknown firmware, board or option of the emulator.
        """
        check_target(self.target)
        if self.embedded:
            self._version = unit_config(self.target).firmware
            if self.over == MODULE:
                from .transports._air import put_on_air

                put_on_air(self.target)

    def version(self) -> int:
        """Return the firmware version byte it is judged by: what register 0x03 says, read once.

        Raises:
            LinkError: the target cannot be opened.
            NotRestored: an earlier run left it changed, and it cannot be put back now.
            ReplyTimeout, RequestRefused: it does not serve 0x03.
        """
        if self._version is None:
            from ._client import BmsClient

            link = open_target(self.name) if self.embedded else self.board.link()
            self._version = BmsClient(link).basic_info().version
            link.close()
        return self._version

    def judge_as(self, version: int) -> None:
        """Hold it to what is expected of another firmware than the one it says it is."""
        self._version = version

    @property
    def board(self) -> GuardedBoard:
        """The guard of a board that is not embedded; nothing else leads to it."""
        if self._board is None:
            from .safety import GuardedBoard, SafetyOptions

            assert not self.embedded, "an emulated unit is the test's own"
            self._board = GuardedBoard(self.target, self.leaves, self._safety or SafetyOptions())
        return self._board

    def close(self) -> None:
        """Put back what is left to put back and close the link, if it was opened."""
        if self._board is not None:
            self._board.close()
            self._board = None


class EmulatedUnit:
    """A fresh emulated unit: driven on jumping time, or served to other programs in real time.

    It is driven on its pseudo-terminal or, where the target says so, through its Bluetooth
    module; it is served on the pseudo-terminal.

    Attributes:
        unit: the emulator's unit.
    """

    def __init__(self, target: Target) -> None:
        self.unit = Unit(unit_config(target))
        self.name = target.text
        self._target = target
        self._port: PtyPort | None = None
        self._link: EmbeddedLink | AirLink | None = None
        self._server: _Server | None = None
        self._expect: Expectations | None = None

    @property
    def expect(self) -> Expectations:
        """What a test expects a client to ask: ``jbd_unit.expect(read(0x03)).answers(...)``."""
        if self._expect is None:
            from ._expect import Expectations

            self._expect = Expectations(self.unit, self.call)
        return self._expect

    def call(self, work: Callable[[float], object]) -> None:
        """Call ``work`` with the unit's present time, between two requests."""
        if self._server is not None:
            self._server.call(work)
        else:
            work(self._link.clock.now_s() if self._link is not None else 0.0)

    def add_fault(self, fault: Fault) -> ActiveFault:
        """Let a fault strike from now on, also while the unit is served in its thread.

        Raises:
            ConfigError: the board has no such part, or the id is taken.
        """
        added: list[ActiveFault] = []
        self.call(lambda now_s: added.append(self.unit.faults.add(fault, now_s)))
        return added[0]

    @property
    def device(self) -> Device:
        """The board; ``device.lab`` moves the pack behind it."""
        return self.unit.device

    @property
    def serial_path(self) -> str:
        """The path of the unit's pseudo-terminal; :meth:`serve` it before others open it."""
        return str(self._open_port().path)

    def link(self) -> EmbeddedLink | AirLink:
        """Return the link to the unit, the same one at every call.

        Raises:
            LinkError: the unit is served to other programs.
        """
        if self._server is not None:
            raise LinkError(
                f"{self.name}: served at {self.serial_path}; a second reader would take the "
                "answers of the first"
            )
        if self._link is None:
            self._link = self._open_link()
        return self._link

    def power_cycle(self) -> None:
        """Take the supply away and give it back: what was not saved is gone.

        A Bluetooth link ends with the supply, and is made anew.
        """
        if self._server is not None:
            self._server.call(self.device.power_cycle)
        else:
            self.link().power_cycle()

    def serve(self) -> str:
        """Serve the unit on its pseudo-terminal in a thread, in real time.

        Returns:
            The path to open; 9600 8N1, though a pseudo-terminal takes any rate.
        """
        if self._server is None:
            if self._link is not None:
                self._link.release()
                self._link = None
            self._server = _Server(self._open_port())
        return self.serial_path

    def close(self) -> None:
        """Close everything; what went wrong in the serving thread is raised here."""
        server, self._server = self._server, None
        link, self._link = self._link, None
        port, self._port = self._port, None
        if link is not None:
            link.release()
        try:
            if server is not None:
                server.stop()
        finally:
            if port is not None:
                port.close()

    def _open_link(self) -> EmbeddedLink | AirLink:
        if self._target.over == MODULE:
            from .transports._air import AirLink

            return AirLink(self._target, self.unit)
        return EmbeddedLink(self.unit, self.name, self._open_port())

    def _open_port(self) -> PtyPort:
        if self._port is None:
            self._port = PtyPort(self.unit)
        return self._port


class _Server:
    """A thread that serves one port in real time; everything on the port happens in it."""

    def __init__(self, port: PtyPort) -> None:
        self._port = port
        self._start_s = time.monotonic()
        self._lock = threading.Lock()
        self._wake, self._woken = os.pipe()
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, name="jbd unit", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[float], object]) -> None:
        """Call ``work(now_s)`` between two requests."""
        with self._lock:
            work(self._now_s())
        # What is due may have changed, and where the port is.
        os.write(self._woken, b"x")

    def stop(self) -> None:
        """End the thread; raises what went wrong in it."""
        self._stopping = True
        os.write(self._woken, b"x")
        self._thread.join()
        os.close(self._wake)
        os.close(self._woken)
        if self._error is not None:
            raise self._error

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s

    def _guarded(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except BaseException as error:
            # Handed to the test by stop(); a thread has nobody else to tell.
            self._error = error

    def _turn(self) -> None:
        due_s = self._port.due_s
        wait_s = None if due_s is None else max(0.0, due_s - self._now_s())
        # No port while a fault has it unplugged.
        port = [self._port.fileno()] if self._port.fileno() >= 0 else []
        ready = select.select([*port, self._wake], [], [], wait_s)[0]
        with self._lock:
            if self._wake in ready:
                os.read(self._wake, 64)
            if port and self._port.fileno() in ready:
                self._port.on_readable(self._now_s())
            due_s = self._port.due_s
            if due_s is not None and due_s <= self._now_s():
                self._port.on_due(self._now_s())
