"""How people run the bot from Rocket's image, read from where that is written."""

import argparse
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "k8s/ray/matrix/matrix-bot.yaml"
DOCUMENT = ROOT / "docs/matrix.md"


@dataclass(frozen=True)
class Way:
    """`volumes`: by where they are mounted, whether they may be written. `secrets`: the mode and
    the owner that the files have there."""

    name: str
    command: list[str]
    environment: dict[str, str]
    memory: int
    volumes: dict[str, bool]
    secrets: tuple[int, int]


def by_manifest(user: int) -> Way:
    objects = yaml.safe_load_all(MANIFEST.read_text())
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (mebibytes,) = re.fullmatch(r"(\d+)Mi", container["resources"]["limits"]["memory"]).groups()
    mounts = {
        each["mountPath"]: not each.get("readOnly", False)
        for each in container["volumeMounts"]
        if each["name"] != "tmp"
    }
    environment = {each["name"]: each["value"] for each in container["env"]}
    # A Secret's files belong to root, and are read through the pod's group.
    return Way(
        "kubernetes", container["command"], environment, int(mebibytes) << 20, mounts, (0o440, 0)
    )


def by_document(user: int) -> Way:
    """The command that docs/matrix.md has people type."""
    (text,) = re.findall(r"^docker run (.*?[^\\])$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    options = argparse.ArgumentParser(exit_on_error=False)
    for name in ("name", "restart", "network", "user", "tmpfs", "cap-drop", "memory", "volume"):
        options.add_argument(f"--{name}", required=True)
    options.add_argument("--security-opt", required=True)
    for name in ("detach", "read-only"):
        options.add_argument(f"--{name}", action="store_true", required=True)
    options.add_argument("image")
    options.add_argument("command", nargs=argparse.REMAINDER)
    said = options.parse_args(shlex.split(text.replace("\\\n", " ")))
    # As ContainerNetwork has all of them.
    assert (said.tmpfs, said.cap_drop, said.security_opt) == ("/tmp", "ALL", "no-new-privileges")
    assert said.user == "$(id -u):$(id -g)" and said.image.startswith("rocket:")
    folder, _, mounted = said.volume.partition(":")
    assert folder == "$PWD"
    (mebibytes,) = re.fullmatch(r"(\d+)m", said.memory).groups()
    return Way("docker", said.command, {}, int(mebibytes) << 20, {mounted: True}, (0o600, user))


WAYS = {"kubernetes": by_manifest, "docker": by_document}
