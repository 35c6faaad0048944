"""Encrypted rooms: with the library's extra as in any other; without it a plain hint."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.gateway import backend
from harness.waiting import wait_until

SLOW = "fake: " + json.dumps({"tokens": 25, "event_delay_ms": 100})


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

    def say(self, room: str, body: str) -> str:
        before = len(self._told("sent"))
        order = {"room": room, "content": {"msgtype": "m.text", "body": body}}
        self._popen.stdin.write(json.dumps(order).encode() + b"\n")
        self._popen.stdin.flush()
        return wait_until("it is sent", lambda: self._told("sent")[before:], seconds=30)[0]["sent"]

    def seen(self) -> list[dict]:
        return self._told("seen")

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


def test_an_encrypted_room(synapse, person, bot, url, e2e_python: Path, tmp_path: Path) -> None:
    program = bot(synapse, url, interpreter=e2e_python)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    client = EncryptedClient(e2e_python, tmp_path / "client", alice, synapse.url)
    try:
        client.say(room, SLOW)

        def answer() -> dict | None:
            for each in client.seen():
                text = each["content"].get("m.new_content", each["content"]).get("body", "")
                if each["sender"] == program.user_id and text.startswith("[fakes] word0"):
                    return each
            return None

        final = wait_until("the answer", answer, seconds=60)
        assert final["encrypted"] and "word24" in final["content"]["m.new_content"]["body"]
        ours = [each for each in client.seen() if each["sender"] == program.user_id]
        assert len(ours) >= 3 and all(each["encrypted"] for each in ours)
        # Killed and started again, with the same keys.
        program.restart()
        client.say(room, "fake: " + json.dumps({"tokens": 2, "word": "again"}))
        wait_until(
            "another answer",
            lambda: any("again1" in json.dumps(each["content"]) for each in client.seen()),
            seconds=60,
        )
    finally:
        client.close()
    # What the homeserver has is encrypted, all of it.
    alice.sync(0)
    raw = [
        event
        for _, where, event in alice.events
        if where == room and event["sender"] == program.user_id
    ]
    kinds = {
        event["type"]
        for event in raw
        if event["type"].startswith("m.room.") and "member" not in event["type"]
    }
    assert kinds == {"m.room.encrypted"}
    for path in (program.folder / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_without_the_extra_a_plain_hint(
    synapse, person, bot, url, e2e_python: Path, tmp_path: Path
) -> None:
    program = bot(synapse, url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True, encrypted=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    # What it says is of no matter here: the bot can not read it.
    garbled = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "x",
        "session_id": "s",
        "sender_key": "k",
        "device_id": "d",
    }
    first = alice.send(room, garbled, "m.room.encrypted")
    hint = alice.answer(first).body
    assert "This room is encrypted and I can not read it" in hint
    second = alice.send(room, garbled, "m.room.encrypted")
    told = alice.say(room, "!help")
    alice.answer(told)
    assert not alice.answers(second)
