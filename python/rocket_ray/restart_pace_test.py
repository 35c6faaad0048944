import unittest

from rocket_ray.restart_pace import FIRST_PAUSE_S, LONGEST_PAUSE_S, SOUND_S, RestartPace


class RestartPaceTest(unittest.TestCase):
    def test_a_sound_life_costs_no_pause_however_often(self) -> None:
        pace = RestartPace()
        self.assertEqual([pace.pause_after(SOUND_S) for _ in range(3)], [0, 0, 0])

    def test_early_deaths_double_the_pause_up_to_the_longest(self) -> None:
        pace = RestartPace()
        pauses = [pace.pause_after(0.1) for _ in range(12)]
        self.assertEqual(pauses[:4], [0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S])
        self.assertEqual(pauses, sorted(pauses))
        self.assertEqual(pauses[-1], LONGEST_PAUSE_S)

    def test_it_stays_at_the_longest(self) -> None:
        pace = RestartPace(early_deaths=10_000)
        self.assertEqual(pace.pause_after(0), LONGEST_PAUSE_S)

    def test_a_sound_life_begins_anew(self) -> None:
        pace = RestartPace()
        for _ in range(6):
            pace.pause_after(0.1)
        self.assertEqual(pace.pause_after(SOUND_S), 0)
        self.assertEqual([pace.pause_after(0.1), pace.pause_after(0.1)], [0, FIRST_PAUSE_S])
