"""Stands between a bot and its homeserver: fails where it is told to, and says what a homeserver
elsewhere might say."""

import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class HomeserverFront:
    """Passes everything on, and what it answers back."""

    def __init__(self, homeserver: str):
        target = urlsplit(homeserver).netloc
        front = self
        self._lock = threading.Lock()
        self._failing: list[list] = []  # [pattern, times left, status, headers]
        self.failed = 0
        # What is made of messages with a certain body, on their way to the bot.
        self.contents: dict[str, dict] = {}
        # Likewise, what such messages are given beside their content.
        self.members: dict[str, dict] = {}
        # Rooms of whose timelines nothing is told, but that there would have been something.
        self.untold: set[str] = set()
        # Whether what is sent to the bot's device, such as keys, is kept until it is not any longer.
        self.keeps_keys = False
        self._kept_keys: list[dict] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if failure := front._fails(self.path):
                    status, headers = failure
                    self._answer(status, headers, f"<h1>{status}</h1>".encode())
                    return
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in _HOP_BY_HOP
                }
                connection = http.client.HTTPConnection(target, timeout=90)
                try:
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    data = answer.read()
                finally:
                    connection.close()
                kept = {
                    name: value
                    for name, value in answer.getheaders()
                    if name.lower() not in _HOP_BY_HOP
                }
                self._answer(answer.status, kept, front._changed(self.path, data))

            def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

            do_GET = do_PUT = do_POST = do_DELETE = _pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # whoever asked has gone

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def fail(self, pattern: str, times: int, status: int = 502, **headers: str) -> None:
        """From now on, as often: that status, as a proxy would say it, for paths in which `pattern`
        is found."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with self._lock:
            self._failing.append(
                [re.compile(pattern), times, status, {"content-type": "text/html", **named}]
            )

    def heal(self) -> None:
        """From now on nothing fails."""
        with self._lock:
            self._failing.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _changed(self, path: str, data: bytes) -> bytes:
        changes = (self.contents, self.members, self.untold, self.keeps_keys, self._kept_keys)
        if not any(changes) or "/sync" not in path:
            return data
        found = json.loads(data)
        to_device = self._kept_keys + found.get("to_device", {}).get("events", [])
        self._kept_keys = to_device if self.keeps_keys else []
        found["to_device"] = {"events": [] if self.keeps_keys else to_device}
        for room_id, room in found.get("rooms", {}).get("join", {}).items():
            if room_id in self.untold:
                room["timeline"] = {
                    "events": [],
                    "limited": True,
                    "prev_batch": found["next_batch"],
                }
            for event in room["timeline"]["events"]:
                body = event["content"].get("body", "")
                event["content"] = self.contents.get(body, event["content"])
                event.update(self.members.get(body, {}))
        return json.dumps(found).encode()

    def _fails(self, path: str) -> tuple[int, dict[str, str]] | None:
        with self._lock:
            for each in self._failing:
                if each[1] > 0 and each[0].search(path):
                    each[1] -= 1
                    self.failed += 1
                    return each[2], each[3]
        return None
