"""The bot from Rocket's image, as k8s/ray/matrix and docs/matrix.md run it: user 1000, a root that
can not be written, 128 MiB, its volumes where they say."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from container_ways import WAYS, Way

from dev import containers, image, namespaces
from dev.console import DevError
from dev.containers import ContainerNetwork, volume
from dev.pods import LAN_ADDRESS
from harness.engines import place
from harness.gateway import backend
from harness.keys import entry, write_keys
from harness.program import Program
from harness.waiting import wait_until

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
NAME = "rocket-bot-test"
POD = "matrix-bot"
KEY = "rk-" + "7" * 40
HOMESERVER_PORT, GATEWAY_PORT = 8008, 8000
RSS_MAX = 100 << 20
WORDS = "fake: " + json.dumps({"tokens": 40, "event_delay_ms": 20})
SLOW_WORDS = "fake: " + json.dumps({"tokens": 40, "event_delay_ms": 100})


@pytest.fixture
def gateway(rocket, fake, tmp_path):
    keys = write_keys(tmp_path / "keys.yaml", entry("matrix", KEY, lane="interactive"))
    served = rocket({"backends": [backend("fakes", fake().url)], "keys_file": str(keys)})
    wait_until("the fake is known", lambda: served.call("GET", "/readyz").status == 200)
    return served


@pytest.fixture
def account(synapse, person):
    return person(synapse, "rocket")


@pytest.fixture(params=list(WAYS))
def way(request) -> Way:
    return WAYS[request.param](containers.USER)


def config_of(way: Way, account) -> dict:
    """As it is written for that way, with the addresses of this test."""
    here = {
        "homeserver": f"http://{LAN_ADDRESS}:{HOMESERVER_PORT}",
        "user_id": account.user_id,
        "rocket_url": f"http://{LAN_ADDRESS}:{GATEWAY_PORT}",
        "users": ["@*:localhost"],
    }
    if way.name == "kubernetes":
        return yaml.safe_load((ROOT / "k8s/ray/matrix/matrix.yaml").read_text()) | here
    return {**here, "access_token_file": "matrix.token", "rocket_key_file": "rocket.key"}


def volumes(way: Way, folder: Path, account) -> list[dict]:
    """What is mounted, with what people put there."""
    config = config_of(way, account)
    made = []
    for number, (where, writable) in enumerate(way.volumes.items()):
        here = folder / f"volume-{number}"
        here.mkdir()
        # A claim belongs to root, and is written through the pod's group.
        os.chown(here, way.secrets[1], containers.USER)
        here.chmod(0o2775)
        made.append(volume(here, where, writable))
    config_file = Path(way.command[way.command.index("--config") + 1])
    written = {config_file: json.dumps(config)}
    for name, secret in (("access_token_file", account.token), ("rocket_key_file", KEY)):
        written[config_file.parent / config[name]] = secret
    for path, text in written.items():
        (holder,) = [each for each in made if Path(each["destination"]) == path.parent]
        file = Path(holder["source"]) / path.name
        file.write_text(text)
        os.chown(file, way.secrets[1], containers.USER)
        file.chmod(0o644 if path == config_file else way.secrets[0])
    return made


@pytest.fixture
def network(way, synapse, account, gateway, tmp_path) -> Iterator[ContainerNetwork]:
    """With the bot in it, and ways out to the homeserver and the gateway."""
    place("ROCKET_IMAGE")
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    with image.mounted() as root:
        mounted = {POD: volumes(way, tmp_path, account)}
        made = ContainerNetwork(NAME, tmp_path / "pods", root, {POD: way.memory}, mounted)
        made.remove()
        made.make()
        passing: list[Program] = []
        try:
            ways = ((HOMESERVER_PORT, synapse.port), (GATEWAY_PORT, gateway.port))
            passing += [way_out(port, target, tmp_path) for port, target in ways]
            made.start(POD, 0, way.command, image.environment() | way.environment)
            yield made
        finally:
            made.remove()
            for each in passing:
                each.stop()
    signal.signal(signal.SIGTERM, before)
    assert not containers.groups(NAME) and not namespaces.named(NAME), "something is left"


def way_out(port: int, target: int, folder: Path) -> Program:
    """From the pods' network to a port of this machine's loopback."""
    argv = [sys.executable, ROOT / "tools/dev/forward.py", "out", f"{NAME}-lan"]
    return Program(
        [*argv, f"{LAN_ADDRESS}:{port}", f"127.0.0.1:{target}"], folder / f"way-out-{port}"
    )


def asked(network: ContainerNetwork, path: str) -> str:
    """The bot's own port, as a probe from inside asks it."""
    ask = ["wget", "--tries", "1", "-T", "2", "-q", "-O-", f"http://localhost:9465{path}"]
    try:
        return network.run(network.pods[POD], *ask)
    except DevError:
        assert network.pods[POD].running(), network.pods[POD].log_tail(40)
        return ""


def rss(network: ContainerNetwork) -> int:
    """Of all that runs in the container, in bytes."""
    pages = 0
    for pid in network.pods[POD].processes():
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_it_answers(synapse, person, account, network) -> None:
    wait_until("the bot has synced", lambda: "ok" in asked(network, "/healthz"), seconds=120)
    alice, bob = person(synapse, "alice"), person(synapse, "bob")
    room = alice.room(account.user_id, bob.user_id)
    bob.join(room)
    alice.until("the bot joins", lambda: alice.members.get((room, account.user_id)) == "join")
    for _ in range(3):
        question = alice.say(room, f"!infer {WORDS}")
        answer = alice.answer(question, seconds=60)
        assert answer.body.startswith("[fakes] word0 ") and "40 tokens" in answer.body
    bob.answer(bob.say(room, WORDS, thread=question))

    bound, used = network.group(POD), rss(network)
    print(
        f"{used / 2**20:.1f} MiB resident; {bound.held() / 2**20:.1f} MiB held, "
        f"{bound.peak() / 2**20:.1f} at the peak with files' pages, "
        f"of {network.memory[POD] / 2**20:.0f}"
    )
    assert 0 < used < RSS_MAX
    assert '"encryption": true' in network.pods[POD].log.read_text()
    assert bound.killed() == 0

    # Killed, it goes on from its volume, and answers nothing twice.
    grows = alice.say(room, f"!infer {SLOW_WORDS}")
    alice.until("it grows", lambda: alice.answers(grows))
    pod = network.pods[POD]
    network.kill(pod)
    network.restart(pod)
    assert "word39" in alice.answer(grows, seconds=60).body
    told = network.run(network.pods[POD], "bash", "-c", "id -u; touch /opt/x 2>&1 || true")
    assert told.startswith("1000") and "Read-only file system" in told
    assert network.terminate(network.pods[POD], 30) < 10
