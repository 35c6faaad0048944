"""Batches as clients make them: files of lines, uploads, and waiting for the end."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from harness.gateway import Gateway
from harness.uploads import uploaded
from harness.waiting import wait_until
from harness.wire import Answer

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]
ENDED = {"completed", "failed", "expired", "cancelled"}


def line(custom_id: str, body: Mapping | None = None, url: str = CHAT, **more) -> str:
    default = {"model": "m", "messages": [{"role": "user", "content": f"this is {custom_id}"}]}
    whole = {
        "custom_id": custom_id,
        "method": "POST",
        "url": url,
        "body": default if body is None else body,
        **more,
    }
    return json.dumps(whole) + "\n"


def lines(count: int, **fake) -> str:
    """Chats `line-0` and so on; `fake` is told to the backend."""
    more = {"fake": fake} if fake else {}
    return "".join(
        line(
            f"line-{i}",
            {"model": "m", "messages": [{"role": "user", "content": f"question {i}"}], **more},
        )
        for i in range(count)
    )


def names(count: int) -> Counter:
    return Counter(f"line-{i}" for i in range(count))


def upload(gateway: Gateway, text: str, purpose: str = "batch", headers=None) -> str:
    return uploaded(gateway, text.encode(), purpose, headers=headers or {})["id"]


def create(gateway: Gateway, file_id: str, *, headers=None, **more) -> Answer:
    asked = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", **more}
    return gateway.call("POST", "/v1/batches", asked, headers=headers or {})


def make(gateway: Gateway, text: str, **more) -> str:
    """A batch over a new file; its id."""
    answer = create(gateway, upload(gateway, text, headers=more.get("headers")), **more)
    assert answer.status == 200, answer
    return answer.json()["id"]


def get(gateway: Gateway, batch_id: str, headers=None) -> dict:
    answer = gateway.call("GET", f"/v1/batches/{batch_id}", headers=headers or {})
    assert answer.status == 200, answer
    return answer.json()


def wait_ended(gateway: Gateway, batch_id: str, seconds: float = 60, headers=None) -> dict:
    def ended() -> dict | None:
        batch = get(gateway, batch_id, headers)
        return batch if batch["status"] in ENDED else None

    return wait_until(f"{batch_id} has ended", ended, seconds)


def results(gateway: Gateway, file_id: str | None, headers=None) -> list[dict]:
    """The lines of an output or error file; of none, none."""
    if file_id is None:
        return []
    answer = gateway.call("GET", f"/v1/files/{file_id}/content", headers=headers or {})
    assert answer.status == 200, answer
    return [json.loads(each) for each in answer.body.decode().splitlines()]


def custom_ids(found: Iterable[dict]) -> Counter:
    return Counter(each["custom_id"] for each in found)
