"""A real Synapse on a loopback port, with SQLite and nobody else to talk to."""

import hashlib
import hmac
import json
import socket
from pathlib import Path

import httpx

from harness.program import Program
from harness.waiting import wait_until

SHARED_SECRET = "only for tests on loopback"
_RAISED = {"per_second": 10_000, "burst_count": 10_000}


class Synapse:
    """`limited`: with the rate limits that it has by default, but for logging in."""

    def __init__(self, python: Path, folder: Path, limited: bool = False):
        folder.mkdir(parents=True, exist_ok=True)
        self._python = python
        self._folder = folder
        self._limited = limited
        # It can not be asked which port it has found, and must come back on the same one.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._write_config()
        self.program = self._start()
        self.wait_ready()

    def stop(self) -> None:
        self.program.stop()

    def begin_again(self) -> None:
        """After stop(); does not wait until it is ready."""
        self.program = self._start()

    def register(self, name: str, password: str) -> dict:
        """A new user, logged in: his token and his device."""
        path = "/_synapse/admin/v1/register"
        with httpx.Client(base_url=self.url, timeout=30) as client:
            nonce = client.get(path).json()["nonce"]
            said = "\0".join((nonce, name, password, "notadmin")).encode()
            mac = hmac.new(SHARED_SECRET.encode(), said, hashlib.sha1).hexdigest()
            body = {
                "nonce": nonce,
                "username": name,
                "password": password,
                "admin": False,
                "mac": mac,
            }
            answer = client.post(path, json=body)
            answer.raise_for_status()
            return answer.json()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.program.running(), self.program.err()[-3000:]
            try:
                return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        wait_until("Synapse is ready", ready, seconds=120)

    def _start(self) -> Program:
        argv = [
            self._python,
            "-m",
            "synapse.app.homeserver",
            "-c",
            self._folder / "homeserver.yaml",
        ]
        return Program(argv, self._folder)

    def _write_config(self) -> None:
        """YAML holds all of JSON."""
        folder = self._folder
        log = {
            "version": 1,
            "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "plain"}},
            "root": {"level": "WARNING", "handlers": ["err"]},
        }
        (folder / "log.yaml").write_text(json.dumps(log))
        (folder / "signing.key").write_text(
            "ed25519 a_test 1Zr0pVFJqzYKPV1bFcCXqfPBJ3zpIqmbZiL1rXGr0gI\n"
        )
        config = {
            "server_name": "localhost",
            "report_stats": False,
            "pid_file": str(folder / "synapse.pid"),
            "log_config": str(folder / "log.yaml"),
            "signing_key_path": str(folder / "signing.key"),
            "media_store_path": str(folder / "media"),
            "macaroon_secret_key": "only for tests",
            "form_secret": "only for tests",
            "registration_shared_secret": SHARED_SECRET,
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "listeners": [
                {
                    "port": self.port,
                    "type": "http",
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": ["client", "media"]}],
                }
            ],
            "filter_timeline_limit": -1,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "presence": {"enabled": False},
            # Passwords of tests need not cost half a second of hashing.
            "bcrypt_rounds": 4,
            "federation_domain_whitelist": [],
            "rc_registration": _RAISED,
            "rc_login": {"address": _RAISED, "account": _RAISED, "failed_attempts": _RAISED},
        }
        if not self._limited:
            config["rc_message"] = _RAISED
            config["rc_joins"] = {"local": _RAISED, "remote": _RAISED}
            config["rc_joins_per_room"] = _RAISED
            config["rc_invites"] = {"per_room": _RAISED, "per_user": _RAISED, "per_issuer": _RAISED}
            config["rc_media_create"] = _RAISED
            config["rc_room_creation"] = _RAISED
        (folder / "homeserver.yaml").write_text(json.dumps(config, indent=1))
