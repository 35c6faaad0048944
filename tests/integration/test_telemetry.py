"""What others read: metrics, the access log, the admin port's JSON."""

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.gateway import Gateway, backend
from harness.wire import chat, request_bytes

FIELDS = [
    *("ts", "id", "operation", "route", "model", "backend", "endpoint", "status", "outcome"),
    *("blame", "attempts", "queue_ms", "first_token_ms", "total_ms", "tokens_in", "tokens_out"),
    *("key", "lane", "bytes_in", "bytes_out"),
]

# The pinned names that this version has, and their types.
METRICS = {
    "backend_health_status": "gauge",
    "backend_request_count": "counter",
    "backend_error_rate": "gauge",
    "rocket_requests_total": "counter",
    "rocket_attempts_total": "counter",
    "rocket_retries_total": "counter",
    "rocket_failovers_total": "counter",
    "rocket_hedges_total": "counter",
    "rocket_cancels_total": "counter",
    "rocket_breaker_state": "gauge",
    "rocket_first_token_seconds": "histogram",
    "rocket_output_token_seconds": "histogram",
    "rocket_tokens_total": "counter",
    "rocket_in_flight": "gauge",
    "rocket_config_revision": "gauge",
}


@pytest.fixture
def busy(rocket, fake) -> Iterator[Gateway]:
    """A gateway that has answered, streamed, refused, failed over and failed."""
    good, bad = fake(), fake(fault="status_500", models=["m", "only-bad"])
    gateway = rocket(
        {"backends": [backend("bad", bad.url), backend("good", good.url)], "order": ["bad", "good"]}
    )
    gateway.chat(chat("m"))
    gateway.chat(chat("m", stream=True))
    gateway.chat(chat('unknown "quoted"\n'))
    gateway.chat(chat("only-bad"))
    gateway.call("GET", "/v1/models")
    yield gateway


def families(text: str) -> dict[str, str]:
    """Name -> type. Strict: fails on what Prometheus would not take."""
    types: dict[str, str] = {}
    seen: set[str] = set()
    label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"'
    sample = re.compile(
        rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{{(?:{label}(?:,{label})*,?)?\}})? "
        r"([-+]?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Inf)|NaN)"
    )
    assert text.endswith("\n")
    family = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types, f"{family} comes twice"
            types[family] = kind
            continue
        if line.startswith("#"):
            continue
        match = sample.fullmatch(line)
        assert match, line
        name = match[1]
        base = name
        if types.get(family) == "histogram":
            base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert base == family, f"{name} stands under {family}"
        key = name + (match[2] or "")
        assert key not in seen, f"{key} comes twice"
        seen.add(key)
    return types


def test_metrics_are_prometheus_text_with_the_pinned_names(busy: Gateway) -> None:
    answer = busy.admin("/metrics")
    assert answer.header("content-type").startswith("text/plain; version=0.0.4")
    types = families(answer.body.decode())
    assert {name: types.get(name) for name in METRICS} == METRICS


# What each pinned name is counted by; `le` of a histogram left out.
LABELS = {
    "backend_health_status": {"backend", "endpoint"},
    "backend_request_count": {"backend"},
    "backend_error_rate": {"backend"},
    "rocket_requests_total": {"operation", "route", "backend", "code"},
    "rocket_attempts_total": {"backend", "outcome", "blame"},
    **{
        f"rocket_{name}_total": {"backend"}
        for name in ("retries", "failovers", "hedges", "cancels")
    },
    "rocket_breaker_state": {"endpoint"},
    "rocket_first_token_seconds": {"backend", "model"},
    "rocket_output_token_seconds": {"backend", "model"},
    "rocket_tokens_total": {"backend", "model", "direction"},
    "rocket_in_flight": {"backend"},
    "rocket_config_revision": set(),
}


def test_prometheus_own_parser_reads_the_same(busy: Gateway) -> None:
    found = {}
    for family in text_string_to_metric_families(busy.admin("/metrics").body.decode()):
        assert family.documentation, f"{family.name} is not explained"
        for sample in family.samples:
            name = sample.name
            if family.type == "histogram":
                name = re.sub(r"_(bucket|sum|count)$", "", name)
            if family.type == "counter" and name not in LABELS:
                name = name.removesuffix("_total")  # which the parser has put there
            found.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    assert {name: found.get(name) for name in LABELS} == LABELS


def test_metrics_tell_what_happened(busy: Gateway) -> None:
    assert busy.samples("backend_health_status") == {
        '{backend="bad",endpoint="bad/0"}': 1,
        '{backend="good",endpoint="good/0"}': 1,
    }
    attempts = busy.samples("rocket_attempts_total")
    assert attempts['{backend="good",outcome="ok",blame="none"}'] == 2
    assert attempts['{backend="bad",outcome="error",blame="upstream"}'] >= 3
    assert busy.samples("rocket_failovers_total")['{backend="good"}'] == 2
    assert busy.samples("backend_error_rate")['{backend="bad"}'] == 1
    assert busy.samples("backend_error_rate")['{backend="good"}'] == 0
    assert busy.in_flight() == 0
    assert busy.samples("rocket_config_revision") == {"": 1}
    tokens = busy.samples("rocket_tokens_total")
    assert tokens['{backend="good",model="m",direction="out"}'] == 8
    requests = busy.samples("rocket_requests_total")
    assert all("unknown" not in labels for labels in requests), "a client's word became a label"


