import unittest

from rocket_ray.batch_jobs import Forget, Job, Nodes, Submit, decide, next_at

A = "batch_" + "a" * 32
B = "batch_" + "b" * 32
C = "batch_" + "c" * 32


NODES = Nodes(frozenset({"head"}), head_since=145.0)


def running(submission_id: str, node: str = "head") -> Job:
    return Job(submission_id, "RUNNING", 150.0, node=node)


def failed(number: int, *, lived: float = 1.0, ended: float = 100.0, batch: str = A) -> Job:
    return Job(f"{batch}-{number}", "FAILED", ended - lived, ended)


class DecideTest(unittest.TestCase):
    def test_each_batch_has_one_job(self) -> None:
        cases = [
            ("nothing to do", [], [], []),
            ("a new batch", [A], [], [Submit(A, 1)]),
            ("two", [A, B], [], [Submit(A, 1), Submit(B, 1)]),
            ("more than may be", [A, B, C], [], [Submit(A, 1), Submit(B, 1)]),
            ("it has one", [A], [Job(f"{A}-1", "PENDING", 150.0)], []),
            ("the old head had it", [A], [Job(f"{A}-1", "PENDING", 140.0)], [Submit(A, 2)]),
            ("it runs", [A], [failed(1), running(f"{A}-2")], []),
            ("it ran on a node that has gone", [A], [running(f"{A}-1", "x")], [Submit(A, 2)]),
            ("the next one runs", [A], [running(f"{A}-1", "x"), running(f"{A}-2")], []),
            ("lost jobs leave room", [A, B, C], [running(f"{B}-1", "x"), running(f"{C}-1", "x")],
             [Submit(A, 1), Submit(B, 2)]),
            ("the oldest come first", [A, B, C], [running(f"{A}-1")], [Submit(B, 1)]),
            ("it has failed", [A], [failed(1)], [Submit(A, 2)]),
            ("it was stopped", [A], [Job(f"{A}-1", "STOPPED", 50.0, 60.0)], [Submit(A, 2)]),
            ("done, but lines are left", [A], [Job(f"{A}-7", "SUCCEEDED", 1.0, 90.0)],
             [Submit(A, 8)]),
            ("just failed", [A], [failed(1, ended=199.5)], []),
            ("others' jobs do not count", [A], [running("mine"), running(f"{A}-0")],
             [Submit(A, 1)]),
            ("a live job of an ended batch counts", [A, B], [running(f"{C}-1")], [Submit(A, 1)]),
        ]  # fmt: skip
        for name, batches, jobs, wanted in cases:
            with self.subTest(name):
                self.assertEqual(decide(batches, jobs, NODES, 200.0, 2), wanted)

    def test_what_has_ended_is_forgotten_later(self) -> None:
        jobs = [failed(1, ended=100.0), failed(1, ended=100.0, batch=B), running(f"{C}-1")]
        self.assertEqual(decide([A], jobs, NODES, 3700.0, 0), [])
        self.assertEqual(decide([A], jobs, NODES, 3701.0, 0), [Forget(f"{B}-1")])

    def test_a_job_that_ends_soon_is_given_ever_more_time(self) -> None:
        cases = [
            ([failed(1, lived=100)], 100.0),
            ([failed(1)], 101.0),
            ([failed(1), failed(2)], 102.0),
            ([failed(1), failed(2), failed(3)], 104.0),
            ([failed(number) for number in range(1, 9)], 110.0),
            ([failed(1), failed(2, lived=40), failed(3)], 101.0),
        ]
        for jobs, wanted in cases:
            numbered = {number: job for number, job in enumerate(jobs, 1)}
            self.assertEqual(next_at(numbered), wanted, jobs)

    def test_nothing_of_a_request_gets_into_a_command(self) -> None:
        self.assertEqual(Submit(A, 3).entrypoint, f"python -m rocket_ray.batch_job {A} 3")
        for bad in ("batch_1; rm -rf /", f"{A} x", "batch_", "../" + A, A.upper()):
            with self.assertRaises(ValueError):
                print(Submit(bad, 1).entrypoint)


if __name__ == "__main__":
    unittest.main()
