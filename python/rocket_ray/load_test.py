import unittest

from rocket_ray.load import Load, Reading, between, read
from rocket_ray.metrics_text import Sample, samples

TEXT = r"""# HELP rocket_in_flight Attempts going on.
# TYPE rocket_in_flight gauge
rocket_in_flight{backend="a"} 3
rocket_in_flight{backend="b"} 4
rocket_queue_depth{lane="interactive"} 2
rocket_queue_depth{lane="batch"} 50
rocket_queue_wait_seconds_bucket{lane="interactive",le="+Inf"} 9
rocket_queue_wait_seconds_sum{lane="interactive"} 4.5
rocket_queue_wait_seconds_count{lane="interactive"} 9
rocket_queue_wait_seconds_sum{lane="batch"} 1000
rocket_queue_wait_seconds_count{lane="batch"} 10
rocket_loop_busy_seconds_total{loop="0"} 7
rocket_loop_busy_seconds_total{loop="1"} 0.25
process_cpu_seconds_total 100
rocket_tokens_total{backend="a",model="q\"u\\o\nte",direction="in"} 1e+3
not a sample
broken{x="y"} no_number
"""


class MetricsTextTest(unittest.TestCase):
    def test_samples_with_and_without_labels(self) -> None:
        found = list(samples(TEXT))
        self.assertEqual(found[0], Sample("rocket_in_flight", {"backend": "a"}, 3.0))
        self.assertIn(Sample("process_cpu_seconds_total", {}, 100.0), found)
        self.assertEqual(len(found), 13)

    def test_labels_are_unescaped(self) -> None:
        (token,) = [each for each in samples(TEXT) if each.name == "rocket_tokens_total"]
        self.assertEqual(token.labels["model"], 'q"u\\o\nte')
        self.assertEqual(token.value, 1000.0)


class LoadTest(unittest.TestCase):
    def test_a_reading_leaves_batch_work_out(self) -> None:
        self.assertEqual(read(samples(TEXT), at=1.0), Reading(1.0, 9.0, 9.0, 4.5, 7.25, loops=2))

    def test_between_two_readings(self) -> None:
        for loops, utilisation in ((1, 0.5), (2, 0.25)):
            before = Reading(10.0, ongoing=1, waits=10, waited_s=1.0, busy_s=5.0, loops=loops)
            now = Reading(12.0, ongoing=7, waits=14, waited_s=3.0, busy_s=6.0, loops=loops)
            self.assertEqual(between(before, now), Load(7, 0.5, utilisation))

    def test_nobody_has_waited(self) -> None:
        same = Reading(12.0, 7, 10, 1.0, 5.0, 1)
        self.assertEqual(between(Reading(10.0, 1, 10, 1.0, 5.0, 1), same), Load(7, 0.0, 0.0))

    def test_a_gateway_that_waits_for_its_configuration_has_no_loops_yet(self) -> None:
        self.assertEqual(between(Reading(10.0), Reading(12.0)), Load())

    def test_a_first_reading_and_one_of_a_new_process_say_nothing_of_rates(self) -> None:
        now = Reading(12.0, 7, 4, 1.0, 0.5, 1)
        self.assertEqual(between(None, now), Load(7))
        self.assertEqual(between(Reading(10.0, 1, 2, 1.0, 5.0, 1), now), Load(7))
        self.assertEqual(between(Reading(10.0, 1, 9, 1.0, 0.1, 1), now), Load(7))
