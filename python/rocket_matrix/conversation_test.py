"""Conversations from events."""

import unittest

from rocket_matrix.conversation import Turn, messages_of, trimmed, turns_of
from rocket_matrix.messages import SPAN
from rocket_matrix.requests import Identity

ME = Identity("@rocket:here")


def said(body: str, sender: str = "@a:here", event_id: str = "$", **more) -> dict:
    content = {"msgtype": "m.text", "body": body, **more}
    return {
        "type": "m.room.message",
        "event_id": event_id,
        "sender": sender,
        "content": content,
    }


def answered(body: str, begin: int = 0, end: int | None = None, to: str = "$gone") -> dict:
    end = len(body) if end is None else end
    relates = {"m.in_reply_to": {"event_id": to}}
    marks = {SPAN: [begin, end], "m.relates_to": relates}
    return said(body, "@rocket:here", msgtype="m.notice", **marks)


def edited(event: dict, content: dict) -> dict:
    edit = {"content": {"body": "* x", "m.new_content": content}}
    return {**event, "unsigned": {"m.relations": {"m.replace": edit}}}


def turns(*events: dict) -> list[tuple[str, str]]:
    found = turns_of(
        [*events, said("now", event_id="$q"), said("later")],
        ME,
        lambda user: user.endswith(":here"),
        lambda event_id: event_id == "$open",
        "$q",
        "now",
    )
    return [(turn.role, turn.text) for turn in found]


NOW = ("user", "now")

STORIES = [
    ([], [NOW]),
    (
        [said("!infer --model m one"), answered("[b] two\n\nm · 1.0 s", 4, 7)],
        [("user", "one"), ("assistant", "two"), NOW],
    ),
    (
        [said("rocket: one"), answered("two")],
        [("user", "one"), ("assistant", "two"), NOW],
    ),
    ([said("one"), said("more")], [("user", "one\n\nmore\n\nnow")]),
    (
        [edited(answered("…"), {"body": "[b] whole", SPAN: [4, 9]})],
        [("assistant", "whole"), NOW],
    ),
    (
        [edited(said("typo"), {"msgtype": "m.text", "body": "right"})],
        [("user", "right\n\nnow")],
    ),
    (
        [
            said("one", event_id="$1"),
            said("two", event_id="$2"),
            answered("1", to="$1"),
            answered("2", to="$2"),
        ],
        [("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2"), NOW],
    ),
    ([said("one", event_id="$open")], [NOW]),
    (
        [said("one", event_id="$1"), answered("a", to="$1"), answered("b", to="$1")],
        [("user", "one"), ("assistant", "a\n\nb"), NOW],
    ),
    ([said("!models")], [NOW]),
    ([said("x", "@b:there")], [NOW]),
    ([said("x", msgtype="m.notice")], [NOW]),
    ([said("help text", "@rocket:here", msgtype="m.notice")], [NOW]),
    (
        [said("* x", **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$o"}})],
        [NOW],
    ),
    ([{"type": "m.room.message", "sender": "@a:here", "content": {}}], [NOW]),
    (
        [{"type": "m.room.encrypted", "sender": "@a:here", "content": {"body": "x"}}],
        [NOW],
    ),
    ([answered("x", 5, "y")], [NOW]),
    ([{}], [NOW]),
]


class Turns(unittest.TestCase):
    def test_stories(self) -> None:
        for events, expected in STORIES:
            with self.subTest(events):
                self.assertEqual(turns(*events), expected)


def talk(*texts: str) -> list[Turn]:
    return [Turn(("user", "assistant")[index % 2], text) for index, text in enumerate(texts)]


TRIMMED = [
    # turns, bytes, how many stay
    (talk("q"), 100, 1),
    (talk("q" * 500), 100, 1),
    (talk("a", "b", "c"), 3, 3),
    (talk("a", "b", "c"), 2, 1),
    (talk("a", "b", "c", "d", "e"), 4, 3),
    (talk("a" * 50, "b", "c", "d", "e"), 10, 3),
    (talk("ü", "b", "c"), 3, 1),
]


class Trimming(unittest.TestCase):
    def test_on_whole_turns(self) -> None:
        for whole, most, stay in TRIMMED:
            with self.subTest(whole=whole, most=most):
                kept = trimmed(whole, most)
                self.assertEqual(kept, whole[len(whole) - stay :])
                self.assertEqual(kept[0].role, "user")

    def test_the_system_prompt_comes_first(self) -> None:
        self.assertEqual(
            [each["role"] for each in messages_of(talk("a"), "be kind")],
            ["system", "user"],
        )
        self.assertEqual([each["role"] for each in messages_of(talk("a"), "")], ["user"])


if __name__ == "__main__":
    unittest.main()
