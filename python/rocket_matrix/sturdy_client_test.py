"""What devices say their keys are."""

import asyncio
import copy
import tempfile
import unittest
from typing import Any
from unittest import mock

import nio
from nio.crypto import ENCRYPTION_ENABLED

from rocket_matrix.sturdy_client import SturdyClient

GOOD, ODD = "@good:here", "@odd:there"


def client(user: str, device: str, folder: str) -> SturdyClient:
    config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
    made = SturdyClient("http://here", user, store_path=folder, config=config)
    made.restore_login(user, device, "token")
    return made


@unittest.skipUnless(ENCRYPTION_ENABLED, "needs requirements_e2e.txt")
class Keys(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bot = client("@bot:here", "BOT", folder.name)
        self.shared = {
            user: client(user, "D", folder.name).olm.share_keys() for user in (GOOD, ODD)
        }

    def devices(self) -> dict[str, Any]:
        """Of both, as a homeserver has them."""
        return {
            user: {"D": copy.deepcopy(shared["device_keys"])}
            for user, shared in self.shared.items()
        }

    def asked(self, devices: dict[str, Any]) -> list[str]:
        """Whose devices the bot knows then."""

        async def answer(_: Any, method: str, path: str, data: str) -> Any:
            given = {user: devices[user] for user in devices if user in data}
            found = nio.KeysQueryResponse.from_dict({"device_keys": given, "failures": {}})
            found.transport_response = mock.Mock(status=200)
            if not isinstance(found, nio.ErrorResponse):
                await self.bot.receive_response(found)
            return found

        self.bot.olm.users_for_key_query.update(devices)
        with mock.patch.object(self.bot, "_send", answer):
            asyncio.run(self.bot.keys_query())
        self.assertFalse(self.bot.should_query_keys)
        return sorted(device.user_id for device in self.bot.device_store)

    def test_good_ones(self) -> None:
        self.assertEqual(self.asked(self.devices()), [GOOD, ODD])

    def test_keys_that_are_none(self) -> None:
        for name, value in (
            ("keys", {"ed25519:D": "none", "curve25519:D": "none"}),
            ("keys", {}),
            ("keys", 7),
            ("device_id", []),
            ("signatures", {ODD: {"ed25519:D": "none"}}),
            ("signatures", {ODD: 7}),
        ):
            with self.subTest(name=name, value=value):
                self.setUp()
                devices = self.devices()
                devices[ODD]["D"][name] = value
                self.assertEqual(self.asked(devices), [GOOD])

    def test_no_device_at_all(self) -> None:
        devices = self.devices()
        devices[ODD]["D"] = 7
        self.assertEqual(self.asked(devices), [GOOD])

    def test_a_one_time_key_that_is_none(self) -> None:
        self.asked(self.devices())
        odd = copy.deepcopy(self.shared[ODD]["one_time_keys"])
        claimed = {
            ODD: {"D": {name: {**key, "key": "none"} for name, key in list(odd.items())[:1]}},
            GOOD: {"D": dict(list(self.shared[GOOD]["one_time_keys"].items())[:1])},
        }
        found = nio.KeysClaimResponse.from_dict(
            {"one_time_keys": claimed, "failures": {}}, "!r:here"
        )
        asyncio.run(self.bot.receive_response(found))
        good = self.bot.device_store[GOOD]["D"].curve25519
        self.assertIsNotNone(self.bot.olm.session_store.get(good))

    def test_one_time_keys_that_can_not_be_read(self) -> None:
        self.asked(self.devices())
        name, key = next(iter(self.shared[GOOD]["one_time_keys"].items()))
        claimed: dict[str, Any] = {ODD: {"D": {name: "none"}}, GOOD: {"D": {name: key}}}

        async def answer(_: Any, method: str, path: str, data: str) -> Any:
            given = {user: claimed[user] for user in claimed if user in data}
            found = nio.KeysClaimResponse.from_dict({"one_time_keys": given, "failures": {}})
            found.transport_response = mock.Mock(status=200)
            if not isinstance(found, nio.ErrorResponse):
                await self.bot.receive_response(found)
            return found

        with mock.patch.object(self.bot, "_send", answer):
            found = asyncio.run(self.bot.keys_claim({ODD: ["D"], GOOD: ["D"]}))
        self.assertIsInstance(found, nio.KeysClaimResponse)
        good = self.bot.device_store[GOOD]["D"].curve25519
        self.assertIsNotNone(self.bot.olm.session_store.get(good))

    def test_a_device_whose_key_starts_no_session(self) -> None:
        self.assertIsNone(self.bot.olm.create_session("none", "none"))


if __name__ == "__main__":
    unittest.main()
