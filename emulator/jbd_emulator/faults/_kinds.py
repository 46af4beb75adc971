"""What can be broken, as data: one row per kind, one row per field.

The table is what everything else is made from: the checks of :class:`Fault`, the page's form, the
JSON Schema that editors use, the tables in the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jbd_protocol import COUNTERS, Evidence, Grade

Value = int | float | bool | bytes | str
"""What a field holds."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a fault.

    Attributes:
        name: as in Python, TOML and JSON.
        type: ``whole``, ``number``, ``register`` (a whole number, or text such as ``0x03``),
            ``bytes`` (text of hexadecimal digits outside Python), ``choice``, ``flag`` or ``text``.
        about: what it says.
        unit: of a number, empty for none.
        low, high: limits of a number, of the length of bytes and text.
        choices: of a choice.
        default: what is taken where it is not given; None leaves it open, and ``about`` says what
            that means.
        needed: whether it must be given.
    """

    name: str
    type: str
    about: str
    unit: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    default: Value | None = None
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: what ``kind`` takes.
        scope: ``wire`` (bytes under way), ``answer`` (what the board says), ``board`` (the board
            itself) or ``link`` (the connection).
        lasts: whether it is a state that stands until it is taken away; a moment passes.
        about: what happens.
        directions: what ``direction`` takes, the default first.
        fields: its own.
        evidence: for a board that does so; None for what any line may do.
    """

    name: str
    scope: str
    about: str
    directions: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    lasts: bool = False
    evidence: Evidence | None = None


REQUEST, ANSWER, NOW = "request", "answer", "now"
_WIRE: Final = (ANSWER, REQUEST)
_MOMENT: Final = (NOW, REQUEST, ANSWER)
_LONGEST_S: Final = 86_400.0

WHERE: Final = (
    Field("id", "text", "what the log calls it; made of the kind where it is empty", high=40,
          default=""),
    Field("direction", "choice", "the way of the bytes it acts on, or the moment of a board's "
          "fault: `now` is when it is added", choices=(REQUEST, ANSWER, NOW)),
    Field("end", "choice", "at the board, before module and line; or at the client, behind both, "
          "where an answer comes in pieces", choices=("board", "client"), default="board"),
    Field("register", "register", "of the exchange; any where it is not given", high=0xFF),
    Field("access", "choice", "of the exchange", choices=("any", "read", "write"), default="any"),
    Field("nth", "whole", "the exchange it begins with, counted among those that match",
          low=1, high=1_000_000, default=1),
    Field("every", "whole", "1: each that matches from there, 2: every second one",
          low=1, high=1_000_000, default=1),
    Field("times", "whole", "how often it strikes before it is healed; without end where it is "
          "not given", low=1, high=1_000_000),
    Field("p", "number", "probability of each strike, drawn from the unit's seed",
          low=0.0, high=1.0, default=1.0),
    Field("heals_after_s", "number", "it is healed this long after it was added", "s",
          high=_LONGEST_S),
)  # fmt: skip
"""Fields that every kind has: where it strikes, and how often."""


def _byte(about: str) -> Field:
    return Field("byte", "whole", about + "; negative counts from the end", low=-512, high=511)


def _seconds(name: str, about: str, default: float | None, low: float = 0.0) -> Field:
    return Field(name, "number", about, "s", low=low, high=_LONGEST_S, default=default)


_DOWN: Final = _seconds("down_s", "how long the link cannot be made again", 0.0)
_REASON: Final = Field("reason", "whole", "Bluetooth's reason code: 0x08 supervision timeout, "
                       "0x13 ended by the other side", high=0xFF, default=0x08)  # fmt: skip
_DEAD: Final = _seconds("down_s", "how long the board is deaf and mute", 1.0)
_RESET: Final = Evidence(
    Grade.ASSUMED, "what a restart command does; how long it takes was never measured"
)
_TORN: Final = Evidence(
    Grade.ASSUMED, "words of an EEPROM are written one after another, a byte at a time"
)
_STUCK: Final = Evidence(Grade.ASSUMED, "nothing on a board measures what a FET does")
_CHANNELS: Final = ("charge", "discharge")

