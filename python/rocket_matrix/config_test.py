"""What the settings are taken for."""

import json
import tempfile
import unittest
from pathlib import Path

from rocket_matrix.config import load, parse

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


class Twice(unittest.TestCase):
    def test_no_setting_is_there_twice(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "matrix.yaml"
            text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in GIVEN.items())
            for more, problem in (
                ("", None),
                ('users: ["@*:there"]\n', f"{file}: users is there twice in line 5; mend it there"),
                ("defaults: {model: a, model: b}\n", f"{file}: model is there twice in line 5"),
                ('room_defaults: {"!a": {model: a}, "!b": {model: a}}\n', None),
            ):
                file.write_text(text + more)
                config, problems = load(file)
                self.assertEqual(config is not None, problem is None)
                self.assertTrue(str(*problems).startswith(problem or ""))


if __name__ == "__main__":
    unittest.main()
