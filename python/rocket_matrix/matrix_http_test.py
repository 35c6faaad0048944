"""How a homeserver's refusals are taken."""

import unittest
from email.utils import formatdate

from rocket_matrix.matrix_http import Away, HomeserverError, Limited, MatrixHttp, TooLarge
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
