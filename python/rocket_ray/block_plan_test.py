import unittest

from rocket_ray.block_plan import AT_WORK, WITH_WAITING, Block, BlockPlan, Hand, Wanted, wanted


def all_of(plan: BlockPlan, at_once: int, **more) -> list[Block]:
    blocks = []
    while block := plan.take(at_once, **more):
        blocks.append(block)
    return blocks


def places(blocks: list[Block]) -> list[int]:
    return [place for block in blocks for place in range(*block)]


class Large(BlockPlan):
    """Whose blocks do not shrink."""

    ROUNDS = 1


class BlockPlanTest(unittest.TestCase):
    def test_every_place_is_given_out_once_and_in_order(self) -> None:
        cases = [
            ([], 4, []),
            ([(0, 1)], 4, []),
            ([(0, 10_000)], 1, []),
            ([(0, 10_000)], 8, [4000, 4001, 9000]),
            ([(0, 10_000)], 8, [10_000]),
            ([(5, 6), (7, 9), (100, 4321)], 3, [6, 8, 2000]),
            ([(5, 6), (7, 9), (100, 4321)], 3, list(range(1, 4321))),
            ([(0, 100_000)], 2, []),
        ]
        for unfinished, at_once, models in cases:
            with self.subTest(unfinished=unfinished, at_once=at_once, models=models[:5]):
                plan = BlockPlan(unfinished, models)
                given = places(all_of(plan, at_once))
                self.assertEqual(given, [place for each in unfinished for place in range(*each)])
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

    def test_a_block_has_one_model_unless_they_have_few_lines_each(self) -> None:
        least = BlockPlan.LEAST
        cases = [
            ("one model", [(0, 100)], [], [(0, 100)]),
            ("two", [(0, 100)], [40], [(0, 40), (40, 100)]),
            ("a few behind many", [(0, 103)], [100], [(0, 100), (100, 103)]),
            ("many behind a few", [(0, 103)], [3], [(0, 3), (3, 103)]),
            ("each line its own", [(0, 100)], list(range(1, 100)), [
                (at, min(at + least, 100)) for at in range(0, 100, least)
            ]),
            ("some are done", [(0, 30), (50, 60), (80, 100)], [20, 70], [
                (0, 20), (20, 30), (50, 60), (80, 100)
            ]),
            ("a model that is done", [(0, 20), (60, 100)], [20, 60], [(0, 20), (60, 100)]),
        ]  # fmt: skip
        for name, unfinished, models, blocks in cases:
            with self.subTest(name):
                self.assertEqual(all_of(Large(unfinished, models), 1), blocks)

    def test_models_that_blocks_wait_for_come_last(self) -> None:
        # Models a, b, c of a hundred lines each.
        waits = Block(0, 16)
        cases = [
            ("nobody waits", Wanted.ANY, [], 0),
            ("the first does", Wanted.ANY, [waits], 100),
            ("two do", Wanted.OTHERS, [waits, Block(150, 160)], 200),
            ("all do", Wanted.ANY, [waits, Block(150, 160), Block(299, 300)], 0),
            ("all do, and it has enough", Wanted.OTHERS, [waits, Block(150, 160), Block(299, 300)],
             None),
            ("it has enough", Wanted.NOTHING, [], None),
        ]  # fmt: skip
        for name, want, waiting, start in cases:
            with self.subTest(name):
                block = BlockPlan([(0, 300)], [100, 200]).take(4, want, waiting)
                self.assertEqual(block and block.start, start)

    def test_a_block_that_comes_back_waits_with_its_model(self) -> None:
        plan = BlockPlan([(0, 200)], [100])
        one, two = plan.take(4), plan.take(4)
        assert one and two
        plan.give_back(one)
        given = all_of(plan, 4, want=Wanted.OTHERS, waiting=[two])
        self.assertEqual(places(given), list(range(100, 200)))
        again = plan.take(4, Wanted.ANY, [two])
        self.assertEqual(again and again.start, one.start)

    def test_a_model_that_refuses_keeps_no_node_from_the_others(self) -> None:
        # Models a, b, c of 5,000 lines each, in that order; blocks of those that answer are done
        # by the next round.
        for refuse, done_in in (("", 30), ("a", 30), ("b", 30), ("ab", 30), ("ac", 30)):
            with self.subTest(refuse=refuse):
                plan = BlockPlan([(0, 15_000)], [5000, 10_000])
                hands = {name: Hand() for name in ("one", "other", "third")}
                done, rounds = 0, 0
                while done < 15_000 - 5000 * len(refuse):
                    rounds += 1
                    self.assertLess(rounds, done_in)
                    plan.deal(hands, list(hands))
                    for hand in hands.values():
                        self.assertLessEqual(len(hand.blocks) - len(hand.waiting), AT_WORK)
                        for block in list(hand.blocks):
                            if "abc"[block.start // 5000] in refuse:
                                hand.waiting = list({*hand.waiting, block})
                            else:
                                hand.drop(block)
                                done += block.stop - block.start
                        self.assertLessEqual(len(hand.blocks), AT_WORK * len(refuse))
                left = plan.left + sum(b.stop - b.start for h in hands.values() for b in h.blocks)
                self.assertEqual(left, 5000 * len(refuse))

    def test_a_node_without_a_gateway_is_given_none(self) -> None:
        hands = {"one": Hand(), "other": Hand()}
        dealt = BlockPlan([(0, 1000)]).deal(hands, ["other"])
        self.assertEqual([name for name, _ in dealt], ["other"] * AT_WORK)
        self.assertEqual(hands["one"].blocks, [])

    def test_blocks_that_wait_take_no_place_but_are_bounded(self) -> None:
        cases = [
            (0, 0, Wanted.ANY),
            (1, 0, Wanted.ANY),
            (1, 1, Wanted.ANY),
            (AT_WORK, 0, Wanted.NOTHING),
            (AT_WORK, 1, Wanted.OTHERS),
            (AT_WORK + 1, 1, Wanted.NOTHING),
            (AT_WORK + 1, 3, Wanted.OTHERS),
            (WITH_WAITING - 1, WITH_WAITING - 1, Wanted.OTHERS),
            (WITH_WAITING, WITH_WAITING, Wanted.NOTHING),
        ]
        for blocks, waiting, want in cases:
            with self.subTest(blocks=blocks, waiting=waiting):
                self.assertEqual(wanted(blocks, waiting), want)


if __name__ == "__main__":
    unittest.main()
