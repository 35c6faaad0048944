"""What the batch engine costs: lines a second against asking the backend itself, and CPU a line."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import call

AT_ONCE = 16
LINES = 1600
BODY = {"model": "m", "messages": batches.HI, "fake": {"head_delay_ms": 50}}


def direct_rate(port: int) -> float:
    body = json.dumps(BODY).encode()

    def ask(_: int) -> None:
        assert call(port, "POST", "/v1/chat/completions", body).status == 200

    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(ask, range(LINES // 2)):
            pass
    return LINES // 2 / (time.monotonic() - begun)


def test_lines_are_asked_as_fast_as_a_client_could(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> None:
    upstream = fake()
    gateway = rocket(
        {
            "backends": [backend("a", upstream.url)],
            "store": {"path": str(tmp_path / "store")},
            "batch": {"lines_in_flight": AT_ONCE},
        }
    )
    direct = direct_rate(upstream.port)
    text = "".join(batches.line(f"line-{i}", BODY) for i in range(LINES))
    batch_id = batches.make(gateway, text)

    def done() -> int:
        return batches.get(gateway, batch_id)["request_counts"]["completed"]

    wait_until("it is well under way", lambda: done() >= LINES // 8, 60)
    first, begun, cpu = done(), time.monotonic(), gateway.program.cpu_seconds()
    wait_until("it is nearly done", lambda: done() >= LINES * 7 // 8, 120)
    last, spent = done(), time.monotonic() - begun
    cpu = gateway.program.cpu_seconds() - cpu
    rate = (last - first) / spent
    print(
        f"{rate:.0f} lines a second, {direct:.0f} asked directly; "
        f"{cpu / (last - first) * 1e6:.0f} us of CPU a line, asking for progress included"
    )
    assert rate >= 0.95 * direct
    batches.wait_ended(gateway, batch_id)
