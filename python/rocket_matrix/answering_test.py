"""What makes of the messages that there are the finished answer."""

import unittest

from rocket_matrix.answering import outbox, said, transaction
from rocket_matrix.commands import Infer
from rocket_matrix.journal import Work
from rocket_matrix.messages import Source, fits
from rocket_matrix.requests import Request

SOURCE = Source("vllm", "qwen", 3, 1.0)
LONG = "word " * 4000  # three parts

# messages that have been begun, text, what is done with each
OUTBOXES = [
    ([], "short", ["send"]),
    (["$0"], "short", ["edit"]),
    ([""], "short", ["edit"]),
    (["$0", "$1", ""], "short", ["edit", "redact", "redact"]),
    (["$0"], LONG, ["edit", "send", "send"]),
    ([], "", ["send"]),
    (["$0"], "", ["edit"]),
]


def work(parts: list[str]) -> Work:
    return Work(Request("$q", "!r:here", "@a:here", Infer("why")), parts=list(parts))


class Outbox(unittest.TestCase):
    def test_every_message_once(self) -> None:
        for parts, text, done in OUTBOXES:
            with self.subTest(parts=parts, text=text[:10]):
                items = outbox(work(parts), text, SOURCE)
                self.assertEqual([item["do"] for item in items], done)
                self.assertEqual([item["part"] for item in items], list(range(len(done))))
                self.assertTrue(all(fits(item["content"]) for item in items))

    def test_the_first_names_and_the_last_ends(self) -> None:
        bodies = [item["content"]["body"] for item in outbox(work([]), LONG, SOURCE)]
        self.assertEqual([body.startswith("[vllm] ") for body in bodies], [True, False, False])
        self.assertEqual(["3 tokens" in body for body in bodies], [False, False, True])

    def test_nothing_came(self) -> None:
        (item,) = outbox(work([]), "", Source(note="Ask again."))
        self.assertEqual(item["content"]["body"], "Ask again.")

    def test_a_list_too_long_for_one_message(self) -> None:
        lines = [f"- `{'model' * 25}-{number}` (backend)" for number in range(300)]
        items = said(work([]), "\n".join(lines))
        self.assertGreater(len(items), 1)
        self.assertTrue(all(fits(item["content"]) for item in items))
        told = "\n".join(item["content"]["body"] for item in items).split("\n")
        self.assertEqual([line for line in told if line], lines)


class Transactions(unittest.TestCase):
    def test_one_for_each_message_of_an_event(self) -> None:
        made = {
            transaction(event_id, part, *more)
            for event_id in ("$a", "$b")
            for part in (0, 1)
            for more in ((), ("final", 1), ("final", 2), (1, 1), (1, 2))
        }
        self.assertEqual(len(made), 20)
        self.assertEqual(transaction("$a", 0), transaction("$a", 0))
        for each in made:
            self.assertRegex(each, r"^[A-Za-z0-9._-]{1,128}$")


if __name__ == "__main__":
    unittest.main()
