"""The module under test: its own frames, the board's behind it, and what it was seen to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jbd_bench import Link, LinkError, RadioEnd
from jbd_bench.suites._wire import QUIET_S, WAIT_S
from jbd_bench.transports._login import module_login, password_bytes
from jbd_protocol import (
    APP_KEY,
    ModuleCommand,
    ModuleDecoder,
    ModuleFrame,
    ModuleStatus,
    ReadRequest,
)

BASIC: Final = ReadRequest(0x03).to_wire()
CELLS: Final = ReadRequest(0x04).to_wire()
KEY: Final = ModuleFrame(ModuleCommand.APP_KEY, APP_KEY)
RANDOM: Final = ModuleFrame(ModuleCommand.RANDOM)
PIECE: Final = 20
"""Most bytes of a notification at the MTU of 23 that every captured module has."""
_BASIC_HEAD: Final = b"\xdd\x03\x00"


class Opening(StrEnum):
    """What a module makes of the board's frames on a link on which nothing was said before."""

    OPEN = "they pass to the board"
    SILENT = "silence: it wants a login"
    ECHO = "an echo: it wants to be paired"


@dataclass(frozen=True, slots=True)
class Traits:
    """What one look at a module shows.

    Attributes:
        opening: what it makes of the board's frames.
        app_key: its answer to 0x15 with 000000, None for silence.
        key_opens: whether that alone lets the board's frames through.
    """

    opening: Opening
    app_key: int | None
    key_opens: bool


class Module:
    """A link to the module under test.

    Args:
        link: through the module.
        end: its near end.
    Attributes:
        password: six bytes of the module's password, None where the target gives none.
        pairs: whether the target is one to pair with.
    """

    def __init__(self, link: Link, end: RadioEnd) -> None:
        self.link, self.end = link, end
        self.password = None if end.login is None else password_bytes(end.login)
        self._login, self.pairs = end.login, end.pair

    @property
    def needs_admission(self) -> bool:
        """Whether its link is made with a login or a pairing."""
        return self._login is not None or self.pairs

    def connect(self, *, admitted: bool = False) -> None:
        """Connect anew: as somebody unknown, or logged in and paired as the target says."""
        self.end.login = self._login if admitted else None
        self.end.pair = self.pairs and admitted
        self.link.reconnect()

    def pieces(self, data: bytes, wait_s: float = WAIT_S) -> list[bytes]:
        """Write, and return the notifications until it is quiet."""
        self.link.write(data)
        return self.heard(wait_s)

    def heard(self, wait_s: float = WAIT_S) -> list[bytes]:
        """Return the notifications until it is quiet; none within ``wait_s`` seconds is silence."""
        found: list[bytes] = []
        clock = self.link.clock
        until_s = clock.now_s() + wait_s
        while data := self.link.read(until_s):
            found.append(data)
            until_s = clock.now_s() + max(QUIET_S, 0.1)
        return found

    def ask(self, frame: ModuleFrame) -> ModuleFrame | None:
        """Write a frame of the module and return its one answer, None for silence."""
        __tracebackhide__ = True
        heard = b"".join(self.pieces(frame.to_wire()))
        if not heard:
            return None
        events = ModuleDecoder().receive(heard)
        assert len(events) == 1, f"expected one frame of the module, got {heard.hex(' ')}"
        [event] = events
        assert isinstance(event, ModuleFrame), f"expected FF AA .., got {heard.hex(' ')}"
        return event

    def status(self, command: int, data: bytes) -> int | None:
        """Return the one byte that a command is answered with, None for silence."""
        __tracebackhide__ = True
        answer = self.ask(ModuleFrame(command, data))
        if answer is None:
            return None
        assert answer.command == command, f"expected the echo {command:02X}, got {answer}"
        assert len(answer.data) == 1, f"expected one byte of status, got {answer}"
        return answer.data[0]

    def draw(self) -> int:
        """Return a random byte for the next login."""
        __tracebackhide__ = True
        answer = self.ask(RANDOM)
        assert answer is not None, "expected a random byte, got silence"
        assert (answer.command, len(answer.data)) == (0x17, 1), f"expected one byte, got {answer}"
        return answer.data[0]

    def serves(self) -> bool:
        """Whether the board answers through it; a board that slept is asked twice."""
        return any(b"".join(self.pieces(BASIC))[:3] == _BASIC_HEAD for _ in range(2))

    def log_in(self, password: bytes) -> bool:
        """Play the login of the vendor's apps; return whether the module accepts."""
        steps = module_login(self.end.address, password)
        try:
            frame = next(steps)
            while True:
                frame = steps.send(self.ask(frame))
        except StopIteration:
            return True
        except LinkError:
            return False


def look_at(module: Module) -> Traits:
    """Find out what kind of module it is; reads only."""
    module.connect()
    answer = module.pieces(BASIC) or module.pieces(BASIC)
    if answer and b"".join(answer) == BASIC:
        return Traits(Opening.ECHO, None, key_opens=False)
    passes = bool(answer)
    key = module.ask(KEY)
    result = key.data[0] if key is not None and len(key.data) == 1 else None
    accepted = result == ModuleStatus.ACCEPTED
    return Traits(
        Opening.OPEN if passes else Opening.SILENT,
        result,
        key_opens=not passes and accepted and module.serves(),
    )


def cut(answer: bytes, size: int = PIECE) -> list[bytes]:
    """Return an answer in pieces."""
    return [answer[at : at + size] for at in range(0, len(answer), size)]
