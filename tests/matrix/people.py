"""A person with a client: the client-server API in plain HTTP, and the room as he sees it."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
from synapse_server import Synapse

SPAN = "dev.rocket.span"
# Nobody who waits may miss an event because ten others came meanwhile.
_EVERYTHING = '{"room": {"timeline": {"limit": 10000}}}'


@dataclass
class Message:
    """As a client shows it: after its edits. `times`: when the person saw each version."""

    event_id: str
    sender: str
    content: dict
    relates: dict
    versions: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    redacted: bool = False

    @property
    def body(self) -> str:
        return self.content.get("body", "")

    @property
    def edits(self) -> int:
        return len(self.versions) - 1

    def answers(self, event_id: str) -> bool:
        return self.relates.get("m.in_reply_to", {}).get("event_id") == event_id

    @property
    def finished(self) -> bool:
        """Whether it is more than a part of an answer that still grows."""
        return not (SPAN in self.content and self.body.endswith(" …"))


class Person:
    def __init__(self, synapse: Synapse, name: str, password: str = "pass word"):
        self.name = name
        self.user_id = f"@{name}:localhost"
        self.password = password
        found = synapse.register(name, password)
        self.http = httpx.Client(base_url=synapse.url, timeout=60)
        self.token: str = found["access_token"]
        self.device_id: str = found["device_id"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.messages: dict[str, Message] = {}
        self.events: list[tuple[float, str, dict]] = []
        self.typing: list[tuple[str, set[str]]] = []
        self.members: dict[tuple[str, str], str] = {}
        self._since = ""
        self._numbers = itertools.count()

    def close(self) -> None:
        self.http.close()

    def log_in(self) -> None:
        """Once more, as another device."""
        who = {"type": "m.id.user", "user": self.name}
        body = {"type": "m.login.password", "identifier": who, "password": self.password}
        answer = self.http.post("/_matrix/client/v3/login", json=body)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        self.device_id = answer.json()["device_id"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def call(self, method: str, path: str, body: object = None) -> dict:
        """Waits where the homeserver says: too fast."""
        while True:
            answer = self.http.request(method, path, json=body)
            if answer.status_code != 429:
                assert answer.status_code < 300, (path, answer.status_code, answer.text)
                return answer.json()
            time.sleep(answer.json().get("retry_after_ms", 100) / 1000)

    def room(
        self, *invited: str, direct: bool = False, encrypted: bool = False, alias: str = ""
    ) -> str:
        body: dict = {"preset": "private_chat", "invite": list(invited), "is_direct": direct}
        if alias:
            body["room_alias_name"] = alias
        if encrypted:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            body["initial_state"] = [
                {"type": "m.room.encryption", "state_key": "", "content": content}
            ]
        return self.call("POST", "/_matrix/client/v3/createRoom", body)["room_id"]

    def join(self, room_id: str) -> None:
        self.call("POST", f"/_matrix/client/v3/join/{quote(room_id)}", {})

    def invite(self, room_id: str, user_id: str) -> None:
        self.call("POST", f"/_matrix/client/v3/rooms/{quote(room_id)}/invite", {"user_id": user_id})

    def put_out(self, room_id: str, user_id: str) -> None:
        self.call("POST", f"/_matrix/client/v3/rooms/{quote(room_id)}/kick", {"user_id": user_id})

    def state(self, room_id: str, kind: str) -> dict:
        return self.call("GET", f"/_matrix/client/v3/rooms/{quote(room_id)}/state/{kind}")

    def set_state(self, room_id: str, kind: str, content: dict) -> None:
        self.call("PUT", f"/_matrix/client/v3/rooms/{quote(room_id)}/state/{kind}", content)

    def take_back(self, room_id: str, event_id: str) -> None:
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/redact/{quote(event_id)}"
        self.call("PUT", f"{path}/t{next(self._numbers)}", {})

    def send(self, room_id: str, content: dict, kind: str = "m.room.message") -> str:
        txn = f"t{next(self._numbers)}"
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/send/{kind}/{txn}"
        return self.call("PUT", path, content)["event_id"]

    def say(self, room_id: str, body: str, thread: str = "", **more) -> str:
        content = {"msgtype": "m.text", "body": body, **more}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return self.send(room_id, content)

    def react(self, room_id: str, event_id: str, key: str) -> str:
        relates = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return self.send(room_id, {"m.relates_to": relates}, "m.reaction")

    def edit(self, room_id: str, event_id: str, body: str) -> str:
        content = {
            "msgtype": "m.text",
            "body": f"* {body}",
            "m.new_content": {"msgtype": "m.text", "body": body},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return self.send(room_id, content)

    def upload(self, data: bytes) -> str:
        answer = self.http.post("/_matrix/media/v3/upload?filename=x.jsonl", content=data)
        assert answer.status_code == 200, answer.text
        return answer.json()["content_uri"]

    def download(self, url: str) -> bytes:
        path = "/_matrix/client/v1/media/download/" + url.removeprefix("mxc://")
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.content

    # What he sees.

    def until(self, what: str, condition: Callable[[], object], seconds: float = 30):
        """The first true value of `condition`, looked at after everything that comes."""
        deadline = time.monotonic() + seconds
        while True:
            if value := condition():
                return value
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds:g} s: {what}\n{self.timeline()}"
            self.sync(min(1.0, left))

    def sync(self, seconds: float) -> None:
        query = {"timeout": str(int(seconds * 1000)), "filter": _EVERYTHING}
        if self._since:
            query["since"] = self._since
        try:
            answer = self.http.get("/_matrix/client/v3/sync", params=query)
        except httpx.TransportError:
            time.sleep(0.05)  # the homeserver is being restarted
            return
        assert answer.status_code == 200, answer.text
        found = answer.json()
        self._since = found["next_batch"]
        for room_id, info in found.get("rooms", {}).get("join", {}).items():
            for event in info.get("state", {}).get("events", []) + info["timeline"]["events"]:
                self._see(room_id, event)
            for event in info["ephemeral"]["events"]:
                if event["type"] == "m.typing":
                    self.typing.append((room_id, set(event["content"]["user_ids"])))

    def answers(self, event_id: str, by: str = "") -> list[Message]:
        """The messages that answer an event, oldest first."""
        return [
            each
            for each in self.messages.values()
            if each.answers(event_id) and not each.redacted and by in ("", each.sender)
        ]

    def answer(self, event_id: str, seconds: float = 30) -> Message:
        """The one message that answers it, when it has its final text."""

        def finished() -> Message | None:
            found = self.answers(event_id)
            return found[-1] if found and all(each.finished for each in found) else None

        self.until(f"an answer to {event_id}", finished, seconds)
        found = self.answers(event_id)
        assert len(found) == 1, [each.body for each in found]
        return found[0]

    def timeline(self) -> str:
        """Everything he saw, as one would tell it."""
        if not self.events:
            return "nothing happened"
        begin = self.events[0][0]
        lines = []
        for at, _, event in self.events:
            content = event.get("content", {})
            relates = content.get("m.relates_to", {})
            kind = relates.get("rel_type", "")
            text = content.get("m.new_content", content).get("body", "").replace("\n", " ⏎ ")
            what = {
                "m.room.message": "edits to" if kind == "m.replace" else "says",
                "m.reaction": f"reacts {relates.get('key')}",
                "m.room.encrypted": "says something encrypted",
                "m.room.member": content.get("membership", ""),
                "m.room.redaction": "takes back",
            }.get(event["type"])
            if what:
                where = " (thread)" if kind == "m.thread" else ""
                who = event["sender"].partition(":")[0]
                lines.append(f"{at - begin:7.2f} s  {who:>16}{where} {what} {text[:90]}")
        return "\n".join(lines)

    def _see(self, room_id: str, event: dict) -> None:
        now = time.monotonic()
        self.events.append((now, room_id, event))
        content = event.get("content", {})
        if event["type"] == "m.room.member":
            self.members[room_id, event["state_key"]] = content["membership"]
        if event["type"] == "m.room.redaction":
            target = self.messages.get(event.get("redacts") or content.get("redacts", ""))
            if target:
                target.redacted = True
        if event["type"] != "m.room.message" or "msgtype" not in content:
            return
        relates = content.get("m.relates_to", {})
        if relates.get("rel_type") == "m.replace":
            message = self.messages.get(relates["event_id"])
            if not message or message.sender != event["sender"]:
                return
            message.content = content["m.new_content"]
        else:
            message = Message(event["event_id"], event["sender"], content, relates)
            self.messages[event["event_id"]] = message
        message.versions.append(message.body)
        message.times.append(now)
