"""The seven nodes that this is built for, as the API server and the scheduler see them; and what
controllers would do, of which none runs: accounts, bound claims, pods that come again."""

from manifests import fit

from harness.kubernetes_api import KubernetesApi, Object
from harness.waiting import wait_until

CONTROL_PLANES = 3
WORKERS = 4
TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
ROOM = {
    "cpu": f"{fit.NODE['cpu'] * 1000:.0f}m",
    "memory": f"{fit.NODE['memory']:.0f}",
    "pods": "110",
}

Where = dict[str, str | None]


class SmallCluster:
    def __init__(self, api: KubernetesApi):
        self.api = api
        planes = [_node(f"plane-{number}", [TAINT]) for number in range(CONTROL_PLANES)]
        self.workers = [_node(f"worker-{number}", []) for number in range(WORKERS)]
        for each in [*planes, *self.workers]:
            api.create(each).expect(201)
        wait_until("all nodes are well", lambda: all(map(_well, api.list("/api/v1/nodes"))), 60)

    def open(self, nodes: int) -> None:
        """New pods go to the first `nodes` of the workers only."""
        for number, each in enumerate(self.workers):
            self.api.merge(each, {"spec": {"unschedulable": number >= nodes}}).expect(200)

    def bind(self, claims: list[Object]) -> None:
        """Each claim to a volume of its own that every node can mount."""
        for claim in claims:
            found = self.api.get(claim)
            if found.status == 404:
                found = self.api.create(claim).expect(201)
            if found.body["spec"].get("volumeName"):
                continue
            volume = _volume(found.body)
            self.api.create(volume).expect(201)
            annotations = {"pv.kubernetes.io/bind-completed": "yes"}
            bound = {
                "metadata": {"annotations": annotations},
                "spec": {"volumeName": volume["metadata"]["name"]},
            }
            self.api.merge(claim, bound).expect(200)
            self.api.merge(claim, {"status": {"phase": "Bound"}}, "/status").expect(200)

    def make_accounts(self, pods: list[Object]) -> None:
        """Those that Kubernetes makes with a namespace, and Ray's operator for its autoscaler."""
        for pod in pods:
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {
                    "name": pod["spec"].get("serviceAccountName", "default"),
                    "namespace": pod["metadata"]["namespace"],
                },
            }
            if self.api.get(account).status == 404:
                self.api.create(account).expect(201)

    def place(self, pods: list[Object]) -> Where:
        """Creates the pods in this order; each one's node, by its name. None: there is no room."""
        self.make_accounts(pods)
        for pod in pods:
            self.api.create(pod).expect(201)
        return self.settled(pods)

    def settled(self, pods: list[Object]) -> Where:
        """Where they are once the scheduler has tried them all. Who is pushed out comes again."""

        def look() -> Where | None:
            there = {_name(each): each for each in self.pods()}
            gone = [each for each in pods if _name(each) not in there]
            for each in gone:
                self.api.create(each).expect(201)
            if gone or not all(map(_decided, there.values())):
                return None
            return {name: each["spec"].get("nodeName") for name, each in there.items()}

        # Whoever is pushed out has time to end, and may push out others when he comes again.
        return wait_until("the scheduler has decided on every pod", look, 240)

    def pods(self) -> list[Object]:
        """With the defaults that the API server has given them."""
        for each in (found := self.api.list("/api/v1/pods")):
            each |= {"apiVersion": "v1", "kind": "Pod"}
        return found

    def lose(self, node: str) -> None:
        """The node and what is on it."""
        self.api.merge(_node(node, []), {"spec": {"unschedulable": True}}).expect(200)
        for each in self.pods():
            if each["spec"].get("nodeName") == node:
                self.api.delete_now(each)

    def clear(self) -> None:
        for each in self.pods():
            self.api.delete_now(each)
        wait_until("no pod is left", lambda: not self.pods(), 60)
        self.open(WORKERS)


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _decided(pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    if pod["spec"].get("nodeName"):
        return True
    status = pod["status"]
    refused = any(
        each["type"] == "PodScheduled" and each.get("reason") == "Unschedulable"
        for each in status.get("conditions", [])
    )
    return refused and not status.get("nominatedNodeName")


def _node(name: str, taints: list[Object]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"taints": taints},
        "status": {"allocatable": ROOM, "capacity": ROOM},
    }


def _well(node: Object) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _volume(claim: Object) -> Object:
    metadata = claim["metadata"]
    keys = ("name", "namespace", "uid", "resourceVersion")
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{metadata['namespace']}-{metadata['name']}"},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": claim["spec"]["resources"]["requests"],
            "storageClassName": claim["spec"].get("storageClassName", ""),
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in keys},
            },
            "nfs": {"server": "storage", "path": f"/{metadata['name']}"},
        },
    }
