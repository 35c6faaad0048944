"""What `./dev` says where a machine refuses something."""

import contextlib
import errno
import io
import os
import signal
import socket
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from dev import go_modules, main
from dev.console import DevError
from dev.run import addresses, require_free

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class RefusalTest(unittest.TestCase):
    def setUp(self) -> None:
        for number in SIGNALS:  # main() takes them
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def said(self, error: OSError) -> str:
        told = io.StringIO()
        with patch("dev.main.dispatch", side_effect=error), contextlib.redirect_stderr(told):
            self.assertEqual(main.main(["setup"]), 1)
        return told.getvalue()

    def test_a_disk_or_a_folder_that_takes_nothing(self) -> None:
        for number in (errno.ENOSPC, errno.EROFS, errno.EACCES):
            told = self.said(OSError(number, os.strerror(number), "/cache/x"))
            self.assertRegex(told, f"^dev setup: /cache/x: {os.strerror(number)}: .*XDG_CACHE_HOME")
            self.assertEqual(told.count("\n"), 1)
        self.assertTrue(self.said(OSError(errno.ENOSPC, "full")).startswith("dev setup: full: "))

    def test_a_fault_of_ours_is_not_hidden(self) -> None:
        with self.assertRaises(FileNotFoundError):
            self.said(FileNotFoundError(errno.ENOENT, "no", "x"))


class AddressesTest(unittest.TestCase):
    def test_what_a_file_says(self) -> None:
        with tempfile.NamedTemporaryFile() as file:
            for text, listen in [
                (b"", ("127.0.0.1", 8000)),
                (b"# gr\xfc\nlisten: '0.0.0.0:9000'  # here\n", ("127.0.0.1", 9000)),
                (b"listen: unix:/run/x\n", None),
                (b"listen: 127.0.0.1:99999\n", None),
            ]:
                Path(file.name).write_bytes(text)
                self.assertEqual(addresses(Path(file.name)).get("listen"), listen, text)

    def test_a_port_that_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with self.assertRaisesRegex(DevError, "Address already in use.*or do that"):
                require_free("127.0.0.1", taken.getsockname()[1], "do that")


class GoModulesTest(unittest.TestCase):
    def test_a_module_that_is_not_the_pinned_one(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            go = Path(folder) / "go"
            go.write_text(
                """#!/bin/sh\necho 'go: what it does'; echo '{"Sum": "h1:a", "Dir": "/m"}'\n"""
            )
            go.chmod(0o755)
            right = go_modules.Module("example.org/m", "v1.0.0", "h1:a")
            self.assertEqual(go_modules.fetched(str(go), right, Path(folder)), Path("/m"))
            wrong = go_modules.Module("example.org/m", "v1.0.0", "h1:b")
            with self.assertRaisesRegex(DevError, "example.org/m@v1.0.0 is not the pinned one"):
                go_modules.fetched(str(go), wrong, Path(folder))


if __name__ == "__main__":
    unittest.main()
