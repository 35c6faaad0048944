"""The Serve deployment: each replica is the parent of one `rocket serve` on port 8000 of its node.

Serve places, watches, scales, reloads and replaces replicas; the bytes of requests go to the
gateway and never pass through Python, but for calls of handles.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import metrics as serve_metrics

from rocket_ray import replica_facts, user_config
from rocket_ray.admin_client import AddressTaken, ConfigRefused
from rocket_ray.arguments import Arguments, HostError, find_binary, read_key
from rocket_ray.batch_watch import BatchWatch
from rocket_ray.child_environment import child_environment
from rocket_ray.child_log import ChildLog
from rocket_ray.gateway_child import GatewayChild
from rocket_ray.jobs_client import JobsClient
from rocket_ray.local_gateway import LocalGateway
from rocket_ray.node_gateway import NodeGateway, Place, session_name
from rocket_ray.ray_metrics import RayMetrics
from rocket_ray.rounds import Rounds
from rocket_ray.user_config import GatewayConfig

NAME = "MultiBackendRouter"
# A drain may take this much longer than it is allowed to before the gateway is killed.
DRAIN_MARGIN_S = 3.0

PROXY_HINT = "Is it Serve's own proxy? A gateway needs `proxy_location: Disabled` (docs/ray.md)."

# In force until an operator says otherwise: the model servers that usually run beside it.
USER_CONFIG = {
    "backends": [
        {"name": "vllm", "kind": "vllm", "urls": ["http://127.0.0.1:8001"]},
        {"name": "ollama", "kind": "ollama", "urls": ["http://127.0.0.1:11434"]},
        {"name": "lm-studio", "kind": "lmstudio", "urls": ["http://127.0.0.1:1234"]},
        {"name": "llama-cpp", "kind": "openai", "urls": ["http://127.0.0.1:8080"]},
    ],
    "order": ["vllm", "ollama", "lm-studio", "llama-cpp"],
}

# What an operator's serveConfigV2 may change, each by its name.
OPTIONS: dict[str, Any] = {
    "name": NAME,
    "user_config": USER_CONFIG,
    # Two on one node would fight for its port 8000.
    "max_replicas_per_node": 1,
    "ray_actor_options": {"num_cpus": 0.1},
    "autoscaling_config": {
        "min_replicas": 1,
        "initial_replicas": 2,
        "max_replicas": 4,
        "target_ongoing_requests": 5,
        "look_back_period_s": 10,
        "upscale_delay_s": 10,
        "downscale_delay_s": 120,
        "policy": {"policy_function": "rocket_ray.autoscaling:policy"},
    },
    # Calls of handles only.
    "max_ongoing_requests": 100,
    # A dead or hung gateway is started again by its parent, long before three checks have failed.
    "health_check_period_s": 1,
    "health_check_timeout_s": 5,
    # Above lame_duck_s + drain.timeout, and not below Ray's own time for draining a node (30 s).
    "graceful_shutdown_timeout_s": 45,
    "graceful_shutdown_wait_loop_s": 0.5,
}


class GatewayHost:
    """One replica. Its life: the child starts and waits; the first reconfigure() binds the data
    port; the destructor makes a lame duck of it, then lets it drain."""

    def __init__(self, arguments: Arguments):
        self._logger = logging.getLogger("ray.serve")
        self._arguments = arguments
        self._config: GatewayConfig | None = None
        self._refused: str | None = None
        self._key = read_key(arguments)
        folder = Path(arguments.log_folder or replica_facts.log_folder())
        binary = find_binary(arguments)
        self._child = GatewayChild(
            binary,
            child_environment(os.environ, arguments.environment),
            # The next replica of this node goes on with the same files.
            ChildLog(folder, replica_facts.application() or "gateway"),
            logger=self._logger,
        )
        self._child.start()
        self._rounds = Rounds(self._child, RayMetrics(serve_metrics), self._logger)
        self._rounds.start()
        self._node, self._place = NodeGateway(), Place(str(self._child.socket), binary)
        self._node.announce(self._place)
        jobs = JobsClient(arguments.dashboard or replica_facts.dashboard_url())
        self._batches = BatchWatch(
            self._child, jobs, session_name(), arguments.batch_jobs, self._logger
        )
        self._batches.start()
        self._local = LocalGateway(self._local_url, self._key)

    async def reconfigure(self, given: Mapping[str, Any]) -> None:
        """Serve's `user_config` has changed, or is there for the first time. In force in the same
        process, without a lost request; or refused, and the old one stays.

        A refused first one raises what the checker says of it. A later one does not: Serve stops a
        replica whose reconfigure() raises, and the good configuration with it
        (docs/decisions/0045). It is said in the log, by `refused()` and by a metric.
        """

        try:
            path = user_config.config_file(given)
        except user_config.UserConfigError as error:
            self._refuse(error)
            return
        # Not on the event loop: a large one takes its time, and calls of handles go on.
        await asyncio.to_thread(self._rounds.put_in_force, lambda: self._take_up(given), path)

    async def check_health(self) -> None:
        """Raises when no gateway of this replica can be kept alive: Serve then replaces it."""
        if trouble := self._child.trouble():
            raise HostError(trouble)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What rocket_ray.autoscaling decides from."""
        load = self._rounds.load
        return {
            "ongoing": load.ongoing,
            "queue_wait_s": load.queue_wait_s,
            "utilisation": load.utilisation,
        }

    async def chat(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """`await handle.chat.remote({...})`: a chat completion, by the gateway of this node.
        Raises GatewayError."""
        return await self._local.chat(body, headers)

    async def chat_stream(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """`handle.options(stream=True).chat_stream.remote({...})`: its chunks as they come. Raises
        GatewayError; a stream that ends without was whole."""
        async for chunk in self._local.chat_stream(body, headers):
            yield chunk

    async def refused(self) -> str | None:
        """What the checker says of the `user_config` that was given last, if it is not in force."""
        return self._refused

    async def __del__(self) -> None:
        # Serve awaits it when the replica is to go, after the last call of a handle.
        if not hasattr(self, "_local"):
            return
        self._rounds.stop()
        self._batches.stop()
        await self._local.close()
        started = time.monotonic()
        await asyncio.to_thread(self._child.lame_duck)
        await asyncio.sleep(self._arguments.lame_duck_s)
        # No block of a batch is sent here any more.
        self._node.withdraw(self._place)
        self._child.drain()
        drain_s = self._config.drain_s if self._config else 0.0
        if not await asyncio.to_thread(self._child.ended, drain_s + DRAIN_MARGIN_S):
            self._logger.error("the gateway did not end in its drain's time, and is killed")
            self._child.kill()
            await asyncio.to_thread(self._child.ended, DRAIN_MARGIN_S)
        self._logger.info("the gateway has ended %.1f s later", time.monotonic() - started)

    def _take_up(self, given: Mapping[str, Any]) -> bool:
        """Whether it is in force now. Raises where it is refused and there is no other one."""
        try:
            config = user_config.read(given)
            self._check_times(config)
            revision = self._child.configure(config.text)
        except (ConfigRefused, user_config.UserConfigError, OSError) as error:
            self._refuse(error)
            return False
        self._config = config
        self._refused = None
        self._rounds.config_refused(False)
        self._logger.info("configuration %d is in force", revision)
        return True

    def _refuse(self, error: Exception) -> None:
        """To be called where `error` is handled: raises it where no configuration is in force."""
        if self._config is None:
            if isinstance(error, AddressTaken):
                error = AddressTaken(f"{error}\n{PROXY_HINT}")
            raise error
        self._refused = str(error)
        self._rounds.config_refused(True)
        self._logger.error("the configuration is refused, the old one stays: %s", error)

    def _local_url(self) -> str:
        if self._config is None:
            raise HostError("the gateway has no configuration yet")
        return self._config.local_url()

    def _check_times(self, config: GatewayConfig) -> None:
        """Serve kills a replica that takes too long to go, and the streams with it."""
        allowed = replica_facts.graceful_shutdown_s()
        needed = self._arguments.lame_duck_s + config.drain_s
        if allowed is not None and needed >= allowed:
            raise user_config.UserConfigError(
                f"drain.timeout: {config.drain_s:g} s after a lame duck of "
                f"{self._arguments.lame_duck_s:g} s do not fit into graceful_shutdown_timeout_s, "
                f"{allowed:g} s: raise that, or lower drain.timeout or args.lame_duck_s"
            )


def application(arguments: Arguments) -> serve.Application:
    """The application that `deploy/ray_serve` has as `app`."""
    return serve.deployment(GatewayHost, **OPTIONS).bind(arguments)
