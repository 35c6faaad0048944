"""What is lost, and what goes on meanwhile: the drills of docs/operations.md on emulated nodes,
under load from outside."""

import shutil
import time

import pytest

from harness import batches
from harness.emulated_bed import EmulatedBed
from harness.operations import command
from harness.traffic import Traffic
from harness.uploads import PATH, uploaded
from harness.waiting import wait_until
from harness.wire import Answer

pytestmark = pytest.mark.cluster

DISASTERS = "## Disaster recovery"


def processes(bed: EmulatedBed) -> dict[str, tuple[int | None, int | None]]:
    """Of each node, the replica and its gateway."""
    return {pod.name: (bed.replica_pid(pod), bed.gateway_pid(pod)) for pod in bed.worker_pods()}


def goes_on(traffic: Traffic, count: int = 200) -> None:
    wanted = traffic.answered() + count
    wait_until("the gateways go on", lambda: traffic.answered() >= wanted, 60)


def in_charge(bed: EmulatedBed, seconds: float = 240) -> None:
    """The head says that the application runs. Pods that have ended are started again."""

    def runs() -> bool:
        bed.cluster.restart_ended()
        return bed.cluster.application().get("status") == "RUNNING"

    wait_until("the head is in charge", runs, seconds)


class Client:
    """What harness.batches and harness.uploads take for a gateway: the first worker's."""

    def __init__(self, bed: EmulatedBed):
        self._bed = bed

    def call(self, method: str, path: str, body=None, headers=None, **_) -> Answer:
        return self._bed.call(self._bed.pod("worker-1"), method, path, body, headers)


def client_of(bed: EmulatedBed) -> Client:
    """Once both gateways have a store: on an empty one they make its tables, which one of them has
    to try again."""
    for name in ("worker-1", "worker-2"):
        wait_until(
            "there is a store",
            lambda name=name: bed.call(bed.pod(name), "GET", PATH).status == 200,
            30,
        )
    return Client(bed)


def test_the_head_is_lost(prod: EmulatedBed) -> None:
    before = processes(prod)
    with prod.traffic() as traffic:
        at = time.monotonic()
        prod.emulated.kill_pod("head")
        goes_on(traffic)
        prod.bring_back("head")
        in_charge(prod)
        print(f"head lost: in charge after {time.monotonic() - at:.1f} s")
        goes_on(traffic)
    assert traffic.failed() == [] and traffic.unready == 0
    assert processes(prod) == before


def test_redis_is_lost_and_back_with_its_file(prod: EmulatedBed) -> None:
    before = processes(prod)
    with prod.traffic() as traffic:
        at = time.monotonic()
        prod.emulated.kill_pod("redis")
        goes_on(traffic, 400)
        survived = prod.pod("head").running()
        prod.bring_back("redis")
        in_charge(prod)
        print(f"Redis lost: in charge after {time.monotonic() - at:.1f} s; the head {survived=}")
        goes_on(traffic)
        # What it has kept is what a new head reads.
        prod.emulated.kill_pod("head")
        prod.bring_back("head")
        in_charge(prod)
        goes_on(traffic)
    assert traffic.failed() == [] and traffic.unready == 0
    assert processes(prod) == before


def test_redis_is_lost_with_its_volume(prod: EmulatedBed) -> None:
    """The application comes up anew, and the operator deploys it again."""
    with prod.traffic() as traffic:
        at = time.monotonic()
        prod.emulated.kill_pod("redis")
        shutil.rmtree(prod.emulated.volumes.folder / "redis-data")
        (prod.emulated.volumes.folder / "redis-data").mkdir()
        prod.bring_back("redis")
        goes_on(traffic)
        prod.emulated.kill_pod("head")
        prod.bring_back("head")
        prod.cluster.wait_for_head()
        prod.cluster.wait_for_nodes(1 + prod.workers)
        prod.emulated.deploy()
        in_charge(prod)
        wait_until("all answer", lambda: prod.everywhere(prod.answers), 60)
        seconds = time.monotonic() - at
        goes_on(traffic)
    print(f"Redis' volume lost: served again by all after {seconds:.1f} s; "
          f"{len(traffic.failed())} failed, {traffic.unready} found nobody")  # fmt: skip


def test_postgres_is_lost_and_back(prod: EmulatedBed) -> None:
    client = client_of(prod)
    file = uploaded(client, b"kept", filename="kept.jsonl")
    with prod.traffic() as traffic:
        prod.emulated.kill_pod("postgres")
        answer = wait_until("it is told", lambda: unavailable(client), 30)
        assert answer.json()["error"]["code"] == "store_unavailable" and answer.header(
            "retry-after"
        )
        goes_on(traffic)
        prod.bring_back("postgres")
        wait_until("files are back", lambda: content(client, file["id"]) == b"kept", 60)
    assert traffic.failed() == []


