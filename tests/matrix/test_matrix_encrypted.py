"""Encrypted rooms: with the library's extra as in any other; without it a plain hint."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from harness.gateway import backend
from harness.waiting import wait_until

SLOW = "fake: " + json.dumps({"tokens": 25, "event_delay_ms": 100})

# What it says is of no matter: nobody has its key.
GARBLED = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "ciphertext": "x",
    "session_id": "s",
    "sender_key": "k",
    "device_id": "d",
}


@pytest.fixture
def url(rocket, fake) -> str:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway.url


class EncryptedClient:
    """encrypted_person.py, driven."""

    def __init__(self, python: Path, folder: Path, person, homeserver: str):
        folder.mkdir()
        given = {
            "homeserver": homeserver,
            "user_id": person.user_id,
            "device_id": person.device_id,
            "access_token": person.token,
            "store": str(folder),
        }
        self._out = folder / "out"
        self._err = folder / "err"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._popen = subprocess.Popen(
                [python, "-B", Path(__file__).with_name("encrypted_person.py"), json.dumps(given)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )
        wait_until("the client has synced", lambda: self._told("ready"), seconds=60)

    def say(self, room: str, body: str, thread: str = "") -> str:
        content = {"msgtype": "m.text", "body": body}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return self._do("sent", {"room": room, "content": content})

    def attach(self, room: str, data: bytes, content: dict) -> str:
        encoded = base64.b64encode(data).decode()
        return self._do("sent", {"room": room, "content": content, "attach": encoded})

    def open(self, file: dict) -> bytes:
        return base64.b64decode(self._do("opened", {"open": file}))

    def seen(self) -> list[dict]:
        return self._told("seen")

    def answer(self, question: str, part: str, seconds: float = 60) -> dict:
        """The content of the message that answers it, once it holds `part`; decrypted."""

        def find() -> dict | None:
            ours: dict[str, dict] = {}
            for each in self.seen():
                content = each["content"]
                relates = content.get("m.relates_to", {})
                if relates.get("rel_type") == "m.replace":
                    if relates["event_id"] in ours and "m.new_content" in content:
                        ours[relates["event_id"]] = content["m.new_content"]
                elif relates.get("m.in_reply_to", {}).get("event_id") == question:
                    assert each["encrypted"], each
                    ours[each["seen"]] = content
            return next((each for each in ours.values() if part in each.get("body", "")), None)

        try:
            return wait_until(f"an answer with {part!r}", find, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.seen(), indent=1)}") from None

    def _do(self, told: str, order: dict):
        before = len(self._told(told))
        self._popen.stdin.write(json.dumps(order).encode() + b"\n")
        self._popen.stdin.flush()
        return wait_until(f"it is {told}", lambda: self._told(told)[before:], seconds=30)[0][told]

    def _told(self, member: str) -> list[dict]:
        assert self._popen.poll() is None, self._err.read_text()[-3000:]
        lines = [
            line for line in self._out.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]
        return [each for each in map(json.loads, lines) if member in each]

    def close(self) -> None:
        self._popen.stdin.close()
        self._popen.kill()
        self._popen.wait()


@pytest.fixture
def client(e2e_python: Path, tmp_path: Path) -> Iterator[Callable[..., EncryptedClient]]:
    """`client(person, homeserver)`: his, with encryption."""
    started: list[EncryptedClient] = []

    def start(person, homeserver: str) -> EncryptedClient:
        folder = tmp_path / f"client-{len(started)}"
        started.append(EncryptedClient(e2e_python, folder, person, homeserver))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()


def script(**members) -> str:
    return "fake: " + json.dumps(members)


def sent_in_clear(person, room: str, user_id: str) -> set[str]:
    """Kinds of events of the bot's that the homeserver can read, but for its joining."""
    person.sync(0)
    return {
        event["type"]
        for _, where, event in person.events
        if where == room and event["sender"] == user_id
    } - {"m.room.encrypted", "m.room.member"}


