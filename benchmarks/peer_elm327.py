"""ELM327-emulator on a pseudo-terminal, without its prompt and without its log."""

from __future__ import annotations

import logging
import sys

from elm import Elm  # type: ignore[import-not-found]  # comes with requirements.txt


def main() -> None:
    """Serve until the process is ended."""
    emulator = Elm(batch_mode=True)
    sys.stdout.write(emulator.get_pty() + "\n")
    sys.stdout.flush()
    # Its default writes a log file, and would be charged for it.
    logging.disable(logging.CRITICAL)
    emulator.run()


if __name__ == "__main__":
    main()
