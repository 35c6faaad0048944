"""The contents of the bot's events. Pure. Nothing that it says can ping: `m.mentions` is empty."""

import json
import re
from dataclasses import dataclass

from rocket_matrix.markup import escaped, to_html

# Where in `body` the model's own words stand, in characters: [begin, end].
SPAN = "dev.rocket.span"

# An event has at most 65,536 bytes with all that the homeserver adds; an encrypted one is a third
# longer than what is in it.
CONTENT_BYTES_MAX = 45_000

# The last line opens or closes a block of code, perhaps in a list.
_FENCE = re.compile(r"(?:^|\n) *(?:(?:[-*+]|\d{1,9}[.)]) +)?(?:`{3,}|~{3,})[^\n]*\Z")


@dataclass(frozen=True)
class Source:
    """Who answered, as the last message of an answer tells it. `note`: what went wrong, if
    something did."""

    backend: str = ""
    model: str = ""
    tokens: int = 0
    seconds: float = 0.0
    note: str = ""

    def small_print(self) -> str:
        parts = [self.model]
        if self.tokens:
            parts.append(f"{self.tokens} tokens")
        parts.append(f"{self.seconds:.1f} s")
        return " · ".join(part for part in parts if part)


def notice(markdown: str) -> dict:
    """What the bot itself has to say. `m.notice`: other bots leave it alone."""
    return {
        "msgtype": "m.notice",
        "body": markdown,
        "format": "org.matrix.custom.html",
        "formatted_body": to_html(markdown),
        "m.mentions": {},
    }


def growing(text: str) -> dict:
    """A part of an answer that is still being written."""
    # On a fence's own line it would be a part of the fence: a block would stay open, or be "…".
    gap = "\n …" if _FENCE.search(text) else " …"
    return {**notice(text + gap), SPAN: [0, len(text)]}


def finished(text: str, source: Source, first: bool, last: bool) -> dict:
    """A part of an answer that stays: the first names the backend, the last ends in small print."""
    prefix = f"[{source.backend}] " if first and source.backend else ""
    small = source.small_print() if last else ""
    note = source.note if last else ""
    body = prefix + text
    html = to_html(text)
    if prefix:
        # Inside the first paragraph, if it begins with one.
        mark = f"<strong>{escaped(prefix.strip())}</strong> "
        html = f"<p>{mark}{html[3:]}" if html.startswith("<p>") else f"<p>{mark}</p>\n{html}"
    for extra, tag in ((note, "em"), (small, "sub")):
        if extra:
            body += f"\n\n{extra}"
            html += f"\n<p><{tag}>{escaped(extra)}</{tag}></p>"
    return {
        "msgtype": "m.notice",
        "body": body,
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": {},
        SPAN: [len(prefix), len(prefix) + len(text)],
    }


def replying(content: dict, question: str, thread: str) -> dict:
    """Where the question stands: in its thread, or below it as a reply."""
    relates: dict = {"m.in_reply_to": {"event_id": question}}
    if thread:
        relates |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": True}
    return {**content, "m.relates_to": relates}


def editing(content: dict, event_id: str) -> dict:
    """Replaces what the event says. Clients that know no edits see the text behind a star."""
    return {
        "msgtype": content["msgtype"],
        "body": "* " + content["body"],
        "m.mentions": {},
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def fits(content: dict) -> bool:
    """Whether an edit with this content is an event that the homeserver takes."""
    return len(json.dumps(editing(content, "$" + "x" * 64))) <= CONTENT_BYTES_MAX
