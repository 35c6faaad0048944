"""Traces as an OpenTelemetry collector takes them, and W3C's headers through the gateway."""

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.certificates import make_certificate
from harness.collector import Collector, attributes
from harness.gateway import Gateway, backend
from harness.upstream import Upstream
from harness.waiting import wait_until
from harness.wire import chat

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SERVER, CLIENT, ERROR = 2, 3, 2


@pytest.fixture
def collector() -> Iterator[Callable[..., Collector]]:
    started: list[Collector] = []

    def start(*arguments, **options) -> Collector:
        started.append(Collector(*arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_collector_takes_what_is_sent(rocket, fake, collector) -> None:
    taking = collector()
    bad, good = fake(fault="status_500"), fake()
    gateway: Gateway = rocket(
        {
            "backends": [backend("bad", bad.url), backend("good", good.url)],
            "order": ["bad", "good"],
            "otlp": {"url": taking.url},
        }
    )
    before = time.time_ns()
    gateway.chat(chat("m", stream=True), headers={"traceparent": PARENT, "x-request-id": "traced"})
    request, first, second = taking.wait_for(3)
    after = time.time_ns()
    assert taking.resources[0]["service.name"] == "rocket"
    assert {each.trace_id.hex() for each in (request, first, second)} == {PARENT.split("-")[1]}
    assert request.parent_span_id.hex() == PARENT.split("-")[2]
    assert first.parent_span_id == second.parent_span_id == request.span_id
    assert len({request.span_id, first.span_id, second.span_id}) == 3
    assert (request.kind, first.kind, second.kind) == (SERVER, CLIENT, CLIENT)
    assert before - 1e9 < request.start_time_unix_nano < request.end_time_unix_nano < after + 1e9
    for each in (first, second):
        assert each.start_time_unix_nano >= request.start_time_unix_nano
        assert each.end_time_unix_nano <= request.end_time_unix_nano
    told = attributes(request)
    assert request.name == "chat m"
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == "m"
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.usage.output_tokens"] == 4
    assert told["http.response.status_code"] == 200
    assert told["rocket.request.id"] == "traced"
    assert attributes(first)["error.type"] == "upstream_status"
    assert (first.status.code, second.status.code, request.status.code) == (ERROR, 0, 0)
    # The connection may be one that a probe has left.
    phases = [each.name for each in second.events if each.name != "connect"]
    assert phases == ["send", "first_byte", "first_token"]
    assert gateway.admin("/requests/traced").json()["trace"].startswith(PARENT[:36])


def test_the_upstream_is_below_our_span(rocket, collector) -> None:
    taking, upstream = collector(), Upstream()
    try:
        gateway = rocket(
            {"backends": [backend("a", upstream.url)], "otlp": {"url": taking.url + "/v1"}}
        )
        gateway.chat(chat("m"), headers={"traceparent": PARENT, "tracestate": "a=b"})
        request, attempt = taking.wait_for(2)
        (seen,) = upstream.inference()
        headers = dict(seen.headers)
        assert headers["traceparent"] == f"{PARENT[:36]}{attempt.span_id.hex()}-01"
        assert headers["tracestate"] == "a=b"
        assert (request.trace_state, attempt.trace_state) == ("a=b", "a=b")
        told = attributes(attempt)
        where = urlsplit(upstream.url)
        assert (told["server.address"], told["server.port"]) == (where.hostname, where.port)
    finally:
        upstream.close()


def test_a_ratio_and_what_comes_from_above(rocket, fake, collector) -> None:
    taking = collector()
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "otlp": {"url": taking.url, "ratio": 0}}
    )
    for _ in range(5):
        gateway.chat(chat("m"))
    gateway.chat(chat("m"), headers={"traceparent": PARENT[:-1] + "0"})
    gateway.chat(chat("m"), headers={"traceparent": PARENT})
    taking.wait_for(2)
    gateway.finish()
    assert len(taking.spans) == 2


