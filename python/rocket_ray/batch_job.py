"""The Ray job of one batch, as batch_jobs submits it: `python -m rocket_ray.batch_job ID NUMBER`.

Gives out blocks of lines to an actor per node, until none is left without a result. It keeps
nothing: what has a result is in the store, which the gateways tell, so a driver that follows one
that has died goes on where that was. Of a request or an answer it sees no byte.
"""

import sys
import threading
import time
from dataclasses import dataclass, field

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rocket_ray.admin_client import Unfinished
from rocket_ray.batch_jobs import BATCH_ID
from rocket_ray.block_plan import WITH_WAITING, Block, BlockPlan, Hand
from rocket_ray.block_worker import AWAY, DONE, ENDED, REPLACED, TAKEN, BlockWorker
from rocket_ray.node_gateway import session_name

NODES_EVERY_S = 2.0
REST_S = 2.0
JOIN_S = 15.0
TELL_EVERY_S = 5.0
LOOK_EVERY_S = 1.0
FAILURES_MAX = 20  # of blocks, one after the other, for reasons that do not pass


@dataclass
class Node:
    """One that has a worker. `asked`: which of its blocks wait. `rests_until`: it has had no
    gateway; by the monotonic clock."""

    worker: ray.actor.ActorHandle
    hand: Hand = field(default_factory=Hand)
    asked: ray.ObjectRef | None = None
    rests_until: float = 0.0


@dataclass
class NodeList:
    """Which nodes could have a gateway, as Ray last knew them: looked up by a thread of its own,
    since Ray may be away."""

    alive: frozenset[str] = frozenset()
    known: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        while True:
            try:
                self.alive = frozenset(
                    node["NodeID"]
                    for node in ray.nodes()
                    if node["Alive"] and node["Resources"].get("CPU", 0) > 0
                )
                self.known.set()
            except Exception as error:  # whatever Ray raises while its head is away
                print(f"Ray does not tell its nodes: {error}", flush=True)
            time.sleep(NODES_EVERY_S)


class Driver:
    """Of one batch. `number`: of the drivers of this cluster the one with the highest has the job;
    one of another cluster's is waited for, as long as gateways work for it."""

    def __init__(self, batch: str, number: int, cluster: str):
        self._batch, self._number, self._cluster = batch, number, cluster
        self._list = NodeList()
        self._nodes: dict[str, Node] = {}
        self._pending: dict[ray.ObjectRef, tuple[str, Block]] = {}
        self._failures = 0

    def run(self) -> str:
        """Until all lines have a result (DONE), or there is nothing left to do here (ENDED,
        REPLACED)."""
        threading.Thread(target=self._list.follow, name="nodes", daemon=True).start()
        self._list.known.wait(JOIN_S)
        while True:
            left = self._unfinished()
            if isinstance(left, str):
                return left
            print(f"{left.lines} of {left.total} lines have no result yet", flush=True)
            if not left.ranges:
                return DONE
            said = self._share_out(BlockPlan(left.ranges, left.models))
            if said != DONE:
                return said

    def _unfinished(self) -> Unfinished | str:
        """Asks all nodes, so that none of them goes on with blocks of another driver."""
        while True:
            self._follow_nodes()
            asked = [node.worker.unfinished.remote() for node in self._nodes.values()]
            ready = ray.wait(asked, num_returns=len(asked), timeout=JOIN_S)[0] if asked else []
            answers = []
            for reference in ready:
                try:
                    answers.append(ray.get(reference))
                except RayError as error:
                    print(f"a worker does not answer: {error}", flush=True)
            for answer in answers:
                if answer not in (AWAY, TAKEN):
                    return answer
            if TAKEN in answers:
                print("another driver has the job: waits", flush=True)
            time.sleep(REST_S)

    def _share_out(self, plan: BlockPlan) -> str:
        told = looked = time.monotonic()
        while plan.left or self._pending:
            self._follow_nodes(plan)
            if time.monotonic() - looked > LOOK_EVERY_S:
                looked = time.monotonic()
                self._look_who_waits()
            self._give(plan)
            said = self._collect(plan)
            if said in (ENDED, REPLACED):
                return said
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                print(
                    f"{plan.left} lines to give out, {len(self._pending)} blocks under way on "
                    f"{len(self._nodes)} nodes",
                    flush=True,
                )
        return DONE

    def _give(self, plan: BlockPlan) -> None:
        now = time.monotonic()
        ready = [name for name, node in self._nodes.items() if node.rests_until <= now]
        hands = {name: node.hand for name, node in self._nodes.items()}
        for name, block in plan.deal(hands, ready):
            self._pending[self._nodes[name].worker.work.remote(block)] = (name, block)

    def _look_who_waits(self) -> None:
        """What they say to the question of the last time; who is away has said nothing yet, and
        what is remembered of it stays."""
        for node in self._nodes.values():
            if node.asked and ray.wait([node.asked], timeout=0)[0]:
                try:
                    waiting = ray.get(node.asked)
                except RayError:
                    waiting = []
                node.hand.waiting = [each for each in waiting if each in node.hand.blocks]
                node.asked = None
            node.asked = node.asked or node.worker.waiting.remote()

    def _collect(self, plan: BlockPlan) -> str:
        if not self._pending:
            time.sleep(0.1)
            return DONE
        ready, _ = ray.wait(list(self._pending), num_returns=1, timeout=0.5)
        for reference in ready:
            name, block = self._pending.pop(reference)
            node = self._nodes.get(name)
            if node:
                node.hand.drop(block)
            try:
                said = ray.get(reference)
            except RayError as error:
                # A worker that Ray could not start again, or a block that is refused.
                self._failed(error)
                self._forget(name, plan)
                said = AWAY
            if said in (ENDED, REPLACED):
                return said
            if said == DONE:
                self._failures = 0
                continue
            plan.give_back(block)
            if node:
                node.rests_until = time.monotonic() + REST_S
        return DONE

    def _failed(self, error: RayError) -> None:
        print(f"a block comes back: {error}", flush=True)
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            raise error

    def _follow_nodes(self, plan: BlockPlan | None = None) -> None:
        """A worker on each node that lives, and no other."""
        alive = self._list.alive
        for name in self._nodes.keys() - alive:
            print(f"node {name} has gone", flush=True)
            self._forget(name, plan)
        for name in alive - self._nodes.keys():
            options = {
                "num_cpus": 0,
                "max_restarts": -1,
                "max_task_retries": -1,
                "max_concurrency": WITH_WAITING + 2,
                "scheduling_strategy": NodeAffinitySchedulingStrategy(name, soft=False),
            }
            worker = ray.remote(BlockWorker).options(**options)
            self._nodes[name] = Node(worker.remote(self._batch, self._number, self._cluster))

    def _forget(self, name: str, plan: BlockPlan | None) -> None:
        node = self._nodes.pop(name, None)
        if node is None:
            return
        ray.kill(node.worker)
        for reference, (where, block) in list(self._pending.items()):
            if where == name:
                del self._pending[reference]
                if plan:
                    plan.give_back(block)


def main(argv: list[str]) -> int:
    if len(argv) != 3 or not BATCH_ID.fullmatch(argv[1]) or not argv[2].isdigit():
        print("usage: python -m rocket_ray.batch_job BATCH NUMBER", file=sys.stderr)
        return 2
    ray.init(address="auto", log_to_driver=False, logging_level="warning")
    print(Driver(argv[1], int(argv[2]), session_name()).run(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
