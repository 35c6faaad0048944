"""A steady load on a gateway in front of two endpoints, and ways for one of them to fall silent."""

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.network import FAR, FarNetwork
from harness.waiting import elapse
from harness.wire import chat, streamed_text

RATE = 100  # requests a second
# The breaker's `open`: between two single trials.
OPEN_SECONDS = 5
# Its endpoints answer in less than this.
ANSWER_MS = 80


@dataclass
class Sent:
    """One request that was answered."""

    at: float  # seconds since the load began
    endpoint: str
    attempts: int


@dataclass
class Seen:
    """What became of the requests of a load."""

    seconds: list[float] = field(default_factory=list)
    answered: list[Sent] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def astray(self, after: float = 0.0) -> list[Sent]:
        """Those that were sent after so many seconds and had to be sent to more than one."""
        return [each for each in self.answered if each.attempts > 1 and each.at >= after]

    def answered_by(self) -> set[str]:
        return {each.endpoint for each in self.answered}


def send_load(gateway: Gateway, seconds: float, *, stream: bool) -> Seen:
    """`RATE` requests a second, each sent at its time whatever becomes of the others."""
    seen = Seen()
    lock = threading.Lock()
    body = chat("m", stream=stream, fake={"head_delay_ms": ANSWER_MS})
    start = time.monotonic()

    def ask(number: int) -> None:
        elapse(max(0.0, start + number / RATE - time.monotonic()))
        begun = time.monotonic()
        try:
            answer = gateway.chat(body)
            if answer.status == 200 and stream:
                streamed_text(answer.body)
            fault = None if answer.status == 200 else f"{answer.status}: {answer.body[:200]!r}"
        except (OSError, AssertionError) as error:
            answer, fault = None, repr(error)
        with lock:
            seen.seconds.append(time.monotonic() - begun)
            if fault:
                seen.lost.append(fault)
            else:
                attempts = int(answer.header("x-rocket-attempts") or 1)
                endpoint = answer.header("x-rocket-endpoint")
                seen.answered.append(Sent(begun - start, endpoint, attempts))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(ask, range(int(seconds * RATE))))
    return seen


@dataclass
class Pair:
    """Two endpoints of one backend; `strike` befalls the first, a/0, until `recover`."""

    gateway: Gateway
    strike: Callable[[], None]
    recover: Callable[[], None]


def chat_hangs(rocket, fake) -> Pair:
    """What no health check sees: it answers its probes, and no chat."""
    left = fake(models=["m"], fault="hang_before_head", fault_on_signal=True)
    gateway = rocket({"backends": [backend("a", [left.url, fake(models=["m"]).url])]})
    return Pair(gateway, left.switch_fault, left.switch_fault)


def most_chats_hang(rocket, fake) -> Pair:
    """The same of seven chats in ten; the others are answered as ever."""
    left = fake(models=["m"], fault="hang_before_head", fault_on_signal=True, fault_share=0.7)
    gateway = rocket({"backends": [backend("a", [left.url, fake(models=["m"]).url])]})
    return Pair(gateway, left.switch_fault, left.switch_fault)


def process_stops(rocket, fake) -> Pair:
    left = fake(models=["m"])
    gateway = rocket({"backends": [backend("a", [left.url, fake(models=["m"]).url])]})
    return Pair(
        gateway,
        lambda: left.program.send(signal.SIGSTOP),
        lambda: left.program.send(signal.SIGCONT),
    )


def process_dies(rocket, fake) -> Pair:
    left = fake(models=["m"])
    gateway = rocket({"backends": [backend("a", [left.url, fake(models=["m"]).url])]})

    def start_again() -> None:
        again: Fake = fake(models=["m"], port=left.port)
        assert again.port == left.port

    return Pair(gateway, left.kill, start_again)


def network_swallows(far: FarNetwork, rocket, fake) -> Pair:
    """A black hole: what is sent there is neither answered nor refused."""
    left = fake(models=["m"], host=FAR, within=far.inside)
    gateway = rocket({"backends": [backend("a", [left.url, fake(models=["m"]).url])]})
    return Pair(gateway, far.cut, far.mend)
