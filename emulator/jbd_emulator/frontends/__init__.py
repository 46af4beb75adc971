"""How bytes reach a unit: pseudo-terminal, TCP, RFC 2217."""

from ._pty import PtyPort

__all__ = ["PtyPort"]
