"""The Grafana dashboards, as data. tools/monitoring.py makes their files."""

from dataclasses import dataclass, field
from typing import Any

HERE = 'namespace=~"$namespace"'
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Of Grafana 11; newer ones read it and bring it up to theirs.
SCHEMA = 39
WIDTH, HEIGHT = 8, 8


@dataclass(frozen=True)
class Panel:
    """Three stand in a row. `lines`: an expression and how to call what it gives."""

    title: str
    lines: tuple[tuple[str, str], ...]
    unit: str = "short"
    about: str = ""
    kind: str = "timeseries"


@dataclass(frozen=True)
class Board:
    uid: str
    title: str
    panels: tuple[Panel, ...]
    # Numbers that whoever looks may write into a box at the top.
    boxes: dict[str, tuple[str, str]] = field(default_factory=dict)


def panel(title: str, *lines: tuple[str, str], **more: str) -> Panel:
    return Panel(title, lines, **more)


def quantiles(metric: str, by: str, labels: str = HERE) -> tuple[tuple[str, str], ...]:
    called = " ".join("{{" + each.strip() + "}}" for each in by.split(",")) if by else ""
    grouped = f"le, {by}" if by else "le"
    return tuple(
        (
            f"histogram_quantile({share}, sum by ({grouped}) "
            f"(rate({metric}_bucket{{{labels}}}[$__rate_interval])))",
            f"{name} {called}".strip(),
        )
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def rate(metric: str, by: str, labels: str = "") -> str:
    chosen = ", ".join(filter(None, (HERE, labels)))
    return f"sum by ({by}) (rate({metric}{{{chosen}}}[$__rate_interval]))"


GATEWAY = Board(
    "rocket-gateway",
    "Rocket: gateway",
    (
        panel(
            "Requests", (rate("rocket_requests_total", "operation"), "{{operation}}"), unit="reqps"
        ),
        panel("Answers", (rate("rocket_requests_total", "code"), "{{code}}"), unit="reqps"),
        panel(
            "Answers that are 5xx",
            (f"max by (namespace) (rocket:errors:ratio5m{{{HERE}}})", "{{namespace}}"),
            unit="percentunit",
            about="The goal is below 1 %.",
        ),
        panel(
            "First token",
            *quantiles("rocket_first_token_seconds", ""),
            unit="s",
            about="Of streams, from asking the upstream. The goals are p50 below 0.5 s and p95 below 2 s.",
        ),
        panel(
            "Attempts by blame",
            (rate("rocket_attempts_total", "blame, outcome"), "{{outcome}} {{blame}}"),
            unit="reqps",
        ),
        panel(
            "Second chances",
            (rate("rocket_retries_total", "namespace"), "retries"),
            (rate("rocket_failovers_total", "namespace"), "failovers"),
            (rate("rocket_hedges_total", "namespace"), "hedges"),
            (rate("rocket_cancels_total", "namespace"), "cancels"),
            unit="reqps",
            about="What clients did not see.",
        ),
        panel("In flight", (f"sum by (backend) (rocket_in_flight{{{HERE}}})", "{{backend}}")),
        panel("Waiting", (f"sum by (lane) (rocket_queue_depth{{{HERE}}})", "{{lane}}")),
        panel("Wait for a place", *quantiles("rocket_queue_wait_seconds", "lane"), unit="s"),
        panel("Connections", (f"sum by (pod) (rocket_connections{{{HERE}}})", "{{pod}}")),
        panel(
            "Processor time",
            (
                f'sum by (pod) (rate(process_cpu_seconds_total{{{HERE}, job=~"rocket.*"}}[$__rate_interval]))',
                "{{pod}}",
            ),
            (
                f'max by (pod) (rate(rocket_loop_busy_seconds_total{{{HERE}, job=~"rocket.*"}}[$__rate_interval]))',
                "{{pod}}, busiest loop",
            ),
            unit="percentunit",
            about="Of one core. A gateway with one loop can use one.",
        ),
        panel(
            "Memory",
            (f'sum by (pod) (process_resident_memory_bytes{{{HERE}, job=~"rocket.*"}})', "{{pod}}"),
            unit="bytes",
        ),
        panel(
            "Descriptors",
            (f'sum by (pod) (process_open_fds{{{HERE}, job=~"rocket.*"}})', "{{pod}}"),
        ),
        panel(
            "Configuration's revision",
            (f"max by (pod) (rocket_config_revision{{{HERE}}})", "{{pod}}"),
        ),
        panel(
            "What runs",
            (f"count by (version) (rocket_build_info{{{HERE}}})", "{{version}}"),
        ),
    ),
)

BACKENDS = Board(
    "rocket-backends",
    "Rocket: backends and models",
    (
        panel(
            "Healthy",
            (f"max by (backend, endpoint) (backend_health_status{{{HERE}}})", "{{endpoint}}"),
            about="1 while some gateway gets an answer.",
        ),
        panel(
            "Breakers",
            (f"max by (endpoint) (rocket_breaker_state{{{HERE}}})", "{{endpoint}}"),
            about="0 closed, 1 half open, 2 open.",
        ),
        panel(
            "Attempts that fail",
            (f"max by (backend) (backend_error_rate{{{HERE}}})", "{{backend}}"),
            unit="percentunit",
        ),
        panel("Attempts", (rate("backend_request_count", "backend"), "{{backend}}"), unit="reqps"),
        panel(
            "Attempts by outcome",
            (rate("rocket_attempts_total", "backend, outcome"), "{{backend}} {{outcome}}"),
            unit="reqps",
        ),
        panel(
            "Blame upstream",
            (rate("rocket_attempts_total", "backend", 'blame="upstream"'), "{{backend}}"),
            unit="reqps",
        ),
        panel(
            "First token by model",
            *quantiles("rocket_first_token_seconds", "backend, model"),
            unit="s",
        ),
        panel(
            "Time per token by model",
            *quantiles("rocket_output_token_seconds", "backend, model"),
            unit="s",
        ),
        panel(
            "Routes and variants",
            (rate("rocket_requests_total", "route, backend"), "{{route}} {{backend}}"),
            unit="reqps",
            about="A route with weights shares its requests as its backends stand here.",
        ),
        panel(
            "Tokens",
            (rate("rocket_tokens_total", "backend, model, direction"), "{{model}} {{direction}}"),
        ),
        panel(
            "Cost per hour",
            (
                "3600 / 1e6 * ("
                f'$price_in * sum by (model) (rate(rocket_tokens_total{{{HERE}, direction="in", backend=~"$priced"}}[$__rate_interval])) + '
                f'$price_out * sum by (model) (rate(rocket_tokens_total{{{HERE}, direction="out", backend=~"$priced"}}[$__rate_interval])))',
                "{{model}}",
            ),
            about="Of the backends and at the prices per million tokens that stand above.",
        ),
        panel(
            "Failovers to", (rate("rocket_failovers_total", "backend"), "{{backend}}"), unit="reqps"
        ),
    ),
    {
        "priced": ("Backends that cost", "anthropic"),
        "price_in": ("Price of a million tokens in", "3"),
        "price_out": ("and out", "15"),
    },
)

BATCHES = Board(
    "rocket-batches",
    "Rocket: batches and keys",
    (
        panel(
            "Batches in hand",
            (f"sum by (status) (rocket_batches{{{HERE}}})", "{{status}}"),
            about="Of the gateways that are there now: whoever holds a batch's lease counts it.",
        ),
        panel(
            "Lines of batches",
            (rate("rocket_batch_lines_total", "result"), "{{result}}"),
            unit="ops",
            about="Results that were written: done, or failed.",
        ),
        panel(
            "Lines that are being asked",
            (f"sum by (pod) (rocket_batch_lines_in_flight{{{HERE}}})", "{{pod}}"),
            about="batch.lines_in_flight bounds them.",
        ),
        panel(
            "Batches that have ended",
            (rate("rocket_batches_ended_total", "status"), "{{status}}"),
            unit="ops",
        ),
        panel(
            "Tokens of batches",
            (rate("rocket_batch_tokens_total", "direction"), "{{direction}}"),
            about="A second. Cached ones are part of those that went in.",
        ),
        panel(
            "Batch work waits",
            (f'sum by (pod) (rocket_queue_depth{{{HERE}, lane="batch"}})', "{{pod}}"),
        ),
        panel(
            "Batch work's wait for a place",
            *quantiles("rocket_queue_wait_seconds", "", f'{HERE}, lane="batch"'),
            unit="s",
            about="It takes what people leave, so it may be long.",
        ),
        panel(
            "People's wait for a place",
            *quantiles("rocket_queue_wait_seconds", "", f'{HERE}, lane="interactive"'),
            unit="s",
            about="No batch may move it.",
        ),
        panel(
            "Started, by lane",
            (rate("rocket_queue_wait_seconds_count", "lane"), "{{lane}}"),
            unit="reqps",
        ),
        panel(
            "Requests by key", (rate("rocket_key_requests_total", "key"), "{{key}}"), unit="reqps"
        ),
        panel(
            "Tokens by key",
            (rate("rocket_key_tokens_total", "key, direction"), "{{key}} {{direction}}"),
        ),
    ),
)

RAY = Board(
    "rocket-ray",
    "Rocket: Ray",
    (
        panel(
            "Gateways that answer",
            (f'sum by (namespace) (up{{{HERE}, job="rocket-gateway"}})', "{{namespace}}"),
        ),
        panel(
            "Head answers", (f'max by (namespace) (up{{{HERE}, job="ray-head"}})', "{{namespace}}")
        ),
        panel(
            "Nodes",
            (f"max by (node_type) (ray_cluster_active_nodes{{{HERE}}})", "{{node_type}}"),
            (f"max by (node_type) (ray_cluster_pending_nodes{{{HERE}}})", "pending {{node_type}}"),
        ),
        panel(
            "Healthy replicas",
            (
                f"sum by (deployment) (ray_serve_deployment_replica_healthy{{{HERE}}})",
                "{{deployment}}",
            ),
            about="Serve's word. Its own counts of requests are calls of handles only: rocket_* counts requests.",
        ),
        panel(
            "Gateways started again",
            (
                f"sum by (namespace) (increase(ray_rocket_gateway_restarts_total{{{HERE}}}[$__rate_interval]))",
                "{{namespace}}",
            ),
        ),
        panel(
            "Configuration refused",
            (f"max by (namespace) (ray_rocket_config_refused{{{HERE}}})", "{{namespace}}"),
        ),
        panel(
            "Loops' utilisation",
            (f"avg by (namespace) (ray_rocket_utilisation{{{HERE}}})", "{{namespace}}"),
            unit="percentunit",
            about="What replicas are added by, beside requests in flight.",
        ),
        panel(
            "Memory of nodes",
            (
                f"max by (pod) (ray_node_cgroup_mem_used{{{HERE}}} / ray_node_cgroup_mem_total{{{HERE}}})",
                "{{pod}}",
            ),
            unit="percentunit",
        ),
        panel(
            "Processors of nodes",
            (f"max by (pod) (ray_node_cpu_utilization{{{HERE}}})", "{{pod}}"),
            unit="percent",
        ),
        panel(
            "Memory by component",
            (f"sum by (Component) (ray_component_rss_mb{{{HERE}}})", "{{Component}}"),
            unit="decmbytes",
        ),
        panel("Actors", (f"sum by (State) (ray_actors{{{HERE}}})", "{{State}}")),
        panel("Tasks", (f"sum by (State) (ray_tasks{{{HERE}}})", "{{State}}")),
    ),
)

BOT = Board(
    "rocket-matrix",
    "Rocket: Matrix bot",
    (
        panel(
            "Bot answers",
            (f'max by (namespace) (up{{{HERE}, job="matrix-bot"}})', "{{namespace}}"),
        ),
        panel(
            "Since the last sync",
            (f"max by (namespace) (rocket_matrix_sync_age_seconds{{{HERE}}})", "{{namespace}}"),
            unit="s",
            about="Up to half a minute where nobody says anything; beyond 90 s it is cut off.",
        ),
        panel(
            "Syncs that failed",
            (rate("rocket_matrix_sync_failures_total", "namespace"), "{{namespace}}"),
            unit="ops",
        ),
        panel(
            "What is asked",
            (rate("rocket_matrix_messages_total", "command"), "{{command}}"),
            unit="ops",
        ),
        panel(
            "How answers end",
            (rate("rocket_matrix_answers_total", "outcome"), "{{outcome}}"),
            unit="ops",
        ),
        panel(
            "Not let in", (rate("rocket_matrix_refused_total", "reason"), "{{reason}}"), unit="ops"
        ),
        panel(
            "First text in the room",
            *quantiles("rocket_matrix_first_text_seconds", ""),
            unit="s",
            about="From an answer's first token. The goal is below 1 s.",
        ),
        panel(
            "Under way",
            (f"sum by (namespace) (rocket_matrix_running{{{HERE}}})", "answers"),
            (f"sum by (namespace) (rocket_matrix_waiting{{{HERE}}})", "waiting"),
            (f"sum by (namespace) (rocket_matrix_jobs{{{HERE}}})", "jobs"),
        ),
        panel(
            "Edits and waits for the homeserver",
            (rate("rocket_matrix_edits_total", "namespace"), "edits"),
            (rate("rocket_matrix_rate_limit_waits_total", "namespace"), "told: too fast"),
            unit="ops",
        ),
        panel(
            "Time the homeserver lets it wait",
            (rate("rocket_matrix_rate_limit_wait_seconds_total", "namespace"), "{{namespace}}"),
            unit="percentunit",
            about="Rooms that wait at once count each.",
        ),
        panel("Errors", (rate("rocket_matrix_errors_total", "where"), "{{where}}"), unit="ops"),
    ),
)

BOARDS = (GATEWAY, BACKENDS, BATCHES, RAY, BOT)


def render(board: Board) -> dict[str, Any]:
    """What Grafana reads from a file: the dashboard itself, as it is inside of its API's envelope."""
    return {
        "uid": board.uid,
        "title": board.title,
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "tags": ["rocket"],
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [*_variables(board)]},
        "panels": [_panel(each, number) for number, each in enumerate(board.panels)],
    }


def _variables(board: Board) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
        {
            "name": "namespace",
            "type": "query",
            "label": "Environment",
            "datasource": DATASOURCE,
            "query": {"query": "label_values(rocket_build_info, namespace)", "refId": "namespace"},
            "includeAll": True,
            # On one machine nothing has the label.
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
            "refresh": 2,
        },
    ]
    for name, (label, value) in board.boxes.items():
        current = {"text": value, "value": value}
        box = {"name": name, "type": "textbox", "label": label, "query": value, "current": current}
        found.append(box)
    return found


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    row, column = divmod(number, 24 // WIDTH)
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": expression, "legendFormat": legend}
            for at, (expression, legend) in enumerate(panel.lines)
        ],
    }
