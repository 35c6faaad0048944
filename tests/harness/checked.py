"""A gateway over one fake that holds it to what every upstream may expect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.fake import Fake
from harness.gateway import Gateway, backend


@contextmanager
def checked_gateway(
    folder: Path, counted: dict[str, int] | None = None, **config
) -> Iterator[Gateway]:
    """Whatever comes in front, only HTTP as it should be goes out behind. `counted` is given what
    the fake has counted in the end."""
    upstream = Fake(folder / "fake")
    served = Gateway({"backends": [backend("a", upstream.url)], **config}, folder)
    try:
        served.wait_ready()
        yield served
        served.finish()
    finally:
        served.program.stop()
        counters = upstream.stop()
    assert counters["malformed"] == 0
    if counted is not None:
        counted.update(counters)
