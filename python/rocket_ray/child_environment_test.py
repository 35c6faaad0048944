import unittest

from rocket_ray.child_environment import NameRefused, child_environment

HOST = {
    "PATH": "/usr/bin",
    "HOME": "/home/ray",
    "RAY_AUTH_TOKEN": "secret",
    "RAY_REDIS_PASSWORD": "secret",
    "REDIS_PASSWORD": "secret",
    "ANTHROPIC_API_KEY": "key",
    "OTHER": "else",
    "PYTHONPATH": "/app",
}


class ChildEnvironmentTest(unittest.TestCase):
    def test_only_what_is_listed(self) -> None:
        found = child_environment(HOST, ["ANTHROPIC_API_KEY", "NOT_SET"])
        self.assertEqual(
            found, {"PATH": "/usr/bin", "HOME": "/home/ray", "ANTHROPIC_API_KEY": "key"}
        )

    def test_what_opens_the_cluster_can_not_be_listed(self) -> None:
        for name in ("RAY_AUTH_TOKEN", "ray_auth_token", "REDIS_PASSWORD", "KUBERNETES_PORT"):
            with self.subTest(name), self.assertRaisesRegex(NameRefused, name):
                child_environment(HOST, [name])
