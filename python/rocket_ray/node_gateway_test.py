import os
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from rocket_ray.node_gateway import NodeGateway, Place


class NodeGatewayTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name) / "rocket"

    def test_the_last_one_announced_is_found_until_it_withdraws(self) -> None:
        gateway = NodeGateway(self.folder)
        self.assertIsNone(gateway.find())
        one, other = (
            Place("/tmp/one/admin.sock", "rocket"),
            Place("/tmp/other/admin.sock", "rocket"),
        )
        gateway.announce(one)
        self.assertEqual(NodeGateway(self.folder).find(), one)
        gateway.announce(other)
        gateway.withdraw(one)  # it has been replaced
        self.assertEqual(gateway.find(), other)
        gateway.withdraw(other)
        self.assertIsNone(gateway.find())

    def test_what_is_no_place_is_none(self) -> None:
        self.folder.mkdir()
        for text in ("", "{", "[]", '{"socket": "x"}'):
            (self.folder / "gateway.json").write_text(text)
            self.assertIsNone(NodeGateway(self.folder).find(), text)

    def test_nobody_else_reads_it(self) -> None:
        NodeGateway(self.folder).announce(Place("/tmp/one/admin.sock", "rocket"))
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual((self.folder / "gateway.json").stat().st_mode & 0o777, 0o600)

    def test_a_folder_that_others_can_write_to_is_not_believed(self) -> None:
        place = Place("/tmp/one/admin.sock", "rocket")
        gateway = NodeGateway(self.folder)
        gateway.announce(place)
        self.folder.chmod(0o777)
        self.assertIsNone(gateway.find())
        with self.assertRaises(PermissionError):
            gateway.announce(place)
        self.folder.chmod(0o700)
        elsewhere = self.folder.with_name("elsewhere")
        self.folder.rename(elsewhere)
        self.folder.symlink_to(elsewhere)
        self.assertIsNone(gateway.find())
        with patch("os.geteuid", return_value=os.geteuid() + 1):
            self.assertIsNone(NodeGateway(elsewhere).find())
        self.assertEqual(NodeGateway(elsewhere).find(), place)


if __name__ == "__main__":
    unittest.main()
