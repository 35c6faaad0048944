"""What NetworkPolicies let through: the evaluator by Kubernetes' definition, and the table of flows."""

from typing import Any

import pytest
from manifests import flows
from manifests.connectivity import Peer, allowed, selects
from manifests.rendering import ENVIRONMENTS, environment, parse

WEB = Peer("web", "shop", {"app": "web"}, "10.1.0.2", ports={"http": 8080})
DATABASE = Peer("database", "shop", {"app": "database"}, "10.1.0.3")
OTHER = Peer("other", "office", {"app": "web"}, "10.1.0.4", {"team": "office"})
OUTSIDE = Peer("outside", address="203.0.113.7")


def policy(spec: str, namespace: str = "shop") -> dict[str, Any]:
    (found,) = parse(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: p, namespace: {namespace}}}\nspec: {spec}"
    )
    return found


def test_without_a_policy_everything_passes() -> None:
    assert allowed([], WEB, DATABASE, 5432)
    assert allowed([], OUTSIDE, WEB, 80)


@pytest.mark.parametrize(
    ("spec", "source", "target", "port", "passes"),
    [
        # Selected, and no rule names anybody.
        ("{podSelector: {}, policyTypes: [Ingress]}", WEB, DATABASE, 5432, False),
        ("{podSelector: {}, policyTypes: [Egress]}", WEB, DATABASE, 5432, False),
        ("{podSelector: {}, policyTypes: [Egress]}", OUTSIDE, DATABASE, 5432, True),
        # Not selected.
        (
            "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}",
            WEB,
            DATABASE,
            1,
            True,
        ),
        # policyTypes left out: Ingress, and Egress if there is an egress.
        ("{podSelector: {}}", WEB, DATABASE, 5432, False),
        ("{podSelector: {}}", DATABASE, OUTSIDE, 443, True),
        ("{podSelector: {}, egress: []}", DATABASE, OUTSIDE, 443, False),
        # An empty rule names everybody; an empty list nobody.
        ("{podSelector: {}, ingress: [{}]}", OUTSIDE, DATABASE, 5432, True),
        ("{podSelector: {}, ingress: []}", OUTSIDE, DATABASE, 5432, False),
        # A podSelector alone is of the policy's own namespace.
        (
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
            WEB,
            DATABASE,
            1,
            True,
        ),
        (
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
            OTHER,
            DATABASE,
            1,
            False,
        ),
        # Both selectors in one peer: both have to fit; in two peers: either.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: office}}, podSelector: {matchLabels: {app: x}}}]}]}",
            OTHER,
            DATABASE,
            1,
            False,
        ),
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: office}}}, {podSelector: {matchLabels: {app: x}}}]}]}",
            OTHER,
            DATABASE,
            1,
            True,
        ),
        # Every namespace has its name as a label; `name` is not one.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: office}}}]}]}",
            OTHER,
            DATABASE,
            1,
            True,
        ),
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: office}}}]}]}",
            OTHER,
            DATABASE,
            1,
            False,
        ),
        # Selectors name no address outside.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}",
            OUTSIDE,
            DATABASE,
            1,
            False,
        ),
        # Addresses.
        (
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}",
            OUTSIDE,
            DATABASE,
            1,
            True,
        ),
        (
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [203.0.113.0/29]}}]}]}",
            OUTSIDE,
            DATABASE,
            1,
            False,
        ),
        # Ports: number, name, range, protocol.
        ("{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}", OUTSIDE, WEB, 8080, True),
        ("{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}", OUTSIDE, WEB, 8081, False),
        ("{podSelector: {}, ingress: [{ports: [{port: http}]}]}", OUTSIDE, WEB, 8080, True),
        ("{podSelector: {}, ingress: [{ports: [{port: http}]}]}", OUTSIDE, DATABASE, 8080, False),
        (
            "{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 9000}]}]}",
            OUTSIDE,
            WEB,
            8500,
            True,
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 9000}]}]}",
            OUTSIDE,
            WEB,
            9001,
            False,
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: 8080, protocol: UDP}]}]}",
            OUTSIDE,
            WEB,
            8080,
            False,
        ),
        ("{podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}", OUTSIDE, WEB, 1, True),
    ],
)
def test_a_policy(spec: str, source: Peer, target: Peer, port: int, passes: bool) -> None:
    assert allowed([policy(spec)], source, target, port) == passes


def test_policies_add_up_and_both_ends_have_to_agree() -> None:
    nothing = policy("{podSelector: {}, policyTypes: [Ingress, Egress]}")
    out = policy("{podSelector: {matchLabels: {app: web}}, egress: [{ports: [{port: 1}]}]}")
    into = policy("{podSelector: {matchLabels: {app: database}}, ingress: [{ports: [{port: 1}]}]}")
    out["spec"]["policyTypes"] = ["Egress"]
    assert not allowed([nothing, out], WEB, DATABASE, 1)
    assert not allowed([nothing, into], WEB, DATABASE, 1)
    assert allowed([nothing, out, into], WEB, DATABASE, 1)
    assert not allowed([nothing, out, into], DATABASE, WEB, 1)


def test_a_policy_is_of_its_namespace() -> None:
    assert allowed([policy("{podSelector: {}}", "office")], WEB, DATABASE, 1)


@pytest.mark.parametrize(
    ("expression", "labels", "fits"),
    [
        ({"key": "a", "operator": "In", "values": ["1", "2"]}, {"a": "2"}, True),
        ({"key": "a", "operator": "In", "values": ["1"]}, {}, False),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, {}, True),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, {"a": "1"}, False),
        ({"key": "a", "operator": "Exists"}, {"a": ""}, True),
        ({"key": "a", "operator": "DoesNotExist"}, {"a": ""}, False),
    ],
)
def test_a_label_selector(expression: dict, labels: dict[str, str], fits: bool) -> None:
    assert selects({"matchExpressions": [expression]}, labels) == fits


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_table_of_flows(name: str) -> None:
    table = flows.of(name, environment(name))
    assert [str(flow) for flow in table if flow.passes != flow.wanted] == []
    assert sum(flow.wanted for flow in table) > 40
    assert sum(not flow.wanted for flow in table) > 200
