"""A network between the gateway and a server, which can be cut."""

import contextlib
import selectors
import socket
import threading


class Link:
    """Passes what comes to `url` on to `port`. While it is cut nothing passes in either direction
    and nobody is told: packets that get lost, not a connection that is refused."""

    def __init__(self, port: int):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._passes = threading.Event()
        self._passes.set()
        self._ended = threading.Event()
        self._sockets: set[socket.socket] = {self._listener}
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._passes.clear()

    def mend(self) -> None:
        self._passes.set()

    def close(self) -> None:
        self._ended.set()
        self._passes.set()
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._passes.wait()
        with contextlib.ExitStack() as stack:
            stack.enter_context(near)
            try:
                far = stack.enter_context(socket.create_connection(("127.0.0.1", self._target), 5))
            except OSError:
                return
            with self._lock:
                self._sockets |= {near, far}
            with contextlib.suppress(OSError, ValueError):
                self._pass_on(near, far)
            with self._lock:
                self._sockets -= {near, far}

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        """Until either side ends."""
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    self._passes.wait()
                    if not data or self._ended.is_set():
                        return
                    key.data.sendall(data)
