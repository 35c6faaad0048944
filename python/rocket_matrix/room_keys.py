"""Who is in an encrypted room gets its key before anything is said with it.

nio does this by itself while it sends, and takes the key for delivered whatever the homeserver
said: whoever was left out then can not read a word until the key is changed. So it is done here.
One room at a time.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import nio

from rocket_matrix.matrix_http import MatrixHttp

# nio's ways to say that it does not know enough yet, or that a key has not been given away.
NOT_YET = (nio.MembersSyncError, nio.SendRetryError, nio.GroupEncryptionError)


class RoomKeys:
    """`asked`: awaits one of nio's calls, and raises where it returns an error."""

    def __init__(
        self,
        client: nio.AsyncClient,
        http: MatrixHttp,
        asked: Callable[[Any], Awaitable[Any]],
    ):
        self._client = client
        self._http = http
        self._asked = asked
        self._one_room = asyncio.Lock()

    async def share(self, room_id: str) -> None:
        """Nothing to do in most cases. Away, Limited or HomeserverError if not all have it: then
        nothing must be sent yet. Who has got it by then does not get it again."""
        client = self._client
        room = client.rooms.get(room_id)
        if not client.olm or room is None or not room.encrypted:
            return
        async with self._one_room:
            if not room.members_synced:
                await self._asked(client.joined_members(room_id))
            if client.should_query_keys:
                await self._asked(client.keys_query())
            if not client.olm.should_share_group_session(room_id):
                return
            # A device that has no key left for this is passed over: only its owner can mend that.
            if missing := client.get_missing_sessions(room_id):
                await self._asked(client.keys_claim(missing))
            await self._give(room_id, list(room.users))

    async def _give(self, room_id: str, users: list[str]) -> None:
        olm = self._client.olm
        sharing = olm.share_group_session_parallel(room_id, users, ignore_unverified_devices=True)
        for devices, messages in sharing:
            path = f"/_matrix/client/v3/sendToDevice/m.room.encrypted/{uuid.uuid4()}"
            await self._http.ask("PUT", path, messages)
            olm.outbound_group_sessions[room_id].users_shared_with.update(devices)
        olm.outbound_group_sessions[room_id].shared = True
