"""nio's client, which one event that makes no sense can not hold up.

nio takes for granted what its own makers would send. Anybody may send anything: to a room, and with
no room at all straight to a device. An exception from one event would leave out all that came in
the same sync, keys of rooms among them.
"""

from typing import Any

import nio

from rocket_matrix.telemetry import log


class SturdyClient(nio.AsyncClient):
    """What one event does is left out where it fails; all else is as it was."""

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


def _left_out(error: Exception, **members: object) -> None:
    log("an event makes no sense", why=type(error).__name__, **members)
