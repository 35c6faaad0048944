"""What fits on the nodes that this is built for, and what does not."""

import itertools
import random

import pytest
from manifests import budget, fit
from manifests.pods import pods, priority
from manifests.rendering import ENVIRONMENTS, MANIFESTS, ROOT, environment, render

GUIDE = ROOT / "docs/cluster.md"


def test_the_guide_s_table_is_what_is_computed() -> None:
    text = GUIDE.read_text()
    missing = [row for row in map(budget.row, budget.SCENARIOS) if row not in text]
    assert missing == [], "docs/cluster.md lacks:\n" + "\n".join(missing)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_fits_at_its_largest(name: str) -> None:
    together = [*pods(environment(name)), *budget.company(), *budget.ollama()]
    assert fit.placement(budget.needs(together), budget.NODES)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_goes_to_a_control_plane(name: str) -> None:
    """Of seven nodes three are tainted: whoever tolerates nothing has four."""
    for each in pods(environment(name)):
        assert "tolerations" not in each["spec"], each["metadata"]["name"]


@pytest.mark.parametrize("lost", [False, True], ids=["4 nodes", "3 nodes"])
@pytest.mark.parametrize("seed", range(20))
def test_a_scheduler_that_does_not_look_ahead_finds_room_too(seed: int, lost: bool) -> None:
    """Pods come in any order; whoever matters more pushes out whoever matters less. On three nodes
    some gateway or Ollama may be left over, but never the head, the operator, Redis, Postgres or the
    last gateway."""
    together = [*budget.company(), *pods(environment("prod"), 2), *budget.ollama()]
    classes = render(MANIFESTS / "operator")
    coming = [
        (need, priority(pod, classes))
        for need, pod in zip(budget.needs(together), together, strict=True)
    ]
    random.Random(seed).shuffle(coming)
    placed = fit.scheduled(coming, budget.NODES - lost)
    left = [name for name, node in placed.items() if node is None]
    if not lost:
        assert left == [], f"seed {seed}"
    assert all("-worker-" in name or "/ollama-" in name for name in left), f"seed {seed}: {left}"
    workers = [name for name in placed if "-worker-" in name and placed[name] is not None]
    assert workers, f"seed {seed}: {left}"


def test_the_operator_is_pushed_out_by_nobody_whom_it_heals() -> None:
    classes = render(MANIFESTS / "operator")
    operator, _ = budget.company()
    highest = max(priority(each, classes) for each in pods(environment("prod")))
    assert priority(operator, classes) >= highest


def test_a_placement_keeps_within_every_node() -> None:
    generator = random.Random(7)
    for _ in range(200):
        needs = [
            fit.Need(
                str(number),
                generator.choice([0.1, 0.5, 1.0]),
                generator.randrange(64, 1800) * 2**20,
            )
            for number in range(generator.randrange(1, 9))
        ]
        placed = fit.placement(needs, 4)
        if placed is None:
            continue
        for node in range(4):
            here = [each for each in needs if placed[each.name] == node]
            assert sum(each.memory for each in here) <= fit.NODE["memory"] + 1
            assert sum(each.cpu for each in here) <= fit.NODE["cpu"] + 1e-6


def test_what_has_a_placement_is_found() -> None:
    """Against trying every way there is."""
    generator = random.Random(8)
    for _ in range(60):
        needs = [
            fit.Need(str(number), 0.1, generator.choice([300, 600, 900, 1200, 1500]) * 2**20)
            for number in range(6)
        ]
        possible = any(
            all(
                sum(need.memory for need, at in zip(needs, way, strict=True) if at == node)
                <= fit.NODE["memory"]
                for node in range(3)
            )
            for way in itertools.product(range(3), repeat=6)
        )
        assert (fit.placement(needs, 3) is not None) == possible


def test_processors_count_too() -> None:
    assert fit.placement([fit.need("a", "64Mi", "1500m"), fit.need("b", "64Mi", "600m")], 1) is None
