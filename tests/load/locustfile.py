"""Ten people who chat with any gateway of the OpenAI kind:

    pip install --require-hashes -r tests/load/locust_requirements.txt
    locust -f tests/load/locustfile.py --headless --host http://127.0.0.1:8000

10 people, 2 more each second until all are there, for 5 minutes. With ROCKET_PROFILE=hard three
times as many, who come faster, hardly pause, want longer answers, and of whom some hang up.

Ends with exit 1 if a bound of thresholds.json is not kept; `worker_bytes` is not judged here.
Variables: ROCKET_KEY, ROCKET_MODEL, ROCKET_MAX_TOKENS, ROCKET_LONGEST_QUESTION (in characters: longer
ones are left out), ROCKET_THRESHOLDS (`asked_for` or `own`), ROCKET_REPORT (a file for the figures),
ROCKET_PROFILE (`usual` or `hard`).
"""

import json
import os
import time
from pathlib import Path

from locust import HttpUser, between, events, task

THRESHOLDS = json.loads((Path(__file__).parent / "thresholds.json").read_text())
FIRST_TOKEN = "first token"
HARD = {"usual": False, "hard": True}[os.environ.get("ROCKET_PROFILE", "usual")]
# What was asked for, and more.
USERS, SPAWN_RATE, RUN_TIME = (30, 10, "5m") if HARD else (10, 2, "5m")
MAX_TOKENS = int(os.environ.get("ROCKET_MAX_TOKENS", "48" if HARD else "16"))
ALL_QUESTIONS = (
    "Why do rockets have stages?",
    "Name three uses of a gateway. " * 20,
    "Summarize this for somebody in a hurry: "
    + "the quick brown fox jumps over the lazy dog. " * 100,
)
LONGEST = int(os.environ.get("ROCKET_LONGEST_QUESTION", "10000"))
QUESTIONS = [each for each in ALL_QUESTIONS if len(each) <= LONGEST]
# Who has heard nothing for so long has not been answered.
PATIENCE_S = 30


class GoodAnswers:
    """When they came: `longest_break` is the longest time without one, from the first on. Locust
    itself hears nothing of a request that has no end, so a gateway that hangs looks well to it."""

    def __init__(self) -> None:
        self._last: float | None = None
        self.longest_break = 0.0

    def until(self, now: float) -> None:
        if self._last is not None:
            self.longest_break = max(self.longest_break, now - self._last)

    def came(self, now: float) -> None:
        self.until(now)
        self._last = now

    def none(self) -> bool:
        return self._last is None


good = GoodAnswers()
run_ended: list[float] = []


@events.request.add_listener
def notice(name: str, exception: object, **_) -> None:
    if exception is None and name != FIRST_TOKEN:
        good.came(time.time())


@events.test_stopping.add_listener
def end(**_) -> None:
    run_ended.append(time.time())


@events.init_command_line_parser.add_listener
def defaults(parser) -> None:
    """Where the command line says nothing else."""
    parser.set_defaults(num_users=USERS, spawn_rate=SPAWN_RATE, run_time=RUN_TIME)


class Person(HttpUser):
    abstract = HARD
    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        if key := os.environ.get("ROCKET_KEY"):
            self.client.headers["authorization"] = f"Bearer {key}"

    @task(3)
    def reads_as_it_comes(self) -> None:
        self.ask(stream=True)

    @task(1)
    def waits_for_all_of_it(self) -> None:
        self.ask(stream=False)

    def ask(self, *, stream: bool, hang_up: bool = False) -> None:
        question = QUESTIONS[self.environment.runner.stats.total.num_requests % len(QUESTIONS)]
        body = {"messages": [{"role": "user", "content": question}], "stream": stream}
        body["max_tokens"] = MAX_TOKENS
        if model := os.environ.get("ROCKET_MODEL"):
            body["model"] = model
        name = "chat, streamed" if stream else "chat"
        name += ", hung up on" if hang_up else ""
        begun = time.perf_counter()
        with self.client.post(
            "/v1/chat/completions",
            json=body,
            name=name,
            stream=stream,
            catch_response=True,
            timeout=PATIENCE_S,
        ) as response:
            if response.status_code != 200:
                response.failure(f"{response.status_code}: {response.text[:200]}")
            elif stream and not self.read(response, begun, hang_up):
                response.failure("the stream was cut, or said nothing")
            elif not stream and not is_answer(response.text):
                response.failure(f"no answer: {response.text[:200]}")

    def read(self, response, begun: float, hang_up: bool) -> bool:
        """Whether it came to its end, or as far as wanted; tells when its first token had come."""
        first, said = None, False
        for line in response.iter_lines():
            if line == b"data: [DONE]":
                return said
            line = line.replace(b'": ', b'":')  # as some write it
            said = said or b'"choices":[{' in line
            if first is None and b'"content"' in line and b'"content":""' not in line:
                first = (time.perf_counter() - begun) * 1000
                self.environment.events.request.fire(
                    request_type="SSE",
                    name=FIRST_TOKEN,
                    response_time=first,
                    response_length=0,
                    exception=None,
                    context={},
                )
                if hang_up:
                    response.close()
                    return True
        return False


class Hasty(Person):
    abstract = not HARD
    wait_time = between(0, 0.1)

    @task(1)
    def hangs_up(self) -> None:
        self.ask(stream=True, hang_up=True)


def is_answer(text: str) -> bool:
    """Models may say nothing, but they have to be asked for that."""
    try:
        return isinstance(json.loads(text)["choices"][0]["message"], dict)
    except (ValueError, LookupError, TypeError):
        return False


def figures(stats) -> dict[str, float]:
    """What the bounds are about. First tokens are no requests of their own."""
    first = stats.entries.get((FIRST_TOKEN, "SSE"))
    asked = [each for each in stats.entries.values() if each.name != FIRST_TOKEN]
    count = sum(each.num_requests for each in asked)
    failed = sum(each.num_failures for each in asked)
    end_of_run = run_ended[0] if run_ended else time.time()
    seconds = end_of_run - min(each.start_time for each in asked) if asked else 0
    good.until(end_of_run)
    return {
        "requests": count,
        "first_tokens": first.num_requests if first else 0,
        "requests_per_second": count / seconds if seconds else 0,
        "error_ratio": failed / count if count else 1,
        "first_token_p50_ms": first.get_response_time_percentile(0.5) if first else 1e9,
        "first_token_p95_ms": first.get_response_time_percentile(0.95) if first else 1e9,
        # Whatever fails meanwhile.
        "failover_s": 1e9 if good.none() else good.longest_break,
    }


def broken(found: dict[str, float], bounds: dict[str, float]) -> list[str]:
    """Each bound that is not kept. A rate is to be above, everything else below."""
    told = []
    for name in bounds.keys() & found.keys():
        kept = (
            found[name] > bounds[name]
            if name == "requests_per_second"
            else found[name] <= bounds[name]
        )
        if not kept:
            told.append(f"{name} is {found[name]:.4g}, and the bound {bounds[name]:g}")
    return sorted(told)


@events.quitting.add_listener
def judge(environment, **_) -> None:
    found = figures(environment.stats)
    told = broken(found, THRESHOLDS[os.environ.get("ROCKET_THRESHOLDS", "asked_for")])
    if report := os.environ.get("ROCKET_REPORT"):
        Path(report).write_text(json.dumps({**found, "broken": told}))
    for line in told:
        print(f"not kept: {line}")
    environment.process_exit_code = 1 if told else 0
