import json
import tempfile
import unittest
from pathlib import Path

from rocket_ray.user_config import UserConfigError, config_file, parse, read, seconds

BACKENDS = [{"name": "a", "urls": ["http://127.0.0.1:1"]}]


class UserConfigTest(unittest.TestCase):
    def test_a_configuration_itself(self) -> None:
        given = {
            "backends": BACKENDS,
            "listen": "0.0.0.0:8000",
            "drain": {"timeout": "1500ms"},
        }
        self.assertIsNone(config_file(given))
        config = read(given)
        self.assertEqual(json.loads(config.text), given)
        self.assertEqual(config.drain_s, 1.5)
        self.assertEqual(config.local_url(), "http://127.0.0.1:8000")

    def test_keys_that_yaml_has_made_truths_of(self) -> None:
        for key in (True, "true"):
            models = {"true": [{"backend": "a"}]}
            given = {"hedge": {key: False}, "models": models, "x": [{key: True}]}
            said = {"hedge": {"on": False}, "models": models, "x": [{"on": True}]}
            self.assertEqual(json.loads(read(given).text), said)

    def test_defaults_are_the_gateway_s(self) -> None:
        config = read({"backends": BACKENDS})
        self.assertEqual((config.listen, config.drain_s), ("127.0.0.1:8000", 30))

    def test_a_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rocket.yaml"
            path.write_text(json.dumps({"backends": BACKENDS}))
            self.assertEqual(config_file({"file": str(path)}), path)

    def test_what_is_no_configuration(self) -> None:
        for given in (None, "text", [], {"file": 1}, {"file": "x", "backends": []}):
            with self.subTest(given), self.assertRaises(UserConfigError):
                config_file(given)

    def test_what_the_checker_will_refuse_is_not_judged_here(self) -> None:
        config = read({"drain": 5, "tls": True})
        self.assertEqual((config.drain_s, config.tls), (30.0, False))

    def test_where_this_machine_reaches_it(self) -> None:
        for listen, url in [
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            ("[::]:8000", "http://[::1]:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("10.1.2.3:80", "http://10.1.2.3:80"),
            ("localhost:80", "http://localhost:80"),
        ]:
            with self.subTest(listen):
                self.assertEqual(read({"listen": listen}).local_url(), url)

    def test_where_it_can_not(self) -> None:
        for given, word in [
            ({"listen": "unix:/run/x"}, "listen"),
            ({"listen": "127.0.0.1:0"}, "listen"),
            ({"tls": {"cert_file": "c", "key_file": "k"}}, "tls"),
        ]:
            with self.subTest(given), self.assertRaisesRegex(UserConfigError, word):
                read(given).local_url()

    def test_durations(self) -> None:
        for text, expected in [("250ms", 0.25), ("2s", 2), ("5m", 300), ("1h", 3600), ("x", 30)]:
            with self.subTest(text):
                self.assertEqual(seconds(text), expected)

    def test_a_file_that_is_no_text(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rocket.yaml"
            path.write_bytes(b"listen: 127.0.0.1:1\n# gr\xfc\xdfe\n")
            with self.assertRaisesRegex(UserConfigError, "line 2 is no UTF-8"):
                read({"file": str(path)})

    def test_what_yaml_can_not_make_a_value_of_is_the_checker_s(self) -> None:
        for text in ("on: 2024-13-45", "at: !!int x", "deep: " + "[" * 5000, "a: [", "\0"):
            with self.subTest(text[:20]):
                self.assertEqual(parse(text), {})
