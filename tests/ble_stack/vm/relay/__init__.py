"""Byte streams between the two sides of the machine, on the standard library alone.

``outside`` runs on this computer, ``guest`` in the machine. Outside there is a unix socket for
each service; each connection to it becomes one TCP connection into the guest that begins with a
line ``TOKEN SERVICE``: the port is open to every user of the computer.
"""
