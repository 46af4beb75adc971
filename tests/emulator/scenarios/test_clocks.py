"""Two clocks, one code: the same seed gives the same bytes, in real time and in stepped time."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys

import pytest

from jbd_emulator import Unit, unit_from_table
from jbd_protocol import ReadRequest, Response, ResponseDecoder, parse_error_counters

POLLS = b"".join(ReadRequest(register).to_wire() for register in (0x03, 0x04, 0xAA))


def unit(name: str, start_s: float = 0.0, seed: int = 3) -> Unit:
    return Unit(unit_from_table({"scenario": name, "seed": seed}), start_s)


def by_the_second(name: str, until: int, every: int = 1, seed: int = 3) -> dict[float, bytes]:
    """Return all answers by the time the device has lived, on a stepped clock."""
    one = unit(name, seed=seed)
    return {float(t): one.receive(POLLS, float(t)) for t in range(0, until, every)}


@pytest.mark.parametrize("name", ["short-circuit", "weak-cell", "healthy-4s"])
def test_the_same_seed_gives_the_same_bytes_twice(name: str) -> None:
    first = by_the_second(name, 4000, 20)
    assert first == by_the_second(name, 4000, 20)
    assert len(set(first.values())) > 2


def test_another_seed_gives_other_bytes() -> None:
    assert by_the_second("healthy-4s", 200) != by_the_second("healthy-4s", 200, seed=4)


@pytest.mark.parametrize("name", ["short-circuit", "weak-cell"])
def test_a_real_clock_gives_the_bytes_of_the_stepped_one(name: str) -> None:
    stepped = by_the_second(name, 650)
    for seed in (1, 2):
        # As an event loop's clock: it starts anywhere, and polls come when they come.
        rng, now_s = random.Random(seed), 81_234.567
        one = unit(name, now_s)
        start_s = now_s
        seen = 0
        while now_s - start_s < 640:
            now_s += rng.uniform(0.01, 3.0)
            answer = one.receive(POLLS, now_s)
            lived_s = round(one.device.lived_until_s - start_s)
            assert answer == stepped[float(lived_s)], f"at {lived_s} s"
            seen += 1
        assert seen > 300


def test_a_unit_that_was_asleep_to_its_client_has_lived_all_the_same() -> None:
    late = unit("short-circuit").receive(POLLS, 400.0)
    assert late == by_the_second("short-circuit", 401)[400.0]


@pytest.mark.parametrize("scenario", [None, "weak-cell"])
def test_speed_makes_the_pack_live_faster_and_changes_nothing_else(scenario: str | None) -> None:
    table: dict[str, object] = {"load_ma": 20_000, "seed": 3}
    if scenario is not None:
        table["scenario"] = scenario
    fast = Unit(unit_from_table(table | {"speed": 60}))
    slow = Unit(unit_from_table(table))
    for minute in range(1, 55, 3):
        assert fast.receive(POLLS, float(minute)) == slow.receive(POLLS, 60.0 * minute)


@pytest.mark.slow
def test_serve_lives_through_a_scenario_in_real_time() -> None:
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--scenario", "short-circuit",
               "--speed", "90", "--tcp", "127.0.0.1:0", "--json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            host, port = ready["units"][0]["tcp"].rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=10) as wire:
                for _ in range(100_000):
                    if _short_circuits(wire):
                        break
                else:
                    raise AssertionError("no short circuit was counted")
        finally:
            server.terminate()
        assert server.wait(timeout=10) == 0


def _short_circuits(wire: socket.socket) -> int:
    """Poll once over the socket and return the counter of short circuits."""
    wire.sendall(ReadRequest(0xAA).to_wire())
    decoder = ResponseDecoder()
    while True:
        for event in decoder.receive(wire.recv(256)):
            assert isinstance(event, Response)
            return parse_error_counters(event.data).counts[0]
