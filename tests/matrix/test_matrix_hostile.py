"""What those may send whom the bot does not know: nothing of it may end it, or hold others up."""

import pytest
from bot_program import run_tables

from harness.gateway import backend
from harness.waiting import wait_until

MEGOLM = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "ciphertext": "AwgA",
    "device_id": "DEVICE",
    "sender_key": "3/jJo+Jr6Z5kNJDeVyuPxdq6Wc9GqYQSyfkBcRQVpXI",
    "session_id": "3/jJo+Jr6Z5kNJDeVyuPxdq6Wc9GqYQSyfkBcRQVpXI",
}
OLM = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": MEGOLM["sender_key"]}
# name, content
CIPHERTEXTS = [
    ("of no session", {**MEGOLM, "session_id": ""}),
    ("of no sender", {**MEGOLM, "sender_key": ""}),
    ("of an unknown session", MEGOLM),
    ("none", {**MEGOLM, "ciphertext": ""}),
    ("a list", {**MEGOLM, "ciphertext": ["AwgA"]}),
    ("of a kind nobody knows", {**MEGOLM, "algorithm": "m.megolm.v9"}),
    ("nothing", {}),
]
# What stands for the bot's key in a message to its device.
TO_DEVICE = [
    {},
    {"type": 0},
    {"type": 0, "body": ""},
    {"type": 0, "body": "AwoA"},
    {"type": 1, "body": "x"},
    {"type": 1, "body": ["x"]},
    {"type": True, "body": 7},
    "x",
    [],
]


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


def test_ciphertexts_that_are_none(synapse, person, bot, e2e_python, url) -> None:
    """The library takes some of them for what its own makers would never send."""
    alice, mallory = person(synapse, "alice"), person(synapse, "mallory")
    program = bot(synapse, url, interpreter=e2e_python, users=["@alice*:localhost"])
    room = alice.room(program.user_id, mallory.user_id)
    mallory.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    for name, content in CIPHERTEXTS:
        mallory.send(room, content, "m.room.encrypted")
        assert alice.answer(alice.say(room, "!help")), name
    # While it is away, more of them come than a sync has room for, and are read up.
    program.program.stop()
    for _ in range(60):
        mallory.send(room, CIPHERTEXTS[0][1], "m.room.encrypted")
    asked = alice.say(room, "!help")
    program.start()
    program.wait_ready()
    alice.answer(asked)


def test_messages_to_its_device_that_are_none(synapse, person, bot, e2e_python, url) -> None:
    """For which nobody has to share a room with it."""
    alice, mallory = person(synapse, "alice"), person(synapse, "mallory")
    program = bot(synapse, url, interpreter=e2e_python, users=["@alice*:localhost"])
    room = alice.room(program.user_id, direct=True)
    alice.answer(alice.say(room, "!help"))
    device = program.account.device_id
    asked = {"device_keys": {program.user_id: []}}
    found = mallory.call("POST", "/_matrix/client/v3/keys/query", asked)
    key = found["device_keys"][program.user_id][device]["keys"][f"curve25519:{device}"]
    for number, ciphertext in enumerate(TO_DEVICE):
        content = {**OLM, "ciphertext": {key: ciphertext}}
        path = f"/_matrix/client/v3/sendToDevice/m.room.encrypted/hostile{number}"
        mallory.call("PUT", path, {"messages": {program.user_id: {device: content}}})
    verification = {"transaction_id": ["x"], "mac": {}, "keys": "x"}
    path = "/_matrix/client/v3/sendToDevice/m.key.verification.mac/hostile"
    mallory.call("PUT", path, {"messages": {program.user_id: {device: verification}}})
    alice.answer(alice.say(room, "!help"))
    program.restart()
    alice.answer(alice.say(room, "!help"))


def test_devices_whose_keys_are_none(e2e_python) -> None:
    """The table beside the source, which needs the library's extra."""
    assert "skipped" not in run_tables(e2e_python, "rocket_matrix.sturdy_client_test")


def test_a_time_beyond_all_times(synapse, front, person, bot, url) -> None:
    """As a room of an old version lets a homeserver elsewhere write it."""
    alice = person(synapse, "alice")
    program = bot(synapse, url, homeserver=front.url)
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    front.members = {"odd": {"origin_server_ts": 10**400}}
    alice.say(room, "odd")
    alice.answer(alice.say(room, "!help"))
    assert program.samples("rocket_matrix_errors_total") == {'{where="event"}': 1}


def test_an_alias_that_nobody_resolves(synapse, front, person, bot, url) -> None:
    """Its homeserver is gone, and the bot's own says 502 for as long as that."""
    front.fail("/directory/room/", 10**6)
    alice = person(synapse, "alice")
    program = bot(synapse, url, rooms=["#gone:nowhere.example"], homeserver=front.url)
    room = alice.room(program.user_id, direct=True)
    alice.answer(alice.say(room, "!help"))


def test_an_alias_is_remembered(synapse, front, person, bot, url) -> None:
    """While it can not be resolved, the room is the one that it was."""
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(bob.user_id, alias=f"ops-{alice.name}")
    bob.join(room)
    rooms = [f"#ops-{alice.name}:localhost"]
    program = bot(synapse, url, rooms=rooms, direct_messages=False, homeserver=front.url)
    alice.invite(room, program.user_id)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    front.fail("/directory/room/", 10**6)
    program.restart()
    alice.answer(alice.say(room, "!help"))


def test_invitations_of_strangers_hold_nobody_up(synapse, front, person, bot, url) -> None:
    alice, mallory = person(synapse, "alice"), person(synapse, "mallory")
    program = bot(synapse, url, users=["@alice*:localhost"], homeserver=front.url)
    front.fail("/leave", 10**6)
    for _ in range(12):
        mallory.room(program.user_id)
    room = alice.room(program.user_id, direct=True)
    alice.answer(alice.say(room, "!help"), seconds=15)
    refused = '{reason="invitation"}'
    wait_until(
        "all are counted",
        lambda: program.samples("rocket_matrix_refused_total").get(refused) == 12,
    )
