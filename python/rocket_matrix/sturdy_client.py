"""nio's client, which one event, or one device's keys, that make no sense can not hold up.

nio takes for granted what its own makers would send. Anybody may send anything: to a room, and with
no room at all straight to a device. An exception from one event would leave out all that came in
the same sync, keys of rooms among them; one from a device's keys, the keys of all others.
"""

from collections.abc import Callable
from typing import Any

import nio

from rocket_matrix.telemetry import log


class SturdyClient(nio.AsyncClient):
    """What one event or device does is left out where it fails; all else is as it was."""

    def load_store(self) -> None:
        super().load_store()
        if olm := self.olm:
            # Neither expects what is no key at all.
            olm.verify_json = _or(False, olm.verify_json)
            olm.create_session = _or(None, olm.create_session)
            olm._queue_dummy_message = _or(None, olm._queue_dummy_message)

    async def keys_query(self) -> Any:
        """Of all users at once. Where that makes no sense, of each: those at fault are left out."""
        response = await super().keys_query()
        if not _senseless(response):
            return response
        good: Any = nio.KeysQueryResponse({}, {})
        for user in list(self.users_for_key_query):
            method, path, data = nio.Api.keys_query(self.access_token, {user})
            response = await self._send(nio.KeysQueryResponse, method, path, data)
            if _senseless(response):
                self.users_for_key_query.discard(user)
                log("a user's keys make no sense", user=user)
            else:
                good = response
        return good

    async def keys_claim(self, user_set: dict[str, Any]) -> Any:
        """Likewise. Who is left out has no session with the bot, and gets no key of a room."""
        response = await super().keys_claim(user_set)
        if not _senseless(response):
            return response
        good: Any = nio.KeysClaimResponse({}, {})
        for user, devices in user_set.items():
            response = await super().keys_claim({user: devices})
            if _senseless(response):
                log("a user's keys make no sense", user=user)
            else:
                good = response
        return good

    def _handle_timeline_event(self, event: Any, room_id: str, *rest: Any) -> Any:
        try:
            return super()._handle_timeline_event(event, room_id, *rest)
        except Exception as error:
            _left_out(error, room=room_id, event_id=getattr(event, "event_id", ""))
            return None

    def _handle_decrypt_to_device(self, to_device_event: Any) -> Any:
        try:
            return super()._handle_decrypt_to_device(to_device_event)
        except Exception as error:
            _left_out(error, sender=getattr(to_device_event, "sender", ""))
            return None


def _senseless(response: Any) -> bool:
    """Whether the homeserver has answered, and nio could not read it."""
    status = getattr(getattr(response, "transport_response", None), "status", 0)
    return isinstance(response, nio.ErrorResponse) and status == 200


def _or(instead: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """The same, which gives `instead` where it fails."""

    def called(*arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except Exception as error:
            _left_out(error, call=call.__name__)
            return instead

    return called


def _left_out(error: Exception, **members: object) -> None:
    log("an event makes no sense", why=type(error).__name__, **members)
