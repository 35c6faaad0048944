"""An environment of k8s/ray as `kubectl kustomize` renders it: what of it means something where
there is no Kubernetes."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.console import DevError
from dev.places import ROOT

MANIFESTS = ROOT / "k8s/ray"
SECRETS = "ray-secrets"
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# What a pod has of its own anyway.
SCRATCH = ("/tmp", "/tmp/ray")

Object = dict[str, Any]


def render(name: str, python: Path) -> "Overlay":
    """Of dev, staging or prod. `python` has PyYAML."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise DevError("kubectl is not installed, which renders k8s/ray: put it into PATH")
    answer = subprocess.run(
        [kubectl, "kustomize", MANIFESTS / name], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise DevError(f"k8s/ray/{name} can not be rendered: {answer.stderr.strip()}")
    return Overlay(read_yaml(answer.stdout, python), python)


def read_yaml(text: str, python: Path) -> list[Any]:
    """All of its documents."""
    program = Path(__file__).with_name("yaml_to_json.py")
    answer = subprocess.run(
        [python, "-B", program], input=text, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise DevError(f"that is no YAML: {answer.stderr.strip()[-1000:]}")
    return json.loads(answer.stdout)


@dataclass(frozen=True)
class PodSpec:
    """A pod's first container, and what it is given."""

    pod: str
    container: Object
    volumes: list[Object]
    start: Mapping[str, str]  # rayStartParams

    @property
    def memory(self) -> int:
        """Its limit, in bytes."""
        limit = self.container["resources"]["limits"]["memory"]
        digits = limit.rstrip("KMGi")
        return int(digits) * UNITS.get(limit.removeprefix(digits), 1)

    def environment(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """`secrets`: the values of the Secret, by their keys."""
        found = {}
        for each in self.container.get("env", []):
            if "value" in each:
                found[each["name"]] = each["value"]
            elif key := each["valueFrom"].get("secretKeyRef", {}).get("key"):
                found[each["name"]] = secrets[key]
        return found

    def argv(self) -> list[str]:
        return [*self.container.get("command", []), *self.container.get("args", [])]

    def port(self, name: str) -> int:
        (found,) = [each for each in self.container["ports"] if each["name"] == name]
        return found["containerPort"]

    def folders(self) -> dict[str, str]:
        """By the path in the pod, the name of the folder that stands for its volume: pods that
        share a claim, a Secret or a ConfigMap share the folder."""
        kinds = {each["name"]: each for each in self.volumes}
        found = {}
        for mount in self.container.get("volumeMounts", []):
            volume = kinds.get(mount["name"], {})
            shared = (
                volume.get("persistentVolumeClaim", {}).get("claimName")
                or volume.get("configMap", {}).get("name")
                or volume.get("secret", {}).get("secretName")
            )
            if mount["mountPath"] not in SCRATCH:
                found[mount["mountPath"]] = shared or f"{self.pod}-{mount['name']}"
        return found


class Overlay:
    """Named as Kubernetes names its parts."""

    def __init__(self, objects: list[Object], python: Path):
        self._objects = objects
        self._python = python
        (service,) = self._of_kind("RayService")
        self.namespace: str = service["metadata"]["namespace"]
        self._ray: Object = service["spec"]["rayClusterConfig"]
        (self._group,) = self._ray["workerGroupSpecs"]
        (self.serve_config,) = read_yaml(service["spec"]["serveConfigV2"], python)

    @property
    def head(self) -> PodSpec:
        group = self._ray["headGroupSpec"]
        return _spec("head", group["template"], group["rayStartParams"])

    @property
    def worker(self) -> PodSpec:
        return _spec("worker", self._group["template"], self._group["rayStartParams"])

    @property
    def workers(self) -> int:
        return self._group["replicas"]

    def stateful(self, name: str) -> PodSpec | None:
        """Redis or Postgres, where the environment has it."""
        for each in self._of_kind("StatefulSet"):
            if each["metadata"]["name"] == name:
                return _spec(name, each["spec"]["template"], {})
        return None

    def has_external_store(self) -> bool:
        """Whether the head's memory outlives the head."""
        return "gcsFaultToleranceOptions" in self._ray

    def has_autoscaler(self) -> bool:
        """Which then is a container beside the head's."""
        return bool(self._ray.get("enableInTreeAutoscaling"))

    def config_maps(self) -> dict[str, dict[str, str]]:
        """Their files, by name."""
        return {each["metadata"]["name"]: each["data"] for each in self._of_kind("ConfigMap")}

    def secret_files(self) -> dict[str, str]:
        """By the name of a file, the key of the Secret that it holds."""
        volumes = [each["secret"] for each in self.worker.volumes if "secret" in each]
        return {item["path"]: item["key"] for each in volumes for item in each.get("items", [])}

    def gateway_config(self) -> Object:
        (found,) = read_yaml(self.config_maps()["rocket-config"]["rocket.yaml"], self._python)
        return found

    def scraped(self) -> Iterator[tuple[str, str, str]]:
        """Of the pods of Ray: the job, whether `head` or `worker`, and the port's name."""
        for monitor in self._of_kind("PodMonitor"):
            kind = monitor["spec"]["selector"]["matchLabels"].get("ray.io/node-type")
            for each in monitor["spec"]["podMetricsEndpoints"] if kind else []:
                (job,) = [row["replacement"] for row in each["relabelings"]]
                yield job, kind, each["port"]

    def _of_kind(self, kind: str) -> list[Object]:
        return [each for each in self._objects if each["kind"] == kind]


def _spec(pod: str, template: Object, start: Mapping[str, str]) -> PodSpec:
    spec = template["spec"]
    return PodSpec(pod, spec["containers"][0], spec.get("volumes", []), start)


def relocated(text: str, folders: Mapping[str, Path]) -> str:
    """`text` with each path of a pod's volume replaced by the folder that stands for it."""
    if not folders:
        return text
    longest_first = sorted(folders, key=len, reverse=True)
    paths = "|".join(map(re.escape, longest_first))
    return re.sub(rf"(?<![\w./-])({paths})(?![\w-])", lambda hit: str(folders[hit[1]]), text)
