"""A server on a bare socket, which says what it likes to each client."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

LONGEST = 60.0
"""Time after which it gives up a client that still listens, in seconds."""


class Hostile:
    """Says `begin` to each client, and then `forever`, again and again, until it is gone."""

    def __init__(self, begin: bytes, forever: bytes) -> None:
        self._begin, self._forever = begin, forever
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.closed: list[bool] = []
        """For each client, whether it closed the connection while the server spoke."""

    def serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:  # The test has ended.
                return
            self.requests.append(b"")
            with connection:
                try:
                    self.requests[-1] = connection.recv(65536)
                    self._speak(connection)
                    self.closed.append(False)
                except OSError:
                    self.closed.append(True)

    def end(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _speak(self, connection: socket.socket) -> None:
        connection.sendall(self._begin)
        stop = monotonic() + LONGEST
        while self._forever and monotonic() < stop and not self._ended.wait(0.01):
            connection.sendall(self._forever)


@contextmanager
def saying(begin: bytes, forever: bytes = b"") -> Iterator[Hostile]:
    """Start such a server, and stop it at the end."""
    server = Hostile(begin, forever)
    thread = Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.end()
        thread.join()
