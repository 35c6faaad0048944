"""A second real client with end-to-end encryption: matrix-nio as any person's client would use it.
Told what to do in lines of JSON, tells what it sees the same way. Runs in the bot's environment."""

import asyncio
import base64
import io
import json
import sys
from typing import Any

import nio


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


async def attached(client: nio.AsyncClient, content: dict, data: bytes) -> dict:
    """The content with an encrypted file."""
    answer, keys = await client.upload(
        lambda *_: io.BytesIO(data), "application/octet-stream", encrypt=True, filesize=len(data)
    )
    return {**content, "file": {**keys, "url": answer.content_uri}}


async def opened(client: nio.AsyncClient, file: dict) -> bytes:
    answer = await client.download(mxc=file["url"])
    return nio.crypto.decrypt_attachment(
        answer.body, file["key"]["k"], file["hashes"]["sha256"], file["iv"]
    )


async def obey(client: nio.AsyncClient, order: dict) -> None:
    if "open" in order:
        data = await opened(client, order["open"])
        tell(opened=base64.b64encode(data).decode())
        return
    content = order["content"]
    if "attach" in order:
        content = await attached(client, content, base64.b64decode(order["attach"]))
    answer = await client.room_send(
        order["room"], "m.room.message", content, ignore_unverified_devices=True
    )
    tell(sent=getattr(answer, "event_id", repr(answer)))


async def main() -> None:
    given = json.loads(sys.argv[1])
    client = nio.AsyncClient(
        given["homeserver"],
        given["user_id"],
        store_path=given["store"],
        config=nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False),
    )
    client.restore_login(given["user_id"], given["device_id"], given["access_token"])
    client.add_event_callback(seen, (nio.RoomMessage, nio.MegolmEvent))
    if client.should_upload_keys:
        await client.keys_upload()
    await client.sync(timeout=0, full_state=True)
    tell(ready=True)
    syncing = asyncio.create_task(client.sync_forever(timeout=2000))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await obey(client, json.loads(line))
    syncing.cancel()
    await client.close()


asyncio.run(main())
