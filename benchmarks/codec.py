"""Decoding basic information from a stream, against other people's code and against the floor."""

from __future__ import annotations

import importlib.metadata
import io
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from _measure import Row, Side, interleave, ratio, skipped, times_faster
from _wire import Bench

from jbd_protocol import Response, ResponseDecoder, parse_basic_info

GROUP = "codec"
_ROUNDS = 60
_FRAMES = 1000
_PIECE = 20
"""What a Bluetooth module sends at once."""
FRAME = Response(
    0x03, 0, bytes.fromhex("053b00001b58271000032e6a00000000000021460304020b9b0b9c")
).to_wire()
"""34 bytes: 13.39 V, 70 of 100 Ah, four cells, two NTCs, no tail."""
PIECES = tuple(FRAME[at : at + _PIECE] for at in range(0, len(FRAME), _PIECE))


class SmallestDecoder:
    """The smallest thing that checks what ours checks: start, length, end, checksum.

    It finds the next frame behind a damaged one and scales every field. It keeps no noise, knows
    no reason for what it drops, no request, no callback id and no tail.
    """

    _head = struct.Struct(">HhHHHHHHHBBBBB")

    def __init__(self) -> None:
        self._held = b""

    def receive(self, data: bytes) -> list[tuple[Any, ...]]:  # Any: integers and one tuple of them
        """Return the fields of every whole frame."""
        held = self._held + data
        found = []
        while len(held) > 6:
            if held[0] != 0xDD:
                at = held.find(0xDD)
                held = held[at:] if at > 0 else b""
                continue
            size = held[3] + 7
            if len(held) < size:
                break
            total = sum(held[2 : size - 3]) + (held[size - 3] << 8) + held[size - 2]
            if held[size - 1] == 0x77 and not total & 0xFFFF:
                if held[1] == 0x03 and not held[2]:
                    found.append(self._fields(held[4 : size - 3]))
                held = held[size:]
            else:
                held = held[1:]
        self._held = held
        return found

    def _fields(self, payload: bytes) -> tuple[Any, ...]:  # Any: as above
        mv, ma, left, full, cycles, made, low, high, bits, version, rsoc, fets, cells, ntcs = (
            self._head.unpack_from(payload)
        )
        scale = 100 if fets & 0x80 else 10
        return (
            mv * 10, ma * scale, left * scale, full * scale, cycles, made, low, high, bits,
            version, rsoc, fets, cells, struct.unpack_from(f">{ntcs}H", payload, 23),
        )  # fmt: skip


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows of this group."""
    runs = {
        "ours": _ours((FRAME,)),
        "ours in pieces": _ours(PIECES),
        "smallest": _smallest((FRAME,)),
        "smallest in pieces": _smallest(PIECES),
    }
    missing = {}
    for name, makers in _PEERS.items():
        try:
            version = importlib.metadata.version(name)
            runs |= makers()
        except (ImportError, importlib.metadata.PackageNotFoundError) as error:
            missing[name] = f"{name} cannot be imported: {error}"
        else:
            _PEER_VERSION[name] = f"{name} {version}"
    frames = 20 if bench.quick else _FRAMES
    took = interleave({k: _timed(run, frames) for k, run in runs.items()}, bench.rounds(_ROUNDS))
    side = {name: Side(_title(name), "µs", values) for name, values in took.items()}
    ours, pieces = side["ours"], side["ours in pieces"]
    if "bmstools" in missing:
        yield skipped(GROUP, "decode, against bmstools", missing["bmstools"])
    else:
        yield times_faster(GROUP, "streamed decode, against bmstools' `unpack` alone",
                           ours, side["bmstools unpack"], at_least=5)  # fmt: skip
        yield times_faster(GROUP, "streamed decode, against bmstools' packet path",
                           ours, side["bmstools packet"], at_least=8)  # fmt: skip
    if "aiobmsble" in missing:
        yield skipped(GROUP, "decode in 20-byte pieces, against aiobmsble", missing["aiobmsble"])
    else:
        yield times_faster(GROUP, "decode in 20-byte pieces, against aiobmsble",
                           pieces, side["aiobmsble"], at_least=3.5)  # fmt: skip
    yield ratio(GROUP, "streamed decode, against the smallest `struct` decoder",
                ours, side["smallest"], at_most=round(1 / 0.6, 3))  # fmt: skip
    yield ratio(GROUP, "decode in 20-byte pieces, against the smallest `struct` decoder",
                pieces, side["smallest in pieces"], at_most=round(1 / 0.6, 3))  # fmt: skip


def _title(name: str) -> str:
    return _PEER_VERSION.get(name.split()[0], name.split()[0].replace("ours", "jbd_protocol"))


def _timed(run: Callable[[int], object], frames: int) -> Callable[[], float]:
    def microseconds_each() -> float:
        started = time.perf_counter()
        run(frames)
        return (time.perf_counter() - started) / frames * 1e6

    return microseconds_each


def _ours(pieces: tuple[bytes, ...]) -> Callable[[int], object]:
    decoder = ResponseDecoder()

    def run(frames: int) -> object:
        info = None
        for _ in range(frames):
            for piece in pieces:
                for event in decoder.receive(piece):
                    if isinstance(event, Response) and event.register == 0x03 and not event.status:
                        info = parse_basic_info(event.data)
        return info

    return run


def _smallest(pieces: tuple[bytes, ...]) -> Callable[[int], object]:
    decoder = SmallestDecoder()

    def run(frames: int) -> object:
        info = None
        for _ in range(frames):
            for piece in pieces:
                for found in decoder.receive(piece):
                    info = found
        return info

    return run


def _bmstools() -> dict[str, Callable[[int], object]]:
    from bmstools.jbd.jbd import JBD
    from bmstools.jbd.registers import BasicInfoReg

    class Memory:
        # As cheap as a serial port can be: one call into C for each byte.
        timeout = 0.5

        def __init__(self) -> None:
            self.bytes = io.BytesIO(FRAME)
            self.read = partial(self.bytes.read, 1)

        def close(self) -> None: ...

    register = BasicInfoReg("basic_info", 0x03)
    payload = FRAME[4:-3]
    memory = Memory()
    bms = JBD(memory)

    def unpack(frames: int) -> object:
        for _ in range(frames):
            register.unpack(payload)
        return register

    def packet(frames: int) -> object:
        for _ in range(frames):
            memory.bytes.seek(0)
            _, _, data = bms._readPacket()
            register.unpack(data)
        return register

    return {"bmstools unpack": unpack, "bmstools packet": packet}


def _aiobmsble() -> dict[str, Callable[[int], object]]:
    from aiobmsble.bms.jbd_bms import BMS
    from bleak.backends.device import BLEDevice

    nowhere = {"path": "/org/bluez/hci0/dev_00_00_00_00_00_00"}
    bms = BMS(BLEDevice("00:00:00:00:00:00", "bench", nowhere))
    bms._valid_reply = 0x03
    pieces = [bytearray(piece) for piece in PIECES]

    def run(frames: int) -> object:
        sample = None
        for _ in range(frames):
            for piece in pieces:
                bms._notification_handler(None, piece)
            # What its `_async_update` does between the answer to 03 and the request for 04.
            message = bms._msg
            sample = BMS._decode_data(BMS._FIELDS, message)
            ntcs = sample.get("temp_sensors", 0)
            control = 27 + 2 * ntcs
            if int.from_bytes(message[control : control + 1], "big") & 0x80:
                sample |= BMS._decode_data(BMS._FIELDS_D10, message)
            sample["temp_values"] = BMS._temp_values(
                message, values=ntcs, start=27, signed=False, offset=2731, divider=10,
                types=bms._TEMP_TYPES,
            )  # fmt: skip
        return sample

    return {"aiobmsble": run}


_PEERS: dict[str, Callable[[], dict[str, Callable[[int], object]]]] = {
    "bmstools": _bmstools,
    "aiobmsble": _aiobmsble,
}
_PEER_VERSION: dict[str, str] = {}
