"""``kill -9`` while settings are being saved: the state file never holds a half truth."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jbd_emulator._state_file import StateFile
from jbd_protocol import (
    ENTER_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    Response,
    ResponseDecoder,
    Status,
    WriteRequest,
)

KILLS = 200
SETTLED_S = 0.02
"""What has left a stopped process is in the terminal's buffer after this long."""
PATIENCE_S = 20.0
"""A deadline for a machine that is busy, not a time anything is expected to take."""


class Server:
    """`jbd-emulator serve` on a pseudo-terminal and a state file, to be killed."""

    def start(self, state: Path, link: Path) -> None:
        raise NotImplementedError

    def freeze(self) -> None:
        """Stop the process where it is. What it wrote so far can be read, then it is killed.

        A pseudo-terminal throws away what was not read when the other end is closed; without
        the stop the test could not tell an acknowledgement that left from one that did not.
        """
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError


class Forked(Server):
    """A fork of an interpreter that has imported everything; from `main` on it is `serve`."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("fork_server.py")
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._unit = 0

    def start(self, state: Path, link: Path) -> None:
        self._unit, ready = self._ask("start", *arguments(state, link))
        assert json.loads(str(ready))["event"] == "ready"

    def freeze(self) -> None:
        self._ask("freeze", self._unit)

    def kill(self) -> None:
        self._ask("kill", self._unit)

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)

    def _ask(self, *words: object) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer: list[int] = json.loads(self._process.stdout.readline())
        return answer


class Executed(Server):
    """A whole process of its own."""

    def start(self, state: Path, link: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jbd_emulator", "serve", *arguments(state, link)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["event"] == "ready"

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)


def arguments(state: Path, link: Path) -> list[str]:
    return ["--firmware", "0x20", "--state", str(state), "--serial", str(link), "--json"]


class Killed(Exception):
    """The moment has come."""


class Client:
    """Writes increasing values to 0x24 and saves each, until its time is up."""

    def __init__(self, link: Path, value: int) -> None:
        self._file = os.open(link, os.O_RDWR | os.O_NOCTTY)
        self._decoder = ResponseDecoder()
        self.value = value
        """What the last request to save was to save."""
        self.acknowledged: list[int] = []
        self.kill_at_s = float("inf")

    def save_until_killed(self, rng: random.Random) -> None:
        """Save value after value; half of the kills come just behind a request to save."""
        aimed = rng.random() < 0.5
        saves, delay_s = rng.randrange(6), rng.uniform(0.0, 0.004)
        if not aimed:
            self.kill_at_s = time.monotonic() + rng.uniform(0.0, 0.03)
        with contextlib.suppress(Killed):
            for count in range(10_000):
                self.ask(ENTER_FACTORY)
                self.value += 1
                self.ask(WriteRequest(0x24, self.value.to_bytes(2, "big")))
                if aimed and count == saves:
                    self.kill_at_s = time.monotonic() + delay_s
                self.ask(SAVE_AND_LEAVE_FACTORY)

    def ask(self, request: WriteRequest) -> None:
        os.write(self._file, request.to_wire())
        deadline_s = min(self.kill_at_s, time.monotonic() + PATIENCE_S)
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([self._file], [], [], left_s)[0]:
                assert deadline_s == self.kill_at_s, f"no answer to {request}"
                raise Killed
            if any(answer.register == request.register for answer in self._take()):
                return

    def drain(self, quiet_s: float) -> None:
        """Take what had left when the process was stopped."""
        while select.select([self._file], [], [], quiet_s)[0]:
            self._take()

    def close(self) -> None:
        os.close(self._file)

    def _take(self) -> list[Response]:
        answers = []
        for event in self._decoder.receive(os.read(self._file, 4096)):
            assert isinstance(event, Response)
            assert event.status == Status.OK
            if event.register == SAVE_AND_LEAVE_FACTORY.register:
                self.acknowledged.append(self.value)
            answers.append(event)
        return answers


def held(state: Path) -> int:
    loaded = StateFile(state).load()
    return 0 if loaded is None else int.from_bytes(loaded.settings.get(0x24, b"\0\0"), "big")


def kill_often(server: Server, folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill a server ``kills`` times; return how often which save was found in the file."""
    rng = random.Random(seed)
    state, link = folder / "bms.json", folder / "bms"
    found = {"last": 0, "one before": 0, "saves": 0}
    value, base = 1, 0
    for number in range(kills):
        server.start(state, link)
        client = Client(link, value)
        try:
            client.save_until_killed(rng)
            server.freeze()
            client.drain(SETTLED_S)
            if held(state) not in (client.acknowledged or [base]):
                client.drain(1.0)
        finally:
            server.kill()
            client.close()
        known = [base, *client.acknowledged]
        now = held(state)
        assert now in known[-2:], f"seed {seed}, kill {number}: {now}, acknowledged {known[-5:]}"
        found["last" if now == known[-1] else "one before"] += 1
        found["saves"] += len(client.acknowledged)
        value, base = client.value, now
    left = [path.name for path in folder.iterdir()]
    assert sum(name.endswith(".new") for name in left) <= 1, left
    return found


@pytest.fixture
def forked() -> Iterator[Server]:
    server = Forked()
    yield server
    server.close()


@pytest.mark.slow
def test_after_200_kills_the_file_holds_the_last_acknowledged_save_or_the_one_before(
    forked: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = kill_often(forked, tmp_path, KILLS, seed=20)
    record_property(
        "checked",
        f"kill -9: {KILLS} kills among {found['saves']} saves; file held the last {found['last']} "
        f"times, the one before {found['one before']} times",
    )
    assert found["saves"] > KILLS


@pytest.mark.slow
def test_the_same_holds_for_processes_of_their_own(tmp_path: Path) -> None:
    assert kill_often(Executed(), tmp_path, 5, seed=3)["saves"] > 0
