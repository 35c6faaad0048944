"""What rooms hold beside questions: events that make no sense, and rooms that change under the bot."""

import json

import pytest

from harness.gateway import backend
from harness.waiting import wait_until

ENDLESS = "fake: " + json.dumps({"tokens": 10_000, "event_delay_ms": 50})
SHORT = "fake: " + json.dumps({"tokens": 2})
FILE = {"msgtype": "m.file", "filename": "a.txt"}
# Nobody's.
EVENT = "$6Zbv8AXBRkxPc3FHb1XbfSMVNSvQAWjbIDCHcWFYfeU"


@pytest.fixture
def gateway(rocket, fake):
    served = rocket({"backends": [backend("fakes", fake().url)]})
    served.wait_for_models("m")
    return served


def text(body: object, **more) -> dict:
    return {"msgtype": "m.text", "body": body, **more}


def together(alice, bob, program) -> str:
    """A room with all three of them."""
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    return room


# name, content, part of the answer: none if there must not be one
ODD = [
    ("a notice", {"msgtype": "m.notice", "body": "!help"}, None),
    ("an emote", {"msgtype": "m.emote", "body": "!help"}, None),
    ("a kind nobody knows", {"msgtype": "org.example.new", "body": "!help"}, None),
    ("no kind", {"body": "!help"}, None),
    ("a command of another bot", text("!weather here"), None),
    ("no body", {"msgtype": "m.text"}, None),
    ("a number for a body", text(7), None),
    ("a list for a body", text(["!help"]), None),
    ("a kind that is a list", {"msgtype": ["m.text"], "body": "!help"}, None),
    ("nothing", {}, None),
    (
        "a command in HTML only",
        text("hello", format="org.matrix.custom.html", formatted_body="!help"),
        None,
    ),
    ("a command further down", text("see below\n!help"), None),
    ("an edit of nothing", text("* !help", **{"m.relates_to": {"rel_type": "m.replace"}}), None),
    (
        "an edit with a command",
        text(
            "* !help",
            **{
                "m.new_content": text("!help"),
                "m.relates_to": {"rel_type": "m.replace", "event_id": EVENT},
            },
        ),
        None,
    ),
    (
        "a reply that only quotes",
        text("> <@x:y> !help\n\n", **{"m.relates_to": {"m.in_reply_to": {"event_id": EVENT}}}),
        None,
    ),
    ("a file of that name", {**FILE, "filename": "!help", "body": "!help"}, None),
    ("a file from elsewhere", {**FILE, "body": "!batch", "url": "https://e.org/x"}, None),
    ("a file of nothing", {**FILE, "body": "!batch", "url": "mxc://localhost/"}, None),
    ("a path for a file", {**FILE, "body": "!batch", "url": "mxc://localhost/../x"}, None),
    ("capitals", text("!HELP"), "`!infer"),
    ("blanks in front", text(" \n  !help"), "`!infer"),
    ("a relation that is a list", text("!help", **{"m.relates_to": []}), "`!infer"),
    ("a relation to a number", text("!help", **{"m.relates_to": {"event_id": 7}}), "`!infer"),
    (
        "a thread whose root is a number",
        text("!help", **{"m.relates_to": {"rel_type": "m.thread", "event_id": 7}}),
        "`!infer",
    ),
    ("a reply to a list", text("!help", **{"m.relates_to": {"m.in_reply_to": []}}), "`!infer"),
    ("mentions that are none", text("!help", **{"m.mentions": {"user_ids": 7}}), "`!infer"),
    ("an option nobody knows", text("!infer --top 5 x"), "no option `--top`"),
    ("quotes that stay open", text('!infer --model "m x'), "m"),
    ("HTML in a name", text("!<b>x</b>"), None),
    ("HTML behind a mark", text("!backends<img src=x> y"), "There is no command"),
    ("a job that is a path", text("!status ../../etc"), "You have no job `../../etc`"),
    (
        "a file for a question",
        {**FILE, "body": "!infer read", "url": "mxc://localhost/abc"},
        "files for `!batch` only",
    ),
    ("a whole page of blanks", text("!infer " + " \n" * 20_000), "There is no prompt"),
    ("more than a prompt may be", text("!infer " + "x" * 3000), "longer than 2 KiB"),
]


