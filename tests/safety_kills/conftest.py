"""Boards and benches that are killed and started often: both are forks of warm interpreters."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jbd_bench import BmsClient, open_target
from jbd_bench.safety import Journal, JournalError
from jbd_protocol import SETTINGS, Fets, Protection, RequestRefused

HERE = Path(__file__).parent
SUITE = HERE / "suite_of_writes.py"
BOARD_FORKS = HERE.parent / "emulator" / "fork_server.py"
FOREIGN = {0x16: "0777", 0xA2: b"\x04STAY".hex(), 0x15: "2c47"}


class Forks:
    """A server of forks, spoken to in lines of JSON."""

    def __init__(self, script: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: object) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the server died at {words}"
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate(timeout=60)


class Board:
    """`jbd-emulator serve` behind a pseudo-terminal, with a state file and settings of its own."""

    def __init__(self, forks: Forks, folder: Path, name: str, settings: dict[int, str]) -> None:
        self._forks = forks
        self.link, self.state = folder / "port", folder / f"{name}.json"
        self.log = folder / f"{name}.log"
        self._process = 0
        self._config = folder / f"{name}.toml"
        # A board that names its chip: silence there would make every start a second longer.
        self._config.write_text(
            f'[[unit]]\nfirmware = "0x20"\nserial = "{self.link}"\nstate = "{self.state}"\n'
            "facts = { chip_type = 1 }\n"
        )
        self._make(settings)
        self.found = self.settings()

    @property
    def target(self) -> str:
        return f"serial:{self.link}"

    def start(self) -> None:
        answer = self._forks.ask(
            *("start", "--config", str(self._config), "--log", str(self.log), "--json")
        )
        assert isinstance(answer, list)
        self._process = int(answer[0])
        assert json.loads(answer[1])["event"] == "ready"

    def kill(self) -> None:
        """Kill it with SIGKILL; its port is gone, as with a cable."""
        self._forks.ask("kill", self._process)
        # A terminal's number is given to the next who asks: the name must not lead to him.
        self.link.unlink(missing_ok=True)

    def settings(self) -> dict[int, bytes]:
        """Return every setting as the board has it after its power was away: the EEPROM's."""
        self.kill()
        self.start()
        return self.live()[0]

    def live(self) -> tuple[dict[int, bytes], bool]:
        """Return every setting as it is in force, and whether both FETs are on and unlocked."""
        link = open_target(self.target)
        try:
            client, held = BmsClient(link), {}
            with client.factory_mode():
                for address in SETTINGS:
                    try:
                        held[address] = client.read(address)
                    except RequestRefused:
                        continue
            info = client.basic_info()
            free = not info.protections & Protection.SOFTWARE_LOCK
            return held, free and info.fets & 3 == Fets.CHARGE | Fets.DISCHARGE
        finally:
            link.close()

    def writes(self) -> list[bytes]:
        """Return the writes that the board heard, by its own log."""
        heard = [json.loads(line) for line in self.log.read_text().splitlines()]
        stream = b"".join(bytes.fromhex(row["hex"]) for row in heard if row["dir"] == "rx")
        return [
            stream[at : at + 12] for at in range(len(stream)) if stream[at : at + 2] == b"\xddZ"
        ]

    def _make(self, settings: dict[int, str]) -> None:
        self.start()
        link = open_target(self.target)
        client = BmsClient(link)
        with client.factory_mode(save=True):
            for address, raw in settings.items():
                client.write(address, bytes.fromhex(raw))
        # An acknowledged save is on the disk when the next request is answered.
        client.basic_info()
        link.close()


class Bench:
    """pytest on a board, in a process that may be killed."""

    def __init__(self, forks: Forks, folder: Path) -> None:
        self._forks, self.journals, self.log = forks, folder / "journals", folder / "bench.log"
        self._process = 0

    def start(self, target: str, *options: str) -> None:
        self._start(
            *("pytest", "-c", os.devnull, f"--rootdir={HERE}", "-p", "no:cacheprovider"),
            *("-p", "jbd_bench.pytest_plugin", "--jbd-target", target, "--jbd-replug", "20"),
            *("--jbd-journal", str(self.journals), *options, str(SUITE)),
        )

    def restore(self) -> int:
        """Run `jbd-bench restore`; return its exit status."""
        self._start("restore", "--journal", str(self.journals))
        return self.wait()

    def writing(self) -> None:
        """Wait until the first test has begun to write."""
        self._forks.ask("writing", self._process)

    def kill(self) -> int:
        return self._status("kill")

    def wait(self) -> int:
        return self._status("wait")

    def open_journals(self) -> list[Path]:
        return sorted(self.journals.glob("*.jsonl"))

    def left_something(self) -> bool:
        """Return whether a journal says that the board is not as it was found."""
        for path in self.open_journals():
            with contextlib.suppress(JournalError):
                journal = Journal.reopen(path)
                journal.close()
                if not journal.record.ledger.clean:
                    return True
        return False

    def _start(self, *arguments: str) -> None:
        answer = self._forks.ask("start", str(self.log), *arguments)
        assert isinstance(answer, int)
        self._process = answer

    def _status(self, command: str) -> int:
        answer = self._forks.ask(command, self._process)
        assert isinstance(answer, int)
        return answer


@pytest.fixture(scope="module")
def board_forks() -> Iterator[Forks]:
    forks = Forks(BOARD_FORKS)
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def bench_forks() -> Iterator[Forks]:
    forks = Forks(HERE / "bench_forks.py")
    yield forks
    forks.close()


@pytest.fixture
def board(board_forks: Forks, tmp_path: Path) -> Iterator[Board]:
    """A board with settings unlike those of the kit, among them what tells it apart."""
    mine = {0x24: "0e2e", 0x26: "09d0", 0xA2: b"\x06GUARDS".hex(), 0x16: "0b0b", 0x2B: "0017"}
    board = Board(board_forks, tmp_path, "board", mine)
    yield board
    board.kill()


@pytest.fixture
def another_board(board_forks: Forks, tmp_path: Path) -> Callable[[], Board]:
    """Return what puts another board on the same port."""
    return lambda: Board(board_forks, tmp_path, "stranger", FOREIGN)


@pytest.fixture
def bench(bench_forks: Forks, tmp_path: Path) -> Bench:
    return Bench(bench_forks, tmp_path)
