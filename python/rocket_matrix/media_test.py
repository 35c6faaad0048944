"""Where files are had from. Two servers: the homeserver, and where it keeps its files."""

import unittest

from aiohttp import web

from rocket_matrix.matrix_http import HomeserverError, MatrixHttp
from rocket_matrix.media import Media
from rocket_matrix.requests import Attachment
from rocket_matrix.telemetry import Telemetry

NEW = "/_matrix/client/v1/media/download/here/abc"
OLD = "/_matrix/media/v3/download/here/abc"


class Server:
    """`files`: what is at a path; a URL is sent on to. `seen`: what it was asked, and the token."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str] = {}
        self.seen: list[tuple[str, str | None]] = []

    async def start(self) -> str:
        application = web.Application()
        application.add_routes([web.get("/{any:.*}", self._answer)])
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, request.headers.get("Authorization")))
        found = self.files.get(request.path)
        if found is None:
            return web.json_response({"errcode": "M_UNRECOGNIZED"}, status=404)
        if isinstance(found, str):
            return web.Response(status=307, headers={"Location": found})
        return web.Response(body=found)


class Downloads(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.home, self.store = Server(), Server()
        self.store_url = await self.store.start()
        self.addAsyncCleanup(self.store.stop)
        self.http = MatrixHttp(await self.home.start(), "token", Telemetry(), patience=0)
        self.addAsyncCleanup(self.home.stop)
        await self.http.open()
        self.addAsyncCleanup(self.http.close)

    async def download(self, bytes_max: int = 1024) -> bytes:
        return await Media(self.http).download(Attachment("mxc://here/abc"), bytes_max)

    async def test_of_the_homeserver(self) -> None:
        self.home.files = {NEW: b"lines"}
        self.assertEqual(await self.download(), b"lines")
        self.assertEqual(self.home.seen, [(NEW, "Bearer token")])

    async def test_of_an_old_homeserver(self) -> None:
        self.home.files = {OLD: b"lines"}
        self.assertEqual(await self.download(), b"lines")
        self.assertEqual([path for path, _ in self.home.seen], [NEW, OLD])

    async def test_from_where_the_homeserver_keeps_it(self) -> None:
        """Who keeps it is not told the bot's token."""
        self.home.files = {NEW: f"{self.store_url}/file"}
        self.store.files = {"/file": b"lines"}
        self.assertEqual(await self.download(), b"lines")
        self.assertEqual(self.store.seen, [("/file", None)])

    async def test_no_more_than_may_be(self) -> None:
        self.home.files = {NEW: f"{self.store_url}/file"}
        self.store.files = {"/file": b"x" * 2048}
        with self.assertRaisesRegex(HomeserverError, "larger than 1 KiB"):
            await self.download()

    async def test_nowhere(self) -> None:
        with self.assertRaisesRegex(HomeserverError, "can not be had"):
            await self.download()
        self.assertEqual(len(self.home.seen), 2)


if __name__ == "__main__":
    unittest.main()
