"""The sub-commands of ``jbd-emulator``: one module each, imported when it is asked for."""
