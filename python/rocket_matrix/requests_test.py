"""From events to requests."""

import unittest

from rocket_matrix.commands import Batch, Help, Infer, Mistake, Models
from rocket_matrix.requests import (
    Attachment,
    Identity,
    Request,
    Room,
    attachment_of,
    may_speak_since,
    request_of,
    since_invited,
    stopped_by,
)

ME = Identity("@rocket:here", "Rocket Man")
ROOM = Room("!r:here")
DIRECT = Room("!d:here", direct=True)
OURS = {"rel_type": "m.thread", "event_id": "$ours"}
REPLY_IN_OURS = {**OURS, "m.in_reply_to": {"event_id": "$q"}}
FALLING_BACK = {**REPLY_IN_OURS, "is_falling_back": True}
THEIRS = {"rel_type": "m.thread", "event_id": "$theirs"}
FILES_ARE_FOR_BATCHES = "I read text, and files for `!batch` only; write what is to be asked."
FILE = {"msgtype": "m.file", "url": "mxc://here/abc", "info": {"size": 9}}


def asked(content: dict, room: Room = ROOM, **event) -> Request | None:
    whole = {
        "type": "m.room.message",
        "event_id": "$e",
        "sender": "@a:here",
        "content": content,
    }
    event = {**whole, **event}
    return request_of(event, ME, room, lambda root: root == "$ours", lambda e: e == "$answer", 1024)


def text(body: str, **more) -> dict:
    return {"msgtype": "m.text", "body": body, **more}


NO_SUCH = "There is no command `!weather`; `!help` lists what there is."
STRAY = Mistake(NO_SUCH, stray=True)
MENTIONED = {"m.mentions": {"user_ids": ["@rocket:here"]}}
OTHER_MENTIONED = {"m.mentions": {"user_ids": ["@b:here"]}}


SAID = "<mx-reply><blockquote>y</blockquote></mx-reply>"


def linked(rest: str, name: str = "Rocket Man", before: str = "") -> dict:
    """What a client makes of a mention."""
    html = f'{before}<a href="https://matrix.to/#/@rocket:here">{name}</a> {rest}'
    return {"format": "org.matrix.custom.html", "formatted_body": html}


REPLYING = {**MENTIONED, "m.relates_to": {"m.in_reply_to": {"event_id": "$q"}}}
QUOTED = {"m.relates_to": {"m.in_reply_to": {"event_id": "$q"}}}

LINK = '<a href="https://matrix.to/#/@rocket:here">Rocket Man</a>'
TO_AN_ANSWER = {"m.relates_to": {"m.in_reply_to": {"event_id": "$answer"}}}
BEHIND_AN_ANSWER = {**THEIRS, **TO_AN_ANSWER["m.relates_to"], "is_falling_back": True}
NOBODY_MENTIONED: dict = {"m.mentions": {}}

# As clients say it that know no `m.mentions`, and scripts.
IN_OLDER_WAYS = [
    (text("so @rocket:here, why?"), True),
    (text("why, @rocket:here"), True),
    (text("why, @rocket:here."), True),
    (text("so @rocket:here.evil, why?"), False),
    (text("so @rocket:here:8448, why?"), False),
    (text("so x@rocket:here, why?"), False),
    (text("<@rocket:here> said so"), False),
    (text("so @rocket:here, why?", **NOBODY_MENTIONED), False),
    (text("so @rocket:here, why?", **OTHER_MENTIONED), False),
    (text("so Rocket Man, why?", formatted_body=f"so {LINK}, why?"), True),
    (text("so Rocket Man, why?", formatted_body=f"so {LINK}, why?", **NOBODY_MENTIONED), False),
    (text("why?", formatted_body=f"<mx-reply>{LINK} said</mx-reply>why?", **QUOTED), False),
    (text("> <@rocket:here> said\n\nwhy?", **QUOTED), False),
    (text("why?", **TO_AN_ANSWER), True),
    (text("why?", **TO_AN_ANSWER, **NOBODY_MENTIONED), False),
    (text("why?", **TO_AN_ANSWER, **OTHER_MENTIONED), False),
    (text("why?", **QUOTED), False),
    (text("why?", **{"m.relates_to": BEHIND_AN_ANSWER}), False),
]

