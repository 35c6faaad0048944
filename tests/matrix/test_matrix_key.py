"""The bot's own key in Rocket: its lane, its limits, its models; and that nobody gets to see it."""

import hashlib
import json

from harness.gateway import backend
from harness.waiting import wait_until

KEY = "rk-" + "7" * 40


def test_its_lane_and_its_limits(synapse, person, bot, rocket, fake, tmp_path) -> None:
    (tmp_path / "rocket.key").touch(mode=0o600)
    (tmp_path / "rocket.key").write_text(KEY + "\n")
    key = {
        "name": "matrix",
        "hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest(),
        "lane": "interactive",
        "models": ["m"],
        "rpm": 2,
    }
    (tmp_path / "keys.yaml").write_text(json.dumps([key]))
    gateway = rocket(
        {
            "backends": [backend("fakes", fake(models=("m", "other")).url)],
            "keys_file": str(tmp_path / "keys.yaml"),
        }
    )
    program = bot(synapse, gateway.url, rocket_key_file=str(tmp_path / "rocket.key"))
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    forbidden = alice.answer(alice.say(room, "!infer --model other Hello"))
    assert not forbidden.body.startswith("[fakes]") and "other" in forbidden.body
    answered = alice.answer(alice.say(room, "!infer --model m Hello"))
    assert answered.body.startswith("[fakes] ")

    def served() -> list[dict]:
        lines = gateway.access_lines(1)
        return [each for each in lines if each["outcome"] == "ok" and each.get("model") == "m"]

    (taken,) = wait_until("the answer is in the access log", served)
    assert (taken["key"], taken["lane"]) == ("matrix", "interactive")
    assert taken["id"].startswith("r")
    # Nothing that was said or logged has the key, nor has the bot's store.
    said = json.dumps([event for _, _, event in alice.events])
    kept = b"".join(path.read_bytes() for path in (program.folder / "store").rglob("*.sqlite*"))
    for where in (said, program.program.err(), program.program.out(), str(kept)):
        assert (
            KEY not in where and program.folder.joinpath("token").read_text().strip() not in where
        )


def test_a_key_that_rocket_does_not_know(synapse, person, bot, rocket, fake, tmp_path) -> None:
    (tmp_path / "rocket.key").touch(mode=0o600)
    (tmp_path / "rocket.key").write_text(KEY)
    other = {"name": "other", "hash": "sha256:" + hashlib.sha256(b"x").hexdigest()}
    (tmp_path / "keys.yaml").write_text(json.dumps([other]))
    config = {
        "backends": [backend("fakes", fake().url)],
        "keys_file": str(tmp_path / "keys.yaml"),
    }
    program = bot(synapse, rocket(config).url, rocket_key_file=str(tmp_path / "rocket.key"))
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    told = alice.answer(alice.say(room, "Hello")).body
    assert "key" in told and KEY not in told
