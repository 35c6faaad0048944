"""Typing notices: shown in a room while anything is written there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

# A notice lasts half a minute.
RENEWED_EVERY = 20.0


class TypingNotices:
    def __init__(self, send: Callable[[str, bool], Awaitable[None]]):
        self._send = send
        self._rooms: dict[str, int] = {}

    @asynccontextmanager
    async def shown(self, room_id: str) -> AsyncIterator[None]:
        """Nobody waits for the homeserver here."""
        self._rooms[room_id] = self._rooms.get(room_id, 0) + 1
        renewing = asyncio.create_task(self._renew(room_id))
        try:
            yield
        finally:
            renewing.cancel()
            self._rooms[room_id] -= 1
            if not self._rooms[room_id]:
                del self._rooms[room_id]
                await asyncio.gather(renewing, return_exceptions=True)
                await self._send(room_id, False)

    async def _renew(self, room_id: str) -> None:
        while True:
            await self._send(room_id, True)
            await asyncio.sleep(RENEWED_EVERY)