def unavailable(client: Client) -> Answer | None:
    answer = client.call("GET", PATH)
    return answer if answer.status == 503 else None


def content(client: Client, file: str) -> bytes:
    answer = client.call("GET", f"{PATH}/{file}/content")
    return answer.body if answer.status == 200 else b""


def test_the_store_is_lost_with_its_volumes_and_restored(prod: EmulatedBed) -> None:
    """By the commands of the page."""
    client = client_of(prod)
    file = uploaded(client, b"kept", filename="kept.jsonl")
    batch = batches.wait_ended(client, batches.make(client, batches.lines(5)))
    dump = prod.execute("postgres", *command(DISASTERS, "pg_dump"))
    files = prod.emulated.volumes.folder / "rocket-files"

    def tar(start: str) -> list[str]:
        words = command(DISASTERS, f"tar -C /var/lib/rocket/files {start}")
        return [str(files) if word == "/var/lib/rocket/files" else word for word in words]

    kept = prod.execute("worker-1", *tar("-cf"))
    with prod.traffic() as traffic:
        prod.emulated.kill_pod("postgres")
        for volume in (files, prod.emulated.volumes.folder / "postgres-data"):
            for each in volume.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        goes_on(traffic)
        prod.bring_back("postgres")
        wait_until("there is a store", lambda: client.call("GET", PATH).status == 200, 60)
        assert client.call("GET", f"{PATH}/{file['id']}").status == 404
        prod.execute("postgres", *command(DISASTERS, "pg_restore"), given=dump)
        prod.execute("worker-1", *tar("--skip-old-files"), given=kept)
        wait_until("the file is back", lambda: content(client, file["id"]) == b"kept", 30)
        found = batches.get(client, batch["id"])
        assert found["request_counts"]["completed"] == 5
        assert len(batches.results(client, found["output_file_id"])) == 5
        goes_on(traffic)
    assert traffic.failed() == []


def test_a_node_is_lost_with_what_ran_there(prod: EmulatedBed) -> None:
    """A gateway, and both stores."""
    lost = prod.emulated.address("worker-2")
    client = client_of(prod)
    file = uploaded(client, b"kept", filename="kept.jsonl")
    with prod.traffic() as traffic:
        at = time.monotonic()
        for name in ("worker-2", "redis", "postgres"):
            prod.emulated.kill_pod(name)
        goes_on(traffic)
        prod.bring_back("redis", "postgres", "worker-2")
        prod.cluster.wait_for_head()
        wait_until("it answers again", lambda: back(prod, traffic, lost, at), 180)
        in_charge(prod)
        print(f"node lost: answers again after {time.monotonic() - at:.1f} s")
        assert content(client, file["id"]) == b"kept"
    assert traffic.failed(lost) == []
    # Those that it had, and those that came before anybody knew.
    assert all(each.ended - at < 5 for each in traffic.failed())


def back(bed: EmulatedBed, traffic: Traffic, address: str, since: float) -> bool:
    bed.cluster.restart_ended()
    return traffic.answered(address, since) > 5


def test_without_redis_a_lost_head_takes_the_gateways_along(beds) -> None:
    """dev and staging: for how long they serve, and when they are back."""
    dev = beds.get("dev")
    with dev.traffic() as traffic:
        at = time.monotonic()
        dev.emulated.kill_pod("head")
        goes_on(traffic)
        dev.bring_back("head")
        wait_until("the head is back", lambda: up_again(dev), 180)
        wait_until("it knows all nodes", lambda: new_nodes(dev), 180)
        dev.emulated.deploy()
        in_charge(dev)
        wait_until("all answer", lambda: dev.everywhere(dev.answers), 60)
        seconds = time.monotonic() - at
    quiet = longest_silence(traffic)
    print(
        f"head lost without Redis: all answer after {seconds:.1f} s, {quiet:.1f} s without answer"
    )


def up_again(bed: EmulatedBed) -> bool:
    bed.cluster.restart_ended()
    return bed.cluster.call("GET", "/api/version")[0] == 200


def new_nodes(bed: EmulatedBed) -> bool:
    bed.cluster.restart_ended()
    return len(bed.cluster.nodes()) == 1 + bed.workers


def longest_silence(traffic: Traffic) -> float:
    ends = sorted(each.ended for each in traffic.outcomes if not each.fault)
    return max(late - early for early, late in zip(ends, ends[1:], strict=False))
