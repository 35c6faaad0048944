"""Who is heard, and where."""

import pytest

from harness.gateway import backend
from harness.waiting import wait_until


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


def test_only_those_who_may(synapse, person, bot, url) -> None:
    alice, mallory = person(synapse, "alice"), person(synapse, "mallory")
    program = bot(synapse, url, users=["@alice*:localhost"])
    foreign = mallory.room(program.user_id)
    mallory.until(
        "the invitation is declined",
        lambda: mallory.members.get((foreign, program.user_id)) == "leave",
    )

    room = alice.room(program.user_id, mallory.user_id)
    mallory.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    unheard = [
        mallory.say(room, "!infer x"),
        mallory.say(
            room, f"{program.user_id}: x", **{"m.mentions": {"user_ids": [program.user_id]}}
        ),
        mallory.say(room, "!help"),
    ]
    told = alice.say(room, "!help")
    alice.answer(told)
    assert not any(alice.answers(event_id) for event_id in unheard)
    assert program.samples("rocket_matrix_refused_total")['{reason="user"}'] == 3


def test_only_where_they_may(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    allowed = alice.room()
    program = bot(synapse, url, rooms=[allowed], direct_messages=False)
    other = alice.room(program.user_id)
    alice.until(
        "the invitation is declined", lambda: alice.members.get((other, program.user_id)) == "leave"
    )
    alice.invite(allowed, program.user_id)
    alice.until("the bot joins", lambda: alice.members.get((allowed, program.user_id)) == "join")
    bob = person(synapse, "bob")
    alice.invite(allowed, bob.user_id)
    bob.join(allowed)
    told = alice.say(allowed, "!help")
    alice.answer(told)


def test_edits_notices_and_replays_run_nothing(synapse, person, bot, url) -> None:
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, url)
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    plain = alice.say(room, "hello")
    unheard = [
        alice.edit(room, plain, "!infer x"),
        alice.send(room, {"msgtype": "m.notice", "body": "!infer x"}),
        alice.send(room, {"msgtype": "m.emote", "body": "!infer x"}),
        alice.send(
            room,
            {"msgtype": "m.text", "body": "!infer x", "m.relates_to": "nonsense"},
            "m.room.other",
        ),
    ]
    told = alice.say(room, "!help")
    alice.answer(told)
    assert not any(alice.answers(event_id) for event_id in [plain, *unheard])


def test_what_was_said_before_is_not_for_the_bot(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    room = alice.room()
    before = alice.say(room, "!infer before the invitation")
    program = bot(synapse, url)
    alice.invite(room, program.user_id)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    told = alice.say(room, "!help")
    alice.answer(told)
    assert not alice.answers(before)


def test_one_person_can_not_ask_without_end(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url, limits={"questions_per_minute": 3})
    room = alice.room(program.user_id, direct=True)
    asked = [alice.say(room, f"question {number}") for number in range(9)]
    alice.until("five answers", lambda: sum(bool(alice.answers(each)) for each in asked) == 5)
    told = alice.say(room, "!help")
    alice.answer(told)
    answers = [alice.answer(event_id).body for event_id in asked if alice.answers(event_id)]
    assert sum(body.startswith("[fakes]") for body in answers) == 3
    assert sum("ask again in" in body for body in answers) == 2
    assert len(answers) == 5
    reasons = program.samples("rocket_matrix_refused_total")
    assert reasons['{reason="too fast"}'] == 6
    wait_until("nothing waits", lambda: program.total("rocket_matrix_waiting") == 0)


def test_no_secret_is_told(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    told = alice.say(room, "very private words")
    alice.answer(told)
    log = program.program.err() + program.program.out()
    token = (program.folder / "token").read_text().strip()
    assert token not in log and "very private words" not in log
    program.program.stop()
    for path in (program.folder / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
        if path.is_file():
            assert b"very private words" not in path.read_bytes(), path


def test_an_invitation_outlives_the_bot(synapse, front, person, bot, url) -> None:
    """The homeserver tells of it once, and alice can not invite who is invited."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url)
    front.fail("/join/", 10**6)
    room = alice.room(program.user_id, direct=True)
    wait_until("the bot has tried to join", lambda: front.failed)
    program.program.kill()
    front.heal()
    program.start()
    program.wait_ready()
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    alice.answer(alice.say(room, "!help"))


def test_who_has_joined_too_often_is_not_silent(synapse, front, person, bot, url) -> None:
    """Joins and messages have limits of their own."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url)
    room = alice.room(program.user_id, direct=True)
    alice.answer(alice.say(room, "!help"))
    front.fail("/join/", 1, 429, retry_after="20")
    alice.room(program.user_id)
    wait_until("the bot may not join", lambda: front.failed)
    alice.answer(alice.say(room, "!help"), seconds=10)
