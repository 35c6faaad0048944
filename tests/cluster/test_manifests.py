"""The manifests do none of what the first sketch did wrong, and each fault would be noticed."""

import copy

import pytest
from manifests import setups
from manifests.mutations import MUTATIONS, Mutation
from manifests.mutations_of_names import MUTATIONS_OF_NAMES
from manifests.mutations_of_ways_round import MUTATIONS_OF_WAYS_ROUND
from manifests.rendering import (
    ENVIRONMENTS,
    MANIFESTS,
    Object,
    of_kind,
    parse,
    ray_service,
    serve_config,
    worker_group,
)
from manifests.rules import RULES, Setup, broken

FAULTS = range(1, 27)
PLANTED = [*MUTATIONS, *MUTATIONS_OF_NAMES, *MUTATIONS_OF_WAYS_ROUND]


@pytest.fixture(scope="module")
def prod() -> Setup:
    return setups.setup("prod")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_rule_is_broken(environment: str) -> None:
    assert broken(setups.setup(environment)) == []


@pytest.mark.parametrize("mutation", PLANTED, ids=str)
def test_a_planted_fault_is_noticed(mutation: Mutation, prod: Setup) -> None:
    setup = copy.deepcopy(prod)
    mutation.plant(setup)
    found = [
        problem for rule in RULES if rule.fault == mutation.fault for problem in rule.look(setup)
    ]
    assert any(mutation.says in problem for problem in found), found


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_rule_and_is_planted(fault: int) -> None:
    assert any(rule.fault == fault for rule in RULES)
    assert any(mutation.fault == fault for mutation in MUTATIONS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_names_that_others_rely_on(environment: str) -> None:
    objects = setups.setup(environment).objects
    assert ray_service(objects)["metadata"]["name"] == f"ray-cluster-{environment}"
    (namespace,) = of_kind(objects, "Namespace")
    assert namespace["metadata"]["name"] == f"ray-{environment}"
    for each in objects:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == f"ray-{environment}", each["metadata"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_gateways_are_not_nice_to_ray_s_agents(environment: str) -> None:
    (container,) = worker_group(setups.setup(environment).objects)["template"]["spec"]["containers"]
    found = {each["name"]: each.get("value") for each in container["env"]}
    assert found["RAY_worker_niceness"] == "0"


def in_prod(an_object: Object) -> str:
    """As Traefik calls it."""
    return f"ray-prod-{an_object['metadata']['name']}@kubernetescrd"


def test_the_dashboard_s_ingress_asks_who_comes() -> None:
    """It is applied by hand, if at all."""
    objects = parse((MANIFESTS / "ingress/ray-dashboard-ingress.yaml").read_text())
    (ingress,) = of_kind(objects, "Ingress")
    annotations = ingress["metadata"]["annotations"]
    nginx = "nginx.ingress.kubernetes.io/"
    assert annotations[nginx + "auth-tls-verify-client"] == "on"
    assert annotations[nginx + "auth-tls-secret"].count("/") == 1  # its namespace has to be said
    # A password comes as `Authorization: Basic`, which Ray takes for a wrong token.
    assert nginx + "auth-type" not in annotations
    assert annotations[nginx + "ssl-redirect"] == "true"
    (tls,) = ingress["spec"]["tls"]
    assert tls["hosts"] == [rule["host"] for rule in ingress["spec"]["rules"]]
    traefik = "traefik.ingress.kubernetes.io/router."
    option, middleware = parse((MANIFESTS / "ingress/traefik/ray-dashboard.yaml").read_text())
    assert annotations[traefik + "tls.options"] == in_prod(option)
    assert annotations[traefik + "middlewares"] == in_prod(middleware)
    assert annotations[traefik + "entrypoints"] == "websecure"
    assert option["spec"]["clientAuth"]["clientAuthType"] == "RequireAndVerifyClientCert"
    (secret,) = option["spec"]["clientAuth"]["secretNames"]
    assert annotations[nginx + "auth-tls-secret"] == f"ray-prod/{secret}"
    inside = annotations[nginx + "whitelist-source-range"].split(",")
    assert middleware["spec"]["ipAllowList"]["sourceRange"] == inside
    for environment in ENVIRONMENTS:
        found = setups.setup(environment).objects
        assert "ray-dashboard" not in {each["metadata"]["name"] for each in found}


# That do not look at the RayService.
OF_ANY_POD = ("claims", "memory", "probes", "restricted", "secrets", "services", "volumes")
OF_ANY_POD += ("namespaces_of_policies", "tokens_of_kubernetes", "users_have_a_name")
OF_ANY_POD += ("secrets_in_clear",)


def test_what_no_environment_has_is_held_to_the_same_rules(prod: Setup) -> None:
    """Model servers, the bot, LM Studio."""
    setup = copy.deepcopy(prod)
    setup.objects += setup.backends
    for component in ("matrix", "backends/lm-studio", "ingress"):
        for file in sorted((MANIFESTS / component).glob("*.yaml")):
            setup.objects += [each for each in parse(file.read_text()) if "metadata" in each]
    generated = {"name": "matrix-bot-config", "namespace": "ray-prod"}
    setup.objects.append({"kind": "ConfigMap", "metadata": generated, "data": {}})
    for each in setup.objects:
        each["metadata"].setdefault("namespace", "ray-prod")
    looks = [rule.look for rule in RULES if rule.name in OF_ANY_POD]
    assert len(looks) == len(OF_ANY_POD)
    found = [problem for look in looks for problem in look(setup)]
    # As vllm.yaml says.
    assert found == [
        "Deployment vllm: vllm: securityContext: the root file system can be written to"
    ]


def test_the_bot_is_not_killed_because_its_homeserver_is_away() -> None:
    (bot,) = of_kind(parse((MANIFESTS / "matrix/matrix-bot.yaml").read_text()), "Deployment")
    (container,) = bot["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/metrics"


def test_the_gateway_api_s_route_is_the_same_way_in() -> None:
    (route,) = parse((MANIFESTS / "ingress/gateway/httproute.yaml").read_text())
    objects = setups.setup("prod").objects
    (ingress,) = of_kind(objects, "Ingress")
    assert route["spec"]["hostnames"] == [rule["host"] for rule in ingress["spec"]["rules"]]
    (rule,) = route["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "ray-cluster-prod-serve-svc", "port": 8000}]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert "filters" not in rule
    # A stream may last as long as it likes.
    assert set(rule["timeouts"].values()) == {"0s"}
    (policy,) = [
        each
        for each in of_kind(objects, "NetworkPolicy")
        if each["metadata"]["name"] == "clients-to-gateway"
    ]
    (parent,) = route["spec"]["parentRefs"]
    assert parent["namespace"] in str(policy["spec"]["ingress"][0]["from"][0])


def settings(value: object) -> object:
    """Which there are, without what they are set to."""
    if isinstance(value, dict):
        return {key: settings(each) for key, each in value.items()}
    return [settings(each) for each in value] if isinstance(value, list) else None


def test_staging_deploys_what_prod_does() -> None:
    """Whose application runs on a real Ray (test_cluster_up.py): only figures may differ."""
    staging, prod = (serve_config(setups.setup(name).objects) for name in ("staging", "prod"))
    assert settings(staging) == settings(prod)
    for key in ("import_path", "args", "name", "route_prefix"):
        assert staging["applications"][0][key] == prod["applications"][0][key]


def test_what_environments_have_besides() -> None:
    def claims(name: str) -> dict[str, str]:
        return {
            each["metadata"]["name"]: each["spec"]["resources"]["requests"]["storage"]
            for each in of_kind(setups.setup(name).objects, "PersistentVolumeClaim")
        }

    assert claims("dev") == {}
    assert claims("staging")["ray-head-logs"] == "500Mi"
    assert claims("prod")["ray-head-logs"] == "1Gi"
