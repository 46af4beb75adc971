"""``jbd-bench``: the command line of the bench."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Final

from ._signals import Ended, end

COMMANDS: Final = {
    "run": "run the shipped suites on the emulator or a board and report",
    "accept": "accept or refuse a firmware: requirements, clients of the field, a verdict",
    "read": "show what a unit tells: voltages, current, cells, states, counters, parameters",
    "restore": "put back what a run that was killed left changed on a board",
    "identify": "tell which board this is and which firmware it is closest to, by reading alone",
    "snapshot": "read everything a board holds into a file that jbd-emulator can be started from",
    "diff": "show what differs between two units: boards, snapshots or the vendor's .fig files",
    "fidelity": "play one conversation to a board and to its emulated twin, and compare",
    "lockout": "play the lockout of Android 3.1.1026 on firmware 2.1: trace, criteria, verdict",
    "matrix": "run every client model against every kind of board and show who reaches what",
    "gallery": "put clients in front of every bug that the field reported, and show who has it",
    "record": "stand between a client and a board and write down what passes, both ways",
    "replay": "serve a recording as a board, and say what the client asked that it lacks",
}
"""A command is a module of ``jbd_bench.commands`` with HELP, add_arguments and run. Its HELP stands
here once more, so that ``--help`` loads none of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 where all went well, 1 where a check failed, 2 where the input or the link is bad, 128
        and the number of the signal that ended it.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal without the degree sign, a file name without meaning: still an answer.
        sys.stdout.reconfigure(errors="backslashreplace")
    args = _parser(arguments).parse_args(arguments)
    try:
        with _politely_ended():
            return int(args.run(args))
    except Ended as error:
        return 128 + error.number
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read along has seen enough. Python would complain once more while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        words = _for_the_user(error)
        if words is None:
            raise
        print(f"jbd-bench {args.command}: {' '.join(words.splitlines())}", file=sys.stderr)
        return 2


@contextmanager
def _politely_ended() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, so that no board stays as it is."""
    taken = []
    # Who ignores one, as nohup does, or has a handler of its own, keeps it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            with suppress(ValueError):  # only the main thread may
                signal.signal(number, end)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jbd-bench", description="Tests, reads and compares JBD BMS boards and their clients."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = next((word for word in arguments if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == named:
            module = import_module(f"jbd_bench.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    """Reads the version when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from jbd_protocol import __version__

        print(f"jbd-bench {__version__}")
        parser.exit(0)


def _for_the_user(error: Exception) -> str | None:
    """Return what to tell; None where the error is about this program, not what was asked for."""
    if isinstance(error, ModuleNotFoundError):
        from ._extras import remedy

        # A command that lacks one thing would lack the next when it came to it.
        return remedy(error, whole=True)
    from jbd_protocol import JbdError

    # The emulator is not loaded by every command; an error of its can only come where it is.
    config_error = getattr(sys.modules.get("jbd_emulator"), "ConfigError", None)
    theirs = (JbdError, OSError) if config_error is None else (JbdError, OSError, config_error)
    if not isinstance(error, theirs):
        return None
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
