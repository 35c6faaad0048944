"""Fixtures of every suite. What a test starts ends with it, and a gateway ends as promised."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import engines
from harness.engines import Engine
from harness.fake import Fake
from harness.flood import Flood
from harness.gateway import Gateway, binary
from harness.network import FarNetwork
from harness.upstream import Upstream


@pytest.fixture
def rocket(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """`rocket(config)`: a gateway on free ports, ready to answer unless `ready=False`."""
    started: list[Gateway] = []

    def start(config: dict, *, ready: bool = True, **options) -> Gateway:
        gateway = Gateway(config, tmp_path / f"gateway-{len(started)}", **options)
        started.append(gateway)
        if ready:
            gateway.wait_ready()
        return gateway

    try:
        yield start
    finally:
        finish_all(started)


def finish_all(gateways: list[Gateway]) -> None:
    """All of them, even if one breaks its promise."""
    faults = []
    for gateway in gateways:
        try:
            gateway.finish()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch) -> Path:
    """Stands in for /etc/hosts, to the gateways of this test alone."""
    file = tmp_path / "hosts"
    file.write_text("")
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "--bind", file, "/etc/hosts"],
        capture_output=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip("needs a mount namespace of its own: " + tried.stderr.decode().strip())
    wrapper = tmp_path / "rocket"
    wrapper.write_text(
        "#!/bin/sh\n"
        f"exec unshare --mount sh -c 'mount --bind {file} /etc/hosts && exec \"$0\" \"$@\"' "
        f'{binary()} "$@"\n'
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setitem(os.environ, "ROCKET_BINARY", str(wrapper))
    return file


@pytest.fixture
def far() -> Iterator[FarNetwork]:
    """The test's programs live in a network of their own. Named before `rocket` and `fake`."""
    try:
        network = FarNetwork()
    except PermissionError as error:
        pytest.skip(f"needs network namespaces: {error}")
    try:
        yield network
    finally:
        network.close()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[..., Fake]]:
    """`fake(kind, models=..., fault=..., tokens=...)`: a scripted backend."""
    started: list[Fake] = []

    def start(*arguments, **options) -> Fake:
        started.append(Fake(tmp_path / "fakes", *arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.program.stop()


@pytest.fixture
def upstream() -> Iterator[Callable[..., Upstream]]:
    """`upstream(tls=..., reply=..., hang=..., missing=...)`: a backend that remembers what reached it."""
    started: list[Upstream] = []

    def start(**options) -> Upstream:
        started.append(Upstream(**options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()


@pytest.fixture
def flood() -> Iterator[Callable[..., Flood]]:
    """`flood(stream_bytes)`: a backend whose streams are larger than anybody would hold."""
    started: list[Flood] = []

    def start(*arguments, **options) -> Flood:
        started.append(Flood(*arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory) -> Iterator[Callable[..., Engine]]:
    """`llama_server(model="tiny"|"chat"|"tools", embeddings=..., copy=0)`: started once, then shared."""
    started: dict[tuple, Engine] = {}

    def start(*, model: str = "tiny", embeddings: bool = False, copy: int = 0) -> Engine:
        key = (model, embeddings, copy)
        if key not in started:
            alias = f"{model}-embeddings" if embeddings else model
            folder = tmp_path_factory.mktemp("llama-server")
            started[key] = engines.start_llama_server(
                folder, model=model, embeddings=embeddings, alias=alias
            )
        return started[key]

    try:
        yield start
    finally:
        for engine in started.values():
            engine.program.stop()


@pytest.fixture(scope="session")
def ollama(tmp_path_factory) -> Iterator[Callable[[], Engine]]:
    """`ollama()`: started once, then shared; its model is engines.OLLAMA_MODEL."""
    started: list[Engine] = []

    def start() -> Engine:
        if not started:
            started.append(engines.start_ollama(tmp_path_factory.mktemp("ollama")))
        return started[0]

    try:
        yield start
    finally:
        for engine in started:
            engine.program.stop()


@pytest.fixture(scope="session")
def vllm(tmp_path_factory) -> Iterator[Callable[[], Engine]]:
    """`vllm()`: started once, then shared; its model is engines.VLLM_MODEL."""
    started: list[Engine] = []

    def start() -> Engine:
        if not started:
            started.append(engines.start_vllm(tmp_path_factory.mktemp("vllm")))
        return started[0]

    try:
        yield start
    finally:
        for engine in started:
            engine.program.stop()
