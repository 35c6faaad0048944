"""What is refused by somebody who does not speak Matrix, as a proxy in front of the homeserver."""

import json

import pytest

from harness.gateway import backend
from harness.waiting import wait_until

SHORT = "fake: " + json.dumps({"tokens": 2})


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


@pytest.mark.long
def test_an_answer_that_a_proxy_lets_nobody_send(synapse, front, person, bot, url) -> None:
    """It takes no place from others for good, and who asked is told."""
    limits = {"answers_at_once": 1}
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url, limits=limits)
    room = alice.room(program.user_id, direct=True)
    before = alice.say(room, "!help")
    alice.answer(before)
    front.fail("/send/m.room.message/", 10**6, 403)
    refused = alice.say(room, SHORT)
    sent = '{where="send"}'
    wait_until(
        "it is given up",
        lambda: program.samples("rocket_matrix_errors_total").get(sent) == 1,
        seconds=100,
    )
    front.heal()
    assert "does not take my answer (403" in alice.answer(refused).body
    assert "word1" in alice.answer(alice.say(room, SHORT, thread=before)).body


@pytest.mark.long
def test_what_is_no_homeserver(synapse, front, bot) -> None:
    front.fail("/", 10**6, 404)
    program = bot(synapse, "http://127.0.0.1:1", ready=False, homeserver=front.url)
    assert program.program.wait(100) == 1
    told = program.program.err().splitlines()[-1]
    assert told.startswith("homeserver: nothing of Matrix is there (404, and no reason); write")