IN_A_ROOM = [
    (text("!infer why"), Infer("why")),
    (text("why"), None),
    (text("rocket: why"), Infer("why")),
    (text("Rocket Man, why"), Infer("why")),
    (text("@rocket:here why"), Infer("why")),
    (text("@rocket why", **MENTIONED), Infer("why")),
    (text("Rocket Man why", **MENTIONED, **linked("why")), Infer("why")),
    (text("Rocket Man: why", **MENTIONED, **linked(": why")), Infer("why")),
    (text("Rocket Man", **MENTIONED, **linked("")), None),
    (text("R & B: !models", **MENTIONED, **linked(": !models", "R &amp; B")), Models()),
    (text("R & B why", **MENTIONED, **linked("why", "R &amp; B")), Infer("why")),
    (text("> <@b:here> y\n\nRobo why", **REPLYING, **linked("why", "Robo", SAID)), Infer("why")),
    (text("rocket science?", **MENTIONED), Infer("rocket science?")),
    (text("@Rocket Man !models"), Models()),
    (text("[Rocket Man](https://matrix.to/#/@rocket:here): !models"), Models()),
    (text("[x](https://matrix.to/#/%40rocket%3Ahere) why"), Infer("why")),
    (text("[Rocket Man](https://matrix.to/#/@b:here) why"), None),
    (text("[Rocket Man](https://matrix.to/#/@rocket:here.evil) why"), None),
    (text("so, why?", **MENTIONED), Infer("so, why?")),
    (text("rocket: !models"), Models()),
    (text("!weather here"), None),
    (text("!weather here", **OTHER_MENTIONED), None),
    (text("!weather here", **{"m.relates_to": THEIRS}), None),
    (text("!weather here", **MENTIONED), STRAY),
    (text("rocket: !weather here"), STRAY),
    (text("!weather here", **{"m.relates_to": OURS}), STRAY),
    (text("!hlep"), Mistake("There is no command `!hlep`; did you mean `!help`?")),
    (text("rocket science is hard"), None),
    (text("rocket: @b said so", **OTHER_MENTIONED), None),
    (text("go on", **{"m.relates_to": OURS}), Infer("go on")),
    (text("go on", **{"m.relates_to": OURS}, **OTHER_MENTIONED), None),
    (text("go on", **{"m.relates_to": THEIRS}), None),
    (text("!infer x", **{"m.relates_to": THEIRS}), Infer("x")),
    (text("> <@b:here> !infer y\n> more\n\n!infer x", **QUOTED), Infer("x")),
    (text("> <@b:here> !infer y", **QUOTED), None),
    (text("> <@b:here> a\n" + "> a\n" * 16_000 + "\n!infer x", **QUOTED), Infer("x")),
    (text("> * <@b:here> waves\n\n!infer x", **QUOTED), Infer("x")),
    (text("> said\n\nmeans what?", **QUOTED, **MENTIONED), Infer("> said\n\nmeans what?")),
    (
        text("> <@b:here> said\n\nmeans what?", **{"m.relates_to": FALLING_BACK}),
        Infer("> <@b:here> said\n\nmeans what?"),
    ),
    (text("> <@b:here> said\n\nwhy?", **{"m.relates_to": REPLY_IN_OURS}), Infer("why?")),
    (text("", **MENTIONED), None),
    ({"msgtype": "m.notice", "body": "!infer x"}, None),
    ({"msgtype": "m.emote", "body": "!infer x"}, None),
    ({"msgtype": "m.image", "body": "!infer x", "url": "mxc://here/abc"}, None),
    (
        text(
            "* !infer x",
            **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$o"}},
        ),
        None,
    ),
    ({"msgtype": "m.text", "body": 7}, None),
    ({"msgtype": "m.text"}, None),
    ({}, None),
    ({**FILE, "body": "!batch --model m", "filename": "in.jsonl"}, Batch(model="m")),
    ({**FILE, "body": "in.jsonl", "filename": "in.jsonl"}, None),
    ({**FILE, "body": "in.jsonl"}, None),
    (
        {**FILE, "body": "!infer sum this up", "filename": "in.txt"},
        Mistake(FILES_ARE_FOR_BATCHES),
    ),
    (
        {**FILE, "msgtype": "m.image", "body": "!infer what is it", "filename": "it.png"},
        Mistake(FILES_ARE_FOR_BATCHES),
    ),
    ({**FILE, "msgtype": "m.video", "body": "look", "filename": "it.mp4"}, None),
    (
        {**FILE, "body": "and this?", "filename": "in.txt", "m.relates_to": OURS},
        Mistake(FILES_ARE_FOR_BATCHES),
    ),
    ({**FILE, "body": "!batch", "filename": "!batch"}, None),
]