_ROWS: Final = (
    Kind("drop", "wire", "bytes get lost", _WIRE, (
        _byte("the first one lost; the whole frame where it is not given"),
        Field("count", "whole", "how many from there", "bytes", 1, 512, default=1),
    )),
    Kind("flip", "wire", "bits of one byte are turned over", _WIRE, (
        _byte("which one; drawn from the seed where it is not given"),
        Field("mask", "whole", "the bits; one of them, drawn from the seed, where it is not given",
              low=1, high=0xFF),
    )),
    Kind("insert", "wire", "bytes that nobody sent appear within a frame", _WIRE, (
        _byte("the one they stand before; drawn from the seed where it is not given"),
        Field("data", "bytes", "what appears; drawn from the seed where it is not given",
              low=1, high=255),
        Field("count", "whole", "how many are drawn", "bytes", 1, 255, default=1),
    )),
    Kind("noise", "wire", "bytes that are no frame come before one", _WIRE, (
        Field("data", "bytes", "what comes; drawn from the seed where it is not given, without the "
              "start byte DD", low=1, high=255),
        Field("count", "whole", "how many are drawn", "bytes", 1, 255, default=4),
    )),
    Kind("duplicate", "wire", "a frame comes more than once", _WIRE, (
        Field("copies", "whole", "beside the first", low=1, high=20, default=1),
        _seconds("gap_s", "between them; 0 glues them together", 0.0),
    )),
    Kind("truncate", "wire", "a frame ends early", _WIRE, (
        _byte("the first one missing; drawn from the seed where it is not given"),
    )),
    Kind("delay", "wire", "a frame comes late", _WIRE, (
        _seconds("delay_s", "by how much", 0.2),
        _seconds("jitter_s", "up to so much more, drawn from the seed", 0.0),
    )),
    Kind("late", "wire", "a frame comes when the client has given up waiting", _WIRE, (
        _seconds("timeout_s", "how long the client waits", 2.0),
        _seconds("margin_s", "how long after that it comes", 0.05),
    )),
    Kind("split", "wire", "a frame comes in two pieces", _WIRE, (
        _byte("the first one of the second piece; the middle where it is not given"),
        _seconds("gap_s", "between them", 0.06, 1e-6),
    )),
    Kind("slow", "wire", "a frame trickles in", _WIRE, (
        Field("size", "whole", "of a piece", "bytes", 1, 255, default=1),
        _seconds("gap_s", "between two pieces", 0.01, 1e-6),
    )),
    Kind("merge", "wire", "frames, or the pieces of one, come glued together", _WIRE, (
        Field("frames", "whole", "how many make one piece; 1 glues the pieces of one frame",
              low=1, high=8, default=2),
        _seconds("hold_s", "longest wait for the next one", 1.0, 1e-6),
    )),
    Kind("echo", "wire", "what was sent comes back to its sender as well", _WIRE),
    Kind("wrong_register", "wire", "a frame names another register; a request's checksum fits",
         _WIRE, (
        Field("value", "register", "which; the next one where it is not given", high=0xFF),
    )),
    Kind("wrong_length", "wire", "the length byte is not the length", _WIRE, (
        Field("by", "whole", "how far off, modulo 256", "bytes", -255, 255, default=1),
    )),
    Kind("wrong_end", "wire", "the end byte is not 77", _WIRE, (
        Field("value", "whole", "what stands there", high=0xFF, default=0),
    )),
    Kind("wrong_checksum", "wire", "the checksum does not fit", _WIRE, (
        Field("mask", "whole", "bits of it that are turned over", low=1, high=0xFFFF, default=1),
    )),
    Kind("silence", "wire", "nothing comes; a request that is not heard is not carried out", _WIRE,
         (_seconds("for_s", "longest that it goes on, for every exchange that matches", 0.0),)),
    Kind("disconnect", "wire", "the link ends in the middle of a frame", _WIRE, (
        _byte("the first one that does not come; the middle where it is not given"),
        _REASON, _DOWN,
    )),
    Kind("answer", "answer", "the board answers something else", (ANSWER,), (
        Field("status", "whole", "the status byte", high=0xFF, default=0),
        Field("data", "bytes", "the payload", high=255, default=b""),
        Field("carried_out", "flag", "whether the board does what it was asked", default=True),
    )),
    Kind("sleep", "board", "the board falls asleep; the next frame only wakes it", _MOMENT,
         evidence=Evidence(Grade.CAPTURED, "link-ups on 0x80 and 0x44; vendor V11 section 1")),
    Kind("watchdog", "board", "the controller is reset: what was not saved, factory mode and a "
         "presented PIN are gone", _MOMENT, (_DEAD,), evidence=_RESET),
    Kind("brown_out", "board", "the supply sags: as `watchdog`, links drop, and the charge is "
         "estimated from the voltage", _MOMENT, (_DEAD,), evidence=_RESET),
    Kind("torn_write", "board", "the supply fails while settings are saved (exit-save): some are "
         "new, one is half new, the rest is old", (REQUEST,), (
        Field("settings", "whole", "how many are new; drawn from the seed where it is not given",
              low=0, high=255),
        Field("half", "flag", "whether the next one keeps its low byte", default=True),
        _DEAD,
    ), evidence=_TORN),
    Kind("stuck_factory", "board", "leaving factory mode is acknowledged and does not happen",
         _MOMENT, lasts=True, evidence=Evidence(Grade.ASSUMED, "nobody has reported one")),
    Kind("ntc", "board", "an NTC is open or shorted", _MOMENT, (
        Field("ntc", "whole", "which", low=1, high=8, default=1),
        Field("state", "choice", "how it is", choices=("open", "short"), default="open"),
    ), lasts=True, evidence=Evidence(Grade.CAPTURED, "an input without a probe reads -30.0 degC; "
                                     "shorted: assumed")),
    Kind("front_end", "board", "the front-end chip does not answer: protection bit 11", _MOMENT,
         lasts=True, evidence=Evidence(Grade.VENDOR_DOCUMENT, "V11, section 3.1, bit 11")),
    Kind("fet_stuck", "board", "a FET stays on or off whatever the board drives and shows", _MOMENT,
         (
        Field("fet", "choice", "which", choices=_CHANNELS, default="discharge"),
        Field("state", "choice", "how it stays", choices=("on", "off"), default="on"),
    ), lasts=True, evidence=_STUCK),
    Kind("counter_overflow", "board", "error counters of 0xAA stand at 65535 and begin again at 0",
         _MOMENT, (
        Field("counter", "choice", "which", choices=("all", *COUNTERS), default="all"),
    ), lasts=True, evidence=Evidence(Grade.ASSUMED, "words of 16 bits; our boards stop there")),
    Kind("unplugged", "link", "nothing passes: at the board's end its cable is out and the port "
         "stays, at the client's end the port is gone", (NOW,), lasts=True),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every kind by its name."""
