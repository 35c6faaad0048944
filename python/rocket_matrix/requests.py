"""From an event in a room to what somebody asks of the bot, if he does. Pure."""

import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import quote

from rocket_matrix import commands
from rocket_matrix.commands import Batch, Command, Infer, Mistake

# Messages that bring a file along, whatever its sender's client takes it for.
WITH_FILES = frozenset(["m.file", "m.image", "m.audio", "m.video"])

# A reaction with one of these stops an answer; without the mark that asks for a coloured glyph.
STOP_KEYS = frozenset(["❌", "🛑", "⏹", "✋", "🚫", "✖", "🗙", "⛔"])

# The lines that a reply repeats of whom it answers: his name is in the first one. Anything else that
# is quoted, somebody wants to talk about.
_REPEATED = re.compile(r"> (?:\* )?<[^>\n]{1,255}>[^\n]*(?:\n|\Z)(?:>[^\n]*(?:\n|\Z))*")
# The same in HTML, in front of everything else.
_REPEATED_HTML = re.compile(r"\A<mx-reply>.*?</mx-reply>", re.DOTALL)


@dataclass(frozen=True)
class Attachment:
    """A file as an event names it: `mxc` URL, and the key if it is encrypted."""

    url: str
    size: int = 0
    encryption: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """What is known of a room."""

    room_id: str
    direct: bool = False


@dataclass(frozen=True)
class Identity:
    """The bot, and what people call it."""

    user_id: str
    display_name: str = ""

    def names(self) -> list[str]:
        localpart = self.user_id[1:].partition(":")[0]
        return [
            self.user_id,
            f"@{localpart}",
            localpart,
            *([f"@{self.display_name}", self.display_name] if self.display_name else []),
        ]

    def address(self) -> str:
        """A pattern for what links to it have, which is what clients make of a mention."""
        users = "|".join(re.escape(each) for each in (self.user_id, quote(self.user_id, safe="")))
        return rf"https://matrix\.to/#/(?:{users})"


@dataclass(frozen=True)
class Request:
    """What somebody asks. `thread`: the root of the thread it stands in, or none. It is kept in
    the journal until it is answered, so it goes into JSON and back."""

    event_id: str
    room_id: str
    sender: str
    command: Command
    thread: str = ""
    direct: bool = False
    replies_to: str = ""
    attachment: Attachment | None = None

    def to_json(self) -> str:
        values = dataclasses.asdict(self)
        values["command"] = {"is": type(self.command).__name__, **values["command"]}
        return json.dumps(values)

    @staticmethod
    def from_json(text: str) -> "Request":
        values = json.loads(text)
        command = values.pop("command")
        kind = getattr(commands, command.pop("is"))
        if "prompts" in command:
            command["prompts"] = tuple(command["prompts"])
        attachment = values.pop("attachment")
        return Request(
            **values,
            command=kind(**command),
            attachment=Attachment(**attachment) if attachment else None,
        )


def relation(content: dict) -> dict:
    found = content.get("m.relates_to")
    return found if isinstance(found, dict) else {}


def thread_of(content: dict) -> str:
    found = relation(content)
    root = found.get("event_id") if found.get("rel_type") == "m.thread" else None
    return root if isinstance(root, str) else ""


def is_edit(content: dict) -> bool:
    return relation(content).get("rel_type") == "m.replace"


def text_of(content: dict) -> str:
    """What a message says, without what a reply repeats of another one."""
    body = content.get("body")
    if not isinstance(body, str):
        return ""
    found = relation(content)
    # In threads most messages only look like replies, for clients that know no threads.
    if "m.in_reply_to" in found and found.get("is_falling_back") is not True:
        repeated = _REPEATED.match(body)
        body = body[repeated.end() :] if repeated else body
    return body.strip()


def named_text(content: dict, me: Identity) -> str:
    """What a message says, without the bot's name in front."""
    return _without_name(content, me)[0]


def request_of(
    event: dict,
    me: Identity,
    room: Room,
    in_conversation: Callable[[str], bool],
    is_answer: Callable[[str], bool],
    prompt_bytes_max: int,
) -> Request | None:
    """None: nobody asks anything. `in_conversation`: whether the bot answers in that thread;
    `is_answer`: whether that event is one of its messages. What edits, notices and the bot itself
    say is never a request."""
    content = event.get("content")
    sender = event.get("sender")
    if event.get("type") != "m.room.message" or not isinstance(content, dict):
        return None
    if sender == me.user_id or is_edit(content) or not isinstance(sender, str):
        return None
    message = str(content.get("msgtype"))
    attachment = attachment_of(content) if message in WITH_FILES else None
    if message != "m.text" and not attachment:
        return None
    thread = thread_of(content)
    text, called = _without_name(content, me)
    if attachment and content.get("body") == content.get("filename", content.get("body")):
        text = ""  # only the file's own name
    command = commands.parse(text)
    if command is None and not text:
        return None
    if command is None or (isinstance(command, Mistake) and command.stray):
        mentioned = _mentions(content, me, is_answer)
        for_me = me.user_id in mentioned or (called and not mentioned)
        goes_on = bool(thread) and in_conversation(thread) and not mentioned
        if not (for_me or room.direct or goes_on):
            return None
        command = command or Infer(text)
    if isinstance(command, Infer) and attachment:
        command = Mistake("I read text, and files for `!batch` only; write what is to be asked.")
    if isinstance(command, (Infer, Batch)) and len(text.encode()) > prompt_bytes_max:
        command = Mistake(f"That is longer than {prompt_bytes_max // 1024} KiB; shorten it.")
    return Request(
        event_id=event["event_id"],
        room_id=room.room_id,
        sender=sender,
        command=command,
        thread=thread,
        direct=room.direct,
        replies_to=_reply_to(content),
        attachment=attachment,
    )


