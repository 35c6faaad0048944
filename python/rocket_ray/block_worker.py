"""What a Ray actor does for a batch on its node: has `rocket batch block` ask blocks of lines."""

import os
import threading
import time

from rocket_ray.admin_client import AdminClient, JobTaken, Unfinished
from rocket_ray.block_plan import Block
from rocket_ray.child_environment import child_environment
from rocket_ray.gateway_child import UNANSWERED
from rocket_ray.heard_child import Heard, run_while_heard
from rocket_ray.node_gateway import NodeGateway, Place

# How long a node's gateway may be gone before a block is given to another node: longer than it
# takes to start it again.
AWAY_S = 15.0
AGAIN_S = 0.2
# A child that has lived for so long has had an answer: one that finds nobody ends at once, though
# "at once" may be a second on a busy node.
ANSWERED_S = 5.0
ASK_S = 30.0  # the first time the gateway reads the batch's file
# A child says every second that its block is asked, however long the lines take or wait, and ends
# after 10 s without a word of the gateway. One that says nothing for so long is stopped, or hangs.
SILENCE_S = 30.0
# As often a block is given to another child here; then another node may have it.
SILENT_MAX = 3

NOT_STARTED = 127

DONE, ENDED, REPLACED, AWAY, TAKEN = "done", "ended", "replaced", "away", "taken"
# What a child says whose lines wait for their models.
WAITING = "waiting"


class Refused(Exception):
    """The gateway does not take a block, and will not. The message is what it says."""


class BlockWorker:
    """Knows which batch and which driver of which cluster it works for, and nothing else: an actor
    that Ray starts again is as good as the one before. Its methods may be called by several threads
    at once."""

    def __init__(self, batch: str, driver: int, cluster: str, node: NodeGateway | None = None):
        self._batch, self._driver, self._cluster = batch, driver, cluster
        self._node = node or NodeGateway()
        self._waiting: set[Block] = set()
        self._lock = threading.Lock()

    def unfinished(self) -> Unfinished | str:
        """What of the batch has no result yet; its driver has the job from now on, and this node's
        gateway asks no block that another one has given out. Or ENDED; TAKEN, while another driver
        has the job; or AWAY where no gateway answers."""
        place = self._node.find()
        if place is None:
            return AWAY
        try:
            client = AdminClient(place.socket, ASK_S)
            return client.unfinished(self._batch, self._driver, self._cluster) or ENDED
        except JobTaken:
            return TAKEN
        except UNANSWERED:
            return AWAY

    def work(self, block: Block) -> str:
        """Until all lines of the block have a result: DONE. ENDED or REPLACED: the batch is not in
        progress any more, or has another driver. AWAY: this node is to have no gateway, has had
        none for AWAY_S, or its children hang. Raises Refused."""
        seen = time.monotonic()
        silent = 0
        while time.monotonic() - seen < AWAY_S:
            started = time.monotonic()
            place = self._node.find()
            if place is None:
                return AWAY
            child = self._ask(place, block)
            said = child.out.rpartition("\n")[2]
            if child.status == 0:
                return DONE
            if child.status == 1 and said in (ENDED, REPLACED):
                return said
            if child.status == 1 and "batch_not_found" in child.err:
                return ENDED
            if child.status == 1:
                raise Refused(child.err)
            if child.status is None:
                silent += 1
                print(f"a silent child was killed after {SILENCE_S:g} s: {block}", flush=True)
                if silent == SILENT_MAX:
                    return AWAY
            if time.monotonic() - started > ANSWERED_S:
                seen = time.monotonic()
            time.sleep(AGAIN_S)
        return AWAY

    def waiting(self) -> list[Block]:
        """Those of the blocks under way that can go on with none of their lines at the moment: the
        models refuse them, or nobody has them."""
        with self._lock:
            return sorted(self._waiting)

    def _hear(self, block: Block, word: str) -> None:
        with self._lock:
            if word == WAITING:
                self._waiting.add(block)
            else:
                self._waiting.discard(block)

    def _ask(self, place: Place, block: Block) -> Heard:
        """One child's life. Killed, it takes the block with it: the gateway calls off what it asks,
        and the next child's skips what has a result."""
        argv = [place.binary, "batch", "block", "--admin", f"unix:{place.socket}"]
        argv += ["--batch", self._batch, "--driver", str(self._driver), "--cluster", self._cluster]
        argv += ["--from", str(block.start), "--to", str(block.stop)]
        argv += ["--parent-pid", str(os.getpid())]
        try:
            # This thread waits for it, so that it does not end before the child has.
            return run_while_heard(
                argv,
                child_environment(os.environ, ()),
                SILENCE_S,
                lambda word: self._hear(block, word),
            )
        except OSError as error:
            return Heard(NOT_STARTED, "", str(error))
        finally:
            self._hear(block, "")
