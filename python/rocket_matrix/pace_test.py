"""When edits may go, and questions."""

import unittest

from rocket_matrix.pace import GAP_MAX, Allowance, Pace


class Edits(unittest.TestCase):
    def test_about_one_a_second(self) -> None:
        pace, now, sent = Pace(1.0), 100.0, []
        while now < 110:
            if pace.wait(now) == 0:
                pace.sent(now)
                sent.append(round(now - 100, 2))
            now += 0.01
        self.assertEqual(sent[:2], [0.0, 0.5])
        for before, after in zip(sent[1:], sent[2:]):
            self.assertAlmostEqual(after - before, 1.0, delta=0.02)

    def test_too_fast_is_obeyed(self) -> None:
        pace = Pace(1.0)
        pace.sent(0)
        pace.limited(0.5, 4.0)
        self.assertEqual(pace.wait(0.5), 4.0)
        self.assertEqual(pace.wait(4.5), 0.0)
        pace.sent(4.5)
        self.assertGreater(pace.wait(4.5), 3.0)

    def test_it_becomes_faster_again_and_never_stands_still(self) -> None:
        pace, now = Pace(1.0), 0.0
        for _ in range(20):
            pace.limited(now, 0.1)
        self.assertLessEqual(pace.wait(now), GAP_MAX)
        for _ in range(60):
            now += pace.wait(now)
            pace.sent(now)
        self.assertAlmostEqual(pace.wait(now), 1.0)


class Questions(unittest.TestCase):
    def test_bounded_per_person(self) -> None:
        allowance = Allowance(6)
        self.assertEqual([allowance.take("a", 0) for _ in range(6)], [0.0] * 6)
        self.assertAlmostEqual(allowance.take("a", 0), 10.0)
        self.assertEqual(allowance.take("b", 0), 0.0)
        self.assertAlmostEqual(allowance.take("a", 4), 6.0)
        self.assertEqual(allowance.take("a", 10), 0.0)
        self.assertGreater(allowance.take("a", 10), 0.0)

    def test_nobody_is_remembered_for_ever(self) -> None:
        allowance = Allowance(6)
        for index in range(5000):
            allowance.take(f"@{index}:here", float(index))
        self.assertLess(len(allowance._left), 1100)


if __name__ == "__main__":
    unittest.main()
