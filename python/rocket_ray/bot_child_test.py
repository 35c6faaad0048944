import logging
import os
import signal
import socket
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from rocket_ray.bot_child import BotChild, BotPatience
from rocket_ray.child_log import ChildLog

# What the bot is to its parent: something that answers `/healthz`, and may be asked to end.
BOT = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b'{"status": "cut off"}')
    def log_message(self, *_): pass
print("serving", file=sys.stderr, flush=True)
class Server(http.server.HTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = BOT.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
PATIENCE = BotPatience(start=20, look=0.05, silence=0.5, sick=30, stop=3)


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)


class Lives(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = probe.getsockname()
        logger = logging.getLogger("test")
        logger.disabled = True
        self.logger = logger

    def child(self, script: str, patience: BotPatience = PATIENCE) -> BotChild:
        argv = [sys.executable, "-c", script, str(self.address[1])]
        log = ChildLog(self.folder, "bot")
        made = BotChild(argv, {}, self.address, log, logger=self.logger, patience=patience)
        self.addCleanup(made.stop)
        made.start()
        return made

    def answering(self, child: BotChild) -> int:
        """Waits until it does: its process."""
        until(lambda: child.facts()["status"] == "cut off")
        return int(child.facts()["pid"])

    def test_killed_it_is_started_again(self) -> None:
        child = self.child(BOT)
        first = self.answering(child)
        os.kill(first, signal.SIGKILL)
        until(lambda: child.facts()["restarts"] == 1)
        self.assertNotEqual(self.answering(child), first)
        self.assertIsNone(child.trouble())

    def test_hanging_it_is_killed_and_started_again(self) -> None:
        child = self.child(BOT)
        first = self.answering(child)
        os.kill(first, signal.SIGSTOP)
        until(lambda: child.facts()["restarts"] == 1)
        self.assertNotEqual(self.answering(child), first)

    def test_stopped_it_ends_by_itself(self) -> None:
        child = self.child(BOT)
        pid = self.answering(child)
        self.assertTrue(child.stop())
        self.assertFalse(Path(f"/proc/{pid}").exists())

    def test_what_does_not_stop_is_killed(self) -> None:
        child = self.child(STUBBORN, BotPatience(start=20, look=0.05, stop=0.3))
        pid = self.answering(child)
        self.assertFalse(child.stop())
        self.assertFalse(Path(f"/proc/{pid}").exists())

    def test_one_that_always_dies_is_trouble(self) -> None:
        patience = BotPatience(start=20, look=0.05, sick=0.3)
        child = self.child("import sys; sys.exit('the token is refused')", patience)
        until(lambda: child.trouble() is not None)
        until(lambda: "the token is refused" in str(child.trouble()))


if __name__ == "__main__":
    unittest.main()
