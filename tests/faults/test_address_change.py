"""A backend's name comes to mean another address: it is followed, whatever is still connected."""

import time
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
