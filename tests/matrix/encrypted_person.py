"""A second real client with end-to-end encryption: matrix-nio as any person's client would use it.
Told what to do in lines of JSON, tells what it sees the same way. Runs in the bot's environment."""

import asyncio
import json
import sys
from typing import Any

import nio


async def main() -> None:
    given = json.loads(sys.argv[1])
    client = nio.AsyncClient(
        given["homeserver"],
        given["user_id"],
        store_path=given["store"],
        config=nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False),
    )
    client.restore_login(given["user_id"], given["device_id"], given["access_token"])

    def tell(**members: Any) -> None:
        print(json.dumps(members), flush=True)

    async def seen(room: nio.MatrixRoom, event: nio.Event) -> None:
        content = event.source.get("content", {})
        tell(
            seen=event.event_id,
            sender=event.sender,
            encrypted=event.decrypted,
            content=content,
        )

    client.add_event_callback(seen, (nio.RoomMessage, nio.MegolmEvent))
    if client.should_upload_keys:
        await client.keys_upload()
    await client.sync(timeout=0, full_state=True)
    tell(ready=True)
    syncing = asyncio.create_task(client.sync_forever(timeout=2000))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        answer = await client.room_send(
            order["room"], "m.room.message", order["content"], ignore_unverified_devices=True
        )
        tell(sent=getattr(answer, "event_id", repr(answer)))
    syncing.cancel()
    await client.close()


asyncio.run(main())
