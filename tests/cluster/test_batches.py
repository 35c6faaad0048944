"""Batches that Ray shares out among the gateways of all nodes: whatever is killed meanwhile, each
line has one result, and what was not under way is not asked twice."""

import http.client
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dev.pods import Pod
from dev.ray import describe, pod_bytes
from harness import batches
from harness.fake import Fake
from harness.gateway import backend
from harness.ray_bed import RayBed
from harness.waiting import elapse, wait_until
from harness.wire import Answer

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))

from rocket_ray.jobs_client import JobsClient  # noqa: E402

pytestmark = pytest.mark.cluster

IN_FLIGHT = 16  # of one gateway
LATENCY_MS = 200


@dataclass
class Client:
    """What harness.batches takes for a gateway: whichever pod answers."""

    bed: RayBed

    def call(self, method: str, path: str, body=None, headers=None, **_) -> Answer:
        def ask() -> Answer | None:
            for pod in self.bed.worker_pods():
                try:
                    answer = self.bed.call(pod, method, path, body, headers)
                except (OSError, http.client.HTTPException):
                    continue
                # A gateway that is just being started again, or a store that another one holds.
                if answer.status != 503:
                    return answer
            return None

        return wait_until(f"{method} {path} is answered", ask, 60)


@dataclass
class Work:
    """A backend of its own, which counts, and a batch that asks it."""

    bed: RayBed
    fake: Fake
    client: Client = field(init=False)
    begun: float = 0.0
    kills: int = 0

    def __post_init__(self) -> None:
        self.client = Client(self.bed)

    def make(self, count: int, latency_ms: int = LATENCY_MS) -> str:
        text = batches.lines(count, head_delay_ms=latency_ms).replace('"m"', '"n"')
        batch = batches.make(self.client, text)
        self.begun = time.monotonic()
        return batch

    def get(self, batch: str) -> dict:
        return batches.get(self.client, batch)

    def done(self, batch: str) -> int:
        return self.get(batch)["request_counts"]["completed"]

    def wait_for_lines(self, batch: str, count: int, seconds: float = 120) -> None:
        def there() -> bool:
            self.bed.cluster.restart_ended()
            return self.done(batch) >= count

        wait_until(f"{count} lines are done", there, seconds)

    def finish(self, batch: str, count: int, seconds: float = 180) -> None:
        """Each line has one result; what was asked twice was under way when something died."""

        def ended() -> dict | None:
            self.bed.cluster.restart_ended()
            found = self.get(batch)
            return found if found["status"] in batches.ENDED else None

        found = wait_until(f"{batch} has ended", ended, seconds)
        assert found["status"] == "completed", found
        assert found["request_counts"] == {"total": count, "completed": count, "failed": 0}
        results = batches.results(self.client, found["output_file_id"])
        assert [each["custom_id"] for each in results] == [f"line-{i}" for i in range(count)]
        asked = self.bed.inside(self.fake.stop)["requests"]
        nodes = len(self.bed.worker_pods())
        print(
            f"{count} lines in {time.monotonic() - self.begun:.1f} s, {self.kills} kills, "
            f"{asked - count} asked twice"
        )
        # Asked, or answered and not yet written.
        assert asked <= count + self.kills * nodes * 2 * IN_FLIGHT


@pytest.fixture
def work(bed: RayBed) -> Iterator[Work]:
    fake = bed.start_fake("n")
    config = bed.config(
        "batches",
        [backend("n", fake.url)],
        batch={"engine": "ray", "lines_in_flight": IN_FLIGHT},
    )
    bed.deployed(config)
    yield Work(bed, fake)


def test_a_batch_is_shared_out_over_the_nodes(work: Work) -> None:
    batch = work.make(600)
    wait_until("a child works on each node", lambda: all(children(work.bed, pod) for pod in
               work.bed.worker_pods()), 60)  # fmt: skip
    assert work.get(batch)["_engine"] == {"name": "ray", "state": "running", "reason": None}
    for pod, most in [(pod, 512 << 20) for pod in work.bed.worker_pods()] + [
        (work.bed.network.pods["head"], 1.2 * 2**30)
    ]:
        found = pod_bytes(pod)
        print(f"{pod.name} with a batch at work: {found / 2**20:.0f} MiB PSS")
        assert found <= most, describe(pod)
    work.finish(batch, 600)
    wait_until("the job has ended", lambda: job_of(work.bed, batch)["status"] == "SUCCEEDED", 30)
    entrypoint = job_of(work.bed, batch)["entrypoint"]
    assert entrypoint == f"python -m rocket_ray.batch_job {batch} 1"
    for pod in work.bed.worker_pods():
        wait_until("nothing is left of it", lambda pod=pod: not actors(work.bed, pod), 30)


