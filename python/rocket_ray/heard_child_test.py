import os
import time
import unittest
from pathlib import Path

from rocket_ray.heard_child import KEPT_BYTES, run_while_heard

SILENCE_S = 0.4


def run(script: str, silence_s: float = SILENCE_S):
    return run_while_heard(["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, silence_s)


class HeardChildTest(unittest.TestCase):
    def test_how_it_ends(self) -> None:
        cases = [
            ("what it says", "echo one; echo two; echo why >&2; exit 3", (3, "one\ntwo", "why")),
            ("it says nothing", "exit 0", (0, "", "")),
            ("it kills itself", "kill -9 $$", (-9, "", "")),
            ("it closes its mouth first", "exec >&- 2>&-; sleep 0.1; exit 5", (5, "", "")),
            ("it is silent", "echo begun; exec sleep 60", (None, "begun", "")),
            ("it is stopped", "echo begun; kill -STOP $$", (None, "begun", "")),
            ("it hangs when it should end", "exec >&- 2>&-; exec sleep 60", (None, "", "")),
            ("only its errors are heard", "while echo x >&2; do sleep 0.1; done", (None, "", "x")),
        ]
        for name, script, wanted in cases:
            with self.subTest(name):
                heard = run(script)
                last = heard.err.rpartition("\n")[2]
                self.assertEqual((heard.status, heard.out, last), wanted)

    def test_who_says_something_now_and_then_has_time(self) -> None:
        begun = time.monotonic()
        heard = run("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done", 0.6)
        self.assertEqual(heard.status, 0)
        self.assertTrue(heard.out.endswith("\n8"))
        self.assertGreater(time.monotonic() - begun, 0.6)

    def test_whoever_listens_hears_each_word(self) -> None:
        words: list[str] = []
        script = "echo one; sleep 0.1; echo two; printf th; sleep 0.1; echo ree; exit 1"
        run_while_heard(["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, 5, words.append)
        self.assertEqual([word for at, word in enumerate(words) if word not in words[:at]],
                         ["one", "two", "three"])  # fmt: skip

    def test_nothing_is_left_of_who_was_silent(self) -> None:
        heard = run("echo $$; kill -STOP $$")
        self.assertFalse(Path(f"/proc/{heard.out}").exists())

    def test_only_the_end_of_much_is_kept(self) -> None:
        heard = run("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo done", 30)
        self.assertLessEqual(len(heard.out), KEPT_BYTES)
        self.assertTrue(heard.out.endswith("\ndone"))

    def test_what_is_not_there_can_not_be_started(self) -> None:
        with self.assertRaises(OSError):
            run_while_heard(["/nowhere/rocket"], dict(os.environ), SILENCE_S)


if __name__ == "__main__":
    unittest.main()
