"""One of two endpoints falls silent under 100 requests a second: what is lost, how long anybody
waits, when the endpoint is left and when it is used again. In each way that it can happen.

    ./dev bench silence      ROCKET_BENCH_SECONDS (30) of silence each, after 500 requests

Needs root for the black hole, which is skipped otherwise.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.fake import Fake
from harness.gateway import Gateway
from harness.network import FarNetwork
from harness.steady_load import (
    Pair,
    chat_hangs,
    network_swallows,
    process_dies,
    process_stops,
    send_load,
)

SECONDS = int(os.environ.get("ROCKET_BENCH_SECONDS", "30"))
WAYS = {
    "chat hangs, health check good": chat_hangs,
    "SIGSTOP": process_stops,
    "kill -9": process_dies,
    "black hole": network_swallows,
}


@contextlib.contextmanager
def programs() -> Iterator[tuple]:
    """As the tests' fixtures: what starts gateways and fakes, which end here."""
    gateways: list[Gateway] = []
    fakes: list[Fake] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def rocket(config: dict) -> Gateway:
            gateways.append(Gateway(config, folder / "gateway"))
            gateways[-1].wait_ready()
            return gateways[-1]

        def fake(*arguments, **options) -> Fake:
            fakes.append(Fake(folder / "fakes", *arguments, **options))
            return fakes[-1]

        try:
            yield rocket, fake
        finally:
            for each in gateways:
                each.finish()
            for each in fakes:
                each.program.stop()


def back_after(gateway: Gateway, stream: bool) -> float:
    """Seconds until the endpoint answers again; requests that are lost meanwhile end it all."""
    begun = time.monotonic()
    while time.monotonic() < begun + 120:
        seen = send_load(gateway, 0.2, stream=stream)
        if seen.lost:
            raise SystemExit(f"lost while it came back: {seen.lost[:3]}")
        if "a/0" in seen.answered_by():
            return time.monotonic() - begun
    raise SystemExit("it has not come back within two minutes")


def run(way: str, stream: bool) -> str:
    with contextlib.ExitStack() as stack:
        far = [stack.enter_context(contextlib.closing(FarNetwork()))] if way == "black hole" else []
        rocket, fake = stack.enter_context(programs())
        pair: Pair = WAYS[way](*far, rocket, fake)
        calm = send_load(pair.gateway, 5, stream=stream)
        pair.strike()
        try:
            seen = send_load(pair.gateway, SECONDS, stream=stream)
        finally:
            pair.recover()
        back = back_after(pair.gateway, stream)
    astray = seen.astray()
    # Those that went there in a row; the single trials come later.
    left = max((each.at for each in astray if each.at < 4), default=0.0)
    cells = (
        way,
        "streamed" if stream else "whole",
        f"{len(seen.lost) + len(calm.lost)} of {len(seen.seconds)}",
        f"{max(calm.seconds):.2f}",
        f"{max(seen.seconds):.2f}",
        f"{left:.2f}",
        str(len([each for each in astray if each.at > left])),
        f"{back:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    print(
        "| way | answers | lost | longest before s | longest s | left after s | trials | back s |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    lost = False
    for way in WAYS:
        for stream in (False, True):
            try:
                line = run(way, stream)
            except PermissionError as error:
                print(f"| {way} | skipped: {error} |", flush=True)
                continue
            lost = lost or "| 0 of" not in line
            print(line, flush=True)
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
