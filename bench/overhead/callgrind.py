"""Instructions of the real binary under callgrind: the same on a busy machine as on an idle one."""

import json
import re
from pathlib import Path

from harness.gateway import backend, binary
from harness.program import Program
from harness.waiting import wait_until

from overhead import measure
from overhead.gateways import free_port, written

PACKAGES = ["valgrind"]
# A busy machine may keep a program waiting that runs fifty times as long as usual.
PATIENCE_SECONDS = 120


def profile(upstream: int, folder: Path, requests: int, more: dict, *options: str) -> str:
    """What callgrind wrote of a whole process that has answered so many requests one by one.

    `more` goes over the configuration, `options` to bench_client.
    """
    port = free_port()
    config = {
        "listen": f"127.0.0.1:{port}",
        "admin": "127.0.0.1:0",
        # One probe at the start: the longer a run takes, the more there would be.
        "health": {"interval": "1h", "timeout": "120s"},
        "timeouts": {"connect": "60s"},
        "backends": [backend("model", f"http://127.0.0.1:{upstream}")],
        **more,
    }
    file = written(folder / "rocket.yaml", json.dumps(config))
    out = folder / "callgrind.out"
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--demangle=no"]
    rocket = Program([*tool, binary(), "serve", "--config", file], folder)
    try:
        wait_until(
            "the gateway under callgrind is ready",
            lambda: measure.answers_200(port, "/readyz"),
            PATIENCE_SECONDS,
        )
        asked = ["--connections", "1", "--requests", str(requests), *options]
        measure.load(port, PATIENCE_SECONDS, *asked)
    finally:
        code = rocket.stop(PATIENCE_SECONDS)
    if code != 0:
        raise SystemExit(f"rocket under callgrind: exit {code}\n{rocket.err()[-2000:]}")
    return out.read_text()


def instructions(upstream: int, folder: Path, requests: int, more: dict, *options: str) -> int:
    """Of such a process, from start to end."""
    text = profile(upstream, folder, requests, more, *options)
    return int(re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[1])


def per_request(
    upstream: int, folder: Path, requests: tuple[int, int], more: dict, *options: str
) -> float:
    """From the difference of a short and a long run, in which start and end cancel out."""
    few, many = (
        instructions(upstream, folder / str(count), count, more, *options) for count in requests
    )
    return (many - few) / (requests[1] - requests[0])