def test_odd_events(synapse, front, person, bot, gateway) -> None:
    """As a homeserver elsewhere may hand them on: Synapse takes some of them from nobody."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    limits = {"questions_per_minute": 1000, "prompt": "2KiB"}
    program = bot(synapse, gateway.url, limits=limits, homeserver=front.url)
    room = together(alice, bob, program)
    front.contents = {f"odd {number}": content for number, (_, content, _) in enumerate(ODD)}
    said = [
        (name, alice.say(room, f"odd {number}"), expected)
        for number, (name, _, expected) in enumerate(ODD)
    ]
    alice.answer(alice.say(room, "!help"))
    for name, event_id, expected in said:
        if expected:
            answer = alice.answer(event_id)
            assert expected in answer.body, (name, answer.body)
            assert "<img" not in answer.content["formatted_body"]
    wait_until("nothing waits", lambda: program.total("rocket_matrix_waiting") == 0)
    alice.sync(0)
    for name, event_id, expected in said:
        assert expected or not alice.answers(event_id, by=program.user_id), name
    assert not program.samples("rocket_matrix_errors_total")
    assert program.program.running()


def test_clients_that_know_no_mentions(synapse, person, bot, gateway) -> None:
    """They name the bot in the middle of a sentence, or reply to what it said."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, gateway.url)
    room = together(alice, bob, program)
    named = alice.answer(alice.say(room, f"So {program.user_id}, why?"))
    replying = {"m.relates_to": {"m.in_reply_to": {"event_id": named.event_id}}}
    unheard = bob.say(room, SHORT, **replying, **{"m.mentions": {}})
    assert alice.answer(bob.say(room, SHORT, **replying)).body.startswith("[fakes]")
    assert not alice.answers(unheard)


def test_a_question_that_is_taken_back_before_it_is_read(synapse, person, bot, gateway) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, gateway.url)
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    program.program.stop()
    question = alice.say(room, SHORT)
    alice.take_back(room, question)
    program.start()
    program.wait_ready()
    alice.answer(alice.say(room, "!help"))
    assert not alice.answers(question)


def grows(person, question: str) -> None:
    person.until("an answer grows", lambda: person.answers(question))


def idle(gateway) -> None:
    wait_until("the upstream is closed", lambda: gateway.in_flight() == 0, seconds=10)


def test_put_out_and_invited_again(synapse, person, bot, gateway) -> None:
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, gateway.url)
    room = together(alice, bob, program)
    question = alice.say(room, f"!infer {ENDLESS}")
    grows(alice, question)
    alice.put_out(room, program.user_id)
    idle(gateway)
    unheard = alice.say(room, f"!infer {SHORT}")
    alice.invite(room, program.user_id)
    alice.until("the bot is back", lambda: alice.members.get((room, program.user_id)) == "join")
    assert alice.answer(alice.say(room, f"!infer {SHORT}")).body.startswith("[fakes] word0")
    assert not alice.answers(unheard)
    assert program.samples("rocket_matrix_answers_total")['{outcome="lost"}'] == 1


def test_where_it_may_not_speak(synapse, person, bot, gateway) -> None:
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, gateway.url)
    room = together(alice, bob, program)
    levels = alice.state(room, "m.room.power_levels")
    alice.set_state(room, "m.room.power_levels", {**levels, "events_default": 50})
    muted = [alice.say(room, f"!infer {ENDLESS}"), alice.say(room, "!help")]
    lost = '{outcome="lost"}'
    wait_until(
        "both are given up",
        lambda: program.samples("rocket_matrix_answers_total").get(lost) == 2,
    )
    idle(gateway)
    alice.set_state(room, "m.room.power_levels", {**levels, "events_default": 0})
    assert alice.answer(alice.say(room, f"!infer {SHORT}")).body.startswith("[fakes] word0")
    assert not any(alice.answers(each) for each in muted)


