"""A conversation as a model is told it: from the events of a thread, trimmed on whole turns. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from rocket_matrix import commands
from rocket_matrix.commands import Infer
from rocket_matrix.messages import SPAN
from rocket_matrix.requests import Identity, is_edit, named_text, relation


@dataclass(frozen=True)
class Turn:
    role: str  # user, assistant
    text: str


def turns_of(
    events: list[dict],
    me: Identity,
    known: Callable[[str], bool],
    unanswered: Callable[[str], bool],
    question: str,
    prompt: str,
) -> list[Turn]:
    """What was said before the event `question`, oldest first, and then `prompt`. `known`: whether
    somebody may ask; what others say is left out, and so are commands, notices and what was taken
    back. An answer stands behind its question, whenever it came; a question that is `unanswered`
    yet is being answered elsewhere."""
    answers: dict[str, list[Turn]] = {}
    for event in events:
        if event.get("sender") == me.user_id and (turn := _turn(event, me, known)):
            answers.setdefault(_replied_to(event), []).append(turn)
    asked = {event.get("event_id") for event in events}
    turns: list[Turn] = []
    for event in events:
        event_id = str(event.get("event_id"))
        if event_id == question:
            break
        turn = _turn(event, me, known)
        if not turn or unanswered(event_id):
            continue
        if turn.role == "user":
            for each in [turn, *answers.get(event_id, [])]:
                _add(turns, each)
        elif _replied_to(event) not in asked:
            _add(turns, turn)
    _add(turns, Turn("user", prompt))
    return turns


def trimmed(turns: list[Turn], bytes_max: int) -> list[Turn]:
    """The newest turns that fit, beginning with one of the user's. The last one always stays."""
    kept = len(turns) - 1
    used = len(turns[-1].text.encode())
    for index in range(len(turns) - 2, -1, -1):
        used += len(turns[index].text.encode())
        if used > bytes_max:
            break
        if turns[index].role == "user":
            kept = index
    return turns[kept:]


def messages_of(turns: list[Turn], system: str) -> list[dict[str, str]]:
    begin = [{"role": "system", "content": system}] if system else []
    return begin + [{"role": turn.role, "content": turn.text} for turn in turns]


def answered_by(event: dict, me: Identity) -> str:
    """The question, if the event is an answer of the bot's; else empty."""
    return _replied_to(event) if event.get("sender") == me.user_id else ""


def newest(event: dict) -> dict:
    """An event's content, after the edit that the homeserver sends along with it."""
    content = event.get("content")
    content = content if isinstance(content, dict) else {}
    found = event.get("unsigned")
    for name in ("m.relations", "m.replace", "content", "m.new_content"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else content


def _replied_to(event: dict) -> str:
    content = event.get("content")
    replied = relation(content).get("m.in_reply_to") if isinstance(content, dict) else None
    return str(replied.get("event_id", "")) if isinstance(replied, dict) else ""


def _add(turns: list[Turn], turn: Turn) -> None:
    """Two of the same side become one: some models refuse anything else."""
    if turns and turns[-1].role == turn.role:
        turn = Turn(turn.role, turns.pop().text + "\n\n" + turn.text)
    turns.append(turn)


def _turn(event: dict, me: Identity, known: Callable[[str], bool]) -> Turn | None:
    content = event.get("content")
    if event.get("type") != "m.room.message" or not isinstance(content, dict) or is_edit(content):
        return None
    sender = event.get("sender")
    if sender == me.user_id:
        text = _answer(newest(event))
        return Turn("assistant", text) if text else None
    if not isinstance(sender, str) or not known(sender) or content.get("msgtype") != "m.text":
        return None
    # The relations of the first version say what a reply repeats.
    said = {**newest(event), "m.relates_to": content.get("m.relates_to")}
    text = named_text(said, me)
    command = commands.parse(text)
    if isinstance(command, Infer):
        text = command.prompt
    elif command is not None:
        return None
    return Turn("user", text) if text else None


def _answer(content: dict) -> str:
    """What a model said in one of the bot's own messages: not its marks, no notice."""
    span, body = content.get(SPAN), content.get("body")
    if not isinstance(span, list) or len(span) != 2 or not isinstance(body, str):
        return ""
    begin, end = span
    return body[begin:end].strip() if isinstance(begin, int) and isinstance(end, int) else ""
