"""Rocket, as the bot sees it: an ordinary client of the data port. Closing a stream closes the
connection, and Rocket then closes the upstream."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from rocket_matrix.characters import Joiner, whole
from rocket_matrix.sse import EventReader, TooLarge

# An error's text, a list of models: nothing that is not streamed is longer.
BODY_BYTES_MAX = 4 << 20
MESSAGE_CHARACTERS_MAX = 600


class GatewayError(Exception):
    """What to tell the person. `again`: asking again in a while may help; `unknown`: Rocket does
    not have what was asked for at all."""

    def __init__(self, message: str, *, again: bool = False, after: float = 0.0, status: int = 0):
        super().__init__(message)
        self.message = message
        self.again = again
        self.after = after
        self.status = status

    @property
    def unknown(self) -> bool:
        return self.status in (404, 405, 501)

    @property
    def broken(self) -> bool:
        """Rocket may have done what it was asked for, and was not heard."""
        return self.again and self.status == 0


@dataclass
class Piece:
    """Of an answer. What has been learnt of it so far comes with every piece."""

    text: str = ""
    backend: str = ""
    model: str = ""
    tokens: int = 0
    cut: bool = False  # the model stopped at its limit of tokens


class Gateway:
    def __init__(self, url: str, key: str = "", admin_url: str = "", total_seconds: float = 900):
        self._url = url
        self._admin_url = admin_url
        self._total = total_seconds
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._headers = {**headers, "User-Agent": "rocket-matrix"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Gateway":
        # Every answer that may be asked for at once has its connection.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session
        await self._session.close()

    async def chat(self, body: dict, backend: str, request_id: str) -> AsyncGenerator[Piece, None]:
        """The answer as it comes. To close the generator is to cancel the request."""
        headers = {**self._headers, "x-request-id": request_id}
        if backend:
            headers["x-rocket-backend"] = backend
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        timeout = aiohttp.ClientTimeout(total=self._total, sock_connect=5)
        try:
            async with self._open("POST", "/v1/chat/completions", headers, timeout, body) as answer:
                await _raise_for(answer)
                async for piece in _pieces(answer):
                    yield piece
        except (TimeoutError, aiohttp.ClientError, TooLarge) as error:
            raise _unreachable(error) from error

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        admin: bool = False,
        seconds: float = 30,
    ) -> Any:
        """A small JSON answer."""
        found = await self.ask_bytes(
            method, path, body=body, admin=admin, seconds=seconds, most=BODY_BYTES_MAX
        )
        try:
            return json.loads(found)
        except ValueError as error:
            raise GatewayError("Rocket's answer makes no sense; tell an admin.") from error

    async def ask_bytes(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        form: aiohttp.FormData | None = None,
        admin: bool = False,
        seconds: float = 60,
        most: int = BODY_BYTES_MAX,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=5)
        try:
            async with self._open(
                method, path, self._headers, timeout, body, form, admin
            ) as answer:
                await _raise_for(answer)
                return await _bounded(answer, most)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise _unreachable(error) from error

    def _open(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
        body: Any = None,
        form: aiohttp.FormData | None = None,
        admin: bool = False,
    ) -> Any:
        assert self._session
        url = (self._admin_url if admin else self._url) + path
        # The key is for the data port alone.
        headers = {"User-Agent": "rocket-matrix"} if admin else headers
        return self._session.request(
            method,
            url,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            data=form,
            json=body,
        )


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncGenerator[Piece, None]:
    reader, joiner = EventReader(), Joiner()
    piece = Piece(backend=answer.headers.get("x-rocket-backend", ""))
    ended = False
    async for data in answer.content.iter_any():
        for event in reader.feed(data):
            if event == "[DONE]":
                ended = True
                continue
            piece.text = ""
            _take(piece, event)
            piece.text = joiner.add(piece.text)
            # A heartbeat may have sent the head before anybody had answered.
            yield replace(piece)
    if not ended:
        raise GatewayError("The answer broke off; ask again.", again=True)
    if left := joiner.rest():
        yield replace(piece, text=left)


def _take(piece: Piece, event: str) -> None:
    try:
        chunk = json.loads(event)
    except ValueError as error:
        raise GatewayError("The answer broke off; ask again.", again=True) from error
    if not isinstance(chunk, dict):
        return
    if isinstance(chunk.get("error"), dict):
        raise GatewayError(_shown(chunk["error"].get("message")), again=True)
    if isinstance(chunk.get("model"), str):
        piece.model = whole(chunk["model"])
    if isinstance(chunk.get("_backend"), str):
        piece.backend = chunk["_backend"]
    usage = chunk.get("usage")
    if isinstance(usage, dict) and isinstance(usage.get("completion_tokens"), int):
        piece.tokens = usage["completion_tokens"]
    for choice in chunk.get("choices") or []:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(delta, dict) and isinstance(delta.get("content"), str):
            piece.text += delta["content"]
        if isinstance(choice, dict) and choice.get("finish_reason") == "length":
            piece.cut = True


async def _raise_for(answer: aiohttp.ClientResponse) -> None:
    if answer.status < 300:
        return
    message = None
    try:
        message = json.loads(await _bounded(answer, 64 << 10))["error"]["message"]
    except (ValueError, KeyError, TypeError, GatewayError):
        pass
    after = answer.headers.get("retry-after", "")
    raise GatewayError(
        _shown(message) if message else f"Rocket says {answer.status}; tell an admin.",
        again=answer.status in (429, 500, 502, 503, 504, 529),
        after=min(float(after), 3600.0) if after.isdigit() else 0.0,
        status=answer.status,
    )


async def _bounded(answer: aiohttp.ClientResponse, most: int) -> bytes:
    found = bytearray()
    async for data in answer.content.iter_chunked(64 << 10):
        found += data
        if len(found) > most:
            raise GatewayError(f"Rocket's answer is larger than {most >> 20} MiB; tell an admin.")
    return bytes(found)


def _shown(message: Any) -> str:
    """Rocket's own words, on one line. They hold no address and no secret: that is its promise."""
    text = " ".join(whole(str(message or "Rocket gives no reason")).split())
    return text if len(text) <= MESSAGE_CHARACTERS_MAX else text[:MESSAGE_CHARACTERS_MAX] + "…"


def _unreachable(error: Exception) -> GatewayError:
    if isinstance(error, asyncio.TimeoutError):
        return GatewayError("That took too long; ask for less, or ask again.", again=True)
    if isinstance(error, TooLarge):
        return GatewayError("The answer makes no sense; tell an admin.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return GatewayError(
            "Rocket can not be reached; ask again in a minute, or tell an admin.",
            again=True,
            status=-1,
        )
    return GatewayError("The connection to Rocket broke; ask again.", again=True)
