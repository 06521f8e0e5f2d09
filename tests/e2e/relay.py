"""A relay before a server, which can be cut: whoever is connected through it loses the connection."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from emulator.suite.ports import HOST, free

CHUNK = 65_536


class Relay:
    """Passes bytes on to a server, and back."""

    def __init__(self, target: str) -> None:
        """Take the server's ``host:port``, and begin."""
        host, port = target.split(":")
        self._target = (host, int(port))
        [self.port] = free(1)
        self._open: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        """Take connections, on the same port as before."""
        listening = socket.create_server((HOST, self.port))
        self._open = [listening]
        Thread(target=self._accept, args=(listening,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, and take no more."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open = []

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Relay to a server for a while."""
    running = Relay(target)
    try:
        yield running
    finally:
        running.cut()
