"""The Serve deployment `BatchInferenceAPI`: many prompts in one call, for other Ray applications.

A client of the gateway of its node, as every application beside it is: who answers, in which lane
and within which limits is for the gateway to say. Over HTTP the same is at the gateway itself,
`POST /v1/batch/prompts`; whoever has a file of requests wants `/v1/batches` there.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from rocket_ray.arguments import Arguments, read_key
from rocket_ray.local_gateway import LocalGateway

NAME = "BatchInferenceAPI"

OPTIONS: dict[str, Any] = {
    "name": NAME,
    "ray_actor_options": {"num_cpus": 0.1},
    "autoscaling_config": {
        "min_replicas": 1,
        "initial_replicas": 2,
        "max_replicas": 4,
        "target_ongoing_requests": 5,
    },
    "max_ongoing_requests": 100,
}


class BatchArguments(BaseModel):
    """The application's `args`."""

    model_config = ConfigDict(extra="forbid")

    gateway: str = Field(
        "http://127.0.0.1:8000",
        pattern="^http://[^/]+$",
        description="The gateway that is asked: the node's own. Where not every node has one, a "
        "Service in front of all.",
    )
    key_file: str = Field("", description="A file with the API key to show, where there are keys.")


class BatchInference:
    """One replica."""

    def __init__(self, arguments: BatchArguments):
        key = read_key(Arguments(handle_key_file=arguments.key_file))
        self._gateway = LocalGateway(lambda: arguments.gateway, key)

    async def prompts(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """`await handle.prompts.remote({"prompts": [...], "backend": ..., "params": {...}})`:
        `{"results", "count", "backend"}`, the results in the order of the prompts. Raises
        GatewayError."""
        return await self._gateway.prompts(body, headers)

    async def __del__(self) -> None:
        if hasattr(self, "_gateway"):
            await self._gateway.close()


def application(arguments: BatchArguments) -> serve.Application:
    """The application that `deploy/ray_serve` has as `app`."""
    return serve.deployment(BatchInference, **OPTIONS).bind(arguments)
