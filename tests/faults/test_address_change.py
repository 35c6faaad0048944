"""A backend's name comes to mean another address: it is followed, whatever is still connected."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from harness.fake import Fake
from harness.gateway import backend
from harness.waiting import elapse, wait_until
from harness.wire import chat

NAME = "backend.rocket.test"
FOLLOWED_WITHIN = 30.0


def test_a_change_of_address_is_followed(hosts: Path, rocket, tmp_path: Path) -> None:
    old = Fake(tmp_path / "fakes", word="old")
    new = Fake(tmp_path / "fakes", host="127.0.0.2", port=old.port, word="new")
    try:
        hosts.write_text(f"127.0.0.1 {NAME}\n")
        gateway = rocket({"backends": [backend("a", f"http://{NAME}:{old.port}")]})

        def answered_by() -> str:
            answer = gateway.chat(chat("m"))
            assert answer.status == 200, answer
            return answer.json()["choices"][0]["message"]["content"]

        assert answered_by().startswith("old")
        hosts.write_text(f"127.0.0.2 {NAME}\n")
        began = time.monotonic()

        # Busy all the time, so that there is always a connection that could be used again.
        def moved() -> bool:
            elapse(0.02)
            return answered_by().startswith("new")

        wait_until("the new address answers", moved, seconds=FOLLOWED_WITHIN)
        assert time.monotonic() - began <= FOLLOWED_WITHIN
        # For good, and when the old one goes nobody notices.
        old.kill()
        for _ in range(20):
            assert answered_by().startswith("new")
    finally:
        old.program.stop()
        new.program.stop()


@contextlib.contextmanager
def black_hole(host: str, port: int) -> Iterator[None]:
    """An address that answers no attempt to connect: nobody takes up whom its queue is full of."""
    with contextlib.ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.socket())
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(0)
        for _ in range(3):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield


def test_an_address_that_is_a_black_hole_is_passed_over(hosts: Path, rocket, fake) -> None:
    answering = fake(host="127.0.0.2")
    with black_hole("127.0.0.1", answering.port):
        hosts.write_text(f"127.0.0.1 {NAME}\n127.0.0.2 {NAME}\n")
        gateway = rocket({"backends": [backend("a", f"http://{NAME}:{answering.port}")]})
        gateway.wait_for_models("m")
        # It is known by now which of the two is worth it.
        for _ in range(5):
            began = time.monotonic()
            assert gateway.chat(chat("m")).status == 200
            assert time.monotonic() - began < 0.5
