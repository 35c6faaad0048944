"""`!batch`: a job, its card and its results, over a gateway that keeps batches and one that has none."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from people import Message

from harness.gateway import Gateway, backend
from harness.waiting import wait_until


def test_a_rocket_without_batches_says_so(synapse, person, bot, upstream) -> None:
    without = upstream(reply=lambda seen: (404, {"error": {"message": "no such path"}}))
    alice = person(synapse, "alice")
    program = bot(synapse, without.url, defaults={"temperature": 0.5, "max_tokens": 9})
    room = alice.room(program.user_id, direct=True)
    told = alice.say(room, "!batch\none\ntwo")
    assert "This Rocket has no batches" in alice.answer(told).body
    assert [seen.path for seen in without.inference()] == ["/v1/files"]
    sent = without.inference()[0].body
    assert b'"content": "two"' in sent
    assert sent.count(b'"temperature": 0.5, "max_tokens": 9') == 2  # as all that is asked there


def test_a_file_that_holds_no_requests(synapse, person, bot, upstream) -> None:
    rocket = upstream()
    alice = person(synapse, "alice")
    program = bot(synapse, rocket.url, limits={"attachment": "2KiB"})
    room = alice.room(program.user_id, direct=True)
    url = alice.upload(b"not json\n")
    content = {"msgtype": "m.file", "url": url, "filename": "x.jsonl", "body": "!batch"}
    wrong = alice.send(room, content)
    assert "first line is not JSON" in alice.answer(wrong).body
    large = alice.send(room, {**content, "url": alice.upload(b"x" * 4096)})
    assert "larger than 2 KiB" in alice.answer(large).body
    empty = alice.send(room, {**content, "url": alice.upload(b""), "info": {"size": 0}})
    assert "The file is empty." in alice.answer(empty).body
    picture = {**content, "msgtype": "m.image", "url": alice.upload(b"\x89PNG\r\n\x1a\n")}
    assert "first line is not JSON" in alice.answer(alice.send(room, picture)).body
    lost = alice.send(room, {**content, "url": "mxc://elsewhere.example/lost"})
    assert "can not be had" in alice.answer(lost).body
    foreign = alice.send(room, {**content, "url": "https://elsewhere/x"})
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": foreign}}}
    nothing = alice.send(room, {"msgtype": "m.text", "body": "!batch", **reply})
    assert "There is nothing to do" in alice.answer(nothing).body
    assert not [each for each in alice.answers(foreign) if each.sender == program.user_id]
    wait_until("nothing waits", lambda: program.total("rocket_matrix_waiting") == 0)
    assert not rocket.inference()


@pytest.fixture
def kept(rocket, fake, tmp_path: Path) -> Callable[..., Gateway]:
    """`kept(port=0)`: a gateway that keeps batches, and keeps them when it is started again."""
    engine = fake()

    def start(port: int = 0) -> Gateway:
        gateway = rocket(
            {
                "listen": f"127.0.0.1:{port}",
                "backends": [backend("fakes", engine.url)],
                "store": {"path": str(tmp_path / "gateway-store")},
            }
        )
        gateway.wait_for_models("m")
        return gateway

    return start


def line(number: int, delay_ms: int = 20) -> str:
    script = json.dumps({"tokens": 3, "head_delay_ms": delay_ms, "word": f"line{number}-"})
    body = {"model": "m", "messages": [{"role": "user", "content": f"fake: {script}"}]}
    url = "/v1/chat/completions"
    return json.dumps({"custom_id": f"c{number}", "method": "POST", "url": url, "body": body})


def file_of(person, lines: list[str]) -> dict:
    url = person.upload("".join(each + "\n" for each in lines).encode())
    return {"msgtype": "m.file", "url": url, "filename": "in.jsonl", "body": "!batch"}


def summary(person, question: str) -> Message | None:
    return next((each for each in person.answers(question) if "lines answered" in each.body), None)


def results(person, question: str) -> list[dict]:
    (found,) = [each for each in person.answers(question) if each.body.endswith("output.jsonl")]
    return [json.loads(each) for each in person.download(found.content["url"]).splitlines()]


def test_a_file_of_a_hundred_lines(synapse, person, bot, kept, capsys) -> None:
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.send(room, file_of(alice, [line(number) for number in range(100)]))
    alice.until("the summary", lambda: summary(alice, question), seconds=60)
    card = alice.answers(question)[0]
    assert card.relates["event_id"] == question
    assert "100/100" in card.body and card.body.startswith("**Batch** `batch_")
    assert "100 of 100 lines answered" in summary(alice, question).body
    found = results(alice, question)
    assert [each["custom_id"] for each in found] == [f"c{number}" for number in range(100)]
    said = found[7]["response"]["body"]["choices"][0]["message"]["content"]
    assert said.startswith("line7-0 line7-1 line7-2")
    batch_id = card.body.split("`")[1]
    told = bob.say(room, f"!status {batch_id}")
    assert "You have no job" in bob.answer(told).body
    told = alice.say(room, f"!status {batch_id}")
    assert "100 of 100" in alice.answer(told).body
    with capsys.disabled():
        print("\n" + alice.timeline())


def test_prompts_of_a_message_and_cancel(synapse, person, bot, kept) -> None:
    gateway = kept()
    program = bot(synapse, gateway.url, limits={"jobs": 1})
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    question = alice.say(room, "!batch --model m\nfirst\nsecond\n")
    alice.until("the summary", lambda: summary(alice, question), seconds=60)
    assert len(results(alice, question)) == 2
    slow = alice.send(room, file_of(alice, [line(number, 20_000) for number in range(200)]))
    alice.until("its card", lambda: alice.answers(slow))
    batch_id = alice.answers(slow)[0].body.split("`")[1]
    told = alice.say(room, "!batch\none more")
    assert "Too many jobs run just now" in alice.answer(told).body
    told = alice.say(room, f"!cancel {batch_id}")
    assert "is being cancelled" in alice.answer(told).body
    alice.until("the summary", lambda: summary(alice, slow), seconds=60)
    assert "is cancelled" in summary(alice, slow).body


@pytest.mark.parametrize("target", ["card", "question"])
def test_cancelled_by_a_reaction(synapse, person, bot, kept, target: str) -> None:
    program = bot(synapse, kept().url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    slow = alice.send(room, file_of(alice, [line(number, 20_000) for number in range(200)]))
    alice.until("its card", lambda: alice.answers(slow))
    card = alice.answers(slow)[0]
    at = card.event_id if target == "card" else slow
    bob.react(room, at, "❌")
    alice.react(room, at, "👍")
    # What is said behind them is answered behind them.
    told = alice.say(room, f"!status {card.body.split('`')[1]}")
    assert "cancel" not in alice.answer(told).body
    alice.react(room, at, "❌")
    alice.until("the summary", lambda: summary(alice, slow), seconds=60)
    assert "is cancelled" in summary(alice, slow).body


def test_cancelled_while_the_bot_is_down_and_while_rocket_is(synapse, person, bot, kept) -> None:
    """The first is done when it is there again, what can not be done is said."""
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    slow = alice.send(room, file_of(alice, [line(number, 20_000) for number in range(200)]))
    alice.until("its card", lambda: alice.answers(slow))
    card = alice.answers(slow)[0].event_id
    gateway.finish()
    alice.react(room, card, "🛑")
    alice.until("what went wrong is said", lambda: len(alice.answers(slow)) > 1)
    program.program.kill()
    kept(gateway.port)
    alice.react(room, card, "❌")
    program.start()
    program.wait_ready()
    alice.until("the summary", lambda: summary(alice, slow), seconds=60)
    assert "is cancelled" in summary(alice, slow).body


def test_put_out_under_a_job_and_let_in_again(synapse, person, bot, kept) -> None:
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.send(room, file_of(alice, [line(number, 300) for number in range(100)]))
    alice.until("its card", lambda: alice.answers(question))
    alice.put_out(room, program.user_id)
    errors = '{where="job"}'
    wait_until(
        "it can not tell of it",
        lambda: program.samples("rocket_matrix_errors_total").get(errors),
        seconds=30,
    )
    alice.invite(room, program.user_id)
    alice.until("the summary", lambda: summary(alice, question), seconds=30)
    assert "100 of 100 lines answered" in summary(alice, question).body
    assert len(results(alice, question)) == 100
    assert "completed" in alice.answer(alice.say(room, "!status")).body


def test_a_card_says_that_rocket_is_away(synapse, person, bot, kept) -> None:
    """Until it is back."""
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.send(room, file_of(alice, [line(number, 5_000) for number in range(200)]))
    alice.until("its card", lambda: alice.answers(question))
    (card,) = alice.answers(question)
    alice.until("it has begun", lambda: "/200" in card.body)
    gateway.finish()
    away = "Not known just now: Rocket can not be reached"
    alice.until("it says so", lambda: away in card.body, seconds=60)
    assert "/200" in card.body
    kept(gateway.port)
    alice.until("it is known again", lambda: "Not known" not in card.body, seconds=60)


@pytest.mark.parametrize("late", [False, True])
def test_a_room_is_upgraded_under_a_job(synapse, person, bot, kept, late: bool) -> None:
    """`late`: the bot is invited into the new one when the job has ended."""
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.send(room, file_of(alice, [line(number, 20_000) for number in range(200)]))
    alice.until("its card", lambda: alice.answers(question))
    batch_id = alice.answers(question)[0].body.split("`")[1]
    path = f"/_matrix/client/v3/rooms/{room}/upgrade"
    version = "11" if alice.state(room, "m.room.create").get("room_version") != "11" else "10"
    new = alice.call("POST", path, {"new_version": version})["replacement_room"]
    alice.invite(new, bob.user_id)
    bob.join(new)
    if late:
        cancelled = httpx.post(f"{gateway.url}/v1/batches/{batch_id}/cancel", timeout=30)
        assert cancelled.status_code == 200, cancelled.text
        errors = '{where="job"}'
        wait_until(
            "it can not tell of it",
            lambda: program.samples("rocket_matrix_errors_total").get(errors),
            seconds=60,
        )
    alice.invite(new, program.user_id)
    told = "before this room was upgraded"
    card = alice.until(
        "its new card",
        lambda: next((each for each in alice.messages.values() if told in each.versions[0]), None),
    )
    if not late:
        stopped = alice.answer(alice.say(new, f"!cancel {batch_id}")).body
        assert "is being cancelled" in stopped
    alice.until("the summary", lambda: summary(alice, card.event_id), seconds=60)
    assert "is cancelled" in summary(alice, card.event_id).body
    assert summary(alice, card.event_id).relates["event_id"] == card.event_id
    assert not summary(alice, question)
    assert "cancelled" in alice.answer(alice.say(new, "!status")).body


def test_a_job_survives_everybody(synapse, person, bot, kept) -> None:
    """The bot is killed while the job runs, the gateway restarts, then the bot again."""
    gateway = kept()
    program = bot(synapse, gateway.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.send(room, file_of(alice, [line(number, 800) for number in range(150)]))
    alice.until("its card", lambda: alice.answers(question))
    program.program.kill()
    gateway.finish()
    program.start()
    kept(gateway.port)
    program.wait_ready()
    program.restart()
    alice.until("the summary", lambda: summary(alice, question), seconds=90)
    last = alice.say(room, "!help")
    alice.answer(last)
    answers = alice.answers(question)
    assert len(answers) == 3, [each.body for each in answers]  # card, file, summary
    assert "150 of 150 lines answered" in summary(alice, question).body
    assert len({each["custom_id"] for each in results(alice, question)}) == 150
