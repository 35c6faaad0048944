"""A homeserver that says "too fast", and what the bot takes for itself."""

import json
import time

import pytest

from harness.gateway import backend
from harness.waiting import elapse, wait_until


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


def test_rate_limits_are_obeyed(limited_synapse, person, bot, url) -> None:
    """Synapse lets ten events through and then one in five seconds."""
    alice = person(limited_synapse, "alice")
    program = bot(limited_synapse, url)
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.say(room, "fake: " + json.dumps({"tokens": 160, "event_delay_ms": 100}))
    answer = alice.answer(question, seconds=60)
    assert "word159" in answer.body and "160 tokens" in answer.body
    # A burst, and then one in about five seconds: never what would have been possible without.
    assert 4 <= answer.edits <= 15, answer.versions
    assert program.total("rocket_matrix_rate_limit_waits_total") >= 1
    told = alice.say(room, "!help")
    assert "`!infer" in alice.answer(told, seconds=60).body
    assert len(alice.answers(question)) == 1


def test_a_proxy_that_says_too_fast(synapse, front, person, bot, url) -> None:
    """In no words of Matrix', and for how long only in a header: for messages and for syncs."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url)
    room = alice.room(program.user_id, direct=True)
    alice.answer(alice.say(room, "!help"))
    front.fail("/send/m.room.message/", 1, 429, retry_after="3")
    asked = time.monotonic()
    alice.answer(alice.say(room, "!help"))
    assert 3 <= time.monotonic() - asked < 10
    front.fail("/sync", 1, 429, retry_after="3")
    alice.answer(alice.say(room, "!help"))
    alice.answer(alice.say(room, "!help"))
    assert program.total("rocket_matrix_rate_limit_waits_total") == 2
    assert program.total("rocket_matrix_rate_limit_wait_seconds_total") == 6


def test_small_and_idle(synapse, person, bot, url) -> None:
    alice = person(synapse, "alice")
    program = bot(synapse, url)
    room = alice.room(program.user_id, direct=True)
    for _ in range(5):
        question = alice.say(room, "fake: " + json.dumps({"tokens": 400}))
        alice.answer(question)
    before = program.program.cpu_seconds()
    elapse(3)
    used = program.program.cpu_seconds() - before
    rss = program.program.rss_bytes() / (1 << 20)
    print(f"RSS {rss:.1f} MiB, {used:.2f} s CPU in 3 s")
    assert rss < 100
    assert used <= 0.06


def test_what_it_takes_for_an_answer(synapse, person, bot, url) -> None:
    """`limits.answers_at_once`, `waiting`, `answer`, `answer_time`."""
    limits = {"answers_at_once": 1, "waiting": 2, "answer": "1KiB", "answer_time": "4s"}
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    program = bot(synapse, url, limits=limits)
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    slow = "!infer fake: " + json.dumps({"tokens": 10_000, "event_delay_ms": 100})
    first = alice.say(room, slow)
    alice.until("it grows", lambda: alice.answers(first))
    second = alice.say(room, slow)
    wait_until("both are taken", lambda: program.total("rocket_matrix_waiting") == 2)
    assert program.total("rocket_matrix_running") == 1
    third = alice.say(room, "!infer Hello")
    assert "Too many questions are waiting" in alice.answer(third).body
    assert not alice.answers(second)
    assert "That took too long" in alice.answer(first).body
    alice.until("the second begins", lambda: alice.answers(second))
    alice.answer(alice.say(room, "!cancel", thread=second))
    long = alice.say(room, "!infer fake: " + json.dumps({"tokens": 1000}))
    answer = alice.answer(long)
    assert "Cut at 1 KiB." in answer.body and len(answer.body) < 1400


def test_questions_that_nobody_waits_for_any_more(synapse, person, bot, url) -> None:
    """`limits.answer_within`: the bot was away for longer."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, limits={"answer_within": "2s"})
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    program.program.stop()
    old = alice.say(room, "!help")
    elapse(2.1)
    program.start()
    program.wait_ready()
    new = alice.say(room, "!help")
    alice.answer(new)
    assert not alice.answers(old)
    assert program.samples("rocket_matrix_refused_total") == {'{reason="old"}': 1.0}