def test_what_is_left_goes_out_before_the_end(rocket, fake, collector) -> None:
    taking = collector()
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "threads": 2, "otlp": {"url": taking.url}}
    )
    for _ in range(20):
        gateway.chat(chat("m"))
    gateway.finish()
    assert not taking.faults
    assert len(taking.spans) == 40


def test_no_name_breaks_an_export(rocket, fake, collector) -> None:
    taking = collector()
    names = ['a"b', "a\\b", "ü€", "x" * 300]
    gateway = rocket(
        {
            "backends": [backend("a", fake().url)],
            "models": {name: [{"backend": "a", "model": "m"}] for name in names[:3]},
            "otlp": {"url": taking.url},
        }
    )
    for name in names:
        gateway.chat(chat(name))
    spans = taking.wait_for(7)
    told = [attributes(each) for each in spans if each.kind == SERVER]
    assert [each.get("gen_ai.request.model") for each in told] == [*names[:3], None]
    assert [each.get("gen_ai.response.model") for each in told] == ["m", "m", "m", None]


SECRET = "hunter2-of-the-collector"
WAYS = ["the usual variable", "another variable", "a file"]


@pytest.mark.parametrize("way", WAYS)
def test_a_collector_gets_the_headers_that_it_wants(
    rocket, fake, collector, tmp_path: Path, way: str
) -> None:
    taking = collector(wants={"authorization": f"Bearer {SECRET}", "x-tenant": "a,b"})
    pairs = f"Authorization=Bearer%20{SECRET},x-tenant=a%2Cb"
    otlp = {"url": taking.url}
    env = {}
    if way == "the usual variable":
        env["OTEL_EXPORTER_OTLP_HEADERS"] = pairs
    elif way == "another variable":
        env["COLLECTOR_HEADERS"] = pairs
        otlp["headers_env"] = "COLLECTOR_HEADERS"
    else:
        (tmp_path / "headers").write_text(pairs.replace(",", "\n") + "\n")
        otlp["headers_file"] = str(tmp_path / "headers")
    gateway = rocket({"backends": [backend("a", fake().url)], "otlp": otlp}, env=env)
    gateway.chat(chat("m"))
    taking.wait_for(2)
    gateway.access_lines(1)
    told = gateway.program.err() + gateway.program.out()
    for path in ("/metrics", "/backends", "/health"):
        told += gateway.admin(path).body.decode()
    assert SECRET not in told


def test_a_collector_that_refuses_takes_nothing(rocket, fake, collector) -> None:
    taking = collector(wants={"authorization": "Bearer x"})
    gateway = rocket({"backends": [backend("a", fake().url)], "otlp": {"url": taking.url}})
    for _ in range(5):
        assert gateway.chat(chat("m")).status == 200
    wait_until("they are dropped", lambda: dropped(gateway) == 5)
    assert not taking.spans


def test_a_collector_behind_tls(rocket, fake, collector, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "collector")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    taking = collector(tls=context)
    backends = [backend("a", fake().url)]
    trusting = {"url": taking.url, "ca_file": str(certificate.cert_file)}
    gateway = rocket({"backends": backends, "otlp": trusting})
    gateway.chat(chat("m"))
    taking.wait_for(2)
    doubting = rocket({"backends": backends, "otlp": {"url": taking.url}})
    doubting.chat(chat("m"))
    wait_until("it is dropped", lambda: dropped(doubting) == 1)
    assert len(taking.spans) == 2


def dropped(gateway: Gateway) -> float:
    return gateway.samples("rocket_traces_total").get('{result="dropped"}', 0)


@pytest.mark.parametrize("way", ["nobody listens", "503", "429", "silence"])
def test_without_a_collector_everything_else_goes_on(rocket, fake, collector, way: str) -> None:
    taking = collector(429 if way == "429" else 503, silent=way == "silence")
    if way == "nobody listens":
        taking.close()
    gateway = rocket({"backends": [backend("a", fake().url)], "otlp": {"url": taking.url}})
    started = time.monotonic()
    for _ in range(10):
        assert gateway.chat(chat("m")).status == 200
    assert time.monotonic() - started < 5
    started = time.monotonic()
    gateway.finish()
    assert time.monotonic() - started < 5