def attachment_of(content: dict) -> Attachment | None:
    """The file of a message. Only what lies in the homeserver's own media has an `mxc` URL."""
    encryption = content.get("file")
    encryption = encryption if isinstance(encryption, dict) else {}
    url = encryption.get("url", content.get("url"))
    if not isinstance(url, str) or not re.fullmatch(
        r"mxc://[A-Za-z0-9\[][^/\s?#]*/[A-Za-z0-9_-]+", url
    ):
        return None
    info = content.get("info")
    size = info.get("size") if isinstance(info, dict) else 0
    return Attachment(url, size if isinstance(size, int) else 0, encryption)


def stopped_by(event: dict) -> str:
    """The event that a reaction wants stopped; empty if it wants nothing of the sort."""
    content = event.get("content")
    if event.get("type") != "m.reaction" or not isinstance(content, dict):
        return ""
    found = relation(content)
    key = str(found.get("key", "")).replace("\ufe0f", "").strip()
    target = found.get("event_id")
    return target if key in STOP_KEYS and isinstance(target, str) else ""


def since_invited(events: list[dict], user_id: str) -> list[dict]:
    """What of a stretch of a room's life came after the bot was last invited into it; all of it if
    that is not part of the stretch."""
    begin = 0
    for index, event in enumerate(events):
        if event.get("type") != "m.room.member" or event.get("state_key") != user_id:
            continue
        content = event.get("content")
        now = content.get("membership") if isinstance(content, dict) else None
        unsigned = event.get("unsigned")
        previous = unsigned.get("prev_content") if isinstance(unsigned, dict) else None
        before = previous.get("membership") if isinstance(previous, dict) else None
        if now in ("invite", "leave", "ban") or (
            now == "join" and before not in ("join", "invite")
        ):
            begin = index + 1
    return events[begin:]


def may_speak_since(events: list[dict], user_id: str) -> bool:
    """Whether something has happened in a room since which the bot may be let speak there again."""
    for event in events:
        joined = event.get("type") == "m.room.member" and event.get("state_key") == user_id
        if joined or event.get("type") == "m.room.power_levels":
            return True
    return False


def _mentions(content: dict, me: Identity, is_answer: Callable[[str], bool]) -> set[str]:
    """Whom a message is for, as its client says. One that knows no `m.mentions`, or a script, says it
    with a link or a whole user id anywhere, or replies to one of the bot's messages."""
    if "m.mentions" in content:
        mentions = content["m.mentions"]
        users = mentions.get("user_ids") if isinstance(mentions, dict) else None
        listed = users if isinstance(users, list) else []
        return {each for each in listed if isinstance(each, str)}
    html = _REPEATED_HTML.sub("", str(content.get("formatted_body")), count=1)
    linked = f'<a href="{me.address()}"'
    called = rf"(?<![\w<@]){re.escape(me.user_id)}(?![\w:-]|\.\w)"
    for_me = (
        re.search(linked, html)
        or re.search(called, text_of(content))
        or (relation(content).get("is_falling_back") is not True and is_answer(_reply_to(content)))
    )
    return {me.user_id} if for_me else set()


def _reply_to(content: dict) -> str:
    """The event that it replies to; empty if it does not."""
    replied = relation(content).get("m.in_reply_to")
    event_id = replied.get("event_id") if isinstance(replied, dict) else None
    return event_id if isinstance(event_id, str) else ""


def _without_name(content: dict, me: Identity) -> tuple[str, bool]:
    """`rocket: why?` is `why?`; and whether it was called by name. A name before other words is a
    call only where the client has made a link of it: rocket science is none."""
    text = text_of(content)
    address = me.address()
    html = _REPEATED_HTML.sub("", str(content.get("formatted_body")), count=1)
    linked = re.match(rf'(?:<p>)?<a href="{address}"(?:[^>]*>([^<\n]{{1,255}})</a>)?', html)
    # As it is called there: it may have got another name since it was started.
    names = {*me.names(), *([unescape(linked[1])] if linked and linked[1] else [])}
    patterns = [rf"\[[^\]\n]{{0,255}}\]\(<?{address}>?\)\s*[:,]?\s*"]
    for name in sorted(names, key=len, reverse=True):
        end = r"\s+|$" if linked or name.startswith("@") else r"\s+(?=!)"
        patterns.append(rf"{re.escape(name)}(?:\s*[:,]\s*|{end})")
    for pattern in patterns:
        if found := re.match(pattern, text, re.IGNORECASE):
            return text[found.end() :].strip(), True
    return text, False
