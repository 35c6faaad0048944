"""Exactly one answer to each question, whatever dies."""

import json
import random
import sqlite3
import time

import pytest

from harness.gateway import backend
from harness.waiting import elapse

SHORT = "fake: " + json.dumps({"tokens": 6, "event_delay_ms": 60})


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


def asked_and_answered(alice, questions: list[str]) -> None:
    for question in questions:
        answer = alice.answer(question, seconds=60)
        assert answer.body.startswith("[fakes] word0 word1 word2 word3 word4 word5"), (
            answer.versions
        )
        assert "6 tokens" in answer.body


def killed(synapse, person, bot, url, times: int, seed: int) -> None:
    """The bot is killed while it answers, at moments drawn at random."""
    dice = random.Random(seed)
    alice = person(synapse, "alice")
    program = bot(synapse, url, limits={"questions_per_minute": 1000})
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    questions = []
    for turn in range(times):
        # Ten times the bot begins an answer, and then says so: a slow machine is not to get there.
        if turn % 8 == 7:
            program.wait_ready()
            asked_and_answered(alice, questions)
        questions.append(alice.say(room, SHORT))
        elapse(dice.uniform(0, 0.9))
        program.program.kill()
        if dice.random() < 0.3:
            questions.append(alice.say(room, SHORT))  # while nobody listens
        program.start()
        if dice.random() < 0.7:
            program.wait_ready()
    program.wait_ready()
    asked_and_answered(alice, questions)
    # Nothing comes late, and nobody was answered twice.
    last = alice.say(room, "!help")
    alice.answer(last)
    for question in questions:
        assert len(alice.answers(question)) == 1


def test_killed_at_random_moments(synapse, person, bot, url) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    killed(synapse, person, bot, url, times=20, seed=seed)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_killed_at_two_hundred_random_moments(synapse, person, bot, url, part: int) -> None:
    """In ten rooms, so that one failure does not hide others."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    killed(synapse, person, bot, url, times=20, seed=seed)


def test_a_replayed_position_answers_nothing_again(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    program.program.stop()
    journal = program.folder / "store/journal.sqlite"
    with sqlite3.connect(journal) as db:
        ((position,),) = db.execute("SELECT value FROM note WHERE name = 'position'")
    db.close()
    program.start()
    program.wait_ready()
    questions = [alice.say(room, SHORT) for _ in range(3)]
    help_asked = alice.say(room, "!help")
    asked_and_answered(alice, questions)
    alice.answer(help_asked)
    program.program.stop()
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE note SET value = ? WHERE name = 'position'", (position,))
    db.close()
    program.start()
    program.wait_ready()
    last = alice.say(room, "!help")
    alice.answer(last)
    for question in [*questions, help_asked]:
        assert len(alice.answers(question)) == 1


def test_a_gap_of_which_nothing_is_told(synapse, front, person, bot, url) -> None:
    """As Synapse does where hundreds of events follow that the bot has not asked for."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url)
    room = alice.room(program.user_id, direct=True)
    asked_and_answered(alice, [alice.say(room, SHORT)])
    front.untold = {room}
    asked_and_answered(alice, [alice.say(room, SHORT)])


def test_a_homeserver_restarts_under_an_answer(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    slow = "fake: " + json.dumps({"tokens": 60, "event_delay_ms": 100})
    question = alice.say(room, slow)
    alice.until("it grows", lambda: alice.answers(question) and alice.answers(question)[0].edits)
    synapse.stop()
    assert program.program.running()
    synapse.begin_again()
    answer = alice.answer(question, seconds=60)
    assert "word59" in answer.body and "60 tokens" in answer.body
    after = alice.say(room, SHORT)
    asked_and_answered(alice, [after])
    assert len(alice.answers(question)) == 1


def test_a_gateway_restarts_before_an_answer(synapse, person, bot, rocket, fake) -> None:
    engine = fake()
    first = rocket({"backends": [backend("fakes", engine.url)]})
    port = first.port
    alice = person(synapse, "alice")
    program = bot(synapse, first.url)
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    first.finish()
    question = alice.say(room, SHORT)
    alice.until("it is typing", lambda: any(users for _, users in alice.typing))
    again = rocket({"listen": f"127.0.0.1:{port}", "backends": [backend("fakes", engine.url)]})
    assert again.port == port
    asked_and_answered(alice, [question])


def test_its_token_ends_under_an_answer(synapse, person, bot, url) -> None:
    """With another one it goes on: what it was answering is not lost."""
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    slow = "fake: " + json.dumps({"tokens": 60, "event_delay_ms": 100})
    question = alice.say(room, slow)
    alice.until("it grows", lambda: alice.answers(question) and alice.answers(question)[0].edits)
    program.account.call("POST", "/_matrix/client/v3/logout", {})
    assert program.program.wait(60) == 1
    program.account.log_in()
    (program.folder / "token").write_text(program.account.token)
    program.start()
    program.wait_ready()
    assert "word59" in alice.answer(question, seconds=60).body
    assert len(alice.answers(question)) == 1


def test_stopped_in_the_middle_it_goes_on(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    slow = "fake: " + json.dumps({"tokens": 30, "event_delay_ms": 100})
    question = alice.say(room, slow)
    alice.until("it grows", lambda: alice.answers(question))
    began = time.monotonic()
    assert program.program.stop() == 0
    assert time.monotonic() - began < 9
    program.start()
    answer = alice.answer(question, seconds=60)
    assert "word29" in answer.body and "30 tokens" in answer.body
