"""How the bot ends, and what it says then."""

import contextlib
import io
import sqlite3
import unittest
from collections.abc import Coroutine
from typing import Any
from unittest import mock

from rocket_matrix import program
from rocket_matrix.config import Secrets
from rocket_matrix.journal import JournalError
from rocket_matrix.matrix_http import HomeserverError

# what ends it, exit code, words
ENDS = [
    (JournalError("journal.sqlite: is locked"), 3, "is locked"),
    (sqlite3.OperationalError("database or disk is full"), 3, "has room"),
    (OSError("address in use"), 3, "address in use"),
    (HomeserverError("no", "M_UNKNOWN_TOKEN"), 1, "log in again"),
    (HomeserverError("Unrecognized request", "M_UNRECOGNIZED"), 1, "homeserver: nothing of"),
]


class Ends(unittest.TestCase):
    def test_with_a_word(self) -> None:
        for error, code, words in ENDS:

            def fails(life: Coroutine[Any, Any, int], why: Exception = error) -> int:
                life.close()
                raise why

            said = io.StringIO()
            with (
                self.subTest(error),
                mock.patch("asyncio.run", fails),
                mock.patch("os.umask"),
                contextlib.redirect_stderr(said),
            ):
                self.assertEqual(program.serve(mock.Mock(), Secrets("token")), code)
                self.assertIn(words, said.getvalue())


if __name__ == "__main__":
    unittest.main()
