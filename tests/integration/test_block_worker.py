"""Who has blocks of a batch asked on a node of Ray's (`rocket_ray.block_worker`), without Ray: over
a gateway, and with children that stop."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_blocks import Desk, in_flight

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, binary
from harness.waiting import wait_until

PACKAGES = Path(__file__).parents[2] / "python"
sys.path.insert(0, str(PACKAGES))

from rocket_ray import block_worker  # noqa: E402
from rocket_ray.block_plan import Block  # noqa: E402
from rocket_ray.block_worker import BlockWorker  # noqa: E402
from rocket_ray.node_gateway import NodeGateway, Place  # noqa: E402

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]


class Work(threading.Thread):
    """One block, by a worker beside that gateway."""

    def __init__(self, desk: Desk, batch: str, block: Block, cluster: str = "here"):
        super().__init__(daemon=True)
        node = NodeGateway(desk.folder / "node")
        node.announce(Place(str(desk.socket), str(binary())))
        self._worker = BlockWorker(batch, 1, cluster, node)
        self._batch, self._block = batch, block
        self.said: str | None = None
        self.start()

    def run(self) -> None:
        self.said = self._worker.work(self._block)

    def child(self) -> int:
        """The process that has the block asked at the moment."""
        return wait_until("it has a child", lambda: next(iter(self._children()), None))

    def _children(self) -> Iterator[int]:
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if words[1:3] == ["batch", "block"] and self._batch in words:
                yield int(entry.name)


def test_a_child_that_is_stopped_does_not_keep_its_block(
    rocket: Rocket, fake: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_worker, "SILENCE_S", 4.0)
    upstream = fake()
    desk = Desk(rocket, upstream.url, tmp_path, batch={"lines_in_flight": 4})
    slow = batches.lines(4, head_delay_ms=60_000).replace("line-", "slow-")
    # Prompts that begin otherwise, so that these are asked last.
    batch = desk.begun(batches.lines(20) + slow.replace("question", "riddle"))
    work = Work(desk, batch, Block(0, 24))
    wait_until("the slow ones are asked", lambda: in_flight(desk) == 4)
    first = work.child()
    os.kill(first, signal.SIGSTOP)
    wait_until("it is killed", lambda: not Path(f"/proc/{first}").exists(), 30)
    wait_until("its lines are asked by the next one", lambda: in_flight(desk) == 4)
    assert work.child() != first
    wait_until("what has no result is known", lambda: desk.unfinished(batch) == [[20, 24]])
    assert desk.gateway.call("POST", f"/v1/batches/{batch}/cancel").status == 200
    work.join(30)
    assert work.said == block_worker.ENDED
    ended = batches.wait_ended(desk.gateway, batch)
    assert ended["request_counts"]["completed"] == 20
    desk.gateway.finish()
    assert upstream.stop()["requests"] == 20 + 2 * 4, "what had a result was not asked again"


def test_a_child_whose_lines_take_longer_than_it_may_be_silent_is_left_alone(
    rocket: Rocket, fake: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_worker, "SILENCE_S", 3.0)
    upstream = fake()
    desk = Desk(rocket, upstream.url, tmp_path)
    batch = desk.begun(batches.lines(4, head_delay_ms=6000))
    work = Work(desk, batch, Block(0, 4))
    work.join(30)
    assert work.said == block_worker.DONE
    desk.gateway.finish()
    assert upstream.stop()["requests"] == 4
