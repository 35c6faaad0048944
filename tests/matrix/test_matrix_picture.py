"""What people see: a conversation as Element's components show it, in a real browser.
`ROCKET_PICTURE=docs/matrix-conversation.png ./dev test --long picture` makes the one of docs/matrix.md
anew."""

import json
import os
from pathlib import Path
from urllib.parse import quote

import browser
import pytest
import web_client
from browser import Browser

from harness.gateway import backend
from harness.upstream import Seen

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 1240, 960
BYTES_MAX = 200_000
MODEL = "qwen2.5:7b"

STAGES = """\
Because an empty tank is **dead weight**:

1. The first stage lifts everything through the thick air, and is *dropped* when it is empty.
2. The next one pushes a rocket that has become much lighter.

| stage | burns for |
|---|---|
| S-IC | 168 s |
| S-II | 384 s |

```python
delta_v = exhaust_speed * log(mass_full / mass_empty)
```
A page would say `<b>staging</b>`; <b>this</b> stays as it was written."""
SATURN = "Three: `S-IC`, `S-II` and `S-IVB`, which flew on to the Moon."


def said(text: str) -> bytes:
    """A stream of two pieces, as a model server sends it."""
    half = len(text) // 2
    chunks: list[dict] = [
        {"choices": [{"index": 0, "delta": {"content": piece}}]}
        for piece in (text[:half], text[half:])
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 9, "completion_tokens": len(text.split()), "total_tokens": 0}
    chunks.append({"choices": [], "usage": usage})
    common = {"id": "c", "object": "chat.completion.chunk", "model": MODEL}
    events = [json.dumps({**common, **each}) for each in chunks]
    return "".join(f"data: {each}\n\n" for each in [*events, "[DONE]"]).encode()


def reply(seen: Seen) -> tuple[int, dict | bytes]:
    asked = json.loads(seen.body)
    if asked.get("stream"):
        return 200, said(SATURN if "Saturn" in asked["messages"][-1]["content"] else STAGES)
    choice = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL}
    return 200, {**whole, "choices": [{"index": 0, **choice}], "usage": usage}


@pytest.fixture
def site() -> Path:
    browser.installed()
    return web_client.built()


@pytest.fixture
def conversation(synapse, person, bot, rocket, upstream, tmp_path):
    """alice, and her room: a question answered and gone on with in its thread, and a job."""
    model = upstream(reply=reply, model=MODEL)
    store = {"path": str(tmp_path / "gateway-store")}
    gateway = rocket({"backends": [backend("vllm", model.url)], "store": store})
    gateway.wait_for_models(MODEL)
    program = bot(synapse, gateway.url)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    called(alice, "Alice")
    called(bob, "Bob")
    called(program.account, "Rocket")
    room = alice.room(program.user_id, bob.user_id)
    alice.set_state(room, "m.room.name", {"name": "Models"})
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, program.user_id)) == "join")
    question = alice.say(room, "!infer Why do rockets have stages?")
    alice.answer(question)
    bob.answer(bob.say(room, "And how many does a Saturn V have?", thread=question))
    job = alice.say(room, "!batch\n" + "\n".join(f"Is {n} even?" for n in range(0, 48, 2)))
    alice.until(
        "the job's summary",
        lambda: any("lines answered" in each.body for each in alice.answers(job)),
        seconds=60,
    )
    bob.answer(bob.say(room, "!help"))
    return alice, room


def called(person, name: str) -> None:
    path = f"/_matrix/client/v3/profile/{quote(person.user_id)}/displayname"
    person.call("PUT", path, {"displayname": name})


def log_in(page: Browser, url: str, person) -> None:
    page.open(f"{url}/#/login")
    page.type("#mx_LoginForm_username", person.name)
    page.type("#mx_LoginForm_password", person.password)
    page.click(".mx_Login_submit")


def test_a_conversation_as_a_web_client_shows_it(synapse, conversation, site, tmp_path) -> None:
    alice, room = conversation
    with web_client.served(site, synapse.url) as url:
        page = Browser(tmp_path / "browser", WIDTH, HEIGHT)
        try:
            log_in(page, url, alice)
            page.wait_for(".mx_LeftPanel", seconds=120)
            page.script("window.matrixChat.showScreen(arguments[0], {})", f"room/{room}")
            page.wait_for(".mx_EventTile", "[vllm]")
            page.click(".mx_ThreadSummary", "replies")
            page.wait_for(".mx_ThreadView", "S-IVB")
            shown = page.text()
            kept(page.picture(), tmp_path)
        finally:
            page.close()
    for wanted in (f"{MODEL} · ", "(edited)", "burns for"):
        assert wanted in shown, shown
    # HTML of a model's making is text, and Markdown is none any more.
    assert "<b>this</b> stays as it was written" in shown
    assert "**" not in shown and "```" not in shown, shown


def kept(picture: bytes, folder: Path) -> None:
    wanted = os.environ.get("ROCKET_PICTURE")
    path = ROOT / wanted if wanted else folder / "conversation.png"
    path.write_bytes(picture)
    print(f"{path}: {len(picture)} bytes")
    assert len(picture) < BYTES_MAX