def test_a_job_of_an_old_head_is_known_by_ray_s_nodes(bed: RayBed, monkeypatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", bed.cluster.token)
    client = JobsClient(f"http://{bed.cluster.head_address}:8265")
    nodes = bed.inside(client.nodes)
    assert nodes.alive == {row["node_id"] for row in bed.cluster.nodes()} and len(nodes.alive) >= 3
    assert 0 < time.time() - nodes.head_since < 24 * 3600, "that is no time since 1970"


def job_of(bed: RayBed, batch: str) -> dict:
    """The last one."""
    _, jobs = bed.cluster.call("GET", "/api/jobs/")
    own = [job for job in jobs if str(job["submission_id"]).startswith(batch)]
    return max(own, key=lambda job: int(job["submission_id"].rpartition("-")[2]))


def children(bed: RayBed, pod: Pod) -> list[int]:
    return bed.pids(pod, "batch block --admin")


def actors(bed: RayBed, pod: Pod) -> list[int]:
    return bed.pids(pod, "ray::BlockWorker")


def drivers(bed: RayBed) -> list[int]:
    return bed.pids(bed.network.pods["head"], "-m rocket_ray.batch_job")


Victims = Callable[[RayBed, Pod], list[int]]
VICTIMS: dict[str, Victims] = {
    "driver": lambda bed, pod: drivers(bed),
    "actor": actors,
    "child": children,
    "gateway": lambda bed, pod: list(filter(None, [bed.gateway_pid(pod)])),
    "replica": lambda bed, pod: list(filter(None, [bed.replica_pid(pod)])),
}


def kill_again_and_again(work: Work, victim: str, count: int, times: int) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    batch = work.make(count)
    for _ in range(times):
        # Never before something is under way, and never when all is done already.
        before = work.done(batch)
        work.wait_for_lines(batch, before + 1)
        elapse(chance.uniform(0, 1))
        pod = chance.choice(work.bed.worker_pods())

        def found(pod: Pod = pod) -> list[int]:
            return VICTIMS[victim](work.bed, pod)

        pids = wait_until(f"there is a {victim}", found, 60)
        at = work.done(batch)
        os.kill(chance.choice(pids), signal.SIGKILL)
        work.kills += 1
        killed = time.monotonic()
        # Those that had been answered may still be written.
        work.wait_for_lines(batch, min(at + 3 * IN_FLIGHT, count))
        print(f"{victim} kill -9: {time.monotonic() - killed:.1f} s until it goes on everywhere")
    work.finish(batch, count, 600)


@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_each_line_has_one_result(work: Work, victim: str) -> None:
    kill_again_and_again(work, victim, 1500, 2)


@pytest.mark.long
@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_twenty_times(work: Work, victim: str) -> None:
    kill_again_and_again(work, victim, 10_000, 20)


def test_a_dead_node_s_lines_go_to_the_others(work: Work) -> None:
    batch = work.make(2000)
    work.wait_for_lines(batch, 100)
    pod = work.bed.worker_pods()[-1]
    work.kills += 1
    at = work.done(batch)
    work.bed.network.kill(pod)
    killed = time.monotonic()
    work.wait_for_lines(batch, at + 4 * IN_FLIGHT)
    print(f"node killed: {time.monotonic() - killed:.1f} s until it goes on")
    work.bed.cluster.start_worker(int(pod.name.rpartition("-")[2]))
    work.finish(batch, 2000, 300)


def test_while_ray_is_away_it_waits_and_says_so(work: Work) -> None:
    environment = work.bed.require_redis()
    batch = work.make(3000)
    work.wait_for_lines(batch, 100)
    work.bed.network.kill(work.bed.network.pods["head"])
    work.kills += 1
    wait_until("it says so", lambda: work.get(batch)["_engine"]["state"] == "paused", 60)
    assert work.get(batch)["_engine"]["reason"] == "Ray does not answer"
    assert work.get(batch)["status"] == "in_progress"
    # What had been given out is done; then it rests.
    before = -1
    while before != (before := work.done(batch)):
        elapse(3)
    work.bed.cluster.start_head(environment)
    work.bed.cluster.wait_for_head()
    back = time.monotonic()
    if before < 3000:
        work.wait_for_lines(batch, before + 1)
    print(f"Ray back: {time.monotonic() - back:.1f} s until it goes on")
    wait_until(
        "it says so", lambda: work.get(batch).get("_engine", {}).get("state") != "paused", 60
    )
    work.finish(batch, 3000, 300)


def test_a_model_that_refuses_does_not_keep_the_nodes(bed: RayBed) -> None:
    """Its lines come first, and are more than all nodes have under way."""
    quick = bed.start_fake("n")
    slow = bed.start_fake("slow", fault="status_429", fault_on_signal=True)
    bed.inside(slow.switch_fault)
    config = bed.config(
        "batches",
        [backend("n", quick.url), backend("slow", slow.url)],
        batch={
            "engine": "ray",
            "lines_in_flight": IN_FLIGHT,
            "attempts": 1000,
            "backoff": "200ms",
            "backoff_max": "1s",
        },
    )
    bed.deployed(config)
    work = Work(bed, quick)
    text = batches.lines(1200).replace('"m"', '"slow"').replace("line-", "slow-")
    batch = batches.make(work.client, text + batches.lines(600).replace('"m"', '"n"'))
    begun = time.monotonic()
    work.wait_for_lines(batch, 600, 60)
    print(f"600 lines in {time.monotonic() - begun:.1f} s while another model refuses")
    assert work.done(batch) == 600
    assert bed.inside(quick.stop)["requests"] == 600
    bed.inside(slow.switch_fault)
    wait_until("it has ended", lambda: work.get(batch)["status"] in batches.ENDED, 120)
    counts = work.get(batch)["request_counts"]
    assert counts == {"total": 1800, "completed": 1800, "failed": 0}


def test_a_cancelled_batch_ends_and_keeps_what_it_has(work: Work) -> None:
    batch = work.make(2000)
    work.wait_for_lines(batch, 50)
    assert work.client.call("POST", f"/v1/batches/{batch}/cancel").status == 200
    ended = wait_until("it has ended", lambda: cancelled(work, batch), 30)
    count = ended["request_counts"]["completed"]
    assert 50 <= count < 2000
    results = batches.results(work.client, ended["output_file_id"])
    assert len(results) == count
    for pod in work.bed.worker_pods():
        wait_until("no child is left", lambda pod=pod: not children(work.bed, pod), 30)
    wait_until("no driver is left", lambda: not drivers(work.bed), 30)


def cancelled(work: Work, batch: str) -> dict | None:
    found = work.get(batch)
    return found if found["status"] == "cancelled" else None


def test_it_scales_with_the_nodes(work: Work) -> None:
    """With 50 ms a line and 16 in flight a node, it is the nodes that are short."""
    rates = {}
    try:
        for nodes in (1, 2, 4):
            for number in range(len(work.bed.worker_pods()) + 1, nodes + 1):
                work.bed.cluster.start_worker(number)
            work.bed.cluster.wait_for_nodes(1 + max(nodes, 2))
            config = work.bed.config(
                "batches",
                [backend("n", work.fake.url)],
                batch={"engine": "ray", "lines_in_flight": IN_FLIGHT},
            )
            work.bed.deploy(config, replicas=nodes)
            wait_until(f"{nodes} serve", lambda n=nodes: len(work.bed.serving()) == n, 240)
            work.bed.deployed(config, replicas=nodes)
            rates[nodes] = rate_of(work, nodes)
            print(f"{nodes} nodes: {rates[nodes]:.0f} lines/s")
    finally:
        for number in (3, 4):
            if pod := work.bed.network.pods.get(f"worker-{number}"):
                work.bed.network.kill(pod)
    print({nodes: round(rate / rates[1], 2) for nodes, rate in rates.items()})
    assert rates[2] >= 1.8 * rates[1]
    assert rates[4] >= 3.4 * rates[1]


def rate_of(work: Work, nodes: int) -> float:
    """Lines a second, once every node is at work."""
    count = 4000 * nodes
    batch = work.make(count, latency_ms=50)
    wait_until("each node has a child", lambda: all(children(work.bed, pod) for pod in
               work.bed.serving()), 60)  # fmt: skip
    work.wait_for_lines(batch, count // 10)
    begun, before = time.monotonic(), work.done(batch)
    work.wait_for_lines(batch, count * 7 // 10)
    rate = (work.done(batch) - before) / (time.monotonic() - begun)
    wait_until("it has ended", lambda: work.get(batch)["status"] == "completed", 120)
    return rate
