"""F27: an allocation that fails ends the gateway at once, by SIGABRT and with a line that says why,
or is an error that a C library has told of; it is never a wrong answer, a hang or a crash."""

import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import chat, streamed_text

SOURCE = Path(__file__).with_name("failing_malloc.c")


@pytest.fixture(scope="session")
def failing_malloc(tmp_path_factory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("needs a C compiler")
    library = tmp_path_factory.mktemp("malloc") / "failing_malloc.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
    return library


def ask(gateway: Gateway, text: str) -> None:
    """One round of everything; what is answered is right."""
    whole = gateway.chat(chat("m"))
    assert whole.status == 200, whole
    text_of_whole = whole.json()["choices"][0]["message"]["content"]
    assert text_of_whole == text
    streamed = gateway.chat(chat("m", stream=True), cut=None)
    assert streamed.status == 200, streamed
    assert streamed_text(streamed.body) == text
    assert gateway.admin("/backends").status == 200
    assert gateway.admin("/metrics").status == 200
    assert gateway.call("GET", "/v1/models").status == 200


def run(rocket, url: str, library: Path, number: int) -> int | None:
    """The signal that it died of, if it has."""
    gateway: Gateway = rocket(
        {"backends": [backend("a", url)]},
        env={"LD_PRELOAD": str(library), "FAIL_MALLOC": str(number)},
    )
    text = gateway.chat(chat("m")).json()["choices"][0]["message"]["content"]
    gateway.program.send(signal.SIGUSR2)
    try:
        for _ in range(3):
            ask(gateway, text)
    except OSError:
        code = gateway.program.wait(seconds=10)
        gateway._ended = True
        assert code == -signal.SIGABRT, (number, code, gateway.program.err()[-2000:])
        last = gateway.program.err().splitlines()[-1]
        assert "out of memory" in last, (number, last)
        return signal.SIGABRT
    if not gateway.program.running():
        gateway._ended = True
        code = gateway.program.wait(seconds=1)
        assert code == -signal.SIGABRT, (number, code)
        return signal.SIGABRT
    return None


def test_a_failed_allocation_aborts_cleanly(rocket, fake, failing_malloc: Path) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    server = fake()
    numbers = [1, 2, 3, *(dice.randrange(4, 400) for _ in range(17))]
    ends = [run(rocket, server.url, failing_malloc, number) for number in numbers]
    # Nearly all of our own are C++'s.
    assert ends.count(signal.SIGABRT) >= len(numbers) // 2, list(zip(numbers, ends, strict=True))


def test_a_gateway_with_too_little_memory_says_so(rocket, fake) -> None:
    """What it may have is used up by bodies that its limits would allow."""
    import resource

    gateway: Gateway = rocket({"backends": [backend("a", fake().url)]})
    pages = int(Path(f"/proc/{gateway.program.pid}/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + (8 << 20)
    resource.prlimit(gateway.program.pid, resource.RLIMIT_AS, (room, room))
    body = chat("m")
    body["messages"][0]["content"] = "x" * (32 << 20)
    with pytest.raises(OSError):
        gateway.chat(body)
    gateway._ended = True
    assert gateway.program.wait(seconds=10) == -signal.SIGABRT
    wait_until("it has said why", lambda: "out of memory" in gateway.program.err())
