"""OpenAI's own API description as a server: Steady answers, and what it answers is made a stream
where a stream was asked for, which Steady does not do itself."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.program import Program
from harness.waiting import wait_until
from harness.wire import call

# Those that the package's tests ask for.
MODELS = ("gpt-6-astra", "gpt-3.5-turbo-instruct", "text-embedding-3-small")
# What belongs to one connection, or would make Steady compress what has to be read here.
PER_HOP = {"connection", "transfer-encoding", "content-length", "date", "vary", "keep-alive"}
PER_HOP |= {"accept-encoding"}


def served_description(file: Path) -> dict:
    """The description with its paths where clients look for them, and an inventory that stays."""
    description = json.loads(file.read_text())
    description["servers"] = []
    description["paths"] = {f"/v1{path}": each for path, each in description["paths"].items()}
    models = [{"id": m, "object": "model", "created": 1, "owned_by": "mock"} for m in MODELS]
    listing = description["paths"]["/v1/models"]["get"]["responses"]["200"]["content"]
    listing["application/json"]["example"] = {"object": "list", "data": models}
    return description


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Mock:
    def __init__(self, description: Path, packages: Path, folder: Path):
        spec = folder / "description.json"
        spec.write_text(json.dumps(served_description(description)))
        steady = packages / "node_modules/.bin/steady"
        # As the package's own scripts start it.
        formats = [
            f"--validator-{where}-{what}-format=brackets"
            for where in ("query", "form")
            for what in ("array", "object")
        ]
        self._start([steady, "--host", "127.0.0.1", "--quiet", *formats, spec], folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _start(self, argv: list, folder: Path) -> None:
        """Asked for port 0, Steady does not tell which it has found; one that was free may be
        somebody's by the time it is there; and what it prints once it listens depends on where it
        runs. So: ask it for what only it serves."""
        for last in (False, False, True):
            self._steady_port = free_port()
            self.program = Program([*argv[:-1], "--port", str(self._steady_port), argv[-1]], folder)
            try:
                wait_until("Steady serves its models", self._serves_models, 60)
                return
            except AssertionError:
                self.program.stop()
                if last:
                    raise

    def _serves_models(self) -> bool:
        assert self.program.running(), f"Steady ended:\n{self.program.out()}{self.program.err()}"
        try:
            listing = call(self._steady_port, "GET", "/v1/models", None, {})
            return {model["id"] for model in json.loads(listing.body)["data"]} == set(MODELS)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.program.stop()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        port = self._steady_port

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in PER_HOP}
                answer = call(port, self.command, self.path, body or None, headers)
                data, kind = answer.body, answer.header("content-type")
                if answer.status == 200 and wants_stream(body):
                    data, kind = stream_of(json.loads(data)), "text/event-stream"
                self.send_response(answer.status)
                for name, value in answer.headers:
                    if name not in PER_HOP | {"content-type"}:
                        self.send_header(name, value)
                self.send_header("Content-Type", kind or "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = pass_on

            def log_message(self, *_) -> None:
                pass

        return Handler


def wants_stream(body: bytes) -> bool:
    try:
        return json.loads(body).get("stream") is True
    except (ValueError, AttributeError):
        return False


def stream_of(completion: dict) -> bytes:
    chat = completion.get("object") == "chat.completion"
    for choice in completion["choices"]:
        if chat:
            choice["delta"] = choice.pop("message")
    if chat:
        completion["object"] = "chat.completion.chunk"
    return f"data: {json.dumps(completion)}\n\ndata: [DONE]\n\n".encode()
