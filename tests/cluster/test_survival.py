"""What the gateway on Ray survives, under load from outside: whoever is not hit loses nothing."""

import os
import signal
import time

import pytest

from dev.pods import Pod
from harness.ray_bed import RayBed
from harness.traffic import Outcome, Traffic
from harness.waiting import wait_until

pytestmark = pytest.mark.cluster


def traffic_on(bed: RayBed, **more) -> Traffic:
    return Traffic(bed.network.lan, bed.addresses(), **more)


def kill(pid: int | None, number: signal.Signals = signal.SIGKILL) -> float:
    """When it was."""
    assert pid is not None
    os.kill(pid, number)
    return time.monotonic()


def wait_for_answer_of(
    bed: RayBed, traffic: Traffic, pod: Pod, since: float, seconds: float
) -> float:
    """Seconds from `since` until the pod has answered a request that began after it."""

    def answers() -> bool:
        bed.cluster.restart_ended()
        return traffic.answered(pod.address, since) > 0 and bed.answers(pod)

    wait_until(f"{pod.name} answers again", answers, seconds)
    return time.monotonic() - since


def span(failed: list[Outcome]) -> str:
    if not failed:
        return "0 failed"
    first, last = min(each.began for each in failed), max(each.ended for each in failed)
    return f"{len(failed)} failed within {last - first:.2f} s"


def test_a_killed_gateway_is_back_at_once(bed: RayBed) -> None:
    pod, other = bed.serving()
    replica = bed.replica_pid(pod)
    with traffic_on(bed) as traffic:
        before = bed.gateway_pid(pod)
        at = kill(before)
        wait_until("another one has come", lambda: bed.gateway_pid(pod) not in (None, before), 5)
        seconds = wait_for_answer_of(bed, traffic, pod, at, 5)
        count = traffic.answered(other.address)
        wait_until("more answers", lambda: traffic.answered(other.address) > count + 50)
    print(f"gateway kill -9: answers after {seconds:.2f} s; {span(traffic.failed())}")
    assert traffic.failed(pod.address) == []
    # Those that it had, and those that found nobody in the moment in between.
    hit = [each.ended - at for each in traffic.failed()]
    assert not hit or max(hit) < 1.0, hit
    assert bed.replica_pid(pod) == replica, "Serve has nothing to do with it"


def test_a_stopped_gateway_is_replaced(bed: RayBed) -> None:
    pod, _ = bed.serving()
    replica, before = bed.replica_pid(pod), bed.gateway_pid(pod)
    with traffic_on(bed, clients=8) as traffic:
        at = kill(before, signal.SIGSTOP)
        wait_until("another one has come", lambda: bed.gateway_pid(pod) not in (None, before), 10)
        seconds = wait_for_answer_of(bed, traffic, pod, at, 10)
    print(f"gateway SIGSTOP: answers after {seconds:.2f} s; {span(traffic.failed())}")
    assert traffic.failed(pod.address) == []
    assert bed.replica_pid(pod) == replica


def test_a_killed_replica_takes_its_gateway_along_and_is_replaced(bed: RayBed) -> None:
    pod, _ = bed.serving()
    replica, gateway = bed.replica_pid(pod), bed.gateway_pid(pod)
    with traffic_on(bed) as traffic:
        at = kill(replica)
        wait_until("its gateway has ended", lambda: gateway not in pod.processes(), 5)
        wait_until("another one has come", lambda: bed.gateway_pid(pod) is not None, 90)
        seconds = wait_for_answer_of(bed, traffic, pod, at, 90)
    print(f"replica kill -9: answers after {seconds:.2f} s; {span(traffic.failed())}")
    assert traffic.failed(pod.address) == []
    assert bed.replica_pid(pod) != replica


def test_a_rolling_update_loses_nothing(bed: RayBed) -> None:
    replicas = {pod.name: bed.replica_pid(pod) for pod in bed.serving()}
    with traffic_on(bed) as traffic:
        start = time.monotonic()
        # Another argument: replicas are replaced, one after the other.
        bed.deploy(arguments={"environment": ["SOMETHING"]})
        wait_until(
            "both are new",
            lambda: (
                len(bed.serving()) == 2
                and all(bed.replica_pid(pod) != replicas[pod.name] for pod in bed.serving())
            ),
            240,
        )
        bed.cluster.wait_until_running()
        for pod in bed.serving():
            wait_for_answer_of(bed, traffic, pod, time.monotonic(), 30)
        seconds = time.monotonic() - start
    print(f"rolling update of 2: {seconds:.1f} s; {span(traffic.failed())}")
    assert traffic.failed() == []
    assert traffic.unready == 0


