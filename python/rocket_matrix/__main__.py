"""`python -m rocket_matrix --config FILE`. Exit: 0 stopped, 1 configuration or token, 2 usage,
3 an address or a file that can not be had."""

import argparse
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
    arguments = parser.parse_args()
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


if __name__ == "__main__":
    sys.exit(main())
