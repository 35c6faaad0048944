"""Every panel and every rule, asked of a Prometheus that scrapes a gateway under load, what a live Ray
has told, and what the Matrix bot tells."""

import http.server
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manifests import metrics
from test_monitoring import RULES, alerts, concrete, panels

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.prometheus import Prometheus
from harness.waiting import wait_until

sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
from rocket_matrix.telemetry import Telemetry  # noqa: E402

RAY = Path(__file__).parent / "data/ray-2.60.0.prom"
HERE = {"namespace": "ray-prod", "pod": "pod-1"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Iterator[tuple[Gateway, Prometheus]]:
    """A gateway that has had something of everything, scraped for some seconds."""
    folder = tmp_path_factory.mktemp("monitoring")
    fakes = [Fake(folder / "fakes", "ollama"), Fake(folder / "fakes", "vllm", models=("m", "n"))]
    failing = Fake(folder / "fakes", fault="status_500")
    gateway = prometheus = None
    servers: list[http.server.ThreadingHTTPServer] = []
    try:
        gateway = Gateway(configuration(folder, fakes, failing), folder / "gateway")
        gateway.wait_ready()
        servers += [serving(RAY.read_bytes), serving(busy_bot())]
        ray, bot = (f"127.0.0.1:{each.server_address[1]}" for each in servers)
        targets = {
            "rocket-gateway": (f"127.0.0.1:{gateway.admin_port}", HERE),
            "ray-head": (ray, HERE),
            "matrix-bot": (bot, HERE),
        }
        prometheus = Prometheus(folder / "prometheus", targets, RULES)
        wait_until("the targets are scraped", lambda: prometheus.query("up == 1"), seconds=30)
        load(gateway, prometheus)
        yield gateway, prometheus
    finally:
        for each in (
            prometheus,
            gateway and gateway.program,
            *(one.program for one in (*fakes, failing)),
        ):
            if each:
                each.stop()
        for server in servers:
            server.shutdown()
            server.server_close()


def configuration(folder: Path, fakes: list[Fake], failing: Fake) -> dict:
    write_keys(folder / "keys.yaml", entry("alice", "k" * 40, lane="interactive"))
    return {
        "keys_file": str(folder / "keys.yaml"),
        "store": {"path": str(folder / "store")},
        "backends": [
            backend("ollama", fakes[0].url, "ollama"),
            backend("vllm", fakes[1].url, "vllm"),
            backend("bad", failing.url),
        ],
        "order": ["bad", "vllm", "ollama"],
    }


def load(gateway: Gateway, prometheus: Prometheus) -> None:
    """In two halves with a scrape between them, so that every rate has two ends."""
    for _ in range(2):
        for lane in ("interactive", "normal", "batch"):
            for stream in (True, False):
                body = {
                    "model": "m",
                    "stream": stream,
                    "messages": [{"role": "user", "content": "x"}],
                }
                headers = {**bearer("k" * 40), "x-rocket-lane": lane}
                assert gateway.chat(body, headers=headers).status == 200
        batch = batches.make(gateway, batches.lines(3), headers=bearer("k" * 40))
        batches.wait_ended(gateway, batch, headers=bearer("k" * 40))
        wanted = scraped(prometheus) + 2
        wait_until("two scrapes more", lambda wanted=wanted: scraped(prometheus) >= wanted, 30)


def scraped(prometheus: Prometheus) -> float:
    """How often the gateway has been."""
    found = prometheus.query('count_over_time(up{job="rocket-gateway"}[1h])')
    return float(found[0]["value"][1]) if found else 0


def busy_bot() -> Callable[[], bytes]:
    """The page of one to which something more of everything has happened each time it is asked."""
    told = Telemetry()

    def page() -> bytes:
        told.synced()
        told.messages.labels("infer").inc()
        told.answers.labels("ok").inc()
        told.refused.labels("user").inc()
        told.errors.labels("send").inc()
        told.first_text.observe(0.3)
        for each in (told.edits, told.limit_waits, told.limit_seconds, told.reconnects):
            each.inc()
        return told.page()

    return page


def serving(page: Callable[[], bytes]) -> http.server.ThreadingHTTPServer:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page())

        def log_message(self, *_arguments) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# Told only once there is something to tell, which this load does not bring about.
RARE = {"ray_cluster_pending_nodes"}


def live(name: str) -> bool:
    """Whether somebody here tells it."""
    return metrics.kept().get(name, "seen") in ("seen", "documented") and name not in RARE


def test_every_panel_shows_something(loaded) -> None:
    _, prometheus = loaded
    empty = []
    for title, expression in panels():
        found = prometheus.query(concrete(expression).replace("[5m]", "[1h]"))
        if not found and all(map(live, metrics.names_in(expression))):
            empty.append(title)
    assert empty == []


def test_every_recording_rule_gives_something(loaded) -> None:
    _, prometheus = loaded
    for name in re.findall(r"record: (\S+)", RULES.read_text()):
        wait_until(f"{name} is recorded", lambda name=name: prometheus.query(name), seconds=30)


def test_every_alert_s_left_side_is_there(loaded) -> None:
    """An alert that asks for nothing never speaks: without its comparison it has to give data."""
    _, prometheus = loaded
    for alert in alerts():
        names = metrics.names_in(alert["expr"])
        if not all(metrics.kept().get(name, "seen") == "seen" for name in names):
            continue
        for name in names:
            assert prometheus.query(name) or name in QUIET, f"{alert['alert']}: {name}"


# Counters without a sample until the first time.
QUIET = {"rocket_traces_total"}


def test_what_the_gateway_tells_is_what_the_source_says(loaded) -> None:
    gateway, _ = loaded
    text = gateway.admin("/metrics").body.decode()
    told = set(re.findall(r"^([a-z_]+)(?:\{| )", text, re.MULTILINE))
    assert told - metrics.of_the_gateway() == set()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    asked = {name for _, expression in panels() for name in metrics.names_in(expression)}
    ours = {each for each in asked if each.startswith(("rocket_", "backend_", "process_"))}
    ours -= metrics.of_the_bot()
    missing = {
        each
        for each in ours
        if re.sub(r"_(bucket|sum|count)$", "", each) not in families and each not in families
    }
    assert missing == set()


def test_what_the_bot_tells_is_what_its_source_says() -> None:
    told = set(re.findall(r"^(\w+)(?:\{| )", busy_bot()().decode(), re.MULTILINE))
    assert {each for each in told if not each.endswith("_created")} == metrics.of_the_bot()
