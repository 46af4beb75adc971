"""A small Linux machine with Debian's kernel and BlueZ, for computers without Bluetooth.

QEMU boots it on this computer's own files, read only. In it run the kernel, ``dbus-daemon`` and
``bluetoothd``; programs outside reach its D-Bus and its HCI through two unix sockets, at full
speed (Python in an emulated processor takes some fifteen times longer). `decisions/0009` says why.
"""

from ._machine import FOLDER_VARIABLE, GuestProcess, Machine
from ._needs import MachineError, provide

__all__ = ["FOLDER_VARIABLE", "GuestProcess", "Machine", "MachineError", "provide"]
