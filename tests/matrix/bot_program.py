"""The bot under test, as an operator runs it."""

import json
import re
import subprocess
from pathlib import Path

import httpx

from harness.program import Program
from harness.waiting import wait_until

PACKAGES = Path(__file__).parents[2] / "python"


def run_tables(python: Path, *which: str) -> str:
    """What unittest says of tests beside the source, run where the bot's libraries are."""
    ran = subprocess.run(
        [python, "-m", "unittest", *which],
        cwd=PACKAGES,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-5000:]
    return ran.stderr


class BotProgram:
    """A running bot. `config` goes over what every bot of the suite is given."""

    def __init__(self, python: Path, folder: Path, homeserver: str, person, rocket: str, **config):
        folder.mkdir(parents=True, exist_ok=True)
        self._python = python
        self.folder = folder
        self.account = person
        self.user_id = person.user_id
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(person.token + "\n")
        self.config = {
            "homeserver": homeserver,
            "user_id": person.user_id,
            "access_token_file": "token",
            "rocket_url": rocket,
            "users": ["@*:localhost"],
            "listen": "127.0.0.1:0",
            "store": "store",
            **config,
        }
        (folder / "matrix.yaml").write_text(json.dumps(self.config, indent=1))
        self.program = self.start()

    def start(self) -> Program:
        self.program = Program(
            [self._python, "-m", "rocket_matrix", "--config", self.folder / "matrix.yaml"],
            self.folder,
            env={"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        return self.program

    def wait_ready(self) -> None:
        listen = json.loads(self.program.line('"serving"', seconds=90))["listen"]
        self.url = f"http://{listen}"

        def well() -> bool:
            assert self.program.running(), self.program.err()[-3000:]
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200

        wait_until("the bot has synced", well, seconds=90)

    def samples(self, name: str) -> dict[str, float]:
        found = {}
        for line in httpx.get(f"{self.url}/metrics", timeout=5).text.splitlines():
            if match := re.fullmatch(re.escape(name) + r"(\{.*\})? (\S+)", line):
                found[match[1] or ""] = float(match[2])
        return found

    def total(self, name: str) -> float:
        return sum(self.samples(name).values())

    def restart(self) -> None:
        self.program.kill()
        self.start()
        self.wait_ready()
