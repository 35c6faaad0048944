"""Which blocks of a batch are given out next, and to whom. Pure: no clock, no Ray."""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Block(NamedTuple):
    """Places in the batch's order of asking, from `start` on, without `stop`."""

    start: int
    stop: int


@dataclass
class Hand:
    """The blocks that a node has, and which of these wait for their models."""

    blocks: list[Block] = field(default_factory=list)
    waiting: list[Block] = field(default_factory=list)

    def drop(self, block: Block) -> None:
        """It is done, or comes back."""
        self.blocks.remove(block)
        self.waiting = [each for each in self.waiting if each != block]


class Wanted(Enum):
    """What a node is given: a block of whatever model comes next; one only of a model that no
    block waits for; none."""

    ANY = "any"
    OTHERS = "others"
    NOTHING = "nothing"


# Blocks of one node at once that do not wait: while one comes to its end the next is under way.
AT_WORK = 2
# And together with those that wait for their model: each of them is a child.
WITH_WAITING = 8


def wanted(blocks: int, waiting: int) -> Wanted:
    """Of a node that has so many, of which so many wait: they take no place from other models, but
    more of what waits would only wait as well."""
    if blocks < AT_WORK:
        return Wanted.ANY
    if blocks - waiting < AT_WORK and blocks < WITH_WAITING:
        return Wanted.OTHERS
    return Wanted.NOTHING


class BlockPlan:
    """The places that have no result yet, in order. A block has lines of one model, or of several
    that have few each, so that a model which is throttled is waited for by its own blocks alone.
    Blocks shrink as the places become few, so that all workers are done at about the same time;
    what comes back is given out again first.

    `models`: the places at which the lines of another model begin, in order."""

    LEAST = 16
    MOST = 1000
    # So many blocks there would be for each one that is worked on, if they stayed as large.
    ROUNDS = 3

    def __init__(self, unfinished: Iterable[tuple[int, int]], models: Sequence[int] = ()):
        blocks = list(_of_one_model(unfinished, models))
        self._begins = list(_begins(blocks, models, self.LEAST))
        self._left: list[deque[Block]] = [deque() for _ in self._begins]
        for block in blocks:
            queue = self._left[self._share_of(block)]
            if queue and queue[-1].stop == block.start:
                block = Block(queue.pop().start, block.stop)
            queue.append(block)
        self.left = sum(block.stop - block.start for block in blocks)

    def take(
        self, at_once: int, want: Wanted = Wanted.ANY, waiting: Collection[Block] = ()
    ) -> Block | None:
        """The next one, where so many are worked on at once and those of `waiting` wait for their
        models; None: all that is wanted has been given out."""
        held = {self._share_of(block) for block in waiting}
        there = [share for share, queue in enumerate(self._left) if queue]
        free = [share for share in there if share not in held]
        if want is Wanted.NOTHING or not (free or (there and want is Wanted.ANY)):
            return None
        queue = self._left[(free or there)[0]]
        most = -(-self.left // (max(at_once, 1) * self.ROUNDS))
        size = min(max(most, self.LEAST), self.MOST)
        first = queue.popleft()
        block = Block(first.start, min(first.start + size, first.stop))
        if block.stop < first.stop:
            queue.appendleft(Block(block.stop, first.stop))
        self.left -= block.stop - block.start
        return block

    def deal(self, hands: Mapping[str, Hand], ready: Sequence[str]) -> list[tuple[str, Block]]:
        """What the nodes of `ready` are given now, who have it in their hands then; `hands`: what
        all have."""
        waiting = {block for hand in hands.values() for block in hand.waiting}
        dealt = []
        for turn in range(AT_WORK):
            for name in ready:
                hand = hands[name]
                if len(hand.blocks) - len(hand.waiting) > turn:
                    continue
                want = wanted(len(hand.blocks), len(hand.waiting))
                if block := self.take(len(ready) * AT_WORK, want, waiting):
                    hand.blocks.append(block)
                    dealt.append((name, block))
        return dealt

    def give_back(self, block: Block) -> None:
        """Nobody has done it, or not all of it: whoever asks it again skips what has a result."""
        self._left[self._share_of(block)].appendleft(block)
        self.left += block.stop - block.start

    def _share_of(self, block: Block) -> int:
        """Of which model, or of which few models together, its lines are."""
        return bisect_right(self._begins, block.start) - 1


def _of_one_model(ranges: Iterable[tuple[int, int]], models: Sequence[int]) -> Iterable[Block]:
    for start, stop in ranges:
        at = bisect_right(models, start)
        while start < stop:
            end = min(stop, models[at]) if at < len(models) else stop
            yield Block(start, end)
            start, at = end, at + 1


def _begins(blocks: Iterable[Block], models: Sequence[int], least: int) -> Iterable[int]:
    """Where models begin that are given out apart: one with few lines goes with those behind it,
    until they have `least` together, or one comes that has as many alone."""
    counts: dict[int, int] = {}
    for block in blocks:
        model = bisect_right(models, block.start)
        counts[model] = counts.get(model, 0) + block.stop - block.start
    before = least
    for model, count in counts.items():
        if before >= least or count >= least:
            yield models[model - 1] if model else 0
            before = 0
        before += count
