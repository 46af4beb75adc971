"""Keep a machine up for many runs of the tests: ``python -m tests.ble_stack.vm``."""

from __future__ import annotations

import contextlib
import threading

from . import FOLDER_VARIABLE, Machine, MachineError


def main() -> None:
    """Boot, say how to use it, wait for Ctrl-C."""
    try:
        machine = Machine.start(lambda line: print(line, flush=True))
    except MachineError as error:
        raise SystemExit(f"vm: {error}") from None
    print(f"export {FOLDER_VARIABLE}={machine.folder}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    machine.stop()


if __name__ == "__main__":
    main()
