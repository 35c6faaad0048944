"""What `./dev` says where a machine refuses something."""

import contextlib
import errno
import io
import json
import os
import signal
import socket
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from dev import go_modules, main, test
from dev.console import DevError, Tally, conclude
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


class ConclusionTest(unittest.TestCase):
    def said(self, tally: Tally, code: int) -> list[str]:
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            self.assertEqual(conclude(tally), code)
        return told.getvalue().splitlines()

    def test_what_failed_is_said_again_before_the_sum(self) -> None:
        told = "\n".join(str(line) for line in range(30))
        tally = Tally(passed=3) + Tally(failed=1, named=(("a test", told + "\n" + "x" * 999),))
        said = self.said(tally + Tally(skipped=1), 1)
        self.assertEqual(said[:2], ["failed: a test", "| 11"])
        self.assertEqual(said[-2:], ["| " + "x" * 300, "3 passed, 1 failed, 1 skipped"])
        many = Tally(failed=12, named=tuple((str(number), "") for number in range(12)))
        self.assertEqual(self.said(many, 1)[-2:], ["and 2 more that failed", "0 passed, 12 failed"])
        self.assertEqual(self.said(Tally(), 1), ["0 passed, 0 failed"])
        self.assertEqual(self.said(Tally(passed=1), 0), ["1 passed, 0 failed"])

    def test_reports_name_what_failed(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            report = Path(folder) / "report"
            self.assertEqual(test.suites_tally(-9, report).named[0][0], "pytest")
            self.assertEqual(test.tally_of(-6, report).named[0][0], "unit tests")
            report.write_text(
                """<testsuites><testsuite tests="3" failures="1" errors="0" skipped="1">
                <testcase classname="a.b" name="c"><failure message="m">text</failure></testcase>
                <testcase classname="a.b" name="d"><skipped/></testcase>
                <testcase classname="a.b" name="e"/></testsuite></testsuites>"""
            )
            self.assertEqual(test.suites_tally(1, report), Tally(1, 1, 1, (("a.b.c", "text"),)))
            case = {"classname": "A", "name": "B", "status": "RUN", "result": "COMPLETED"}
            wrong = {**case, "name": "C", "failures": [{"failure": "f.cc:1\nno"}]}
            report.write_text(json.dumps({"testsuites": [{"testsuite": [case, wrong]}]}))
            self.assertEqual(test.tally_of(1, report), Tally(1, 1, 0, (("A.C", "f.cc:1\nno"),)))
            report.write_text(json.dumps({"testsuites": [{"testsuite": [case]}]}))
            leak = test.tally_of(1, report)
            self.assertEqual((leak.passed, leak.failed, leak.named[0][0]), (1, 1, "unit tests"))


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
