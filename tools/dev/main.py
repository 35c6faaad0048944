"""The command line of `./dev`: which verb means what."""

import argparse
import errno
import os
import sys

from dev import process
from dev.console import DevError, say

SUMMARY = {
    "setup": "install what building and checking need",
    "build": "compile: [--preset release|debug|asan|tsan] [TARGET ...]",
    "test": "run every test, with real engines: [FILTER] [--long] [--vllm] [--cluster]",
    "check": "format, arrows, banned calls, docs drift, clang-tidy of changed files: [--all]",
    "run": "let a real model answer through Rocket: [--once] [--config F]",
    "sim": "simulate the request's path: [--seed N] [--count N] [--mutated] [--broken]",
    "fuzz": "fuzz the parsers: [TARGET] [--seconds N]",
    "record": "record what real servers say, into tests/cassettes",
    "bench": "run a benchmark of bench/: [NAME]",
    "ray": "the gateway on a small real Ray cluster, on this machine: up|down|memory",
    "cluster": "prod of k8s/ray on this machine, with its stores and Prometheus: up|down",
    "image": "the container image: built, listed, and tried as Kubernetes would run it",
    "ci": "everything a change has to pass",
}


NOT_WRITABLE = (
    "let this user write there, or name a folder of his own in XDG_CACHE_HOME if it is the cache"
)
NO_ROOM = "make room, or name a folder on another disk in XDG_CACHE_HOME if it is the cache"
# Of what a machine refuses, and no line of `dev` can foresee.
REMEDIES = {
    errno.EACCES: NOT_WRITABLE,
    errno.EPERM: NOT_WRITABLE,
    errno.EROFS: NOT_WRITABLE,
    errno.ENOSPC: NO_ROOM,
    errno.EDQUOT: NO_ROOM,
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="./dev", description="The one command of this project.")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    made = {
        name: verbs.add_parser(name, help=text, description=text) for name, text in SUMMARY.items()
    }
    made["build"].add_argument(
        "--preset", default="release", choices=("release", "debug", "asan", "tsan")
    )
    made["build"].add_argument("targets", nargs="*", metavar="TARGET", help="otherwise all")
    made["test"].add_argument("filter", nargs="?", help="a part of the names of the tests to run")
    for mark in ("long", "vllm", "cluster"):
        made["test"].add_argument(
            f"--{mark}",
            action="append_const",
            dest="marks",
            const=mark,
            help=f"also the tests marked `{mark}`",
        )
    made["check"].add_argument("--all", action="store_true", help="clang-tidy of every file")
    made["run"].add_argument(
        "--once", action="store_true", help="stop everything after the first answer"
    )
    made["run"].add_argument("--config", help="serve this configuration and start no backends")
    made["sim"].add_argument("--seed", type=int, help="the first seed; otherwise a fixed one")
    made["sim"].add_argument("--count", type=int, default=200, help="how many seeds")
    made["sim"].add_argument(
        "--mutated", action="store_true", help="damaged client streams instead of whole lives"
    )
    made["sim"].add_argument(
        "--broken",
        nargs="?",
        const="",
        metavar="NAME",
        help="break the gateway's decisions one by one: the simulation has to notice each",
    )
    made["fuzz"].add_argument("target", nargs="?")
    made["fuzz"].add_argument("--seconds", type=float, default=60, help="for each target")
    made["bench"].add_argument("name", nargs="?")
    made["ray"].add_argument("action", choices=("up", "down", "memory"))
    made["cluster"].add_argument("action", choices=("up", "down"))
    return top


def dispatch(options: argparse.Namespace) -> int:
    # A verb's module is loaded when it is asked for: a fault in one leaves the others usable.
    match options.verb:
        case "setup":
            from dev.setup import PACKAGES, setup

            setup(*PACKAGES)
            say("everything is there")
        case "build":
            from dev.build import build
            from dev.places import shown

            say(f"built: {shown(build(options.preset, *options.targets))}")
        case "test":
            from dev.test import test

            return test(options.filter, set(options.marks or ()))
        case "check":
            from dev.check import check

            return check(options.all)
        case "run":
            from dev.run import run

            return run(options.once, options.config)
        case "sim" if options.broken is not None:
            from dev.broken import broken

            return broken(pattern=options.broken)
        case "sim":
            from dev.test import sim

            return sim(options.seed, options.count, options.mutated)
        case "fuzz":
            from dev.fuzz import fuzz

            return fuzz(options.target, options.seconds)
        case "record":
            from dev.record import record

            return record()
        case "bench":
            from dev.test import bench

            return bench(options.name)
        case "ray":
            from dev import ray

            return {"up": ray.up, "down": ray.down, "memory": ray.memory}[options.action]()
        case "cluster":
            from dev import cluster

            return {"up": cluster.up, "down": cluster.down}[options.action]()
        case "image":
            from dev.image import image

            return image()
        case "ci":
            from dev.ci import ci

            return ci()
    return 0


def main(arguments: list[str]) -> int:
    if not arguments:
        say("usage: ./dev VERB\n")
        for name, text in SUMMARY.items():
            say(f"  {name:7} {text}")
        return 0
    options = parser().parse_args(arguments)
    process.end_on_signals()
    code = 1
    try:
        code = dispatch(options)
    except DevError as error:
        print(f"dev {options.verb}: {error}", file=sys.stderr)
    except process.Interrupted as interrupted:
        say(f"\nstopping ({interrupted})")
        code = interrupted.exit_code
    except BrokenPipeError:
        # Whoever read us has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if (remedy := REMEDIES.get(error.errno)) is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"dev {options.verb}: {where}{error.strerror}: {remedy}", file=sys.stderr)
    finally:
        process.Child.stop_all()
    return code
