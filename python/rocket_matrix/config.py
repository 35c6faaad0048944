"""The bot's settings, checked. docs/matrix.md has them in a table; a test compares the two."""

import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rocket_matrix.fields import (
    Problem,
    Wrong,
    count,
    duration,
    flag,
    nested,
    number,
    read_settings,
    setting,
    size,
    text,
    texts,
    url,
)

# Where Rocket's admin port is, when Rocket is where nobody has to say.
ADMIN_URL = "http://127.0.0.1:8090"


def _rocket_url(value: Any) -> str:
    """OpenAI's clients are told `/v1` as well."""
    return url(value).removesuffix("/v1")


def _user(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"@[^\s:]+:\S+", value):
        raise Wrong("not a Matrix user", 'write "@name:homeserver"')
    return value


def _users(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for each in found:
        if not each.startswith("@"):
            raise Wrong(f"{each} is no user", 'write "@name:homeserver", with * for any text')
    return found


def _rooms(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for each in found:
        if not (each == "*" or each[:1] in ("!", "#")) or (each[:1] == "#" and "*" in each):
            raise Wrong(
                f"{each} is no room",
                'write "*", a room id with * for any text, or a whole "#alias"',
            )
    return found


def _by_room(value: Any) -> dict:
    if not isinstance(value, dict):
        raise Wrong("not a mapping", 'write {"!room": {model: ...}}')
    return value


def _listen(value: Any) -> tuple[str, int]:
    found = re.fullmatch(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]|localhost):(\d{1,5})", str(value))
    if not found or int(found[2]) > 65535:
        raise Wrong("not an address", "write HOST:PORT, as in 127.0.0.1:9465")
    return found[1].strip("[]"), int(found[2])


@dataclass(frozen=True)
class Defaults:
    """How a room's questions are asked. An empty name leaves the choice to Rocket."""

    model: str = setting(text, "")
    backend: str = setting(text, "")
    system: str = setting(text, "")
    temperature: float | None = setting(number(0, 2), None)
    max_tokens: int | None = setting(count(1, 1_000_000), None)
    context: int = setting(size(256, 1 << 20), 32 << 10)

    def asking(self, model: str) -> dict[str, Any]:
        """What goes into a request beside its messages. `model`: instead of the configured one."""
        found = {
            "model": model or self.model or None,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Limits:
    """Nothing that people, homeserver or Rocket send is taken without one of these."""

    answers_at_once: int = setting(count(1, 256), 8)
    waiting: int = setting(count(1, 10_000), 100)
    questions_per_minute: int = setting(count(1, 10_000), 12)
    prompt: int = setting(size(16, 1 << 20), 64 << 10)
    answer: int = setting(size(1024, 1 << 20), 256 << 10)
    jobs: int = setting(count(1, 1000), 100)
    attachment: int = setting(size(1024, 100 << 20), 10 << 20)
    results: int = setting(size(1024, 100 << 20), 12 << 20)
    answer_time: float = setting(duration(1, 3600), 900.0)
    answer_within: float = setting(duration(1, 7 * 86400), 3600.0)


@dataclass(frozen=True, kw_only=True)
class Config:
    homeserver: str = setting(url, why="the URL of the homeserver")
    user_id: str = setting(_user, why="the bot's own user")
    access_token_file: str = setting(text, why="a file of mode 0600 with the bot's access token")
    rocket_url: str = setting(_rocket_url, "http://127.0.0.1:8000")
    rocket_key_file: str = setting(text, "")
    rocket_admin_url: str = setting(text, "")
    rooms: tuple[str, ...] = setting(_rooms, ("*",))
    direct_messages: bool = setting(flag, True)
    users: tuple[str, ...] = setting(_users, why='who may ask, as in ["@*:example.org"]')
    admins: tuple[str, ...] = setting(_users, ())
    defaults: Defaults = setting(nested(Defaults), Defaults())
    room_defaults: dict[str, Any] | None = setting(_by_room, None)
    listen: tuple[str, int] = setting(_listen, ("127.0.0.1", 9465))
    store: str = setting(text, "rocket-matrix")
    edit_interval: float = setting(duration(0.2, 60), 1.0)
    limits: Limits = setting(nested(Limits), Limits())

    def defaults_of(self, room_id: str) -> Defaults:
        return (self.room_defaults or {}).get(room_id, self.defaults)


@dataclass(frozen=True)
class Secrets:
    access_token: str
    rocket_key: str = ""

    def __repr__(self) -> str:
        return "Secrets(...)"


def parse(given: Any) -> tuple[Config | None, list[Problem]]:
    """A configuration, or why there is none."""
    problems: list[Problem] = []
    given = dict(given) if isinstance(given, dict) else given
    if isinstance(given, dict) and "rocket_url" not in given:
        given.setdefault("rocket_admin_url", ADMIN_URL)
    rooms = given.get("room_defaults") if isinstance(given, dict) else None
    config = read_settings(Config, given, "", problems)
    # A room's settings go over the others, one by one.
    common = given.get("defaults", {}) if isinstance(given, dict) else {}
    over: dict[str, Defaults] = {}
    for room_id, each in (rooms if isinstance(rooms, dict) else {}).items():
        path = f"room_defaults.{room_id}"
        if not str(room_id).startswith("!"):
            problems.append(
                Problem(path, "not a room id", 'write "!..." as the room\'s settings show')
            )
        elif isinstance(each, dict) and isinstance(common, dict):
            own: list[Problem] = []
            read_settings(Defaults, each, path, own)
            problems += own
            if not own:
                over[room_id] = read_settings(Defaults, {**common, **each}, path, [])
        else:
            problems.append(Problem(path, "not a mapping", "write {model: ..., system: ...}"))
    if not problems and config:
        if not config.users:
            problems.append(Problem("users", "nobody may ask", 'write ["@*:example.org"]'))
        if config.rocket_admin_url:
            try:
                url(config.rocket_admin_url)
            except Wrong as wrong:
                problems.append(Problem("rocket_admin_url", wrong.message, wrong.remedy))
    if problems or not config:
        return None, problems
    return replace(config, room_defaults=over), []


class _Loader(yaml.SafeLoader):
    """Takes no setting twice: which of two lists of users is meant, nobody can know."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        found: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in found:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value} is there twice", key.start_mark
                    )
                found.add(key.value)
        return super().construct_mapping(node, deep)


def load(path: Path) -> tuple[Config | None, list[Problem]]:
    """A file; paths in it are relative to its folder."""
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        return None, [
            Problem(str(path), error.strerror or "can not be read", "name a file: --config")
        ]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        at = getattr(error, "problem_mark", None)
        line = f" in line {at.line + 1}" if at else ""
        twice = str(getattr(error, "problem", ""))
        why = twice if twice.endswith(" is there twice") else "not YAML"
        return None, [Problem(str(path), why + line, "mend it there")]
    config, problems = parse(given)
    if not config:
        return None, problems
    folder = path.resolve().parent
    placed: dict[str, Any] = {
        name: str(folder / getattr(config, name))
        for name in ("access_token_file", "rocket_key_file", "store")
        if getattr(config, name)
    }
    return replace(config, **placed), []


def read_secrets(config: Config) -> tuple[Secrets | None, list[Problem]]:
    problems: list[Problem] = []
    token = _secret("access_token_file", config.access_token_file, problems)
    key = ""
    if config.rocket_key_file:
        key = _secret("rocket_key_file", config.rocket_key_file, problems)
    return (None, problems) if problems else (Secrets(token, key), [])


def _secret(name: str, path: str, problems: list[Problem]) -> str:
    try:
        found = os.stat(path)
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a text"
        problems.append(Problem(name, why, f"put the secret alone into {path}, mode 0600"))
        return ""
    # A secret that a pod mounts belongs to root and is read through its group.
    others = 0o077 if found.st_uid == os.geteuid() else 0o007
    if stat.S_IMODE(found.st_mode) & others:
        problems.append(Problem(name, "others may read it", f"chmod 600 {path}"))
    elif not value or not re.fullmatch(r"[\x21-\x7e]+", value):
        problems.append(Problem(name, "no secret in it", "write it alone on one line"))
    return value