def test_unknown_names_do_not_grow_the_metrics(busy: Gateway) -> None:
    before = len(busy.admin("/metrics").body.splitlines())
    for number in range(200):
        busy.chat(chat(f"random-{number}"))
        busy.call("GET", f"/random-{number}")
    assert len(busy.admin("/metrics").body.splitlines()) - before < 10


def test_100_000_random_names_users_and_paths_are_less_than_a_megabyte(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    seed = random.SystemRandom().randrange(1 << 32)
    draw = random.Random(seed)

    def word() -> str:
        return f"{draw.getrandbits(64):x}" * draw.randint(1, 6)

    def request(number: int) -> bytes:
        if number % 2:
            return request_bytes("GET", f"/{word()}")
        model = "m" if number % 20 == 0 else word()
        return request_bytes("POST", "/v1/chat/completions", chat(model, user=word()))

    answers, tail = 0, b""
    with gateway.connect() as connection:
        for lot in range(1000):
            connection.send(b"".join(request(lot * 100 + number) for number in range(100)))
            # A line that each answer has once, wherever the reads cut it.
            while answers < (lot + 1) * 100:
                data = connection.socket.recv(1 << 20)
                assert data, f"seed {seed}"
                answers += (tail + data).count(b"date: ")
                tail = (tail + data)[-5:]
    assert answers == 100_000
    text = gateway.admin("/metrics").body
    assert len(text) <= 1_000_000, f"seed {seed}"
    assert len(text) < 100_000, "names that nobody serves are not counted by name"


def test_access_log_lines_have_exactly_the_pinned_fields(busy: Gateway) -> None:
    lines = busy.access_lines(5)
    assert len(lines) == 5
    for line in lines:
        assert list(line) == FIELDS
        assert datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).tzinfo
    whole, streamed, unknown, failed, listed = lines
    assert (whole["operation"], whole["route"], whole["backend"]) == (
        "chat_completions",
        "m",
        "good",
    )
    assert (whole["endpoint"], whole["status"], whole["attempts"]) == ("good/0", 200, 2)
    assert (whole["outcome"], whole["blame"]) == ("ok", "none")
    assert whole["first_token_ms"] is None and streamed["first_token_ms"] > 0
    assert streamed["total_ms"] >= streamed["first_token_ms"]
    assert streamed["tokens_out"] == 4
    assert (unknown["status"], unknown["outcome"], unknown["blame"]) == (404, "error", "client")
    assert (failed["status"], failed["outcome"], failed["blame"]) == (502, "error", "upstream")
    assert (listed["operation"], listed["bytes_in"]) == ("models", 0)
    assert whole["bytes_in"] > 0 and whole["bytes_out"] > 0


def test_no_input_breaks_a_log_line(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    nasty = ['a"b', "a\nb", "a\r\n{}", "\u001b[31m", "\u2028", "\u0000", "x" * 5000, "\ud83d\ude80"]
    for name in nasty:
        gateway.chat(json.dumps(chat(name)).encode())
    lines = gateway.access_lines(len(nasty))
    assert len(lines) == len(nasty)
    assert all(list(line) == FIELDS for line in lines)


def test_own_paths_are_not_logged(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    for path in ("/health", "/livez", "/readyz", "/-/healthz"):
        gateway.call("GET", path)
    gateway.chat(chat("m"))
    (line,) = gateway.access_lines(1)
    assert line["operation"] == "chat_completions"


def test_backends_describes_each_endpoint(rocket, fake) -> None:
    alive, dead = fake("ollama", models=["x", "y"], loaded=["x"]), fake()
    dead.kill()
    gateway = rocket(
        {"backends": [backend("up", alive.url, "ollama"), backend("down", dead.url, "vllm")]}
    )
    gateway.wait_for_models("x")
    described = gateway.admin("/backends").json()
    assert described["revision"] == 1
    up, down = described["backends"]
    assert (up["name"], up["kind"], down["kind"]) == ("up", "ollama", "vllm")
    (endpoint,) = up["endpoints"]
    assert {"id", "url", "verdict", "reason", "in_flight", "models"} <= endpoint.keys()
    assert (endpoint["id"], endpoint["url"]) == ("up/0", alive.url)
    assert endpoint["verdict"] == "healthy"
    assert {model["name"] for model in endpoint["models"]} == {"x", "y"}
    loaded = {model["name"]: model["loaded"] for model in endpoint["models"]}
    assert loaded == {"x": True, "y": False}
    (endpoint,) = down["endpoints"]
    assert endpoint["verdict"] == "unhealthy"
    assert endpoint["reason"]


def test_logs_are_json_lines(busy: Gateway) -> None:
    busy.finish()
    lines = busy.program.err().splitlines()
    assert lines
    for line in lines:
        said = json.loads(line)
        assert said["message"] and said["level"] and said["ts"]
