"""The Matrix bot as a Serve deployment: one replica, which is the parent of one `rocket_matrix`.

A process of its own, as the gateway is: it speaks to strangers, so it must not have what opens the
Ray cluster, and its libraries need not agree with Ray's.
"""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from rocket_ray import replica_facts
from rocket_ray.arguments import HostError
from rocket_ray.bot_child import BotChild
from rocket_ray.child_environment import child_environment
from rocket_ray.child_log import ChildLog

NAME = "MatrixInferenceBot"
PACKAGES = Path(__file__).parents[1]
CHECK_SECONDS = 60.0
LISTEN = "127.0.0.1:9465"  # as rocket_matrix.config has it


class BotArguments(BaseModel):
    """The application's `args`. A change of one replaces the replica."""

    model_config = ConfigDict(extra="forbid")

    config: str = Field(
        "/etc/rocket/matrix.yaml", description="The bot's configuration file (docs/matrix.md)."
    )
    python: str = Field(
        "",
        description="An interpreter that has the bot's requirements; empty: ROCKET_MATRIX_PYTHON, "
        "else Ray's own.",
    )
    environment: list[str] = Field(
        default_factory=list,
        description="Variables of the replica that the bot gets to see, such as those of proxies.",
    )
    log_folder: str = Field(
        "", description="Where the bot's log goes; empty: a folder among Ray's own."
    )


# What an operator's serveConfigV2 may change, but for the first two.
OPTIONS: dict[str, Any] = {
    "name": NAME,
    # Two would answer everything twice.
    "num_replicas": 1,
    "ray_actor_options": {"num_cpus": 0.1},
    "max_ongoing_requests": 10,
    "health_check_period_s": 5,
    "health_check_timeout_s": 10,
    # The bot takes up to 8 s to put down what is under way.
    "graceful_shutdown_timeout_s": 20,
    "graceful_shutdown_wait_loop_s": 0.2,
}


class BotHost:
    """The replica. Raises HostError, with what is wrong and the remedy, where the configuration
    is not right; a homeserver that can not be reached is waited for."""

    def __init__(self, arguments: BotArguments):
        replica_facts.require_one_replica(NAME)
        logger = logging.getLogger("ray.serve")
        interpreter = arguments.python or os.environ.get("ROCKET_MATRIX_PYTHON", sys.executable)
        argv = [interpreter, "-m", "rocket_matrix", "--config", arguments.config]
        environment = {
            **child_environment(os.environ, arguments.environment),
            "PYTHONPATH": str(PACKAGES),
        }
        _check(argv, environment)
        folder = Path(arguments.log_folder or replica_facts.log_folder())
        log = ChildLog(folder, replica_facts.application() or "matrix")
        self._child = BotChild(
            argv, environment, listen_of(Path(arguments.config)), log, logger=logger
        )
        self._child.start()

    async def check_health(self) -> None:
        """Raises when no bot can be kept alive here: Serve then replaces the replica."""
        if trouble := self._child.trouble():
            raise HostError(trouble)

    async def health(self) -> dict[str, Any]:
        """`await handle.health.remote()`: what the bot's `/healthz` says, its process, restarts."""
        return self._child.facts()

    async def __del__(self) -> None:
        # Serve awaits it when the replica is to go.
        if hasattr(self, "_child"):
            await asyncio.to_thread(self._child.stop)


def _check(argv: list[str], environment: dict[str, str]) -> None:
    """Serve shows what this raises as the reason why the application is not deployed."""
    try:
        ran = subprocess.run(
            [*argv, "--check"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{argv[0]} can not be run: {error}; name it in args.python") from None
    if ran.returncode:
        said = ran.stderr.strip()[-2000:]
        if "No module named" in said:
            said += "\ninstall python/rocket_matrix/requirements.txt, and name that interpreter "
            said += "in args.python"
        raise HostError(f"the bot does not start:\n{said}")


def listen_of(config: Path) -> tuple[str, int]:
    """Where a bot with this (checked) configuration answers `/healthz`, asked from the same node."""
    given = yaml.safe_load(config.read_text(encoding="utf-8")).get("listen", LISTEN)
    host, _, port = str(given).rpartition(":")
    if int(port) == 0:
        raise HostError(f"listen: {given} names no port; write one, so that it can be looked at")
    host = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port)


def application(arguments: BotArguments) -> serve.Application:
    """The application that `deploy/ray_serve` has as `app`."""
    return serve.deployment(BotHost, **OPTIONS).bind(arguments)
