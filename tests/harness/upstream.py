"""A model server in Python: remembers every header, and sees when its client hangs up."""

import json
import select
import ssl
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


# Bytes are a whole event stream.
Reply = Callable[[Seen], tuple[int, dict | bytes]]


class Upstream:
    """Speaks for one model, of which its list tells `facts` besides. `reply` answers what asks for
    tokens; `hang`: nothing does; `missing`: paths that it does not have."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        reply: Reply | None = None,
        hang: bool = False,
        missing: Collection[str] = (),
        model: str = "m",
        facts: dict | None = None,
    ):
        self.requests: list[Seen] = []
        self.hung_up = threading.Event()
        self.arrived = threading.Event()
        self._closing = threading.Event()
        self._reply = reply or (lambda seen: (200, CHAT))
        self._hang = hang
        self._missing = missing
        self._listed = {"id": model, "object": "model", **(facts or {})}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            # The handshake belongs to the connection's thread, not to the one that accepts.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if tls else "http"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def inference(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.method == "POST"]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                if self.path in upstream._missing:
                    self._answer(404, {"error": "not found"})
                    return
                self._answer(200, {"object": "list", "data": [upstream._listed]})

            def do_POST(self) -> None:
                if upstream._hang:
                    self._see()
                    self._wait_for_hang_up()
                else:
                    self._answer(*upstream._reply(self._see()))

            def _see(self) -> Seen:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                lines = [(name.lower(), value) for name, value in self.headers.items()]
                seen = Seen(self.command, self.path, lines, body)
                upstream.requests.append(seen)
                upstream.arrived.set()
                return seen

            def _wait_for_hang_up(self) -> None:
                self.close_connection = True
                while not upstream._closing.is_set():
                    if select.select([self.connection], [], [], 0.05)[0]:
                        upstream.hung_up.set()
                        return

            def _answer(self, status: int, body: dict | bytes) -> None:
                if self.command == "GET":
                    self._see()
                stream = isinstance(body, bytes)
                data = body if stream else json.dumps(body).encode()
                self.send_response(status)
                self.send_header(
                    "Content-Type", "text/event-stream" if stream else "application/json"
                )
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_) -> None:
                pass

        return Handler
