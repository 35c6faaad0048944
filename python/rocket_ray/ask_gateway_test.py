import contextlib
import http.server
import io
import socketserver
import tempfile
import threading
import unittest
from pathlib import Path
from unittest.mock import patch

from rocket_ray.ask_gateway import main


class Admin(http.server.BaseHTTPRequestHandler):
    """Knows `/backends`."""

    def do_GET(self) -> None:
        said = b'{"backends": []}'
        self.send_response(200 if self.path == "/backends" else 404)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_) -> None:
        pass


class AskGatewayTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        patched = patch("tempfile.gettempdir", return_value=scratch.name)
        patched.start()
        self.addCleanup(patched.stop)

    def ask(self, *words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["ask_gateway", *words])
        return status, out.getvalue(), err.getvalue()

    def gateway(self, name: str) -> Path:
        folder = self.folder / f"rocket-gateway-{name}"
        folder.mkdir()
        return folder / "admin.sock"

    def test_the_one_that_answers_is_asked(self) -> None:
        self.gateway("dead").touch()
        server = socketserver.ThreadingUnixStreamServer(str(self.gateway("lives")), Admin)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.assertEqual(self.ask("/backends"), (0, '{"backends": []}\n', ""))
        status, said, _ = self.ask("/nothing")
        self.assertEqual((status, said), (1, ""))

    def test_nobody_is_here(self) -> None:
        self.assertEqual(self.ask("/backends"), (1, "", "no gateway of a replica is here\n"))

    def test_usage(self) -> None:
        for words in ((), ("backends",), ("/a", "/b")):
            self.assertEqual(self.ask(*words)[:2], (2, ""))
