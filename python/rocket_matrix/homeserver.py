"""The homeserver, through matrix-nio: what came, and what goes. All waiting for "too fast" and for a
homeserver that is away happens here; what is left to others are errors that no waiting mends.

nio follows the rooms and, where its extra is installed, encrypts and decrypts. Its own retries are
off: they would hide what the pace of edits has to know.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote as quoted
from urllib.parse import urlencode

import aiohttp
import nio
from nio.crypto import ENCRYPTION_ENABLED

from rocket_matrix.matrix_http import Away, HomeserverError, Limited, MatrixHttp
from rocket_matrix.media import Media
from rocket_matrix.requests import Attachment, Room
from rocket_matrix.room_keys import NOT_YET, RoomKeys
from rocket_matrix.sturdy_client import SturdyClient
from rocket_matrix.telemetry import Telemetry, log

SYNC_TIMEOUT_MS = 30_000
# For the first sync, which the library would wait for without end.
SYNC_SECONDS_MAX = 180.0
TIMELINE_EVENTS = 50
# After an outage: how much of what was missed is read up, per room.
GAP_EVENTS_MAX = 1000
CREATOR = 1 << 30

_FOLLOWED = [
    "m.reaction",
    "m.room.create",
    "m.room.encrypted",
    "m.room.encryption",
    "m.room.member",
    "m.room.message",
    "m.room.power_levels",
    "m.room.redaction",
]
_NOTHING: dict = {"types": []}
FILTER = {
    "presence": _NOTHING,
    "account_data": _NOTHING,
    "room": {
        "account_data": _NOTHING,
        "ephemeral": _NOTHING,
        "state": {"lazy_load_members": True, "types": _FOLLOWED},
        "timeline": {
            "limit": TIMELINE_EVENTS,
            "types": _FOLLOWED,
            "lazy_load_members": True,
        },
    },
}


@dataclass(frozen=True)
class Invitation:
    room_id: str
    inviter: str
    direct: bool


@dataclass
class Stretch:
    """What happened in a room since the last sync, oldest first, decrypted where that is possible."""

    room_id: str
    events: list[dict]
    before: str = ""  # not empty: events are missing before the first one; where to read them up


@dataclass
class Batch:
    position: str
    stretches: list[Stretch] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)


class Homeserver:
    def __init__(self, url: str, user_id: str, token: str, store: Path, telemetry: Telemetry):
        self.user_id = user_id
        self.display_name = ""
        self._url = url
        self._token = token
        self._store = store
        self._http = MatrixHttp(url, token, telemetry)
        self._media = Media(self._http)
        self._direct: dict[str, bool] = {}  # asked for, until a membership changes
        self._client: nio.AsyncClient | None = None
        self._keys: RoomKeys | None = None

    @property
    def encrypts(self) -> bool:
        return bool(ENCRYPTION_ENABLED)

    async def open(self) -> None:
        """Raises HomeserverError when the token is not the user's, Refused when nothing of Matrix
        answers."""
        await self._http.open()
        me = await self._http.patiently(
            lambda: self._http.ask("GET", "/_matrix/client/v3/account/whoami")
        )
        if me.get("user_id") != self.user_id:
            raise HomeserverError(
                f"the token belongs to {me.get('user_id')}, not to {self.user_id}"
            )
        if self.encrypts:
            self._store.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._client = SturdyClient(
            self._url,
            self.user_id,
            store_path=str(self._store) if self.encrypts else "",
            config=nio.AsyncClientConfig(
                max_limit_exceeded=0,
                max_timeouts=0,
                encryption_enabled=self.encrypts,
                store_sync_tokens=False,
                request_timeout=30,
            ),
        )
        self._client.restore_login(self.user_id, me.get("device_id") or "", self._token)
        self._keys = RoomKeys(self._client, self._http, self._nio)
        self._http.probe = path = f"/_matrix/client/v3/profile/{quote(self.user_id)}/displayname"
        try:
            self.display_name = str((await self._http.ask("GET", path)).get("displayname") or "")
        except (HomeserverError, Limited, Away):
            pass  # nobody will call it by that name

    async def close(self) -> None:
        if self._client:
            await self._client.close()
        await self._http.close()

    async def room_of_alias(self, alias: str) -> str:
        path = f"/_matrix/client/v3/directory/room/{quote(alias)}"
        found = await self._http.patiently(lambda: self._http.ask("GET", path))
        return str(found.get("room_id", ""))

    # What came.

    async def sync(self, since: str, whole_state: bool) -> Batch:
        """Waits until there is something, or half a minute. Away, Limited or HomeserverError."""
        client = self._ready()
        syncing = client.sync(
            timeout=0 if whole_state else SYNC_TIMEOUT_MS,
            sync_filter=FILTER,
            since=since or None,
            full_state=whole_state or None,
        )
        response = await self._nio(asyncio.wait_for(syncing, SYNC_SECONDS_MAX))
        batch = Batch(response.next_batch)
        for room_id, info in response.rooms.join.items():
            events = [_source(event) for event in info.timeline.events]
            before = info.timeline.prev_batch or "" if info.timeline.limited else ""
            if before or any(event.get("type") == "m.room.member" for event in events):
                self._direct.pop(room_id, None)
            if info.timeline.limited:
                self._forget_members(room_id)
            # In a gap there may be much that the bot has asked not to be told of, and nothing else.
            if events or before:
                batch.stretches.append(Stretch(room_id, events, before))
        for room_id, info in response.rooms.invite.items():
            for event in info.invite_state:
                source = _source(event)
                if (
                    source.get("state_key") == self.user_id
                    and source.get("type") == "m.room.member"
                ):
                    direct = (source.get("content") or {}).get("is_direct") is True
                    batch.invitations.append(Invitation(room_id, source.get("sender", ""), direct))
        return batch

    def _forget_members(self, room_id: str) -> None:
        """Who has come and gone in a gap, nobody tells a client that does not ask for all members:
        that is asked again before anything more is encrypted, and with a new key."""
        client = self._ready()
        if room := client.rooms.get(room_id):
            room.members_synced = False
            if client.olm:
                client.invalidate_outbound_session(room_id)

    async def keep_keys(self) -> None:
        """What encryption asks for between two syncs. What fails now is asked for again then."""
        client = self._ready()
        if not client.olm:
            return
        try:
            await client.send_to_device_messages()
            if client.should_upload_keys:
                await self._nio(client.keys_upload())
            if client.should_query_keys:
                await self._nio(client.keys_query())
            if client.should_claim_keys:
                await self._nio(client.keys_claim(client.get_users_for_key_claiming()))
        except Exception as error:  # also what nio makes of a stranger's keys
            log("keys are late", why=type(error).__name__)

    async def missed(self, stretch: Stretch, since: str) -> list[dict]:
        """What happened between `since` and the stretch, oldest first."""
        found: list[dict] = []
        start = stretch.before
        while start and len(found) < GAP_EVENTS_MAX:
            query = {"dir": "b", "from": start, "limit": "100"}
            if since:
                query["to"] = since
            page = await self._page(stretch.room_id, f"messages?{urlencode(query)}")
            found += page.get("chunk") or []
            start = page.get("end") or ""
        return [self.decrypted(stretch.room_id, event) for event in reversed(found)]

    async def thread(self, room_id: str, root: str, most: int) -> list[dict]:
        """Its last messages, oldest first; with its root if these are all of them."""
        page = await self._page(
            room_id,
            f"relations/{quote(root)}/m.thread?dir=b&limit={most}",
            version="v1",
        )
        events = list(reversed(page.get("chunk") or []))
        if not page.get("next_batch"):
            # Else others are missing between them, and it would be taken for what was just said.
            events.insert(0, await self.event(room_id, root))
        return [self.decrypted(room_id, event) for event in events if event]

    async def recent(self, room_id: str, most: int) -> list[dict]:
        """The last messages of a room outside threads, oldest first."""
        wanted = json.dumps({"types": ["m.room.message", "m.room.encrypted"]})
        query = urlencode({"dir": "b", "limit": str(most), "filter": wanted})
        page = await self._page(room_id, f"messages?{query}")
        events = [self.decrypted(room_id, each) for each in reversed(page.get("chunk") or [])]
        return [each for each in events if _relation_type(each) != "m.thread"]

    async def event(self, room_id: str, event_id: str) -> dict:
        """Empty if there is none that the bot may see."""
        try:
            return self.decrypted(room_id, await self._page(room_id, f"event/{quote(event_id)}"))
        except HomeserverError:
            return {}

    async def room(self, room_id: str) -> Room:
        """A room of two is a direct message. Synapse says how many there are when that changes and
        when a room is new; after a start it has to be asked."""
        room = self._ready().rooms.get(room_id)
        if room is None:
            return Room(room_id)
        if room.summary and (joined := room.summary.joined_member_count) is not None:
            # Of those who are invited not every homeserver says that they are none.
            return Room(room_id, direct=joined + (room.summary.invited_member_count or 0) == 2)
        if room_id not in self._direct:
            try:
                self._direct[room_id] = await self._of_two(room_id)
            except HomeserverError:
                self._direct[room_id] = False  # too many to list, or the bot is out again
        return Room(room_id, direct=self._direct[room_id])

    async def _of_two(self, room_id: str) -> bool:
        """Who is invited counts, as above."""
        found = await self._page(room_id, "joined_members")
        if len(found.get("joined") or []) != 2:
            return False
        return not (await self._page(room_id, "members?membership=invite")).get("chunk")

    async def power(self, room_id: str, user: str) -> int:
        """A user's power level. Since room version 12 who made a room has more than all others,
        and is not on the list."""
        room = self._ready().rooms.get(room_id)
        if room is None:
            return 0
        made = await self._page(room_id, "state/m.room.create/?format=event")
        content = made.get("content") or {}
        if _version(content) >= 12 and user in [
            made.get("sender"),
            *(content.get("additional_creators") or []),
        ]:
            return CREATOR
        return room.power_levels.get_user_level(user)

    async def successor(self, room_id: str) -> str:
        """The room that this one has been upgraded to, if the bot is in it and both rooms say so:
        anybody can name any other. Else empty."""
        try:
            ended = await self._page(room_id, "state/m.room.tombstone/")
        except HomeserverError:
            return ""
        new = str(ended.get("replacement_room", ""))
        known = new in self._ready().rooms and await self.predecessor(new) == room_id
        return new if known else ""

    async def predecessor(self, room_id: str) -> str:
        """The room that was upgraded to this one, as this one says; else empty."""
        try:
            before = (await self._page(room_id, "state/m.room.create/")).get("predecessor")
        except HomeserverError:
            return ""
        return str(before.get("room_id", "")) if isinstance(before, dict) else ""

    def can_read(self, room_id: str) -> bool:
        room = self._ready().rooms.get(room_id)
        return self.encrypts or room is None or not room.encrypted

    # What goes.

    async def join(self, room_id: str) -> None:
        """Once, as `decline`. Limited or Away if it may work later."""
        await self._http.ask("POST", f"/_matrix/client/v3/join/{quote(room_id)}", {})

    async def decline(self, room_id: str) -> None:
        await self._http.ask("POST", f"/_matrix/client/v3/rooms/{quote(room_id)}/leave", {})

    async def send(self, room_id: str, content: dict, txn: str) -> str:
        """Until it stands in the room: its event id. The same `txn` never makes a second event."""
        return await self._http.patiently(lambda: self.try_send(room_id, content, txn))

    async def try_send(self, room_id: str, content: dict, txn: str) -> str:
        """Once. Limited or Away if it may work later."""
        client = self._ready()
        assert self._keys
        self._http.may_send()
        try:
            await self._keys.share(room_id)
            sending = client.room_send(
                room_id,
                "m.room.message",
                content,
                tx_id=txn,
                ignore_unverified_devices=True,
            )
            return (await self._nio(sending)).event_id
        except Limited as limited:
            self._http.send_nothing_for(limited.after)
            raise
        except NOT_YET as error:
            raise Away(str(error)) from error
        except nio.LocalProtocolError as error:
            raise HomeserverError(str(error)) from error

    async def redact(self, room_id: str, event_id: str, txn: str) -> None:
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/redact/{quote(event_id)}/{quote(txn)}"
        await self._http.patiently(lambda: self._http.ask("PUT", path, {}))

    async def typing(self, room_id: str, on: bool) -> None:
        """Nobody minds if it fails."""
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/typing/{quote(self.user_id)}"
        try:
            await self._http.ask("PUT", path, {"typing": on, **({"timeout": 30_000} if on else {})})
        except (HomeserverError, Limited, Away):
            pass

    async def attach(self, room_id: str, data: bytes, name: str, kind: str) -> dict:
        """Uploads a file; the content of the message that has it, encrypted where the room is."""
        room = self._ready().rooms.get(room_id)
        encrypted = bool(room and room.encrypted and self.encrypts)
        return await self._media.upload(data, name, kind, encrypted)

    async def download(self, attachment: Attachment, bytes_max: int) -> bytes:
        """HomeserverError has words for who sent it."""
        return await self._media.download(attachment, bytes_max)

    # How it is asked.

    def _ready(self) -> nio.AsyncClient:
        assert self._client, "open() first"
        return self._client

    async def _nio(self, call: Any) -> Any:
        """nio's answer, or an exception where it returns an error."""
        try:
            response = await call
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Away(type(error).__name__) from error
        if not isinstance(response, nio.ErrorResponse):
            return response
        answer = response.transport_response
        status = getattr(answer, "status", 0)
        code = response.status_code
        if status == 429 or code == "M_LIMIT_EXCEEDED":
            header = getattr(answer, "headers", {}).get("Retry-After")
            raise self._http.limited(response.retry_after_ms, header)
        if status >= 500 or (status < 400 and status != 0) or not str(code or "").startswith("M_"):
            raise Away(f"{status} {code or ''}".strip(), status)
        raise HomeserverError(str(response.message), str(code))

    async def _page(self, room_id: str, rest: str, version: str = "v3") -> dict:
        path = f"/_matrix/client/{version}/rooms/{quote(room_id)}/{rest}"
        return await self._http.patiently(lambda: self._http.ask("GET", path))

    def decrypted(self, room_id: str, event: dict, quietly: bool = False) -> dict:
        """As it was before it was encrypted, with what the homeserver says of it; the edit that it
        brings along, too. What can not be decrypted stays as it is."""
        client = self._ready()
        if client.olm and event.get("type") == "m.room.encrypted":
            try:
                parsed = nio.Event.parse_event({**event, "room_id": room_id})
                parsed.room_id = room_id
                clear = client.decrypt_event(parsed).source
                event = {
                    **event,
                    "type": clear.get("type"),
                    "content": clear.get("content"),
                }
            except Exception as error:  # whatever the library makes of what anybody sends
                if not quietly:
                    log("not decrypted", event_id=event.get("event_id"), why=type(error).__name__)
        edit = ((event.get("unsigned") or {}).get("m.relations") or {}).get("m.replace")
        if isinstance(edit, dict) and edit.get("type") == "m.room.encrypted":
            relations = {"m.replace": self.decrypted(room_id, edit)}
            event = {
                **event,
                "unsigned": {**event["unsigned"], "m.relations": relations},
            }
        return event


def quote(part: str) -> str:
    """One part of a path: ids and aliases may have slashes in them."""
    return quoted(part, safe="")


def _source(event: Any) -> dict:
    """An event as it came; nio takes the content of memberships out of it."""
    source = getattr(event, "source", None)
    if not isinstance(source, dict):
        return {}
    if "content" not in source and isinstance(getattr(event, "content", None), dict):
        return {**source, "content": event.content}
    return source


def _version(created: dict) -> int:
    """A room's version; those with names are none that we know more of."""
    version = str(created.get("room_version", "1"))
    return int(version) if version.isdigit() else 0


def _relation_type(event: dict) -> str:
    content = event.get("content")
    relates = content.get("m.relates_to") if isinstance(content, dict) else None
    return str(relates.get("rel_type", "")) if isinstance(relates, dict) else ""


def quiet_library() -> None:
    """nio logs what it can not validate with all that is in it; a log has no place for that."""
    for name in ("nio", "peewee"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
