"""How many answers are written at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """Who comes when all are taken waits for his turn, or until he is stopped."""

    def __init__(self, count: int):
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def taken(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Whoever is stopped while he waits goes on without one: little is left to do."""
        waiting = asyncio.ensure_future(self._free.acquire())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            stopping.cancel()
            if waiting.done() and not waiting.cancelled():
                self._free.release()
            waiting.cancel()
