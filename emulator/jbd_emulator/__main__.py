"""``jbd-emulator``: serve, console, explain, profiles, scenarios, faults, charge-study."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final

from jbd_protocol._version import __version__

COMMANDS: Final = {
    "serve": "put emulated boards on a pseudo-terminal, a TCP port or an RFC 2217 port",
    "console": "watch and work a unit of `serve --control` in a terminal",
    "explain": "say what a firmware answers to a frame, why, and on what evidence",
    "profiles": "list firmwares and board kits with the evidence behind each",
    "scenarios": "list the scenarios a unit can live through, or print one to start from",
    "faults": "list what can be made to go wrong on the wire, in the board and with the link",
    "charge-study": "compare chargers on a LiFePO4 pack: who fills it, who keeps it full",
}
"""A command is a module of ``jbd_emulator.commands``, its dashes underlined, with
``add_arguments`` and ``run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 failed, 2 bad input,
    130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), None)
    if name not in COMMANDS or arguments[0] != name:
        _top_parser().parse_args(arguments)
        return 2
    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal cannot write is written with its numbers.
        sys.stdout.reconfigure(errors="backslashreplace")
    module = importlib.import_module(f"jbd_emulator.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"jbd-emulator {name}", description=COMMANDS[name], formatter_class=_Help
    )
    module.add_arguments(parser)
    try:
        return int(module.run(parser.parse_args(arguments[1:])))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left, as `| head` does.
        sys.stdout = None
        return 1
    except (ValueError, OSError) as error:
        # ConfigError and StateError are ValueErrors whose one line is made for a person.
        words = str(error)
        if isinstance(error, OSError) and error.filename is not None and error.strerror:
            words = f"{error.filename}: {error.strerror.lower()}"
        sys.stderr.write(f"jbd-emulator {name}: {' '.join(words.splitlines())}\n")
        return 2


class _Help(argparse.HelpFormatter):
    """argparse's own, which asks shutil for the width, for every option that is declared, and
    with it loads three compressors: a tenth of what starting a unit takes."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _TopHelp(_Help, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the list of commands."""


def _columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        # 0 where nobody has told the terminal how wide it is.
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]  # AttributeError is caught
    except (AttributeError, ValueError, OSError):
        return 80


def _top_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jbd-emulator",
        description="A JBD battery management system in software.",
        formatter_class=_TopHelp,
        epilog="commands:\n"
        + "\n".join(f"  {name:<14}{text}" for name, text in COMMANDS.items())
        + "\n\njbd-emulator COMMAND --help says more.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=tuple(COMMANDS), metavar="COMMAND")
    return parser


if __name__ == "__main__":
    sys.exit(main())
