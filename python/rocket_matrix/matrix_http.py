"""The client-server API as plain HTTP, and how its refusals are taken: wait, try again, or give up."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp

from rocket_matrix.telemetry import Telemetry, log

T = TypeVar("T")

RETRY_MAX = 5.0
# How long it is tried to do what is refused in no words of Matrix', while the homeserver does other
# things: a proxy that takes no such message, or a room that is broken, is so for good.
REFUSED_SECONDS = 60.0
# What is said of a homeserver by whoever stands in front of it, while it is away.
_OF_ANOTHER = frozenset([502, 503, 504])
JSON_BYTES_MAX = 8 << 20


class HomeserverError(Exception):
    """No waiting mends it. `code`: Matrix's own, or empty."""

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code

    @property
    def unheard(self) -> bool:
        """The bot is not in that room, or may not speak there."""
        return self.code in ("M_FORBIDDEN", "")

    @property
    def token_is_bad(self) -> bool:
        return self.code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN")


class TooLarge(HomeserverError):
    """Larger than what is read of such an answer."""


class Refused(HomeserverError):
    """By somebody who does not say why: a proxy in front, or a homeserver with a fault."""


class Limited(Exception):
    """The homeserver says: too fast. `after`: seconds."""

    def __init__(self, after: float):
        super().__init__(f"not for {after:g} s")
        self.after = after


class Away(Exception):
    """Nobody answers, or not as a homeserver does. `status`: of an answer that was one."""

    def __init__(self, message: str, status: int = 0):
        super().__init__(message)
        self.status = status

    @property
    def refused(self) -> bool:
        return self.status not in (0, *_OF_ANOTHER)


class MatrixHttp:
    def __init__(
        self, url: str, token: str, telemetry: Telemetry, patience: float = REFUSED_SECONDS
    ):
        self._url = url
        self._token = token
        self._telemetry = telemetry
        self._patience = patience
        # What it is asked to learn whether it is well.
        self.probe = ""
        self._closed_until = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def limited(self, after_ms: Any, header: str | None) -> Limited:
        """The homeserver, or a proxy in front, has said "too fast". `header`: Retry-After, which
        Matrix has instead of `after_ms` since 1.10."""
        if isinstance(after_ms, (int, float)) and after_ms > 0:
            after = after_ms / 1000
        else:
            after = _seconds(header) or 1.0
        after = min(after, 600.0)
        self._telemetry.limit_waits.inc()
        self._telemetry.limit_seconds.inc(after)
        return Limited(after)

    def send_nothing_for(self, seconds: float) -> None:
        """Messages have a limit of their own: who has joined too many rooms may speak in them."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def may_send(self) -> None:
        """Limited: not yet."""
        left = self._closed_until - time.monotonic()
        if left > 0:
            raise Limited(left)

    async def patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries until it works or can not work."""
        wait, refused = 0.1, 0.0
        while True:
            try:
                return await attempt()
            except Limited as limited:
                await asyncio.sleep(limited.after)
            except Away as away:
                if 1 <= wait < 2:  # once, and not for what is over at once
                    log("the homeserver does not answer", why=str(away)[:100])
                now = time.monotonic()
                refused = (refused or now) if away.refused else 0.0
                if refused and now - refused >= self._patience and await self._well(away):
                    raise Refused(f"{away}, and no reason") from away
                await asyncio.sleep(wait)
                wait = min(RETRY_MAX, wait * 2)

    async def _well(self, away: Away) -> bool:
        """Whether the homeserver does other things just now. Where that can not be asked yet, one
        with a fault is not, and what says no in words of its own is no homeserver."""
        if not self.probe:
            return away.status < 500
        try:
            await self.ask("GET", self.probe)
        except (Limited, Away):
            return False
        except HomeserverError:
            pass
        return True

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        data: bytes | None = None,
        kind: str = "",
    ) -> dict:
        found = await self.request(method, path, body, data, kind)
        try:
            answer = json.loads(found)
        except ValueError as error:
            raise Away("200 without JSON", 200) from error
        return answer if isinstance(answer, dict) else {}

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        data: bytes | None = None,
        kind: str = "",
        bytes_max: int = JSON_BYTES_MAX,
        elsewhere: bool = False,
    ) -> bytes:
        """`elsewhere`: also from where the homeserver sends on to, which is not shown the token."""
        assert self._session, "open() first"
        more: dict[str, Any] = (
            {"data": data, "headers": {"Content-Type": kind}} if kind else {"json": body}
        )
        found = bytearray()
        try:
            async with self._session.request(
                method,
                self._url + path,
                timeout=aiohttp.ClientTimeout(total=60, sock_connect=10),
                allow_redirects=elsewhere,
                **more,
            ) as answer:
                async for piece in answer.content.iter_chunked(64 << 10):
                    found += piece
                    if len(found) > bytes_max:
                        raise TooLarge(f"larger than {bytes_max >> 10} KiB")
                status, header = answer.status, answer.headers.get("Retry-After")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Away(type(error).__name__) from error
        if status < 300:
            return bytes(found)
        raise self._failure(status, bytes(found), header)

    def _failure(self, status: int, body: bytes, retry_after: str | None = None) -> Exception:
        try:
            told = json.loads(body)
        except ValueError:
            told = {}
        told = told if isinstance(told, dict) else {}
        if status == 429:
            return self.limited(told.get("retry_after_ms"), retry_after)
        if status == 413:  # perhaps of a proxy in front, which says it in words of its own
            return TooLarge(str(told.get("error", "")), "M_TOO_LARGE")
        if status >= 500 or "errcode" not in told:
            return Away(f"{status} {told.get('errcode', '')}".strip(), status)
        return HomeserverError(str(told.get("error", "")), str(told["errcode"]))


def _seconds(retry_after: str | None) -> float:
    """0: nothing that could be waited for."""
    given = (retry_after or "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:6])
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