def test_a_deleted_pod_finishes_what_it_has(bed: RayBed) -> None:
    """As Kubernetes does it: SIGTERM to process 1, and time."""
    pod, other = bed.serving()
    with traffic_on(bed) as traffic:
        seconds = bed.network.terminate(pod, 60)
        count = traffic.answered(other.address)
        wait_until("more answers", lambda: traffic.answered(other.address) > count + 50)
        print(f"pod deleted: gone after {seconds:.1f} s; {span(traffic.failed())}")
        assert traffic.failed() == []
        start = time.monotonic()
        again = bed.cluster.start_worker(1 if pod.name == "worker-1" else 2)
        seconds = wait_for_answer_of(bed, traffic, again, start, 240)
    print(f"pod started: answers after {seconds:.1f} s")
    assert traffic.failed() == []


def test_a_dead_node_is_replaced(bed: RayBed) -> None:
    pod, other = bed.serving()
    with traffic_on(bed) as traffic:
        at = time.monotonic()
        bed.network.kill(pod)
        count = traffic.answered(other.address)
        wait_until(
            "the other one goes on", lambda: traffic.answered(other.address) > count + 200, 30
        )
        again = bed.cluster.start_worker(1 if pod.name == "worker-1" else 2)
        seconds = wait_for_answer_of(bed, traffic, again, at, 240)
    print(f"node killed and started again: answers after {seconds:.1f} s; {span(traffic.failed())}")
    assert traffic.failed(pod.address) == []


def test_a_dead_head_is_not_missed(bed: RayBed) -> None:
    """With Redis as its store: no request is lost, and the same replicas go on."""
    environment = bed.require_redis()
    replicas = {pod.name: bed.replica_pid(pod) for pod in bed.serving()}
    gateways = {pod.name: bed.gateway_pid(pod) for pod in bed.serving()}
    with traffic_on(bed) as traffic:
        at = time.monotonic()
        bed.network.kill(bed.network.pods["head"])
        count = traffic.answered()
        wait_until("gateways go on without it", lambda: traffic.answered() > count + 200, 30)
        bed.cluster.start_head(environment)
        bed.cluster.wait_for_head()
        bed.cluster.wait_until_running(seconds=240)
        seconds = time.monotonic() - at
        bed.deployed(bed.config("after"))
    print(
        f"head killed and started again: in charge after {seconds:.1f} s; {span(traffic.failed())}"
    )
    assert traffic.failed() == []
    assert {pod.name: bed.replica_pid(pod) for pod in bed.serving()} == replicas
    assert {pod.name: bed.gateway_pid(pod) for pod in bed.serving()} == gateways


@pytest.mark.parametrize("streams", [30])
def test_it_scales_with_what_gateways_have_to_do_and_back(bed: RayBed, streams: int) -> None:
    """30 requests at once want six replicas of five each: three are allowed, and as many nodes are
    there."""
    slow = {"model": "m", "messages": [{"role": "user", "content": "Hello"}],
            "fake": {"tokens": 30, "event_delay_ms": 50}, "stream": True}  # fmt: skip
    third = bed.cluster.start_worker(3)
    try:
        bed.cluster.wait_for_nodes(4)
        bed.deploy(replicas=(1, 3))
        wait_until("one is left", lambda: len(bed.serving()) == 1, 180)
        with traffic_on(bed, clients=2) as few:
            start = time.monotonic()
            with traffic_on(bed, clients=streams, body=slow) as many:
                wait_until("three serve", lambda: len(bed.serving()) == 3, 180)
                up = time.monotonic() - start
                wait_until("each is sent requests", lambda: len(many.ready()) == 3, 90)
                count = many.answered(third.address) + few.answered(third.address)
                wait_until(
                    "the third answers",
                    lambda: many.answered(third.address) + few.answered(third.address) > count,
                    60,
                )
            start = time.monotonic()
            wait_until("one is left again", lambda: len(bed.serving()) == 1, 240)
            down = time.monotonic() - start
        print(f"1 to 3 replicas in {up:.1f} s, back in {down:.1f} s; {span(few.failed())}")
        assert few.failed() == [] and many.failed() == []
    finally:
        bed.deploy()
        bed.network.kill(third)
