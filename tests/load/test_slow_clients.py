"""Clients that are slow on purpose: slowhttptest's three modes with a thousand connections, and
readers that never read."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from harness.gateway import Gateway, backend
from harness.waiting import elapse, wait_until
from harness.wire import chat, request_bytes

MEBI = 1024 * 1024
CONNECTIONS = 1000
HEADER_TIME = BODY_TIME = WRITE_TIME = 4
LIMITS = {
    "header_time": f"{HEADER_TIME}s",
    "body_time": f"{BODY_TIME}s",
    "write_time": f"{WRITE_TIME}s",
    # What the kernel has taken for a reader that does not read counts as sent.
    "keep_alive": f"{WRITE_TIME}s",
}
# 2 s are promised; the rest is for a busy machine.
LATE = 4


@dataclass
class Prober:
    """An honest client that asks one question after the other meanwhile."""

    gateway: Gateway
    times: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self, stopping: threading.Event) -> None:
        while not stopping.wait(0.05):
            asked = time.monotonic()
            try:
                answer = self.gateway.chat(chat("m"), timeout=30)
                if answer.status != 200:
                    self.wrong.append(str(answer))
            except OSError as fault:
                self.wrong.append(str(fault))
            self.times.append(time.monotonic() - asked)


@contextlib.contextmanager
def probed(gateway: Gateway) -> Iterator[Prober]:
    prober = Prober(gateway)
    stopping = threading.Event()
    thread = threading.Thread(target=prober.run, args=(stopping,))
    thread.start()
    try:
        yield prober
    finally:
        stopping.set()
        thread.join()


def held(gateway: Gateway) -> float:
    return sum(gateway.samples("rocket_connections").values())


# Mode: (options, path, after how many seconds a connection of it has to be gone).
MODES = {
    "slow headers": (["-H", "-i", "2", "-x", "24"], "/v1/models", HEADER_TIME),
    "slow body": (
        ["-B", "-i", "2", "-s", "8192", "-t", "POST", "-x", "24"],
        "/v1/chat/completions",
        BODY_TIME,
    ),
    "slow read": (
        ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
        "/v1/models",
        WRITE_TIME,
    ),
}


def watch_cut(gateway: Gateway, seconds: float) -> tuple[float, float]:
    """How many were held at once, and how long after the last had come all had been cut."""
    most = 0.0
    last_came = time.monotonic()

    def all_cut() -> bool:
        nonlocal most, last_came
        now = held(gateway)
        if now > most + 3:  # a few are honest
            most, last_came = now, time.monotonic()
        return now <= 5 and most >= CONNECTIONS / 2

    wait_until("all are cut", all_cut, seconds=60)
    cut_after = time.monotonic() - last_came
    assert cut_after <= seconds + LATE
    return most, cut_after


@pytest.mark.parametrize("mode", MODES)
def test_slowhttptest_leaves_the_service_available(mode: str, rocket, fake) -> None:
    program = shutil.which("slowhttptest")
    if not program:
        pytest.skip("slowhttptest is not installed: apt-get install slowhttptest")
    options, path, seconds = MODES[mode]
    # So many that three lists of them do not fit into the kernel's buffers.
    models = ["m", *(f"model-{i}-{'x' * 200}" for i in range(200))]
    gateway = rocket({"backends": [backend("a", fake(models=models).url)], "limits": LIMITS})
    answer_bytes = len(gateway.call("GET", "/v1/models").body)
    assert answer_bytes > 50_000
    before = gateway.program.rss_bytes()
    command = [program, *options, "-c", str(CONNECTIONS), "-r", "1000", "-p", "5", "-l", "60"]
    with probed(gateway) as prober:
        slow = subprocess.Popen(
            [*command, "-u", gateway.url + path], stdout=subprocess.PIPE, text=True
        )
        try:
            most, cut_after = watch_cut(gateway, seconds)
            print(f"{mode}: {most:g} held at once, cut within {cut_after:.1f} s")
            grown = gateway.program.rss_bytes() - before
        finally:
            slow.send_signal(signal.SIGINT)
            told = slow.communicate(timeout=30)[0]
    plain = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", told)
    verdicts = re.findall(r"service available: *(\w+)", plain)
    assert set(verdicts) == {"YES"}, plain[-2000:]
    assert prober.times and not prober.wrong, prober.wrong[:3]
    print(f"{len(prober.times)} honest questions, the slowest {max(prober.times):.2f} s")
    print(f"{grown / MEBI:.1f} MiB more for all")
    # At most the answer that it does not read.
    assert grown <= CONNECTIONS * answer_bytes + 16 * MEBI


def test_a_reader_that_never_reads_pauses_the_upstream_and_is_cut(rocket, flood) -> None:
    upstream = flood(260 * MEBI)
    readers = 50
    gateway = rocket({"backends": [backend("a", upstream.url)], "limits": {"write_time": "6s"}})
    before = gateway.program.rss_bytes()
    with contextlib.ExitStack() as stack:
        for _ in range(readers):
            connection = stack.enter_context(gateway.connect())
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True)))
        wait_until("all have begun", lambda: len(upstream.sent()) == readers)
        sent: list[int] = []

        def paused() -> bool:
            nonlocal sent
            last, sent = sent, upstream.sent()
            elapse(0.3)
            return sent == last == upstream.sent()

        wait_until("the upstream pauses", paused)
        assert upstream.streaming() == readers
        # What is under way is in the kernel's buffers.
        assert max(sent) <= 32 * MEBI, sent
        grown = gateway.program.rss_bytes() - before
        print(f"{grown / readers / 1024:.1f} KiB per reader, {max(sent) / MEBI:.1f} MiB under way")
        assert grown <= readers * MEBI
        wait_until("they are cut", lambda: upstream.streaming() == 0, seconds=6 + LATE)
    lines = gateway.access_lines(readers)
    assert {(line["outcome"], line["blame"]) for line in lines} == {("cancelled", "client")}
    wait_until("nothing is held", lambda: gateway.in_flight() == 0)
