"""The zoo: boards that differ from a healthy one in exactly one thing, and what must refuse them.

Each row makes a unit of the emulator and spoils one thing in it. Nothing is random. The rows are
served by ``zoo_boards.py`` from another process, behind real pseudo-terminals: what judges them
cannot tell them from boards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from jbd_emulator import Device, Line, Outcome, Unit, parse_unit
from jbd_emulator.board import ROWS, Protections
from jbd_protocol import (
    BadFrame,
    BasicInfo,
    Noise,
    ReadRequest,
    Request,
    RequestDecoder,
    Response,
    Status,
    WriteRequest,
    checksum,
    parse_basic_info,
)

Spoil = Callable[[Unit], None]
Answer = Callable[[Device, Request], Outcome]


class Faulty(NamedTuple):
    """One board of the zoo.

    Attributes:
        name: what is wrong, in words.
        refused_for: the requirement that must refuse it.
        spoil: what is done to a healthy unit.
        unit: that unit, as the emulator takes it.
        baseline: the firmware it is compared with.
        areas: what is judged; the whole takes minutes a board.
        lab: whether a cell simulator stands at it.
    """

    name: str
    refused_for: str
    spoil: Spoil
    unit: str = "0x21?board=4s"
    baseline: str = "0x21"
    areas: tuple[str, ...] = ("frames", "registers", "statuses")
    lab: bool = False


# -- how a board is spoiled ------------------------------------------------------------------


def reads(register: int, change: Callable[[Device, Request, Outcome], Outcome]) -> Spoil:
    """Change what a read of a register comes to."""

    def spoil(unit: Unit) -> None:
        device = unit.device
        healthy = device._reads.get(register)
        assert healthy is not None
        table = dict(device._reads)

        def read(device: Device, request: Request) -> Outcome:
            outcome = change(device, request, healthy(device, request))
            # The board keeps an answer to 0x03 for a second, before it was spoiled.
            device._basic_info = None
            return outcome

        table[register] = read
        device._reads = table

    return spoil


def writes(register: int, change: Callable[[Device, Request, Answer], Outcome]) -> Spoil:
    """Change what a write to a register does; the healthy handler is handed in."""

    def spoil(unit: Unit) -> None:
        device = unit.device
        healthy = device._writes[register]
        table = dict(device._writes)
        table[register] = lambda d, request: change(d, request, healthy)
        device._writes = table

    return spoil


def answered(outcome: Outcome, data: bytes) -> Outcome:
    """Return an outcome with other data."""
    assert outcome.response is not None
    return Outcome(Response(outcome.response.register, outcome.response.status, data), outcome.rule)


def status_of(request: Request, outcome: Outcome, status: int, data: bytes = b"") -> Outcome:
    """Return an answer with another status."""
    return Outcome(Response(request.register, status, data), outcome.rule)


def payload(register: int, change: Callable[[bytes], bytes]) -> Spoil:
    """Change the data of a register that is served."""

    def spoil(device: Device, request: Request, outcome: Outcome) -> Outcome:
        response = outcome.response
        if response is None or response.status:
            return outcome
        return answered(outcome, change(response.data))

    return reads(register, spoil)


def basic_info(change: Callable[[BasicInfo], BasicInfo]) -> Spoil:
    """Change one field of 0x03."""
    return payload(0x03, lambda data: change(parse_basic_info(data)).to_payload())


def raw(register: int, change: Callable[[bytes], bytes]) -> Spoil:
    """Change the bytes of every good answer of a register."""

    def spoil(unit: Unit) -> None:
        class Spoiled(ZooLine):
            def outgoing(self, wire: bytes) -> bytes:
                return change(wire) if wire[1:3] == bytes((register, 0)) else wire

        unit.line = Spoiled(unit)

    return spoil


class ZooLine(Line):
    """A line that sees the bytes themselves."""

    def receive(self, data: bytes, now_s: float) -> bytes:
        return self.outgoing(super().receive(self.incoming(data, now_s), now_s))

    def incoming(self, data: bytes, now_s: float) -> bytes:
        return data

    def outgoing(self, wire: bytes) -> bytes:
        return wire


def line(kind: type[ZooLine]) -> Spoil:
    """Put another line in."""

    def spoil(unit: Unit) -> None:
        unit.line = kind(unit)

    return spoil


def as_configured(unit: Unit) -> None:
    """Nothing: the emulator was told in the row's text what to do otherwise."""


