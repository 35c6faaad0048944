"""Calls of other Ray applications, put to the gateway of this node over its data port."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from rocket_ray.server_sent_events import EventSplitter

CHAT = "/v1/chat/completions"
PROMPTS = "/v1/batch/prompts"
# For a gateway that is just being started again: nothing has been sent yet.
CONNECT_S = 3.0
CONNECT_PAUSE_S = 0.02
ERROR_BYTES_MAX = 64 << 10
CONNECTIONS_MAX = 1000


class GatewayError(Exception):
    """The gateway's answer was an error: its `status` (0: there was no whole answer) and its
    `error` object, which names what went wrong and what to do about it."""

    def __init__(self, status: int, error: dict[str, Any]):
        super().__init__(f"{status}: {error.get('message', 'no message')}")
        self.status = status
        self.error = error

    def __reduce__(self):
        return type(self), (self.status, self.error)


class LocalGateway:
    """Belongs to one event loop. `url()` gives the data port's address, which a reload can not
    change; `key`: shown to a gateway that has a keys_file."""

    def __init__(self, url, key: str | None):
        self._url = url
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def chat(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict:
        """A whole answer. Raises GatewayError."""
        if body.get("stream"):
            raise ValueError("chat answers whole; for a stream: handle.options(stream=True)"
                             ".chat_stream.remote(body)")  # fmt: skip
        return await self._whole(CHAT, body, headers)

    async def prompts(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict:
        """Many prompts at once: `{"prompts", "backend", "params"}`, as POST /v1/batch/prompts takes
        them. Raises GatewayError."""
        return await self._whole(PROMPTS, body, headers)

    async def chat_stream(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[dict]:
        """The chunks of a streamed answer. Raises GatewayError, also in its midst: a stream that
        ends without one was whole."""
        splitter = EventSplitter()
        async with self._post(CHAT, {**body, "stream": True}, headers) as response:
            try:
                async for data in response.content.iter_any():
                    for event in splitter.feed(data):
                        if event == "[DONE]":
                            return
                        chunk = json.loads(event)
                        if chunk.get("error"):
                            raise GatewayError(response.status, chunk["error"])
                        yield chunk
            except (aiohttp.ClientError, ValueError) as error:
                raise cut(error) from error
        raise cut("it ended without [DONE]")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _whole(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None
    ) -> dict:
        async with self._post(path, body, headers) as response:
            try:
                return json.loads(await response.read())
            except (aiohttp.ClientError, ValueError) as error:
                raise cut(error) from error

    @asynccontextmanager
    async def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None):
        lines = {"authorization": f"Bearer {self._key}"} if self._key else {}
        response = await self._send(path, body, {**lines, **(headers or {})})
        async with response:
            if response.status != 200:
                raise GatewayError(response.status, await read_error(response))
            yield response

    async def _send(self, path, body, headers) -> aiohttp.ClientResponse:
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                return await self._opened().post(self._url() + path, json=body, headers=headers)
            except aiohttp.ClientConnectorError as error:
                if time.monotonic() > deadline:
                    raise GatewayError(
                        0, {"message": f"no gateway on this node: {error}"}
                    ) from error
                await asyncio.sleep(CONNECT_PAUSE_S)
            except aiohttp.ClientError as error:
                raise cut(error) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
                # The gateway has a limit for each phase, and says which.
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


def cut(why: object) -> GatewayError:
    return GatewayError(0, {"message": f"the answer broke off: {why}", "code": "cut"})


async def read_error(response: aiohttp.ClientResponse) -> dict[str, Any]:
    text = bytearray()
    try:
        async for piece in response.content.iter_chunked(ERROR_BYTES_MAX):
            text += piece
            if len(text) > ERROR_BYTES_MAX:
                break
        return dict(json.loads(text)["error"])
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        return {"message": text.decode(errors="replace")[:500]}
