"""How a homeserver's refusals are taken."""

import unittest
from email.utils import formatdate

from aiohttp import web

from rocket_matrix.matrix_http import (
    Away,
    HomeserverError,
    Limited,
    MatrixHttp,
    Refused,
    TooLarge,
)
from rocket_matrix.telemetry import Telemetry

# status, body, what it is taken for
REFUSALS = [
    (429, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1}', Limited),
    (403, b'{"errcode": "M_FORBIDDEN"}', HomeserverError),
    (413, b'{"errcode": "M_TOO_LARGE", "error": "no"}', TooLarge),
    (413, b"<h1>413 Request Entity Too Large</h1>", TooLarge),
    (404, b"<h1>404</h1>", Away),
    (502, b"", Away),
    (500, b'{"errcode": "M_UNKNOWN"}', Away),
]

FAR = formatdate(4102444800, usegmt=True)  # the first second of 2100
# body, Retry-After, seconds
WAITS = [
    (b'{"retry_after_ms": 2500}', None, 2.5),
    (b'{"retry_after_ms": 2500}', "3", 2.5),
    (b'{"errcode": "M_LIMIT_EXCEEDED"}', "7", 7.0),
    (b"<h1>429 Too Many Requests</h1>", " 30 ", 30.0),
    (b"", FAR, 600.0),
    (b"", "Mon, 01 Jan 2024 00:00:00 GMT", 1.0),
    (b"", "9" * 400, 600.0),
    (b'{"retry_after_ms": null}', "soon", 1.0),
    (b'{"retry_after_ms": -1}', "-1", 1.0),
    (b"", "\u0663", 1.0),
    (b"", None, 1.0),
]

OK = (200, "{}")
PAGE = "<h1>No</h1>"
FAULT = (500, '{"errcode": "M_UNKNOWN"}')
# what it says, one after the other and the last one for good; what it says to something else, none
# if that is not asked; whether it is given up
REFUSED = [
    ([(403, PAGE)], [OK], True),
    ([(403, PAGE)], [(404, '{"errcode": "M_NOT_FOUND"}')], True),
    ([(301, "")], [OK], True),
    ([(200, PAGE)], [OK], True),
    ([FAULT], [OK], True),
    ([(403, PAGE), OK], [(403, PAGE)], False),
    ([(403, PAGE), OK], [(502, "")], False),
    ([FAULT, OK], [FAULT], False),
    ([(502, ""), (503, ""), (504, ""), OK], [OK], False),
    ([(404, PAGE)], None, True),
    ([FAULT, (502, ""), OK], None, False),
]


class Patience(unittest.IsolatedAsyncioTestCase):
    async def asked(self, says: list, probe_says: list | None) -> dict:
        """What comes of asking a homeserver that says so, by whom no time is lost."""
        left = {"/asked": says[:], "/probe": (probe_says or [])[:]}

        async def answer(request: web.Request) -> web.Response:
            those = left[request.path]
            status, text = those.pop(0) if len(those) > 1 else those[0]
            return web.Response(status=status, text=text)

        application = web.Application()
        application.add_routes([web.get("/asked", answer), web.get("/probe", answer)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        http = MatrixHttp(url, "token", Telemetry(), patience=0)
        http.probe = "/probe" if probe_says else ""
        await http.open()
        try:
            return await http.patiently(lambda: http.ask("GET", "/asked"))
        finally:
            await http.close()
            await runner.cleanup()

    async def test_what_is_refused_while_all_else_works_is_given_up(self) -> None:
        for says, probe_says, given_up in REFUSED:
            with self.subTest(says=says, probe=probe_says):
                if given_up:
                    with self.assertRaises(Refused):
                        await self.asked(says, probe_says)
                else:
                    self.assertEqual(await self.asked(says, probe_says), {})


class Refusals(unittest.TestCase):
    def test_wait_or_give_up(self) -> None:
        http = MatrixHttp("http://here", "token", Telemetry())
        for status, body, taken_for in REFUSALS:
            with self.subTest(status=status, body=body):
                self.assertIs(type(http._failure(status, body)), taken_for)
        self.assertEqual(http._failure(413, b"").code, "M_TOO_LARGE")  # type: ignore[attr-defined]

    def test_how_long_to_wait(self) -> None:
        for body, header, seconds in WAITS:
            with self.subTest(body=body, header=header):
                http = MatrixHttp("http://here", "token", Telemetry())
                limited = http._failure(429, body, header)
                self.assertEqual(getattr(limited, "after", None), seconds)
                http.may_send()
                http.send_nothing_for(1)
                with self.assertRaises(Limited):
                    http.may_send()


if __name__ == "__main__":
    unittest.main()
