"""What the first sketch of these manifests got wrong, a rule each. A rule looks at all that makes
an environment and says what is wrong, in words that name the object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from manifests.rendering import Object

Look = Callable[["Setup"], Iterator[str]]


@dataclass
class Setup:
    """An environment with what belongs to it."""

    environment: str
    objects: list[Object]
    operator_values: Object
    documents: dict[str, str]  # what operators are told to do, by file
    monitoring: list[Object]
    priorities: list[Object]
    secret_keys: frozenset[str]  # that shared/ray-secrets.yaml tells of
    backends: list[Object] = field(default_factory=list)  # the model servers beside it
    # The metrics that an expression of monitoring/ may name.
    metric_names: frozenset[str] = frozenset()

    @property
    def scales(self) -> bool:
        return self.environment != "dev"


@dataclass(frozen=True)
class Rule:
    fault: int  # its number in docs/cluster.md's table of faults; 0: found later
    look: Look

    @property
    def name(self) -> str:
        return self.look.__name__


RULES: list[Rule] = []


def rule(fault: int) -> Callable[[Look], Look]:
    def register(look: Look) -> Look:
        RULES.append(Rule(fault, look))
        return look

    return register


def broken(setup: Setup) -> list[str]:
    """What all rules say."""
    return [problem for each in RULES for problem in each.look(setup)]


def at(value: Any, *path: str, default: Any = None) -> Any:
    """What stands at a path of nested objects."""
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value
