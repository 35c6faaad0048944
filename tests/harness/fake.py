"""The scripted fake backend on a real socket; gateway/testing/fake_script.h says what it can do."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from harness.program import Program


def binary() -> Path:
    default = Path(__file__).parents[2] / "build/release/fake_backend"
    return Path(os.environ.get("ROCKET_FAKE_BACKEND", default))


class Fake:
    def __init__(
        self,
        folder: Path,
        kind: str = "llama_cpp",
        *,
        models: Sequence[str] = ("m",),
        loaded: Sequence[str] = (),
        host: str = "127.0.0.1",
        fault: str = "none",
        port: int = 0,
        fault_probes: bool = False,
        fault_on_signal: bool = False,
        within: Sequence[str] = (),
        **script,
    ):
        argv: list[str | Path] = [*within, binary(), "--kind", kind, "--models", ",".join(models)]
        argv += ["--fault", fault, "--port", str(port), "--fake", json.dumps(script)]
        argv += ["--host", host]
        if loaded:
            argv += ["--loaded", ",".join(loaded)]
        if fault_probes:
            argv.append("--fault-probes")
        if fault_on_signal:
            argv.append("--fault-on-signal")
        self.program = Program(argv, folder)
        self.port: int = json.loads(self.program.line('"port"'))["port"]
        self.url = f"http://{host}:{self.port}"

    def stop(self) -> dict[str, int]:
        """Ends it; what it has counted."""
        self.program.stop()
        return json.loads(self.program.line('"aborted"'))

    def switch_fault(self) -> None:
        """With `fault_on_signal`: it begins, or it ends."""
        self.program.send(signal.SIGUSR1)

    def kill(self) -> None:
        self.program.kill()
