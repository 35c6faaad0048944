"""Rules and dashboards: they ask for what there is, and each alert speaks when it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from manifests import metrics, setups
from manifests.rendering import ROOT, render
from manifests.rules_of_access import expressions

from harness.engines import place

RULES = ROOT / "monitoring/rules/rocket.rules.yaml"
TESTS = sorted((ROOT / "monitoring/rules").glob("*.test.yaml"))
OPERATIONS = ROOT / "docs/operations.md"


def promtool(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    program = place("ROCKET_PROMETHEUS") / "promtool"
    return subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def cases() -> list[dict[str, Any]]:
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    return [case for test in tests for case in test.get("alert_rule_test", [])]


def test_alerts_speak_and_are_silent_as_they_should() -> None:
    answer = promtool("test", "rules", *TESTS, folder=RULES.parent)
    assert answer.returncode == 0, answer.stdout + answer.stderr


# What stands in the rules, what is put in its place, and what has to be missed then.
BROKEN = [
    ("rocket:errors:ratio5m > 0.01", "rocket:errors:ratio5m > 0.5", "alertname: RocketErrors"),
    ("max by (namespace, backend) (backend_health", "min by (namespace, backend) (backend_health", "alertname: RocketBackendDown"),
    ('unless on (namespace) (up{job="ray-head"} == 1)', "", "alertname: RayHeadDown"),
    ("or 0 * sum by (namespace) (rate(rocket_requests_total[5m]))", "", 'expr: "rocket:errors:ratio5m"'),
    ("ray_serve_application_status) < 3", "ray_serve_application_status) < 6", "alertname: RayApplicationFailed"),
    ('max_over_time(kube_pod_container_status_terminated_reason{reason="OOMKilled", namespace=~"ray-.+|rocket"}[15m])', "vector(0)", "alertname: RocketOutOfMemory"),
    ("count by (namespace, container, pod) (", "(", "alertname: RayPodsReplaced"),
    ('and on (namespace, pod) up{job="ray-head"} == 1', "", "alertname: RayAutoscalerDown"),
    ('unless on (namespace) (up{job="matrix-bot"} == 1)', "", "alertname: RocketBotDown"),
    ("rocket_matrix_sync_age_seconds) > 90", "rocket_matrix_sync_age_seconds) > 20", "alertname: RocketBotCutOff"),
    ("(rocket_matrix_rate_limit_wait_seconds_total[10m])) > 0.25", "(rocket_matrix_rate_limit_wait_seconds_total[10m])) > 0.5", "alertname: RocketBotRateLimited"),
    ('(rocket_matrix_errors_total{where!~"event|join"}[15m])) > 3', "(rocket_matrix_errors_total[15m])) > 0", "alertname: RocketBotErrors"),
]  # fmt: skip


def test_broken_rules_are_noticed(tmp_path: Path) -> None:
    text = RULES.read_text()
    for rule, instead, _ in BROKEN:
        assert rule in text
        text = text.replace(rule, instead)
    (tmp_path / RULES.name).write_text(text)
    for file in TESTS:
        shutil.copy(file, tmp_path)
    answer = promtool("test", "rules", *(file.name for file in TESTS), folder=tmp_path)
    assert answer.returncode != 0
    told = answer.stdout + answer.stderr
    assert [missed for *_, missed in BROKEN if missed not in told] == [], told


@pytest.mark.parametrize("alert", [each["alert"] for each in alerts()])
def test_every_alert_is_tried_both_ways(alert: str) -> None:
    spoken = [bool(case["exp_alerts"]) for case in cases() if case["alertname"] == alert]
    assert set(spoken) == {True, False}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_a_paragraph_for_whoever_is_woken(alert: dict[str, Any]) -> None:
    anchor = alert["annotations"]["runbook_url"]
    assert anchor == f"docs/operations.md#{alert['alert'].lower()}"
    assert re.search(rf"^#+ {alert['alert']}$", OPERATIONS.read_text(), re.MULTILINE)
    assert alert["labels"]["severity"] in ("critical", "warning", "info")


def test_no_paragraph_is_of_an_alert_that_is_gone() -> None:
    told = set(re.findall(r"^#+ ((?:Rocket|Ray)[A-Z]\w+)$", OPERATIONS.read_text(), re.MULTILINE))
    assert told == {each["alert"] for each in alerts()}


def test_every_metric_of_the_bot_is_on_its_board_or_in_an_alert() -> None:
    asked = {name for _, text in panels() for name in metrics.names_in(text)}
    asked |= {name for alert in alerts() for name in metrics.names_in(alert["expr"])}
    ends = "_(?:bucket|sum|count)$"
    told = {re.sub(ends, "", name) for name in metrics.of_the_bot()}
    assert len(told) > 10 and told - {re.sub(ends, "", name) for name in asked} == set()


def test_every_metric_of_the_gateway_is_in_the_guide() -> None:
    told = {re.sub("_(bucket|sum|count)$", "", name) for name in metrics.of_the_gateway()}
    told = {name for name in told if not name.endswith("_request")} | {"backend_request_count"}
    guide = OPERATIONS.read_text().partition("### Metrics")[2].partition("\n## ")[0]
    assert set(re.findall(r"`((?:rocket|backend|process)_[a-z_]+)`", guide)) == told


def concrete(expression: str) -> str:
    """With what Grafana would put in."""
    for variable, value in {"__rate_interval": "5m", "namespace": ".*", "priced": ".*"}.items():
        expression = expression.replace(f"${variable}", value)
    return re.sub(r"\$price_\w+", "3", expression)


def panels() -> list[tuple[str, str]]:
    found = []
    for each in render(ROOT / "monitoring"):
        if each["kind"] == "ConfigMap":
            found += [one for one in expressions([each])]
    return found


def test_every_panel_is_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": concrete(expression)}
        for number, (_, expression) in enumerate(panels())
    ]
    assert len(rules) > 30
    (tmp_path / "panels.yaml").write_text(json.dumps({"groups": [{"name": "p", "rules": rules}]}))
    answer = promtool("check", "rules", "panels.yaml", folder=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_names_are_found_in_expressions() -> None:
    expression = (
        'histogram_quantile(0.95, sum by (le, backend) (rate(a_bucket{x=~"b|c"}[$__rate_interval])))'
        " / on (pod) group_left (z) (b_total offset 5m) unless c:d:e > bool 1e3 and $price_in * 3"
    )
    assert metrics.names_in(expression) == {"a_bucket", "b_total", "c:d:e"}


def test_names_of_ray_are_kept_with_how_they_are_known() -> None:
    kept = metrics.kept()
    assert set(kept.values()) == {"seen", "source", "host", "documented"}
    assert len([how for how in kept.values() if how == "seen"]) > 50


def test_only_names_that_are_known_stand_in_rules_and_panels() -> None:
    setup = setups.setup("prod")
    asked = {name for _, text in expressions(setup.monitoring) for name in metrics.names_in(text)}
    assert asked - setup.metric_names == set()
    assert len(asked) > 30
