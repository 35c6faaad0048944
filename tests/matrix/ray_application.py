"""A Ray of one node, with the bot as its only Serve application, as an operator's file deploys it.
Prints what it is told to find out as JSON; ends when its input does. Runs in Ray's environment.
"""

import json
import sys
import time
from typing import Any

import ray
from ray import serve
from ray.serve.schema import ServeApplicationSchema

NAME = "matrix"
IMPORT_PATH = "deploy.ray_serve.matrix_integration:app"
SECONDS = 120


def tell(**members: Any) -> None:
    print(json.dumps(members), flush=True)


def application(given: dict) -> serve.Application:
    """What `serve deploy` makes of a file's entry."""
    schema = ServeApplicationSchema.model_validate(
        {"name": NAME, "route_prefix": None, "import_path": IMPORT_PATH, "args": given}
    )
    module, _, attribute = schema.import_path.partition(":")
    builder = getattr(__import__(module, fromlist=[attribute]), attribute)
    kind = builder.__annotations__["arguments"]
    return builder(kind.model_validate(schema.args))


def deployment() -> Any:
    return serve.status().applications[NAME].deployments["MatrixInferenceBot"]


def main() -> None:
    given = json.loads(sys.argv[1])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=80_000_000,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=given.pop("folder"),
    )
    try:
        serve.start(proxy_location="Disabled")
        try:
            handle = serve.run(application(given), name=NAME, route_prefix=None)
        except RuntimeError as error:
            tell(refused=f"{error} {deployment().message}")
            return
        tell(running=serve.status().applications[NAME].status)
        for line in sys.stdin:
            if line.strip() == "health":
                health = handle.health.remote().result(timeout_s=SECONDS)
                tell(health=health, replicas=deployment().replica_states)
            if line.strip() == "redeploy":
                handle = serve.run(application(given), name=NAME, route_prefix=None)
                tell(redeployed=True)
        began = time.monotonic()
        serve.delete(NAME)
        tell(deleted=time.monotonic() - began)
    finally:
        serve.shutdown()
        ray.shutdown()


main()
