"""What a test expects its client to ask, and what the emulated board then does.

::

    def test_a_client_asks_again(jbd_expect, jbd_client):
        jbd_expect(read(0x03)).once().fails("wrong_checksum")
        jbd_expect(read(0x04)).answers(b"\\x0c\\xe4" * 4)
        ...

A permanent expectation holds for every request it matches, one that is ``once()`` for the first,
one that is ``in_order()`` for the first after those before it in order were met. What came first
is done first; what no expectation matches the board answers as ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jbd_protocol import ReadRequest, Request, WriteRequest

if TYPE_CHECKING:
    from jbd_emulator import ActiveFault, Fault, Unit


class Payload(Protocol):
    """A value that knows its bytes, as ``jbd_protocol`` decodes them."""

    def to_payload(self) -> bytes:
        """Return them."""


class Wanted(NamedTuple):
    """Which requests are meant.

    Attributes:
        register: of the request.
        access: ``read``, ``write`` or ``any``.
        data: its payload, None for any.
    """

    register: int
    access: str = "any"
    data: bytes | None = None

    def __str__(self) -> str:
        what = "read or write" if self.access == "any" else self.access
        return f"{what} 0x{self.register:02X}" + (f" of {_hex(self.data)}" if self.data else "")


def read(register: int) -> Wanted:
    """Return what matches a read of a register."""
    return Wanted(register, "read")


def write(register: int, data: bytes | None = None) -> Wanted:
    """Return what matches a write of a register, of this payload where one is given."""
    return Wanted(register, "write", data)


class Expectation:
    """One thing that a client is expected to ask, and what the board does then.

    Nothing happens before one of :meth:`answers`, :meth:`refuses`, :meth:`fails` and
    :meth:`passes` says what.
    """

    def __init__(self, owner: Expectations, wanted: Wanted) -> None:
        self.wanted = wanted
        self.times: int | None = None
        self.ordered = False
        self.does = ""
        self.fault: Fault | None = None
        self.met = 0
        """Requests that were given to it."""
        self.struck: list[ActiveFault] = []
        self._owner = owner

    @property
    def used(self) -> int:
        """How often it was met, and what it does has happened."""
        return self.met if self.fault is None else sum(one.hits > 0 for one in self.struck)

    @property
    def open(self) -> bool:
        """Whether it still waits for a request."""
        return self.times is None or self.met < self.times

    def once(self) -> Expectation:
        """Let it hold for the first request alone."""
        return self.exactly(1)

    def exactly(self, times: int) -> Expectation:
        """Let it hold for so many requests; fewer do not meet it."""
        self.times = times
        return self

    def in_order(self) -> Expectation:
        """Let it hold once, when all before it that are in order have been met."""
        self.times, self.ordered = 1, True
        return self

    def answers(
        self, data: bytes | Payload = b"", *, status: int = 0, carried_out: bool = True
    ) -> Expectation:
        """Let the board answer this; it does what it was asked unless ``carried_out`` is False."""
        payload = data if isinstance(data, bytes) else data.to_payload()
        says = f"answers {_hex(payload)}" + (f" with status 0x{status:02X}" if status else "")
        return self._do(says, "answer", data=payload, status=status, carried_out=carried_out)

    def refuses(self, status: int) -> Expectation:
        """Let the board refuse with a status, and not do what it was asked."""
        return self._do(f"refuses with 0x{status:02X}", "answer", status=status, carried_out=False)

    def fails(self, kind: str, **fields: Any) -> Expectation:
        """Let a fault strike; kinds and fields are those of ``jbd-emulator faults``.

        Raises:
            ConfigError: there is no such kind or field, or a value is out of its limits.
        """
        return self._do(f"fails by {kind}", kind, **fields)

    def passes(self) -> Expectation:
        """Let the board answer as ever; the request is expected all the same."""
        self.does = "passes"
        self._owner.enter(self)
        return self

    def __str__(self) -> str:
        often = {None: "any number of times", 1: "once"}.get(self.times, f"{self.times} times")
        return f"{self.wanted}, {'in order' if self.ordered else often}: {self.does}"

    def _do(self, does: str, kind: str, **fields: Any) -> Expectation:
        # Any: what a field holds depends on it; the fault checks them.
        from jbd_emulator import Fault

        self.does = does
        row = Fault(kind).row
        if row.scope == "board":
            # At this request, not at once.
            fields.setdefault("direction", "request")
        times = None if row.lasts else 1
        self.fault = Fault(
            kind, register=self.wanted.register, access=self.wanted.access, times=times, **fields
        )
        self._owner.enter(self)
        return self


class Expectations:
    """The expectations of one emulated unit.

    Args:
        unit: whose requests they are.
        do: calls a function with the unit's present time, between two requests.
    """

    def __init__(self, unit: Unit, do: Callable[[Callable[[float], object]], object]) -> None:
        self._unit = unit
        self._list: list[Expectation] = []
        self._heard: list[Request] = []
        self._early: list[str] = []
        do(self._listen)

    def __call__(self, what: int | Wanted | Request) -> Expectation:
        """Expect a request: a register, ``read(0x03)``, or a request with its payload."""
        return self.expect(what)

    def expect(self, what: int | Wanted | Request) -> Expectation:
        """Expect a request: a register, ``read(0x03)``, or a request with its payload."""
        if isinstance(what, int):
            what = Wanted(what)
        elif isinstance(what, ReadRequest):
            what = Wanted(what.register, "read", what.data or None)
        elif isinstance(what, WriteRequest):
            what = Wanted(what.register, "write", what.data)
        return Expectation(self, what)

    @property
    def unmet(self) -> tuple[Expectation, ...]:
        """Those that were not met as often as they should, a permanent one at least once."""
        return tuple(one for one in self._list if one.used < (one.times or 1))

    def check(self) -> None:
        """Refuse what was never used.

        Raises:
            AssertionError: it names what was expected, what was asked, and what came near.
        """
        if self.unmet or self._early:
            raise AssertionError(self.report())

    def report(self) -> str:
        """Return in words what was expected and not met, and what was asked instead."""
        lines = [f"{len(self.unmet)} of {len(self._list)} expectations not met"]
        for one in self.unmet:
            found = f"{one.used} of {one.times or 'any'}" if one.used else "never"
            lines.append(f"  expected {one} - {found}")
            lines += [f"    near: {near}" for near in self._near(one.wanted)]
        lines += [f"  out of order: {early}" for early in self._early]
        asked = Counter(_shown(request) for request in self._heard)
        lines.append("  the client asked:" if asked else "  the client asked nothing")
        lines += [f"    {count} x {request}" for request, count in asked.items()]
        return "\n".join(lines)

    def enter(self, one: Expectation) -> None:
        """Take an expectation up once it says what the board does."""
        self._list.append(one)

    # -- in the unit's own time ----------------------------------------------------------------

    def _listen(self, now_s: float) -> None:
        self._unit.faults.listen()
        self._unit.faults.on_request.append(self._heard_one)

    def _heard_one(self, now_s: float, request: Request) -> None:
        self._heard.append(request)
        for one in self._list:
            # One that could not strike the request it was for strikes no other.
            for old in one.struck:
                if not (old.healed or old.stands):
                    self._unit.faults.remove(old)
        meant = [one for one in self._list if one.open and _matches(one.wanted, request)]
        turn = next((one for one in self._list if one.ordered and one.open), None)
        chosen = next((one for one in meant if not one.ordered or one is turn), None)
        if chosen is not None:
            chosen.met += 1
            if chosen.fault is not None:
                chosen.struck.append(self._unit.faults.add(chosen.fault, now_s))
        elif meant:
            self._early.append(f"{_shown(request)}, before {turn}")

    def _near(self, wanted: Wanted) -> list[str]:
        near = []
        for request in self._heard:
            if request.register != wanted.register or _matches(wanted, request):
                continue
            access = "read" if isinstance(request, ReadRequest) else "write"
            why = "other payload" if wanted.access in ("any", access) else f"a {access}"
            near.append(f"{_shown(request)}, {why}")
        return list(dict.fromkeys(near))


def _matches(wanted: Wanted, request: Request) -> bool:
    access = "read" if isinstance(request, ReadRequest) else "write"
    return (
        wanted.register == request.register
        and wanted.access in ("any", access)
        and wanted.data in (None, request.data)
    )


def _shown(request: Request) -> str:
    access = "read" if isinstance(request, ReadRequest) else "write"
    return f"{access} 0x{request.register:02X}" + (
        f" of {_hex(request.data)}" if request.data else ""
    )


def _hex(data: bytes | None) -> str:
    return data.hex(" ") if data else "no data"
