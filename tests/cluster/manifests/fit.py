"""Whether pods find room on nodes. Pure: the scheduler's arithmetic of requests, no more."""

from dataclasses import dataclass

from manifests.rendering import quantity

# The nodes that this is built for: 1.8 GiB can be asked for, and of two cores what the network's
# agent on each of them (Calico's) leaves.
NODE = {"cpu": 2.0 - 0.25, "memory": quantity("1843Mi")}


@dataclass(frozen=True)
class Need:
    """One pod."""

    name: str
    cpu: float
    memory: float


def need(name: str, memory: str, cpu: str = "100m") -> Need:
    return Need(name, quantity(cpu), quantity(memory))


@dataclass
class Node:
    cpu: float = NODE["cpu"]
    memory: float = NODE["memory"]

    def holds(self, pod: Need) -> bool:
        # A rounding error is no lack.
        return pod.cpu <= self.cpu + 1e-9 and pod.memory <= self.memory + 0.5

    def take(self, pod: Need, sign: int = 1) -> None:
        self.cpu -= sign * pod.cpu
        self.memory -= sign * pod.memory


def placement(pods: list[Need], nodes: int) -> dict[str, int] | None:
    """A node for each pod, by its number; None if there is no way at all to place them."""
    free = [Node() for _ in range(nodes)]
    order = sorted(pods, key=lambda pod: (-pod.memory, -pod.cpu))
    chosen: dict[str, int] = {}

    def place(at: int) -> bool:
        if at == len(order):
            return True
        pod = order[at]
        looked_at = set()
        for number, node in enumerate(free):
            # Nodes with the same room are the same.
            room = (round(node.cpu, 6), round(node.memory))
            if room in looked_at or not node.holds(pod):
                continue
            looked_at.add(room)
            node.take(pod)
            chosen[pod.name] = number
            if place(at + 1):
                return True
            node.take(pod, -1)
            del chosen[pod.name]
        return False

    return dict(chosen) if place(0) else None


def scheduled(pods: list[tuple[Need, int]], nodes: int) -> dict[str, int | None]:
    """As a scheduler does it that looks neither ahead nor back: each pod, in its turn, on the node
    with the most memory left; who finds no room pushes out whom he has the higher priority than, the
    lowest first, and they come again. None: no room in the end."""
    free = [Node() for _ in range(nodes)]
    where: dict[str, int] = {}
    queue = list(pods)
    given_up: dict[str, int | None] = {}
    by_name = {pod.name: (pod, priority) for pod, priority in pods}
    while queue:
        pod, priority = queue.pop(0)
        number = _roomiest(free, pod)
        if number is None:
            number, out = _cheapest(free, where, by_name, pod, priority)
            for name in out:
                free[where.pop(name)].take(by_name[name][0], -1)
                queue.append(by_name[name])
        if number is None:
            given_up[pod.name] = None
            continue
        free[number].take(pod)
        where[pod.name] = number
    return {**where, **given_up}


def _roomiest(free: list[Node], pod: Need) -> int | None:
    fitting = [number for number, node in enumerate(free) if node.holds(pod)]
    return max(fitting, key=lambda number: free[number].memory) if fitting else None


def _cheapest(
    free: list[Node],
    where: dict[str, int],
    by_name: dict[str, tuple[Need, int]],
    pod: Need,
    priority: int,
) -> tuple[int | None, list[str]]:
    """The node on which the least is pushed out, and what."""
    best: tuple[tuple[int, int], int, list[str]] | None = None
    for number, node in enumerate(free):
        lower = [name for name, at in where.items() if at == number and by_name[name][1] < priority]
        lower.sort(key=lambda name: (by_name[name][1], -by_name[name][0].memory))
        trial, out = Node(node.cpu, node.memory), []
        while not trial.holds(pod) and lower:
            out.append(lower.pop(0))
            trial.take(by_name[out[-1]][0], -1)
        if not trial.holds(pod) or not out:
            continue
        cost = (max(by_name[name][1] for name in out), len(out))
        if best is None or cost < best[0]:
            best = (cost, number, out)
    return (best[1], best[2]) if best else (None, [])
