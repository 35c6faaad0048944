import unittest

from rocket_ray.block_plan import Block, BlockPlan


def all_of(plan: BlockPlan, at_once: int) -> list[Block]:
    blocks = []
    while block := plan.take(at_once):
        blocks.append(block)
    return blocks


class BlockPlanTest(unittest.TestCase):
    def test_every_place_is_given_out_once_and_in_order(self) -> None:
        cases = [
            ([], 4),
            ([(0, 1)], 4),
            ([(0, 10_000)], 1),
            ([(0, 10_000)], 8),
            ([(5, 6), (7, 9), (100, 4321)], 3),
            ([(0, 100_000)], 2),
        ]
        for unfinished, at_once in cases:
            with self.subTest(unfinished=unfinished, at_once=at_once):
                plan = BlockPlan(unfinished)
                given = [place for block in all_of(plan, at_once) for place in range(*block)]
                wanted = [place for each in unfinished for place in range(*each)]
                self.assertEqual(given, wanted)
                self.assertEqual(plan.left, 0)

    def test_blocks_have_bounds_and_shrink(self) -> None:
        sizes = [block.stop - block.start for block in all_of(BlockPlan([(0, 20_000)]), 4)]
        self.assertLessEqual(max(sizes), BlockPlan.MOST)
        self.assertGreaterEqual(min(sizes[:-1]), BlockPlan.LEAST)
        self.assertEqual(sizes[:-1], sorted(sizes[:-1], reverse=True))
        self.assertEqual(sizes[0], BlockPlan.MOST)
        self.assertLessEqual(sizes[-2], BlockPlan.LEAST)

    def test_a_small_batch_goes_to_more_than_one(self) -> None:
        self.assertGreaterEqual(len(all_of(BlockPlan([(0, 64)]), 4)), 4)

    def test_what_comes_back_is_given_out_next(self) -> None:
        plan = BlockPlan([(0, 100)])
        first = plan.take(2)
        second = plan.take(2)
        assert first and second
        plan.give_back(first)
        self.assertEqual(plan.left, 100 - (second.stop - second.start))
        again = plan.take(2)
        assert again
        self.assertEqual(again.start, first.start)
        self.assertLessEqual(again.stop, first.stop)


if __name__ == "__main__":
    unittest.main()
