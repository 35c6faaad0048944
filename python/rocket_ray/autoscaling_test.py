import unittest
from types import SimpleNamespace

from rocket_ray.autoscaling import loads, policy, wanted
from rocket_ray.load import Load


def each(*ongoing: float, wait: float = 0.0, utilisation: float = 0.0) -> list[Load]:
    return [Load(one, wait, utilisation) for one in ongoing]


CASES = [
    # name, current, loads, target, wanted
    ("as many as the target says", 2, each(5, 5), 5, 2),
    ("nobody asks", 3, each(0, 0, 0), 5, 1),
    ("never none", 1, each(0), 5, 1),
    ("twice as many requests", 2, each(10, 10), 5, 4),
    ("a part of a replica is a replica", 2, each(8, 4), 5, 3),
    ("one has it all", 2, each(20, 0), 5, 4),
    ("a little more is left alone", 2, each(5.4, 5.4), 5, 2),
    ("a little less is left alone", 4, each(4.8, 4.8, 4.8, 4.8), 5, 4),
    ("half of the requests", 4, each(2, 2, 2, 2), 5, 2),
    ("busy loops with few requests", 1, each(1, utilisation=0.9), 5, 2),
    ("busy loops keep what is there", 2, each(1, 1, utilisation=0.6), 5, 2),
    ("idle loops do not", 2, each(1, 1, utilisation=0.1), 5, 1),
    ("people wait", 2, each(5, 5, wait=1.5), 5, 3),
    ("people wait a little", 2, each(5, 5, wait=0.5), 5, 2),
    ("people wait where few requests are", 3, each(1, 1, 1, wait=2.0), 5, 4),
    ("many requests say more than a wait", 1, each(30, wait=2.0), 5, 6),
    ("one has not told yet: none goes", 3, each(1, 1), 5, 3),
    ("one has not told yet: more may come", 2, each(30), 5, 6),
    ("nobody has told", 2, [], 5, 2),
    ("there is none", 0, [], 5, 0),
    ("a target of nothing", 1, each(1), 0, 1000),
]


class WantedTest(unittest.TestCase):
    def test_cases(self) -> None:
        for name, current, told, target, expected in CASES:
            with self.subTest(name):
                self.assertEqual(wanted(current, told, target), expected)


class PolicyTest(unittest.TestCase):
    """What Serve hands over, as its AutoscalingContext has it."""

    def context(self, metrics, current: int = 2) -> SimpleNamespace:
        return SimpleNamespace(
            config=SimpleNamespace(get_target_ongoing_requests=lambda: 5),
            current_num_replicas=current,
            aggregated_metrics=metrics,
        )

    def test_it_decides_by_what_replicas_told(self) -> None:
        told = {"ongoing": {"a": 10.0, "b": 9.0}, "queue_wait_s": {}, "utilisation": {"a": 0.1}}
        self.assertEqual(policy(self.context(told)), (4, {}))

    def test_without_figures_all_stays(self) -> None:
        for nothing in (None, {}, {"ongoing": {}}):
            with self.subTest(nothing):
                self.assertEqual(policy(self.context(nothing)), (2, {}))

    def test_figures_by_replica(self) -> None:
        told = {
            "ongoing": {"a": 1.0, "b": 2.0},
            "utilisation": {"b": 0.5},
            "queue_wait_s": {"a": 3.0},
        }
        self.assertEqual(loads(told), [Load(1.0, 3.0, 0.0), Load(2.0, 0.0, 0.5)])


if __name__ == "__main__":
    unittest.main()