# -- what is wrong ---------------------------------------------------------------------------


def word(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + (value & 0xFFFF).to_bytes(2, "big") + data[at + 2 :]


def tenth_of_the_voltage(data: bytes) -> bytes:
    return word(data, 0, int.from_bytes(data[:2], "big") // 10)


def five_percent_more(data: bytes) -> bytes:
    return word(data, 0, int.from_bytes(data[:2], "big") * 105 // 100)


def current_backwards(data: bytes) -> bytes:
    return word(data, 2, -int.from_bytes(data[2:4], "big", signed=True))


def celsius(data: bytes) -> bytes:
    for at in range(23, 23 + 2 * data[22], 2):
        data = word(data, at, int.from_bytes(data[at : at + 2], "big") - 2731)
    return data


def probes_double(data: bytes) -> bytes:
    """Twice the distance from 25 °C."""
    for at in range(23, 23 + 2 * data[22], 2):
        data = word(data, at, 2981 + 2 * (int.from_bytes(data[at : at + 2], "big") - 2981))
    return data


def first_cells_swapped(data: bytes) -> bytes:
    return data[2:4] + data[:2] + data[4:]


def wrong_end(wire: bytes) -> bytes:
    return wire[:-1] + b"\x78"


def wrong_sum(wire: bytes) -> bytes:
    return wire[:-3] + bytes((wire[-3], wire[-2] ^ 1)) + wire[-1:]


def wrong_length(wire: bytes) -> bytes:
    return wire[:3] + bytes((wire[3] + 1,)) + wire[4:]


def other_echo(wire: bytes) -> bytes:
    return wire[:1] + b"\x03" + wire[2:]


def frozen(unit: Unit) -> None:
    """The cells are measured once, at power-on."""
    first = unit.device.cell_mv()
    cells = b"".join(mv.to_bytes(2, "big") for mv in first)
    payload(0x04, lambda data: cells)(unit)


def locks_monitoring(unit: Unit) -> None:
    """03 and 04 are refused until the PIN was presented."""

    def refuse(device: Device, request: Request, outcome: Outcome) -> Outcome:
        return status_of(request, outcome, Status.INVALID) if device.pin.locked else outcome

    for register in (0x03, 0x04):
        reads(register, refuse)(unit)


def any_pin(device: Device, request: Request, healthy: Answer) -> Outcome:
    outcome = healthy(device, request)
    device.pin.paired = True
    return status_of(request, outcome, Status.OK)


def acknowledged(device: Device, request: Request, healthy: Answer) -> Outcome:
    """Nothing is done, and that is acknowledged."""
    before = device.pin.stored, device.pin.paired
    outcome = healthy(device, request)
    device.pin.stored, device.pin.paired = before
    return status_of(request, outcome, Status.OK)


def stays_in_factory(device: Device, request: Request, healthy: Answer) -> Outcome:
    was_open = device.settings_open
    outcome = healthy(device, request)
    if was_open:
        device.enter_factory()
    return outcome


def saves_nothing(device: Device, request: Request, healthy: Answer) -> Outcome:
    outcome = healthy(device, WriteRequest(request.register, b"\x00\x00"))
    if request.data == b"\x28\x28":
        device.monitor.clear_counters()
    return outcome


def keeps_the_counters(device: Device, request: Request, healthy: Answer) -> Outcome:
    before = list(device.monitor.counters)
    outcome = healthy(device, request)
    device.monitor.counters = before
    return outcome


def ignores_e1(device: Device, request: Request, healthy: Answer) -> Outcome:
    before = device.monitor.fet_lock
    outcome = healthy(device, request)
    device.monitor.fet_lock = before
    return outcome


def swaps_e1(device: Device, request: Request, healthy: Answer) -> Outcome:
    value = {1: 2, 2: 1}.get(request.data[1], request.data[1])
    return healthy(device, WriteRequest(request.register, bytes((0, value))))


def one_more(device: Device, request: Request, healthy: Answer) -> Outcome:
    value = int.from_bytes(request.data, "big") + 1
    return healthy(device, WriteRequest(request.register, value.to_bytes(2, "big")))


def needs_the_blank_pin(device: Device, request: Request, healthy: Answer) -> Outcome:
    outcome = healthy(device, request)
    if device.pin.paired:
        device.pin.paired = False  # for every visit anew
        return outcome
    device.leave_factory(save=False)
    return status_of(request, outcome, Status.INVALID)


def open_settings(device: Device, request: Request, outcome: Outcome) -> Outcome:
    return status_of(request, outcome, Status.OK, device.settings[request.register])


def settings_always_open(unit: Unit) -> None:
    for register in range(0x10, 0x30):
        reads(register, open_settings)(unit)


def forgets_capacity_points(unit: Unit) -> None:
    def forget(device: Device, request: Request, healthy: Answer) -> Outcome:
        before = device.settings[request.register]
        outcome = healthy(device, request)
        if device.settings_open:
            device.settings.write(request.register, before)
        return outcome

    for register in range(0x42, 0x48):
        writes(register, forget)(unit)


def no_software_lock_bit(data: bytes) -> bytes:
    return word(data, 16, int.from_bytes(data[16:18], "big") & ~0x1000)


def releases_at_the_threshold(unit: Unit) -> None:
    monitor = unit.device.monitor
    rows = tuple(row._replace(release=None) if row.name == "covp" else row for row in ROWS)
    monitor.install(Protections(monitor._load_present, rows))


class AnswersBadSums(ZooLine):
    """A request is answered whatever its checksum."""

    def incoming(self, data: bytes, now_s: float) -> bytes:
        size = len(data)
        if size >= 7 and data[0] == 0xDD and data[1] in (0xA5, 0x5A) and size == 7 + data[3]:
            return data[:-3] + checksum(data[2:-3]).to_bytes(2, "big") + data[-1:]
        return data


class SaysChecksumError(ZooLine):
    """A bad checksum is answered with 82."""

    def incoming(self, data: bytes, now_s: float) -> bytes:
        whole = len(data) == 7 and data[:2] == b"\xdd\xa5" and data[-1] == 0x77
        if whole and checksum(data[2:-3]).to_bytes(2, "big") != data[-3:-1]:
            self.complaint = Response(data[2], Status.CHECKSUM_ERROR).to_wire()
        return data

    def outgoing(self, wire: bytes) -> bytes:
        complaint, self.complaint = getattr(self, "complaint", b""), b""
        return wire + complaint


class DiesOfNoise(ZooLine):
    """A dozen bytes of noise in one go, and it is dead."""

    dead = False

    def incoming(self, data: bytes, now_s: float) -> bytes:
        if len(data) > 12 and 0xDD not in data:
            self.dead = True
        return data

    def outgoing(self, wire: bytes) -> bytes:
        return b"" if self.dead else wire


class DiesOfFloods(ZooLine):
    """More than 20 requests in one go, and it is dead."""

    dead = False

    def incoming(self, data: bytes, now_s: float) -> bytes:
        self.dead = self.dead or data.count(b"\xdd\xa5\x03\x00\xff\xfd\x77") > 20
        return data

    def outgoing(self, wire: bytes) -> bytes:
        return b"" if self.dead else wire


class WaitsForever(ZooLine):
    """Half a request is never given up."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self.decoder: Any = Stubborn()  # a decoder of its own kind

    @property
    def gap_s(self) -> float | None:
        return None

    def _behind_gap(self, now_s: float) -> bytes:
        return b""


class Stubborn:
    """Takes as many bytes as a length byte says, whatever they are."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> int:
        return len(self._buffer)

    def receive(self, data: bytes) -> list[ReadRequest | WriteRequest | BadFrame | Noise]:
        self._buffer += data
        start = self._buffer.find(b"\xdd")
        self._buffer = self._buffer[start:] if start >= 0 else b""
        size = 7 + self._buffer[3] if len(self._buffer) > 3 else 7
        if len(self._buffer) < size:
            return []
        whole, self._buffer = self._buffer[:size], self._buffer[size:]
        return RequestDecoder().receive(whole)

    def flush(self) -> list[ReadRequest | WriteRequest | BadFrame | Noise]:
        return []

    def reset(self) -> None:
        self._buffer = b""


class SleepsDeep(ZooLine):
    """After 30 s of silence five requests are lost."""

    last_s = 0.0
    lost = 5

    def incoming(self, data: bytes, now_s: float) -> bytes:
        if now_s - self.last_s > 30.0:
            self.lost = 0
        self.last_s = now_s
        if self.lost < 5:
            self.lost += 1
            return b""
        return data


class SpeaksUnasked(ZooLine):
    """A second after every answer it says 03 once more."""

    again_s: float | None = None

    @property
    def due_s(self) -> float | None:
        due = super().due_s
        return min((s for s in (due, self.again_s) if s is not None), default=None)

    def receive(self, data: bytes, now_s: float) -> bytes:
        answer = super().receive(data, now_s)
        if answer and self.again_s is None:
            self.again_s = now_s + 1.0
        return answer

    def on_due(self, now_s: float) -> bytes:
        wire = super().on_due(now_s)
        if self.again_s is not None and now_s >= self.again_s:
            self.again_s = None
            wire += Response(0x03, 0, self.unit.device.basic_info().to_payload()).to_wire()
        return wire


def acknowledges_with_data(device: Device, request: Request, healthy: Answer) -> Outcome:
    return status_of(request, healthy(device, request), Status.OK, b"\x00")


def as_status(status: int) -> Callable[[Device, Request, Answer], Outcome]:
    return lambda device, request, healthy: status_of(request, healthy(device, request), status)


def answering(*what: str) -> str:
    """Return the usual unit, told what to answer: ``04=0x80``."""
    return "&answer_".join(("0x21?board=4s", *what))


UNKNOWN = (0x02, 0x48, 0x9F, 0xA3, 0xE8, 0xF1)
PIN = "0x17?board=4s&pin=123456"
FACTORY = ("factory mode",)
PASSWORD = ("password",)
CLIENTS = ("compatibility",)

ZOO: tuple[Faulty, ...] = (
    # what it shows
    Faulty("pack voltage in the wrong scale", "CONF-REG-04", payload(0x03, tenth_of_the_voltage)),
    Faulty("pack voltage 5 % high", "CONF-REG-04", payload(0x03, five_percent_more)),
    Faulty("current with the wrong sign", "MEAS-CUR-01", payload(0x03, current_backwards),
           areas=("measurements",), lab=True),
    Faulty("cells 1 and 2 swapped", "MEAS-CELL-01", payload(0x04, first_cells_swapped),
           areas=("measurements",), lab=True),
    Faulty("cells measured once and never again", "MEAS-CELL-01", frozen,
           areas=("measurements",), lab=True),
    Faulty("probes off by a factor", "MEAS-NTC-01", payload(0x03, probes_double),
           areas=("measurements",), lab=True),
    Faulty("temperatures in tenths of a degree Celsius", "CONF-REG-21", payload(0x03, celsius)),
    Faulty("stale cell count in 03", "CONF-REG-03",
           basic_info(lambda info: info._replace(cells=8))),
    Faulty("RSOC above 100 %", "CONF-REG-20",
           basic_info(lambda info: info._replace(rsoc_percent=107))),
    Faulty("FET bits inverted", "CONF-FET-07",
           basic_info(lambda info: info._replace(fet_bits=info.fet_bits ^ 3)), areas=("FETs",)),
    Faulty("no bit for the lock by software", "CONF-FET-02", payload(0x03, no_software_lock_bit),
           areas=("FETs",)),
    Faulty("error counters of 22 bytes on 2.1", "CONF-REG-06",
           payload(0xAA, lambda data: data[:22])),
    Faulty("board name behind a length byte", "CONF-REG-05",
           payload(0x05, lambda data: bytes((len(data),)) + data)),
    Faulty("chip type of three bytes", "CONF-REG-13",
           reads(0x00, lambda d, request, o: status_of(request, o, 0, b"\x00\x01\x02"))),
    # frames
    Faulty("bad checksum on one register", "CONF-FRAME-01", raw(0x04, wrong_sum)),
    Faulty("wrong end byte on one register", "CONF-FRAME-01", raw(0x05, wrong_end)),
    Faulty("wrong length on one register", "CONF-FRAME-01", raw(0xAA, wrong_length)),
    Faulty("one register echoed as another", "CONF-FRAME-01", raw(0x05, other_echo)),
    Faulty("refuses 04", "CONF-FRAME-01", as_configured,
           answering("04=0x80")),
    Faulty("answers requests with a bad checksum", "CONF-FRAME-04", line(AnswersBadSums)),
    Faulty("says 82 to a bad checksum", "CONF-FRAME-04", line(SaysChecksumError)),
    Faulty("never gives up half a request", "CONF-FRAME-06", line(WaitsForever)),
    Faulty("speaks unasked", "CONF-FRAME-11", line(SpeaksUnasked)),
    Faulty("acknowledges with data", "CONF-FRAME-13", writes(0x01, acknowledges_with_data)),
    Faulty("silent at registers that do not exist", "CONF-REG-01", as_configured,
           answering(*(f"{register:02X}=silence" for register in UNKNOWN))),
    Faulty("settings open outside factory mode", "CONF-REG-07", settings_always_open),
    Faulty("forgets the capacity points", "CONF-REG-11", forgets_capacity_points),
    # factory mode and settings
    Faulty("factory mode never left", "CONF-FACT-04", writes(0x01, stays_in_factory),
           areas=FACTORY),
    Faulty("a save that saves nothing", "CONF-FACT-10", writes(0x01, saves_nothing),
           areas=FACTORY),
    Faulty("counters outlive a save", "CONF-FACT-13", writes(0x01, keeps_the_counters),
           areas=FACTORY),
    Faulty("writes a setting one too high", "CONF-FACT-06", writes(0x24, one_more),
           areas=FACTORY),
    Faulty("E1 ignored", "CONF-FET-01", writes(0xE1, ignores_e1), areas=("FETs",)),
    Faulty("E1 turns the other FET off", "CONF-FET-04", writes(0xE1, swaps_e1), areas=("FETs",)),
    # passwords
    Faulty("accepts any PIN", "PWD-17-03", writes(0x06, any_pin), PIN, "0x17", PASSWORD),
    Faulty("locks monitoring behind the PIN", "PWD-17-14", locks_monitoring, PIN, "0x17", PASSWORD),
    Faulty("clear acknowledged and ignored", "PWD-17-31", writes(0x09, acknowledged), PIN, "0x17",
           PASSWORD),
    Faulty("06 answered 83 on 2.1", "PWD-21-01", writes(0x06, as_status(0x83)), areas=PASSWORD),
    Faulty("06 answered 83 on 2.1, to an app that was fixed", "COMPAT-IOS-02",
           writes(0x06, as_status(0x83)), areas=CLIENTS),
    Faulty("06 gone from a firmware that had it", "COMPAT-A31-01", writes(0x06, as_status(0x80)),
           "0x25?board=4s", "0x25", CLIENTS),
    Faulty("factory mode asks for the blank PIN first", "COMPAT-A31-02",
           writes(0x00, needs_the_blank_pin), "0x25?board=4s", "0x25", CLIENTS),
    # time
    Faulty("late answers", "TIME-LAT-01", as_configured, answering("04=delay-0.35"),
           areas=("timing",)),
    Faulty("slow saves", "TIME-LAT-03", as_configured, answering("01=delay-0.8"),
           areas=("timing",)),
    Faulty("wakes late", "TIME-SLEEP-01", line(SleepsDeep), areas=("timing",)),
    # robustness
    Faulty("dies of noise", "ROB-NOISE-01", line(DiesOfNoise), areas=("robustness",)),
    Faulty("dies of a flood", "ROB-FLOOD-01", line(DiesOfFloods), areas=("robustness",)),
    # protections
    Faulty("releases as soon as the threshold is left", "PROT-SOFT-02", releases_at_the_threshold,
           areas=("protections",), lab=True),
)  # fmt: skip

SPEED = 10
"""How many times faster than the clock a board at a cell simulator lives."""


def make(row: Faulty) -> Unit:
    """Return the unit of a row."""
    text = row.unit + (f"&speed={SPEED}" if row.lab else "")
    unit = Unit(parse_unit(text, name=row.name))
    row.spoil(unit)
    return unit


def slug(name: str) -> str:
    """Return a name that a file can have."""
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
