"""What people type, read. Pure: a text in, a command or what is wrong with it out."""

import difflib
import re
from dataclasses import dataclass

PREFIX = "!"
NAME_CHARACTERS_MAX = 256
# How much like one of the commands another word has to be to be a slip of the fingers, wherever it is
# said: `!infr` and `!hlep` are, `!info` and `!start` are other bots'.
SLIP = 0.75


@dataclass(frozen=True)
class Infer:
    prompt: str
    model: str = ""
    backend: str = ""


@dataclass(frozen=True)
class Batch:
    """Prompts of the message; none if a file comes with it."""

    prompts: tuple[str, ...] = ()
    model: str = ""
    backend: str = ""


@dataclass(frozen=True)
class Status:
    job: str = ""


@dataclass(frozen=True)
class Cancel:
    job: str = ""


@dataclass(frozen=True)
class Models:
    pass


@dataclass(frozen=True)
class SetModel:
    """No name: tell which it is. `default`: back to the configured one."""

    name: str = ""


@dataclass(frozen=True)
class Backends:
    pass


@dataclass(frozen=True)
class Help:
    pass


@dataclass(frozen=True)
class Mistake:
    """What the person is told instead. `stray`: it may have been meant for another bot."""

    message: str
    stray: bool = False


Command = Infer | Batch | Status | Cancel | Models | SetModel | Backends | Help | Mistake

USAGE = {
    "infer": "!infer [--backend B] [--model M] PROMPT",
    "batch": "!batch [--backend B] [--model M], with one prompt a line below it, or a JSONL file",
    "status": "!status [ID]",
    "cancel": "!cancel [ID]",
    "models": "!models",
    "model": "!model [NAME | default]",
    "backends": "!backends",
    "help": "!help",
}

# What phones make of `--` while it is typed.
_DASHES = re.compile(r"^[—–](?=(?:backend|model)\b)")

_QUOTES = frozenset([('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("„", "“"), ("«", "»")])

_PLAIN: dict[str, Command] = {"models": Models(), "backends": Backends(), "help": Help()}

# A list: many clients show no tables, and a table without a head is not one in Markdown.
HELP = """\
- `!infer [--backend B] [--model M] PROMPT`: ask; the answer grows as it is written
- `!batch [--backend B] [--model M]`: one prompt a line below it, or a JSONL file as attachment
- `!status [ID]`: your jobs, or one of them
- `!cancel [ID]`: stop your running answer, or a job; a reaction with ❌ to it does it too
- `!models`: the models that can be asked
- `!model [NAME or default]`: this room's model; changing it is for moderators
- `!backends`: who answers, and how they are

In a direct message, and in a thread that I answer in, no command is needed; elsewhere mention me.
A thread is a conversation: what was said in it is what I know."""


def parse(text: str) -> Command | None:
    """None: this is no command."""
    text = text.strip()
    if not text.startswith(PREFIX):
        return None
    if not text[1:2].isalpha():
        return None  # "!!" and "!?" are what people say
    word, rest = _first_word(text[len(PREFIX) :])
    name = word.lower()
    if name not in USAGE:
        close = difflib.get_close_matches(name, USAGE, n=1)
        meant = f"did you mean `!{close[0]}`?" if close else "`!help` lists what there is."
        slip = difflib.get_close_matches(name, USAGE, n=1, cutoff=SLIP)
        return Mistake(f"There is no command `!{_shown(name)}`; {meant}", stray=not slip)
    if name in ("infer", "batch"):
        return _asking(name, rest)
    words = rest.split()
    if name in _PLAIN:
        if words and name != "help":
            return Mistake(f"`!{name}` takes nothing more. Usage: `{USAGE[name]}`")
        return _PLAIN[name]
    if len(words) > 1:
        return Mistake(f"`!{name}` takes one word at most. Usage: `{USAGE[name]}`")
    argument = _unquoted(words[0]) if words else ""
    if name == "status":
        return Status(argument)
    return Cancel(argument) if name == "cancel" else SetModel(argument)


def _asking(name: str, rest: str) -> Command:
    options: dict[str, str] = {}
    while (rest := _DASHES.sub("--", rest)).startswith("--"):
        word, rest = _first_word(rest)
        if word == "--":
            break
        option, equals, value = word[2:].partition("=")
        if option not in ("backend", "model"):
            close = difflib.get_close_matches(option, ("backend", "model"), n=1)
            meant = f"did you mean `--{close[0]}`?" if close else f"usage: `{USAGE[name]}`"
            return Mistake(f"`!{name}` has no option `--{_shown(option)}`; {meant}")
        if option in options:
            return Mistake(f"`--{option}` is there twice. Usage: `{USAGE[name]}`")
        if not equals:
            value, rest = _first_word(_DASHES.sub("--", rest))
        value = _unquoted(value)
        if not value or value.startswith("--") or not _can_be_a_name(value):
            return Mistake(f"`--{option}` needs a name. Usage: `{USAGE[name]}`")
        options[option] = value
    if name == "infer":
        if not rest:
            return Mistake(f"There is no prompt. Usage: `{USAGE[name]}`")
        return Infer(rest, **options)
    prompts = tuple(line.strip() for line in rest.splitlines() if line.strip())
    return Batch(prompts, **options)


def _first_word(text: str) -> tuple[str, str]:
    """And the rest, whose line breaks stay."""
    text = text.lstrip()
    for index, character in enumerate(text):
        if character.isspace():
            return text[:index], text[index:].strip()
    return text, ""


def _unquoted(name: str) -> str:
    """As it is called: people put names into quotes, and copy them with their marks."""
    quoted = len(name) > 1 and (name[0], name[-1]) in _QUOTES
    return name[1:-1] if quoted else name


def _can_be_a_name(word: str) -> bool:
    """A header says it, which has no room for more, nor for what a line can not hold."""
    return len(word) <= NAME_CHARACTERS_MAX and word.isprintable()


def _shown(word: str) -> str:
    """What a stranger typed, short and without what Markdown would take for its own."""
    return "".join(each for each in word[:32] if each.isalnum() or each in "-_.")
