"""`python -m rocket_matrix --config FILE`. Exit: 0 stopped, 1 configuration or token, 2 usage,
3 an address or a file that can not be had."""

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

from rocket_matrix.config import load, read_secrets


def main() -> int:
    parser = argparse.ArgumentParser(prog="rocket_matrix", description="Rocket in Matrix rooms.")
    parser.add_argument(
        "--config", type=Path, default=Path("matrix.yaml"), help="default: matrix.yaml"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only look whether the configuration is right",
    )
    parser.add_argument(
        "--parent-pid", type=int, metavar="N", help="end with that process, whatever ends it"
    )
    arguments = parser.parse_args()
    if arguments.parent_pid is not None and not _end_with(arguments.parent_pid):
        print(f"--parent-pid: process {arguments.parent_pid} is not the parent", file=sys.stderr)
        return 2
    config, problems = load(arguments.config)
    secrets = None
    if config:
        secrets, problems = read_secrets(config)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not config or not secrets:
        return 1
    if arguments.check:
        return 0
    # Only now: what is left takes a second to load.
    from rocket_matrix.program import serve

    return serve(config, secrets)


def _end_with(parent: int) -> bool:
    """From now on the kernel kills this process when the thread that forked it ends: what was under
    way, the next bot goes on with."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


if __name__ == "__main__":
    sys.exit(main())