class Requests(unittest.TestCase):
    def test_in_a_room(self) -> None:
        for content, command in IN_A_ROOM:
            with self.subTest(content):
                found = asked(content)
                self.assertEqual(found.command if found else None, command)

    def test_in_older_ways(self) -> None:
        for content, for_me in IN_OLDER_WAYS:
            with self.subTest(content):
                self.assertIs(asked(content) is not None, for_me)

    def test_in_a_direct_message(self) -> None:
        self.assertEqual(asked(text("why"), DIRECT).command, Infer("why"))
        self.assertEqual(asked(text("!help"), DIRECT).command, Help())
        self.assertEqual(asked(text("!weather here"), DIRECT).command, STRAY)
        self.assertIsNone(asked({**FILE, "body": "in.jsonl"}, DIRECT))
        image = {**FILE, "msgtype": "m.image", "body": "what is it?", "filename": "it.png"}
        self.assertEqual(asked(image, DIRECT).command, Mistake(FILES_ARE_FOR_BATCHES))

    def test_never_its_own_words(self) -> None:
        self.assertIsNone(asked(text("!infer x"), sender="@rocket:here"))
        self.assertIsNone(asked(text("!infer x"), type="m.room.topic"))
        self.assertIsNone(asked("!infer x"))

    def test_too_long(self) -> None:
        self.assertIsInstance(asked(text("!infer " + "x" * 2000)).command, Mistake)

    def test_kept_in_json(self) -> None:
        for content, command in IN_A_ROOM:
            if command:
                found = asked(content)
                self.assertEqual(Request.from_json(found.to_json()), found)

    def test_attachments_lie_in_the_homeserver(self) -> None:
        self.assertEqual(attachment_of(FILE), Attachment("mxc://here/abc", 9))
        for url in (
            "https://evil/x",
            "mxc://here/../x",
            "mxc://../x",
            "mxc://%2e%2e/x",
            "mxc://here/a?b",
            "mxc://here",
            7,
            None,
        ):
            self.assertIsNone(attachment_of({**FILE, "url": url}), url)
        encrypted = {"url": "mxc://here/abc", "iv": "x"}
        self.assertEqual(attachment_of({"file": encrypted}).encryption, encrypted)


def reaction(key: object, target: object = "$e", **event) -> dict:
    relates = {"rel_type": "m.annotation", "event_id": target, "key": key}
    return {"type": "m.reaction", "content": {"m.relates_to": relates}, **event}


class Reactions(unittest.TestCase):
    def test_stop(self) -> None:
        for key in ("❌", "🛑", "⏹️", "⏹", "✋"):
            self.assertEqual(stopped_by(reaction(key)), "$e", key)
        for key in ("👍", "", None, 7):
            self.assertEqual(stopped_by(reaction(key)), "", key)
        self.assertEqual(stopped_by(reaction("❌", target=7)), "")
        self.assertEqual(stopped_by(reaction("❌", type="m.room.message")), "")


def member(membership: str, before: str = "", user: str = "@rocket:here") -> dict:
    unsigned = {"prev_content": {"membership": before}} if before else {}
    return {
        "type": "m.room.member",
        "state_key": user,
        "content": {"membership": membership},
        "unsigned": unsigned,
    }


OLD, NEW = {"type": "m.room.message", "n": 1}, {"type": "m.room.message", "n": 2}

LIVES = [
    ([OLD, NEW], [OLD, NEW]),
    (
        [OLD, member("invite"), NEW, member("join", "invite"), NEW],
        [NEW, member("join", "invite"), NEW],
    ),
    ([OLD, member("join"), NEW], [NEW]),
    ([OLD, member("join", "join"), NEW], [OLD, member("join", "join"), NEW]),
    ([OLD, member("leave", "join"), OLD, member("invite", "leave"), NEW], [NEW]),
    (
        [OLD, member("invite", user="@b:here"), NEW],
        [OLD, member("invite", user="@b:here"), NEW],
    ),
]


class Invited(unittest.TestCase):
    def test_what_came_before_is_not_for_the_bot(self) -> None:
        for events, after in LIVES:
            with self.subTest(events):
                self.assertEqual(since_invited(events, "@rocket:here"), after)

    def test_when_it_may_speak_again(self) -> None:
        for events, may in (
            ([OLD], False),
            ([member("join", "invite", user="@b:here")], False),
            ([OLD, member("join", "invite")], True),
            ([{"type": "m.room.power_levels", "state_key": ""}], True),
        ):
            with self.subTest(events):
                self.assertEqual(may_speak_since(events, "@rocket:here"), may)


if __name__ == "__main__":
    unittest.main()
