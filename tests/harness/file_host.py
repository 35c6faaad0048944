"""A host of images: serves them as good hosts do, and as bad ones."""

import contextlib
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.waiting import elapse

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def make_png(width: int = 1, height: int = 1) -> bytes:
    """A real one, stored without compression."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    rows = b"".join(b"\0" + bytes((x * y) & 255 for x in range(width * 3)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 0))
        + chunk(b"IEND", b"")
    )


class FileHost:
    """What it serves, by path, is in `files`: bytes with a type, or a function that does it. What
    it was asked is in `heads`; `open` says how many are being served."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None):
        self.files: dict[str, tuple[str, bytes] | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.heads: list[str] = []
        self.open = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with outer._lock:
                    outer.heads.append(f"{self.requestline}\n{self.headers}")
                    outer.open += 1
                try:
                    outer._serve(self)
                except OSError:
                    self.close_connection = True
                finally:
                    with outer._lock:
                        outer.open -= 1

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        if tls is not None:
            # The handshake belongs to the connection's thread, not to the one that accepts.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        found = self.files.get(handler.path)
        if callable(found):
            handler.close_connection = True
            found(handler)
            return
        kind, body = found if found is not None else ("text/plain", b"there is nothing")
        handler.send_response(404 if found is None else 200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def redirect_to(url: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def serve(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return serve


def endless(piece: bytes, pause: float = 0) -> Callable[[BaseHTTPRequestHandler], None]:
    """A PNG that never ends, until the peer has gone."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "image/png")
        handler.end_headers()
        handler.wfile.write(make_png())
        handler.connection.settimeout(30)
        while True:
            handler.wfile.write(piece)
            if pause:
                elapse(pause)

    return serve


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Says nothing, until the peer has gone."""
    with contextlib.suppress(OSError):
        handler.connection.settimeout(60)
        handler.connection.recv(1, socket.MSG_PEEK)
