"""What the settings are taken for."""

import unittest

from rocket_matrix.config import parse

GIVEN = {
    "homeserver": "http://here/",
    "user_id": "@bot:here",
    "access_token_file": "token",
    "users": ["@*:here"],
}


class Urls(unittest.TestCase):
    def test_without_what_clients_put_behind_them(self) -> None:
        for given, taken in (
            ("http://rocket:8000", "http://rocket:8000"),
            ("http://rocket:8000/", "http://rocket:8000"),
            ("http://rocket:8000/v1", "http://rocket:8000"),
            ("http://rocket:8000/v1/", "http://rocket:8000"),
            ("https://here/rocket/v1", "https://here/rocket"),
        ):
            config, problems = parse({**GIVEN, "rocket_url": given})
            self.assertEqual(problems, [])
            self.assertEqual(config.rocket_url, taken)  # type: ignore[union-attr]


if __name__ == "__main__":
    unittest.main()
