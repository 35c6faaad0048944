"""Which blocks of a batch are given out next. Pure: no clock, no Ray."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Block(NamedTuple):
    """Places in the batch's order of asking, from `start` on, without `stop`."""

    start: int
    stop: int


class BlockPlan:
    """The places that have no result yet, in order. Blocks shrink as they become few, so that all
    workers are done at about the same time; what comes back is given out again first."""

    LEAST = 16
    MOST = 1000
    # So many blocks there would be for each one that is worked on, if they stayed as large.
    ROUNDS = 3

    def __init__(self, unfinished: Iterable[tuple[int, int]]):
        self._left: deque[Block] = deque(Block(*each) for each in unfinished)
        self.left = sum(block.stop - block.start for block in self._left)

    def take(self, at_once: int) -> Block | None:
        """The next one, where so many are worked on at once; None: all have been given out."""
        if not self._left:
            return None
        wanted = -(-self.left // (max(at_once, 1) * self.ROUNDS))
        size = min(max(wanted, self.LEAST), self.MOST)
        first = self._left.popleft()
        block = Block(first.start, min(first.start + size, first.stop))
        if block.stop < first.stop:
            self._left.appendleft(Block(block.stop, first.stop))
        self.left -= block.stop - block.start
        return block

    def give_back(self, block: Block) -> None:
        """Nobody has done it, or not all of it: whoever asks it again skips what has a result."""
        self._left.appendleft(block)
        self.left += block.stop - block.start
