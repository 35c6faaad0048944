"""People in a room, in a thread and in a direct message, with a real Synapse and a real gateway."""

import json
import time
from urllib.parse import quote

import pytest
from people import SPAN

from harness.gateway import backend
from harness.waiting import wait_until


def slowly(tokens: int, delay_ms: int = 100, **more) -> str:
    """What the fake backend takes for a script."""
    return "fake: " + json.dumps({"tokens": tokens, "event_delay_ms": delay_ms, **more})


@pytest.fixture
def served(rocket, fake):
    """A gateway over one fake that answers to `m`."""
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    return gateway


def stream(*words: str) -> bytes:
    chunks: list = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in words]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append(
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    )
    events = [
        json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", **each})
        for each in chunks
    ]
    return "".join(f"data: {each}\n\n" for each in [*events, "[DONE]"]).encode()


def test_two_people_in_a_room(synapse, person, bot, served, capsys) -> None:
    program = bot(synapse, served.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    alice.sync(0)

    asked = time.monotonic()
    question = alice.say(room, f"!infer {slowly(40)}")
    answer = alice.answer(question)

    assert any(program.user_id in users for where, users in alice.typing if where == room)
    assert answer.times[0] - asked < 2.5, answer.times  # the first token comes at once
    assert answer.edits >= 3, answer.versions
    gaps = [after - before for before, after in zip(answer.times, answer.times[1:])]
    assert answer.edits <= 4 / 0.8 + 2, gaps
    assert answer.body.startswith("[fakes] word0 word1 ")
    assert "word39" in answer.body
    assert "m · 40 tokens · " in answer.body.splitlines()[-1]
    assert answer.relates["rel_type"] == "m.thread" and answer.relates["event_id"] == question
    assert answer.content["m.mentions"] == {} and answer.content["msgtype"] == "m.notice"
    grown = [version.removesuffix(" …") for version in answer.versions[:-1]]
    assert all(after.startswith(before.rstrip()) for before, after in zip(grown, grown[1:]))
    for name, most in (
        ("rocket_matrix_first_text_seconds_count", 1),
        ("rocket_matrix_edits_total", 9),
    ):
        assert 1 <= program.total(name) <= most, name
    early = program.samples("rocket_matrix_first_text_seconds_bucket")
    assert early['{le="1.0"}'] == 1.0, early

    more = bob.say(room, slowly(2, 0), thread=question)
    assert bob.answer(more).body.startswith("[fakes] word0 word1")
    named = bob.say(room, f"{program.user_id}: {slowly(3, 0)}")
    assert "word2" in bob.answer(named).body
    apart = bob.say(room, "just talking")
    last = alice.say(room, "!help")
    assert "`!infer" in alice.answer(last).body
    assert not alice.answers(apart)
    with capsys.disabled():
        print("\n" + alice.timeline())


def test_a_thread_is_a_conversation(synapse, person, bot, rocket, upstream) -> None:
    model = upstream(reply=lambda seen: (200, stream("I am ", "a model.")))
    gateway = rocket({"backends": [backend("models", model.url)]})
    gateway.wait_for_models("m")
    program = bot(
        synapse,
        gateway.url,
        defaults={"model": "m", "system": "Be kind.", "temperature": 0.5, "max_tokens": 7},
    )
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")

    first = alice.say(room, "!infer Who are you?")
    alice.answer(first)
    alice.say(room, "!models", thread=first)
    second = bob.say(room, "And I?", thread=first)
    answer = bob.answer(second)
    assert answer.relates["event_id"] == first
    asked = json.loads(model.inference()[-1].body)
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "I am a model."},
        {"role": "user", "content": "And I?"},
    ]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("m", 0.5, 7)
    elsewhere = alice.say(room, "!infer Something else")
    alice.answer(elsewhere)
    assert len(json.loads(model.inference()[-1].body)["messages"]) == 2


def test_what_is_said_of_an_answer(synapse, person, bot, upstream) -> None:
    """In a thread below it, or as a reply to it: the model is told the answer and its question."""
    model = upstream(reply=lambda seen: (200, stream("Blue.")))
    program = bot(synapse, model.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    direct = alice.room(program.user_id, direct=True)
    answer = alice.answer(alice.say(direct, "Which colour?"))
    alice.answer(alice.say(direct, "Something else"))
    alice.answer(alice.say(direct, "Why?", thread=answer.event_id))

    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    answer = alice.answer(alice.say(room, "!infer Which colour?"))
    relates = {"m.in_reply_to": {"event_id": answer.event_id}}
    alice.answer(alice.say(room, "!infer Why?", **{"m.relates_to": relates}))
    asked = [
        [said["content"] for said in json.loads(seen.body)["messages"]]
        for seen in model.inference()
    ]
    assert [each for each in asked if each[-1] == "Why?"] == [
        ["Which colour?", "Blue.", "Why?"]
    ] * 2


def test_a_model_that_only_thinks(synapse, person, bot, upstream) -> None:
    """Until it may say no more."""
    delta = {"index": 0, "delta": {"reasoning_content": "Well"}, "finish_reason": "length"}
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [delta]}
    thought = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    model = upstream(reply=lambda seen: (200, thought))
    alice = person(synapse, "alice")
    program = bot(synapse, model.url)
    room = alice.room(program.user_id, direct=True)
    told = alice.answer(alice.say(room, "Why?")).body
    assert "limit of tokens before it said anything" in told and "`defaults.max_tokens`" in told


