"""What must be installed: Debian packages, and llhttp's source under the build folder."""

import importlib.util
import os
import shutil
import subprocess

from dev import process
from dev.console import DevError, say
from dev.downloads import HTTPTOOLS, unpack
from dev.places import THIRD_PARTY

# Who needs what; `./dev run` gets by with the first row.
PACKAGES = {
    "build": (
        "g++ clang-19 llvm-19 lld-19 cmake ninja-build ccache libssl-dev libyaml-cpp-dev "
        "nlohmann-json3-dev libcli11-dev libfmt-dev libsimdjson-dev libsqlite3-dev libpq-dev libgtest-dev"
    ),
    "check": "git clang-tidy-19 clang-format-19",
    "instrument": "libclang-rt-19-dev",
    "test": "curl strace slowhttptest postgresql iproute2 redis-tools",
    "ray": "iproute2",
    "cluster": "iproute2 redis-tools postgresql",
    "image": "buildah runc mmdebstrap iproute2",
    "bench": "valgrind",
}


def setup(*groups: str) -> None:
    """Installs what the groups lack. Costs milliseconds where nothing is missing."""
    missing = missing_packages(" ".join(PACKAGES[group] for group in groups).split())
    # A Python from elsewhere brings both along; Debian's has them in packages.
    for module, package in (("pip", "python3-pip"), ("ensurepip", "python3-venv")):
        if importlib.util.find_spec(module) is None:
            missing.append(package)
    if missing:
        install(missing)
    unpack(HTTPTOOLS, "httptools-0.9.0/", THIRD_PARTY / "httptools-0.9.0")


def missing_packages(names: list[str]) -> list[str]:
    if not shutil.which("dpkg-query"):
        say("this is not Debian: see to packages like these yourself: " + " ".join(names))
        return []
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    installed = {
        line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")
    }
    return [name for name in names if name not in installed]


def install(names: list[str]) -> None:
    command = "apt-get install -y --no-install-recommends " + " ".join(names)
    if os.geteuid() != 0:
        raise DevError(f"packages are missing; run: sudo apt-get update && sudo {command}")
    say(f"installing {' '.join(names)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    process.run("apt-get update", ["apt-get", "update"], env=quiet)
    process.run("apt-get install", command.split(), env=quiet)