def test_who_is_only_invited_counts(synapse, person, bot, gateway) -> None:
    """Before and after a restart: the two who are in the room talk to each other of the third."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, gateway.url)
    room = alice.room(program.user_id)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    alice.answer(alice.say(room, f"alone {SHORT}"))
    alice.invite(room, bob.user_id)
    unheard = [alice.say(room, "wait for bob")]
    alice.answer(alice.say(room, "!help"))
    program.restart()
    unheard.append(alice.say(room, "wait for bob"))
    alice.answer(alice.say(room, "!help"))
    assert not any(alice.answers(each) for each in unheard)


def test_an_alias_and_an_upgraded_room(synapse, person, bot, gateway) -> None:
    """The configuration names a room that is made later, and then moves."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    name = f"ops-{alice.name}"
    program = bot(synapse, gateway.url, rooms=[f"#{name}:localhost"], direct_messages=False)
    other = alice.room(program.user_id, bob.user_id)
    alice.until("declined", lambda: alice.members.get((other, program.user_id)) == "leave")
    room = alice.room(program.user_id, bob.user_id, alias=name)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    alice.answer(alice.say(room, "!help"))
    new = upgraded(alice, room)
    alice.invite(new, bob.user_id)
    bob.join(new)
    alice.invite(new, program.user_id)
    alice.until("the bot follows", lambda: alice.members.get((new, program.user_id)) == "join")
    alice.answer(alice.say(new, "!help"))


def test_what_a_room_has_chosen_follows_it(synapse, person, bot, gateway) -> None:
    """But not into a room that only says that it was this one."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, gateway.url)
    room = together(alice, bob, program)
    assert "from now on" in alice.answer(alice.say(room, "!model m")).body
    body = {"preset": "private_chat", "creation_content": {"predecessor": {"room_id": room}}}
    other = bob.call("POST", "/_matrix/client/v3/createRoom", body)["room_id"]
    bob.invite(other, program.user_id)
    bob.until("the bot joins", lambda: bob.members.get((other, program.user_id)) == "join")
    assert "whatever Rocket chooses" in bob.answer(bob.say(other, "!model")).body
    new = upgraded(alice, room)
    alice.invite(new, program.user_id)
    alice.until("the bot joins", lambda: alice.members.get((new, program.user_id)) == "join")
    assert "This room asks `m`" in alice.answer(alice.say(new, "!model")).body
    assert "chooses again" in alice.answer(alice.say(new, "!model default")).body
    program.restart()
    assert "whatever Rocket chooses" in alice.answer(alice.say(new, "!model")).body


def upgraded(person, room: str) -> str:
    """The room that it is from now on."""
    version = person.state(room, "m.room.create").get("room_version", "1")
    path = f"/_matrix/client/v3/rooms/{room}/upgrade"
    moved = person.call("POST", path, {"new_version": "11" if version != "11" else "10"})
    return moved["replacement_room"]


def saying(*pieces: str) -> bytes:
    """A stream of them, as Rocket passes one on."""
    lines = []
    for piece in pieces:
        said = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [said]}
        lines.append(f"data: {json.dumps(chunk)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def test_halves_of_characters(synapse, person, bot, upstream) -> None:
    """JSON can say them, and some servers cut their answers there; no message can hold one."""
    model = upstream(reply=lambda seen: (200, saying("well \ud83d", "\ude00, \ud83d!", "\ud83d")))
    alice = person(synapse, "alice")
    program = bot(synapse, model.url)
    room = alice.room(program.user_id, direct=True)
    for _ in range(2):  # the second time it is told what it said the first time
        assert alice.answer(alice.say(room, "Hello")).body.startswith("well 😀, \ufffd!\ufffd\n")
    assert not program.samples("rocket_matrix_errors_total")


def test_a_thread_below_an_id_with_a_slash(synapse, person, bot, upstream) -> None:
    """As every second event has in rooms of version 3."""
    model = upstream(reply=lambda seen: (200, saying("well")))
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, model.url, limits={"questions_per_minute": 100})
    body = {"preset": "private_chat", "invite": [program.user_id, bob.user_id], "room_version": "3"}
    room = alice.call("POST", "/_matrix/client/v3/createRoom", body)["room_id"]
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    root = ""
    while "/" not in root:
        root = alice.say(room, "!infer first")
        assert alice.answer(root).body.startswith("well")
    alice.answer(alice.say(room, "second", thread=root))
    asked = json.loads(model.inference()[-1].body)["messages"]
    assert [each["content"] for each in asked] == ["first", "well", "second"]
