"""How a homeserver's refusals are taken."""

import unittest

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


class Refusals(unittest.TestCase):
    def test_wait_or_give_up(self) -> None:
        http = MatrixHttp("http://here", "token", Telemetry())
        for status, body, taken_for in REFUSALS:
            with self.subTest(status=status, body=body):
                self.assertIs(type(http._failure(status, body)), taken_for)
        self.assertEqual(http._failure(413, b"").code, "M_TOO_LARGE")  # type: ignore[attr-defined]


if __name__ == "__main__":
    unittest.main()
