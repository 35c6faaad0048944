"""Places: who has one, and who waits no longer."""

import asyncio
import unittest

from rocket_matrix.places import Places


class Waiting(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.places = Places(1)
        self.inside: list[str] = []
        self.came: list[asyncio.Task] = []

    def come(self, name: str) -> tuple[asyncio.Task, asyncio.Event, asyncio.Event]:
        """Somebody who stays until he is let go; his task, what lets him go, what stops him."""
        go, stop = asyncio.Event(), asyncio.Event()

        async def stay() -> None:
            async with self.places.taken(stop):
                self.inside.append(name)
                await go.wait()

        self.came.append(asyncio.create_task(stay()))
        return self.came[-1], go, stop

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def test_one_after_the_other(self) -> None:
        first, first_goes, _ = self.come("first")
        self.come("second")
        await self.settle()
        self.assertEqual(self.inside, ["first"])
        first_goes.set()
        await first
        await self.settle()
        self.assertEqual(self.inside, ["first", "second"])

    async def test_who_is_stopped_waits_no_longer_and_takes_no_place(self) -> None:
        first, first_goes, _ = self.come("first")
        second, second_goes, stop = self.come("second")
        stop.set()
        await self.settle()
        self.assertEqual(self.inside, ["first", "second"])
        second_goes.set()
        await second
        self.come("third")
        await self.settle()
        self.assertEqual(self.inside, ["first", "second"])
        first_goes.set()
        await first
        await self.settle()
        self.assertEqual(self.inside, ["first", "second", "third"])

    async def test_who_is_cancelled_takes_no_place(self) -> None:
        first, first_goes, _ = self.come("first")
        second, _, _ = self.come("second")
        await self.settle()
        second.cancel()
        first_goes.set()
        await asyncio.wait({first, second})
        self.come("third")
        await self.settle()
        self.assertEqual(self.inside, ["first", "third"])


if __name__ == "__main__":
    unittest.main()
