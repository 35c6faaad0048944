"""Canaries by weights, as docs/operations.md has them: its own blocks are what is run here."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.operations import blocks
from harness.prometheus import Prometheus
from harness.waiting import wait_until
from harness.wire import chat

HEADING = "### A new model beside the old one"
STEPS = [yaml.safe_load(each) for each in blocks(HEADING, "yaml")]
QUERIES = [line for each in blocks(HEADING, "promql") for line in each.splitlines() if line]
SHARE = 0.1


@pytest.fixture
def variants(fake: Callable[..., Fake]) -> list[Fake]:
    """The old model's server and the new one's."""
    return [fake(models=("qwen2.5",)), fake(models=("qwen3",))]


def config(step: dict, variants: list[Fake]) -> dict:
    """The step's routes, over our own servers."""
    (route,) = step["models"].values()
    servers = dict(zip(("qwen2.5", "qwen3"), variants, strict=True))
    backends = [backend(each["backend"], servers[each["model"]].url) for each in route]
    return {"backends": backends, "models": step["models"]}


def answered(gateway: Gateway, count: int) -> dict[str, int]:
    """By whom."""
    found: dict[str, int] = {}
    for _ in range(count):
        answer = gateway.chat(chat("fast"))
        assert answer.status == 200, answer
        name = answer.header("x-rocket-backend")
        found[name] = found.get(name, 0) + 1
    return found


def test_the_section_has_its_steps() -> None:
    told = [
        [(each["model"], each.get("weight")) for each in step["models"]["fast"]] for step in STEPS
    ]
    canary = [("qwen2.5", 90), ("qwen3", 10)]
    assert told == [
        canary,
        [("qwen3", None), ("qwen2.5", None)],
        [("qwen2.5", None), ("qwen3", None)],
    ]
    assert len(QUERIES) == 3


def test_each_step_is_in_force_without_a_lost_request(
    rocket: Callable[..., Gateway], variants: list[Fake]
) -> None:
    gateway = rocket(config(STEPS[0], variants))
    gateway.wait_for_models("fast")
    old, new = (each["backend"] for each in STEPS[0]["models"]["fast"])
    found = answered(gateway, 600)
    # 60 are expected; outside of these bounds once in a million runs.
    assert 25 < found[new] < 100, found
    for step, only in ((STEPS[1], new), (STEPS[2], old)):
        revision = gateway.revision()
        gateway.write_config({**gateway.config, **config(step, variants)})
        wait_until("it is taken up", lambda was=revision: gateway.revision() > was)
        assert answered(gateway, 60) == {only: 60}


def test_a_failing_canary_costs_nobody_his_answer(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], variants: list[Fake]
) -> None:
    broken = fake(models=("qwen3",), fault="status_500")
    gateway = rocket(config(STEPS[0], [variants[0], broken]))
    gateway.wait_for_models("fast")
    old, new = (each["backend"] for each in STEPS[0]["models"]["fast"])
    assert answered(gateway, 200) == {old: 200}
    failed = gateway.samples("rocket_attempts_total")
    assert f'{{backend="{new}",outcome="error",blame="upstream"}}' in failed, failed


def test_metrics_tell_the_variants_apart(
    rocket: Callable[..., Gateway], variants: list[Fake], tmp_path: Path
) -> None:
    """The section's queries, asked of a Prometheus."""
    gateway = rocket(config(STEPS[0], variants))
    gateway.wait_for_models("fast")
    target = (f"127.0.0.1:{gateway.admin_port}", {"namespace": "ray-prod", "pod": "p"})
    rules = Path(__file__).parents[2] / "monitoring/rules/rocket.rules.yaml"
    prometheus = Prometheus(tmp_path / "prometheus", {"rocket-gateway": target}, rules)
    try:
        answered(gateway, 60)
        for _ in range(120):
            assert gateway.chat(chat("fast", stream=True)).status == 200
        wait_until("it is scraped", lambda: prometheus.query("rocket_requests_total"), 30)
        answered(gateway, 60)
        for _ in range(120):
            assert gateway.chat(chat("fast", stream=True)).status == 200
        names = {each["backend"] for each in STEPS[0]["models"]["fast"]}
        for query in QUERIES:
            found = wait_until(query, lambda query=query: told(prometheus, query, names), 30)
            assert found
    finally:
        prometheus.stop()


def test_two_models_of_one_backend_are_told_apart_by_model(rocket, fake) -> None:
    """Who a route asks for another model than its own name is who answers, says the access log."""
    route = [{"backend": "one", "model": model, "weight": 1} for model in ("old", "new")]
    server = fake(models=("old", "new"))
    gateway = rocket(
        {"backends": [backend("one", server.url, default_model="new")], "models": {"fast": route}}
    )
    gateway.wait_for_models("fast")
    count = 40
    for number in range(count):
        told = {"x-request-id": f"fast-{number}"}
        assert gateway.chat(chat("fast", stream=True), headers=told).status == 200
    models = wait_until("all are logged", lambda: logged(gateway, "fast", count))
    # One alone once in 5e11 runs.
    assert set(models.values()) == {"old", "new"}
    for id, model in models.items():
        assert gateway.admin(f"/requests/{id}").json()["model"] == model
    first_tokens = gateway.samples("rocket_first_token_seconds_count")
    for model in ("old", "new"):
        answers = list(models.values()).count(model)
        assert first_tokens[f'{{backend="one",model="{model}"}}'] == answers
        out = f'{{backend="one",model="{model}",direction="out"}}'
        assert gateway.samples("rocket_tokens_total")[out] > 0
    # Nobody has named one.
    assert gateway.chat({"messages": chat("fast")["messages"]}).status == 200
    found = wait_until("it is logged", lambda: logged(gateway, "default", 1))
    assert list(found.values()) == ["new"]


def logged(gateway: Gateway, route: str, count: int) -> dict[str, str] | None:
    """Once there are `count` lines about the route: the model of each id."""
    lines = [each for each in gateway.access_lines(1) if each["route"] == route]
    return {each["id"]: each["model"] for each in lines} if len(lines) == count else None


def told(prometheus: Prometheus, query: str, names: set[str]) -> bool:
    """Whether it has something for each variant."""
    return {each["metric"]["backend"] for each in prometheus.query(query)} >= names
