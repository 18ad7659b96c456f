"""Ports for servers that a test starts on a port that it must know before."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Return a port of 127.0.0.1 that no other process is handed during the block.

    A socket is bound to it, and does not listen. So the kernel chooses it for no other program, and
    a server with `SO_REUSEADDR` may still listen on it, also several times in a row.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
