"""A TCP proxy in front of a real server that can go deaf: connections stay open, and nothing passes any more."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self


class DeafProxy:
    """Forwards connections on `port` to 127.0.0.1:`target`. After `deafen` those open then are stalled for good; later
    ones pass.
    """

    def __init__(self, target: int) -> None:
        """Listens at once."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._peers: dict[socket.socket, socket.socket] = {}
        self._deaf, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="deaf-proxy", daemon=True)
        self._thread.start()

    def deafen(self) -> None:
        """Stall what is open now; returns when it is."""
        self._deaf.set()
        while self._deaf.is_set() and self._thread.is_alive():
            self._stopping.wait(0.01)

    def __enter__(self) -> Self:
        """Runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        self._stopping.set()
        self._thread.join(5)
        for one in (self._listener, *self._peers):
            one.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select(0.05):
                    self._pass_on(selector, key.fileobj)
                if self._deaf.is_set():
                    for one in [key.fileobj for key in selector.get_map().values()]:
                        if one is not self._listener:
                            selector.unregister(one)
                    self._deaf.clear()

    def _pass_on(self, selector: selectors.BaseSelector, ready: object) -> None:
        assert isinstance(ready, socket.socket), "only sockets are registered"
        if ready is self._listener:
            inner, _ = self._listener.accept()
            outer = socket.create_connection(("127.0.0.1", self._target))
            self._peers |= {inner: outer, outer: inner}
            for one in (inner, outer):
                selector.register(one, selectors.EVENT_READ)
            return
        data = b""
        with contextlib.suppress(OSError):
            data = ready.recv(65_536)
        with contextlib.suppress(OSError):
            if data:
                self._peers[ready].sendall(data)
                return
            self._peers[ready].shutdown(socket.SHUT_WR)
        selector.unregister(ready)
