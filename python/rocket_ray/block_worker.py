"""What a Ray actor does for a batch on its node: has `rocket batch block` ask blocks of lines."""

import contextlib
import os
import subprocess
import time

from rocket_ray.admin_client import AdminClient, Unfinished
from rocket_ray.block_plan import Block
from rocket_ray.child_environment import child_environment
from rocket_ray.gateway_child import UNANSWERED
from rocket_ray.node_gateway import NodeGateway, Place

# How long a node's gateway may be gone before a block is given to another node: longer than it
# takes to start it again.
AWAY_S = 15.0
AGAIN_S = 0.2
# A child that has lived for so long has had an answer: one that finds nobody ends at once, though
# "at once" may be a second on a busy node.
ANSWERED_S = 5.0
ASK_S = 30.0  # the first time the gateway reads the batch's file

DONE, ENDED, REPLACED, AWAY = "done", "ended", "replaced", "away"


class Refused(Exception):
    """The gateway does not take a block, and will not. The message is what it says."""


class BlockWorker:
    """Knows which batch and which driver it works for, and nothing else: an actor that Ray starts
    again is as good as the one before. Its methods may be called by several threads at once."""

    def __init__(self, batch: str, driver: int, node: NodeGateway | None = None):
        self._batch, self._driver = batch, driver
        self._node = node or NodeGateway()

    def unfinished(self) -> Unfinished | str:
        """What of the batch has no result yet; or ENDED, or AWAY where no gateway answers. From now
        on this node's gateway asks no block that another driver has given out before."""
        place = self._node.find()
        if place is None:
            return AWAY
        try:
            client = AdminClient(place.socket, ASK_S)
            return client.unfinished(self._batch, self._driver) or ENDED
        except UNANSWERED:
            return AWAY

    def work(self, block: Block) -> str:
        """Until all lines of the block have a result: DONE. ENDED or REPLACED: the batch is not in
        progress any more, or has another driver. AWAY: this node is to have no gateway, or has had
        none for AWAY_S. Raises Refused."""
        seen = time.monotonic()
        while time.monotonic() - seen < AWAY_S:
            started = time.monotonic()
            place = self._node.find()
            if place is None:
                return AWAY
            status, said, why = self._ask(place, block)
            if status == 0:
                return DONE
            if status == 1 and said in (ENDED, REPLACED):
                return said
            if status == 1 and "batch_not_found" in why:
                return ENDED
            if status == 1:
                raise Refused(why)
            if time.monotonic() - started > ANSWERED_S:
                seen = time.monotonic()
            time.sleep(AGAIN_S)
        return AWAY

    def _ask(self, place: Place, block: Block) -> tuple[int | None, str, str]:
        """The child's exit status, or None where there is none to be had; what it says."""
        argv = [place.binary, "batch", "block", "--admin", f"unix:{place.socket}"]
        argv += ["--batch", self._batch, "--driver", str(self._driver)]
        argv += ["--from", str(block.start), "--to", str(block.stop)]
        argv += ["--parent-pid", str(os.getpid())]
        with contextlib.suppress(OSError):
            # This thread waits for it, so that it does not end before the child has.
            done = subprocess.run(
                argv,
                env=child_environment(os.environ, ()),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                process_group=0,
                check=False,
            )
            return done.returncode, done.stdout.strip(), done.stderr.strip()
        return None, "", ""
