"""Who may do what, and where. Pure."""

import re
from collections.abc import Iterable

# Who may change a room's model beside admins: whoever may change the room itself.
MODERATOR = 50


def _matcher(globs: Iterable[str]) -> re.Pattern[str]:
    """`*` stands for any text, and nothing else is special."""
    alternatives = (
        ".*".join(re.escape(part) for part in each.split("*")) for each in globs if each
    )
    return re.compile("|".join(f"(?:{each})" for each in alternatives) or r"(?!)", re.DOTALL)


class Access:
    """`aliases`: the ids of the rooms that the configuration names by an alias, as the bot's own
    homeserver says: a room can call itself what it likes."""

    def __init__(
        self,
        users: Iterable[str],
        admins: Iterable[str],
        rooms: Iterable[str],
        direct_messages: bool = True,
        aliases: Iterable[str] = (),
    ):
        self._users = _matcher(users)
        self._admins = _matcher(admins)
        self._rooms = _matcher([each for each in rooms if not each.startswith("#")])
        self._direct_messages = direct_messages
        self.know_aliases(aliases)

    def know_aliases(self, rooms: Iterable[str]) -> None:
        self._aliases = frozenset(rooms)

    def admin(self, user: str) -> bool:
        return bool(self._admins.fullmatch(user))

    def user(self, user: str) -> bool:
        return bool(self._users.fullmatch(user)) or self.admin(user)

    def room(self, room_id: str, direct: bool) -> bool:
        if direct:
            return self._direct_messages
        return bool(self._rooms.fullmatch(room_id)) or room_id in self._aliases

    def invitation(self, inviter: str, room_id: str, direct: bool) -> bool:
        return self.user(inviter) and self.room(room_id, direct)

    def stop(self, user: str, owner: str) -> bool:
        """Whether `user` may stop, or look at, what `owner` asked for."""
        return user == owner or self.admin(user)

    def set_model(self, user: str, power: int) -> bool:
        return self.admin(user) or (self.user(user) and power >= MODERATOR)
