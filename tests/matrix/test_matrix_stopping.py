"""Stopping an answer reaches the engine."""

import json

import pytest

from harness.gateway import backend
from harness.waiting import wait_until

ENDLESS = "fake: " + json.dumps({"tokens": 10_000, "event_delay_ms": 50})


@pytest.fixture
def talking(synapse, person, bot, rocket, fake):
    """alice and bob in a room with the bot, and the fake behind the gateway."""
    engine = fake()
    gateway = rocket({"backends": [backend("fakes", engine.url)]})
    gateway.wait_for_models("m")
    alice, bob, root = (person(synapse, name) for name in ("alice", "bob", "root"))
    program = bot(synapse, gateway.url, admins=[root.user_id])
    room = alice.room(program.user_id, bob.user_id, root.user_id)
    bob.join(room)
    root.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    return alice, bob, root, room, gateway, engine


def growing(person, room: str, question: str):
    return person.until(
        "an answer grows", lambda: person.answers(question) and person.answers(question)[0]
    )


def released(gateway, count: int) -> None:
    """The upstream is closed, and the gateway knows why."""
    wait_until("the gateway is idle", lambda: gateway.in_flight() == 0, seconds=5)
    assert sum(gateway.samples("rocket_cancels_total").values()) == count


def test_by_command(talking) -> None:
    alice, bob, _, room, gateway, engine = talking
    question = alice.say(room, f"!infer {ENDLESS}")
    growing(alice, room, question)
    denied = bob.say(room, "!cancel", thread=question)
    assert "Nothing of yours runs here" in bob.answer(denied).body
    assert gateway.in_flight() == 1
    cancel = alice.say(room, "!cancel", thread=question)
    assert alice.answer(cancel).body == "Stopping."
    answer = alice.answer(question)
    assert answer.body.startswith("[fakes] word0") and "Stopped." in answer.body
    released(gateway, 1)
    assert engine.stop()["aborted"] == 1


@pytest.mark.parametrize("target", ["answer", "question"])
def test_by_a_reaction(talking, target: str) -> None:
    alice, bob, root, room, gateway, _ = talking
    question = alice.say(room, f"!infer {ENDLESS}")
    answer = growing(alice, room, question)
    at = answer.event_id if target == "answer" else question
    bob.react(room, at, "❌")
    alice.react(room, at, "👍")
    first = len(answer.versions)
    alice.until("it goes on", lambda: len(answer.versions) > first + 1)
    (alice if target == "answer" else root).react(room, at, "🛑")
    assert "Stopped." in alice.answer(question).body
    released(gateway, 1)


def test_what_waits_for_its_turn(synapse, person, bot, rocket, fake) -> None:
    """It need not have one to be stopped."""
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    alice = person(synapse, "alice")
    program = bot(synapse, gateway.url, limits={"answers_at_once": 1})
    room = alice.room(program.user_id, direct=True)
    first = alice.say(room, ENDLESS)
    growing(alice, room, first)
    second = alice.say(room, ENDLESS)
    wait_until("it waits", lambda: program.total("rocket_matrix_waiting") == 2)
    alice.react(room, second, "🛑")
    assert alice.answer(second).body == "Stopped."
    assert not alice.answers(first)[0].finished
    alice.react(room, first, "🛑")
    assert "Stopped." in alice.answer(first).body
    released(gateway, 1)


def test_by_taking_the_question_back(talking) -> None:
    alice, _, _, room, gateway, _ = talking
    question = alice.say(room, f"!infer {ENDLESS}")
    growing(alice, room, question)
    alice.call("PUT", f"/_matrix/client/v3/rooms/{room}/redact/{question}/x1", {})
    assert "Stopped." in alice.answer(question).body
    released(gateway, 1)


@pytest.mark.parametrize("target", ["question", "answer"])
def test_by_a_moderator_who_takes_it_away(synapse, person, bot, rocket, fake, target: str) -> None:
    """He may not ask, and what he does is between him and the homeserver: the message has gone."""
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url, users=["@bob*:localhost"])
    moderator, bob = person(synapse, "moderator"), person(synapse, "bob")
    room = moderator.room(bob.user_id)
    bob.join(room)
    levels = moderator.state(room, "m.room.power_levels")
    moderator.set_state(room, "m.room.power_levels", {**levels, "invite": 0})
    bob.invite(room, program.user_id)
    bob.until("the bot joins", lambda: bob.members.get((room, program.user_id)) == "join")
    question = bob.say(room, f"!infer {ENDLESS}")
    answer = growing(bob, room, question)
    moderator.take_back(room, question if target == "question" else answer.event_id)
    released(gateway, 1)


def test_by_a_reaction_while_the_bot_is_down(synapse, person, bot, rocket, fake) -> None:
    """It has been asked to stop before it can take the answer up again."""
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.say(room, ENDLESS)
    answer = growing(alice, room, question)
    program.program.kill()
    alice.react(room, answer.event_id, "❌")
    program.start()
    program.wait_ready()
    assert "Stopped." in alice.answer(question).body
    wait_until("the gateway is idle", lambda: gateway.in_flight() == 0, seconds=5)
