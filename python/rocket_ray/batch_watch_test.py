import logging
import unittest

from rocket_ray.batch_jobs import Job, Nodes
from rocket_ray.batch_watch import BatchWatch
from rocket_ray.jobs_client import RayAway

A = "batch_" + "a" * 32


class Gateway:
    def __init__(self) -> None:
        self.batches: dict[str, str] = {}  # with the cluster whose driver has the job
        self.told: list[bool] = []

    def batches_to_share_out(self, cluster: str) -> list[str]:
        return [batch for batch, owner in self.batches.items() if owner in ("", cluster)]

    def tell_ray(self, there: bool) -> None:
        self.told.append(there)


class Ray:
    def __init__(self) -> None:
        self.there = True
        self.known: dict[str, Job] = {}
        self.alive = {"head"}
        self.nodes_asked = 0
        self.asked = 0

    def _check(self) -> None:
        self.asked += 1
        if not self.there:
            raise RayAway("refused")

    def version(self) -> str:
        self._check()
        return "2.60.0"

    def jobs(self) -> list[Job]:
        self._check()
        return list(self.known.values())

    def nodes(self) -> Nodes:
        self._check()
        self.nodes_asked += 1
        return Nodes(frozenset(self.alive))

    def submit(self, submission_id: str, entrypoint: str) -> bool:
        self._check()
        if submission_id in self.known:
            return False
        self.known[submission_id] = Job(submission_id, "PENDING", 1000.0)
        return True

    def forget(self, submission_id: str) -> None:
        self._check()
        del self.known[submission_id]


class BatchWatchTest(unittest.TestCase):
    def setUp(self) -> None:
        self.gateway, self.ray = Gateway(), Ray()
        self.watch = BatchWatch(self.gateway, self.ray, "here", 2, logging.getLogger("test"))
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def test_without_batches_ray_is_greeted_now_and_then(self) -> None:
        for now in range(10):
            self.watch.look(now, 1000.0 + now)
        self.assertEqual(self.ray.asked, 4)
        self.assertEqual(self.gateway.told, [True] * 4)

    def test_a_batch_gets_a_job_and_another_when_that_has_ended(self) -> None:
        self.gateway.batches = {A: ""}
        for now in range(5):
            self.watch.look(now, 1000.0 + now)
        self.assertEqual(list(self.ray.known), [f"{A}-1"])
        self.ray.known[f"{A}-1"] = Job(f"{A}-1", "FAILED", 900.0, 1005.0)
        self.watch.look(5, 1005.0)
        self.assertEqual(list(self.ray.known), [f"{A}-1", f"{A}-2"])

    def test_what_another_cluster_has_in_hand_is_left_to_it(self) -> None:
        self.gateway.batches = {A: "there"}
        self.watch.look(0, 1000.0)
        self.assertEqual(self.ray.known, {})
        self.gateway.batches = {A: ""}
        self.watch.look(1, 1001.0)
        self.assertEqual(list(self.ray.known), [f"{A}-1"])
        self.gateway.batches = {A: "here"}
        self.ray.known[f"{A}-1"] = Job(f"{A}-1", "FAILED", 900.0, 1001.0)
        self.watch.look(2, 1002.0)
        self.assertEqual(list(self.ray.known), [f"{A}-1", f"{A}-2"], "its own is not waited for")

    def test_while_ray_is_away_the_gateway_is_told_and_it_goes_on_afterwards(self) -> None:
        self.gateway.batches = {A: ""}
        self.ray.there = False
        for now in range(3):
            self.watch.look(now, 1000.0 + now)
        self.assertEqual(self.gateway.told, [False] * 3)
        self.ray.there = True
        self.watch.look(3, 1003.0)
        self.assertEqual(self.gateway.told[-1], True)
        self.assertEqual(list(self.ray.known), [f"{A}-1"])

    def test_a_job_that_its_head_has_taken_along_is_followed_by_another(self) -> None:
        self.gateway.batches = {A: ""}
        self.ray.known[f"{A}-1"] = Job(f"{A}-1", "RUNNING", 900.0, node="head")
        for now in range(4):
            self.watch.look(now, 1000.0 + now)
        self.assertEqual((list(self.ray.known), self.ray.nodes_asked), ([f"{A}-1"], 1))
        self.ray.alive = {"next head"}
        for now in range(4, 7):
            self.watch.look(now, 1000.0 + now)
        self.assertEqual(list(self.ray.known), [f"{A}-1", f"{A}-2"])
        # A node that it has not heard of yet is asked for at once.
        self.ray.known[f"{A}-2"] = Job(f"{A}-2", "RUNNING", 1006.0, node="a new one")
        self.ray.alive = {"next head", "a new one"}
        self.watch.look(7, 1007.0)
        self.assertEqual(list(self.ray.known), [f"{A}-1", f"{A}-2"])

    def test_of_two_watches_one_is_the_first(self) -> None:
        other = BatchWatch(self.gateway, self.ray, "here", 2, logging.getLogger("test"))
        self.gateway.batches = {A: ""}
        self.watch.look(0, 1000.0)
        self.ray.known[f"{A}-1"] = Job(f"{A}-1", "FAILED", 900.0, 1000.0)
        self.watch.look(1, 1001.0)
        other.look(1, 1001.0)
        self.assertEqual(list(self.ray.known), [f"{A}-1", f"{A}-2"])


if __name__ == "__main__":
    unittest.main()