def test_an_encrypted_room(synapse, person, bot, url, client, e2e_python: Path) -> None:
    program = bot(synapse, url, interpreter=e2e_python)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    hers = client(alice, synapse.url)
    final = hers.answer(hers.say(room, SLOW), "[fakes] word0")
    assert "word24" in final["body"] and "25 tokens" in final["body"]
    ours = [each for each in hers.seen() if each["sender"] == program.user_id]
    assert len(ours) >= 3 and all(each["encrypted"] for each in ours)
    # Killed and started again, with the same keys.
    program.restart()
    hers.answer(hers.say(room, script(tokens=2, word="again")), "[fakes] again0 again1")
    assert not sent_in_clear(alice, room, program.user_id)
    rss = program.program.rss_bytes() / (1 << 20)
    print(f"RSS with encryption {rss:.1f} MiB")
    assert rss < 100
    for path in (program.folder / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_two_people_in_an_encrypted_thread(
    synapse, person, bot, rocket, upstream, client, e2e_python: Path
) -> None:
    """What was said in it is what the model is told, also what a bot had said that was killed."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m"}
    said = {"choices": [{"index": 0, "delta": {"content": "I am a model."}}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    lines = [*(json.dumps({**chunk, **each}) for each in (said, end)), "[DONE]"]
    stream = "".join(f"data: {each}\n\n" for each in lines).encode()
    model = upstream(reply=lambda seen: (200, stream))
    gateway = rocket({"backends": [backend("models", model.url)]})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url, interpreter=e2e_python)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id, encrypted=True)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    hers, his = client(alice, synapse.url), client(bob, synapse.url)
    first = hers.say(room, "!infer Who are you?")
    for each in (hers, his):
        answer = each.answer(first, "[models] I am a model.")
        assert answer["m.relates_to"]["event_id"] == first if "m.relates_to" in answer else True
    program.restart()
    second = his.say(room, "And I?", thread=first)
    hers.answer(second, "[models] I am a model.")
    asked = json.loads(model.inference()[-1].body)["messages"]
    assert [each["content"] for each in asked] == ["Who are you?", "I am a model.", "And I?"]
    alice.sync(0)
    relations = [
        event["content"].get("m.relates_to", {})
        for _, where, event in alice.events
        if where == room
        and event["sender"] == program.user_id
        and event["type"] == "m.room.encrypted"
    ]
    # The homeserver has to know them, to find threads and edits.
    assert {each["rel_type"] for each in relations} == {"m.thread", "m.replace"}
    assert not sent_in_clear(alice, room, program.user_id)


def test_a_batch_with_encrypted_files(
    synapse, person, bot, rocket, fake, client, e2e_python: Path, tmp_path: Path
) -> None:
    store = {"path": str(tmp_path / "gateway-store")}
    gateway = rocket({"backends": [backend("fakes", fake().url)], "store": store})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url, interpreter=e2e_python)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    hers = client(alice, synapse.url)
    lines = [
        json.dumps(
            {
                "custom_id": f"c{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": [{"role": "user", "content": "secret words"}]},
            }
        )
        for number in range(3)
    ]
    content = {"msgtype": "m.file", "filename": "in.jsonl", "body": "!batch"}
    question = hers.attach(room, "\n".join(lines).encode(), content)
    assert "3 of 3 lines answered" in hers.answer(question, "lines answered")["body"]
    results = hers.answer(question, "output.jsonl")
    found = [json.loads(line) for line in hers.open(results["file"]).splitlines()]
    assert [each["custom_id"] for each in found] == ["c0", "c1", "c2"]
    # What the homeserver has of it, nobody reads.
    assert b"custom_id" not in alice.download(results["file"]["url"])
    assert not sent_in_clear(alice, room, program.user_id)


def test_keys_that_can_not_be_given_away_at_once(
    synapse, front, person, bot, url, client, e2e_python: Path
) -> None:
    """The homeserver fails while the bot finds out who is in the room, or gives them its key. Each
    answer can be read all the same."""
    program = bot(synapse, url, interpreter=e2e_python, homeserver=front.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    hers = client(alice, synapse.url)
    for path, times in (
        ("keys/claim", 2),
        ("sendToDevice/m.room.encrypted", 2),
        ("joined_members", 3),
        ("keys/query", 2),
    ):
        word = path.replace("/", "-").replace(".", "-")
        before = front.failed
        program.restart()  # it begins a new key
        front.fail(path, times)
        question = hers.say(room, script(tokens=2, word=word))
        hers.answer(question, f"[fakes] {word}0 {word}1")
        print(path, front.failed - before)
    assert front.failed >= 5, front.failed
    assert not [each for each in hers.seen() if not each["encrypted"]], hers.seen()
    # More than one if it was killed before it had written down that it had answered.
    # It is counted once the homeserver has said that it has it, when others have seen it.
    counted = partial(program.samples, "rocket_matrix_answers_total")
    assert set(wait_until("the answer is counted", counted)) == {'{outcome="ok"}'}


@pytest.mark.parametrize("killed", [False, True])
def test_keys_that_come_late(
    synapse, front, person, bot, url, client, e2e_python: Path, killed: bool
) -> None:
    """Behind the message for which they are, as from a homeserver elsewhere. `killed`: the bot,
    between the two."""
    program = bot(synapse, url, interpreter=e2e_python, homeserver=front.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id, encrypted=True)
    bob.join(room)
    bob.until("the bot joins", lambda: bob.members.get((room, program.user_id)) == "join")
    hers = client(alice, synapse.url)
    front.keeps_keys = True
    asked = hers.say(room, "!help")
    bob.say(room, "!help")
    bob.until("who asks after her is answered", lambda: _said_by(program.user_id, bob))
    if killed:
        program.program.kill()
    front.keeps_keys = False
    if killed:
        program.start()
        program.wait_ready()
    bob.say(room, "their keys come with this")
    assert "`!infer" in hers.answer(asked, "!infer", seconds=15)["body"]
    assert not program.samples("rocket_matrix_refused_total")
    last = hers.say(room, "!models")
    hers.answer(last, "`m`")
    answers = [
        each["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
        for each in hers.seen()
    ]
    assert answers.count(asked) == answers.count(last) == 1, answers


def test_keys_that_never_come(synapse, person, bot, url, e2e_python: Path) -> None:
    """Its sender is told, also where nothing else happens."""
    program = bot(synapse, url, interpreter=e2e_python)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    alice.send(room, GARBLED, "m.room.encrypted")
    alice.until("it says so", lambda: _said_by(program.user_id, alice), seconds=90)
    refused = program.samples("rocket_matrix_refused_total")
    assert refused == {'{reason="encrypted"}': 1}, refused


def test_who_has_gone_in_a_gap_can_not_read_on(
    synapse, front, person, bot, url, e2e_python: Path
) -> None:
    """The homeserver tells the bot of all that but for the last events, and of no members."""
    program = bot(synapse, url, interpreter=e2e_python, homeserver=front.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id, encrypted=True)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")

    def key_of_an_answer() -> str:
        before = len(_said_by(program.user_id, alice))
        alice.say(room, "!help")
        alice.until("an answer", lambda: len(_said_by(program.user_id, alice)) > before)
        return _said_by(program.user_id, alice)[-1]["session_id"]

    key = key_of_an_answer()
    assert key_of_an_answer() == key
    front.fail("/sync", 10**6)
    alice.say(room, "ends the sync that is under way")
    wait_until("the bot is cut off", lambda: front.failed)
    alice.put_out(room, bob.user_id)
    for number in range(60):
        alice.say(room, f"said {number}")
    front.heal()
    assert key_of_an_answer() != key


def _said_by(user_id: str, person) -> list[dict]:
    """The contents of his encrypted messages, as they came."""
    return [
        event["content"]
        for _, _, event in person.events
        if event["type"] == "m.room.encrypted" and event["sender"] == user_id
    ]


def test_without_the_extra_a_plain_hint(
    synapse, person, bot, url, e2e_python: Path, tmp_path: Path
) -> None:
    program = bot(synapse, url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    first = alice.send(room, GARBLED, "m.room.encrypted")
    hint = alice.answer(first).body
    assert "This room is encrypted and I can not read it" in hint
    second = alice.send(room, GARBLED, "m.room.encrypted")
    told = alice.say(room, "!help")
    alice.answer(told)
    assert not alice.answers(second)
