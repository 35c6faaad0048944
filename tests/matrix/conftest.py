"""A real Synapse, people with clients, and bots in front of a real gateway."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bot_program import BotProgram
from homeserver_front import HomeserverFront
from people import Person
from synapse_server import Synapse

HERE = Path(__file__).parent
BOT = HERE.parents[1] / "python/rocket_matrix"
sys.path.insert(0, str(HERE.parents[1] / "tools"))

from dev.console import DevError
from dev.venvs import python

_numbers = itertools.count(1)


def environment(requirements: Path) -> Path:
    """Its interpreter; skips, with the reason, where it can not be installed."""
    try:
        return python(requirements)
    except DevError as error:
        pytest.skip(f"{requirements.name} can not be installed here: {str(error)[:300]}")


@pytest.fixture(scope="session")
def bot_python() -> Path:
    return environment(BOT / "requirements.txt")


@pytest.fixture(scope="session")
def e2e_python() -> Path:
    return environment(BOT / "requirements_e2e.txt")


@pytest.fixture(scope="session")
def synapse_python() -> Path:
    return environment(HERE / "synapse_requirements.txt")


@pytest.fixture(scope="session")
def synapse(tmp_path_factory, synapse_python: Path) -> Iterator[Synapse]:
    """With its rate limits raised."""
    server = Synapse(synapse_python, tmp_path_factory.mktemp("synapse"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def limited_synapse(tmp_path_factory, synapse_python: Path) -> Iterator[Synapse]:
    """With the rate limits that it has by default."""
    server = Synapse(synapse_python, tmp_path_factory.mktemp("limited"), limited=True)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def front(synapse: Synapse) -> Iterator[HomeserverFront]:
    """What a bot may take for its homeserver. To be asked for before the bot."""
    made = HomeserverFront(synapse.url)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def person() -> Iterator[Callable[..., Person]]:
    """`person(synapse, "alice")`: a new one, whose name begins so."""
    met: list[Person] = []

    def meet(synapse: Synapse, name: str) -> Person:
        met.append(Person(synapse, f"{name}{next(_numbers)}"))
        return met[-1]

    try:
        yield meet
    finally:
        for each in met:
            each.close()


@pytest.fixture
def bot(tmp_path: Path, person, bot_python: Path) -> Iterator[Callable[..., BotProgram]]:
    """`bot(synapse, rocket_url, **config)`: one that has synced, with an account of its own."""
    started: list[BotProgram] = []

    def start(
        synapse: Synapse,
        rocket: str,
        *,
        ready: bool = True,
        interpreter=None,
        homeserver: str = "",
        **config,
    ) -> BotProgram:
        account = person(synapse, "rocket")
        made = BotProgram(
            interpreter or bot_python,
            tmp_path / f"bot-{len(started)}",
            homeserver or synapse.url,
            account,
            rocket,
            **config,
        )
        started.append(made)
        if ready:
            made.wait_ready()
        return made

    try:
        yield start
    finally:
        codes = [each.program.stop() for each in started if each.program.running()]
    assert not any(codes), codes
