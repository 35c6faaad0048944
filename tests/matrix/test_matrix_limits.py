"""A homeserver that says "too fast", and what the bot takes for itself."""

import json

import pytest

from harness.gateway import backend
from harness.waiting import elapse


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