def test_a_thread_that_is_longer_than_what_is_read_of_it(synapse, person, bot, upstream) -> None:
    """Its root is not taken for what was said last."""
    model = upstream(reply=lambda seen: (200, stream("Yes.")))
    program = bot(synapse, model.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    root = alice.say(room, "the root")
    for number in range(70):
        (alice, bob)[number % 2].say(room, f"said {number}", thread=root)
    alice.answer(alice.say(room, "!infer And now?", thread=root))
    (said,) = json.loads(model.inference()[-1].body)["messages"]
    assert "the root" not in said["content"] and "said 69" in said["content"]
    assert said["content"].endswith("And now?")


def test_a_direct_message_needs_no_command(synapse, person, bot, rocket, upstream) -> None:
    model = upstream(reply=lambda seen: (200, stream("Well, ", "hello.")))
    gateway = rocket({"backends": [backend("models", model.url)]})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url, rooms=["!none"])
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    # As clients do: the first message is there before the bot is.
    first = alice.say(room, "Hello")
    assert alice.answer(first).body.startswith("[models] Well, hello.")
    second = alice.say(room, "How are you?")
    assert "rel_type" not in alice.answer(second).relates
    asked = [each["content"] for each in json.loads(model.inference()[-1].body)["messages"]]
    assert asked == ["Hello", "Well, hello.", "How are you?"]


COMMANDS = [
    ("!infr x", "did you mean `!infer`?"),
    ("!infer --modle m x", "did you mean `--model`?"),
    ("!infer", "Usage: `!infer [--backend B] [--model M] PROMPT`"),
    ("!infer --model nobody x", "nobody"),
    ("!infer --backend nobody x", "nobody"),
    ("!models", "`m` (fakes)"),
    ("!model", "whatever Rocket chooses"),
    ("!model mm", "did you mean `m`?"),
    ("!model m", "asks `m` from now on"),
    ("!backends", "`fakes`: fakes/0 healthy"),
    ("!status", "You have no jobs in this room."),
    ("!status batch_none", "You have no job `batch_none`"),
    ("!cancel", "Nothing of yours runs here"),
    ("!cancel batch_none", "You have no job `batch_none`"),
    ("!batch", "one prompt a line"),
]


def test_commands_and_what_they_say(synapse, person, bot, served) -> None:
    limits = {"questions_per_minute": 1000}
    admin = f"http://127.0.0.1:{served.admin_port}"
    program = bot(synapse, served.url, rocket_admin_url=admin, limits=limits)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(program.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    asked = [(alice.say(room, command), command, part) for command, part in COMMANDS]
    for event_id, command, part in asked:
        assert part in alice.answer(event_id).body, (command, alice.answer(event_id).body)
    called = alice.say(room, f"{program.user_id}: !frobnicate")
    assert "`!help` lists what there is" in alice.answer(called).body
    chosen = alice.say(room, f"!infer {slowly(1, 0)}")
    assert alice.answer(chosen).body.splitlines()[-1].startswith("m · ")
    denied = bob.say(room, "!model default")
    assert "Only admins and this room's moderators" in bob.answer(denied).body
    undone = alice.say(room, "!model default")
    assert "whatever Rocket chooses again" in alice.answer(undone).body


def test_long_answers_are_split_and_nothing_in_them_is_html(
    synapse, person, bot, rocket, upstream
) -> None:
    paragraph = '<img src=x onerror=alert(1)> **bold** & "quoted" [link](javascript:x) @room\n\n'
    text = paragraph * 400
    model = upstream(reply=lambda seen: (200, stream(text[:20_000], text[20_000:])))
    gateway = rocket({"backends": [backend("models", model.url)]})
    gateway.wait_for_models("m")
    program = bot(synapse, gateway.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    question = alice.say(room, "Write")
    alice.until("the last part", lambda: _whole(alice, question))
    found = alice.answers(question)
    assert len(found) >= 4
    spans = [each.body[slice(*each.content[SPAN])] for each in found]
    assert "".join(spans).count("**bold**") == 400
    assert found[0].body.startswith("[models] ") and not found[1].body.startswith("[models]")
    for each in found:
        html = each.content["formatted_body"]
        assert "<img" not in html and "javascript:" not in html.replace("](javascript:", "")
        assert "&lt;img" in html and "<strong>bold</strong>" in html
        assert each.content["m.mentions"] == {}


def _whole(alice, question: str) -> bool:
    found = alice.answers(question)
    return bool(found) and found[-1].finished and " · " in found[-1].body.splitlines()[-1]


def test_a_gateway_that_is_away(synapse, person, bot) -> None:
    program = bot(synapse, "http://127.0.0.1:1")
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    told = alice.say(room, "!models")
    assert "Rocket can not be reached; ask again in a minute" in alice.answer(told).body


def test_what_the_homeserver_is_asked_to_show(synapse, person, bot, served) -> None:
    """The raw events: edits as the specification has them, relations and fallbacks."""
    program = bot(synapse, served.url)
    alice = person(synapse, "alice")
    room = alice.room(program.user_id, direct=True)
    question = alice.say(room, slowly(25))
    answer = alice.answer(question)
    edits = [
        event
        for _, _, event in alice.events
        if event.get("content", {}).get("m.relates_to", {}).get("rel_type") == "m.replace"
    ]
    assert edits
    for edit in edits:
        assert edit["content"]["m.relates_to"]["event_id"] == answer.event_id
        assert edit["content"]["body"] == "* " + edit["content"]["m.new_content"]["body"]
        assert edit["content"]["m.mentions"] == {}
        assert "m.relates_to" not in edit["content"]["m.new_content"]
    stored = alice.call(
        "GET", f"/_matrix/client/v3/rooms/{quote(room)}/event/{quote(answer.event_id)}"
    )
    assert stored["unsigned"]["m.relations"]["m.replace"]["event_id"] == edits[-1]["event_id"]
    wait_until("nothing runs", lambda: program.total("rocket_matrix_running") == 0)
