"""Programs and files out of Go modules, each pinned by version and by the hash that Go itself knows
modules by. What a module asks for in turn, Go holds to its public list of such hashes."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import process
from dev.console import DevError, EngineMissing


@dataclass(frozen=True)
class Module:
    path: str
    version: str
    sum: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


def compiler(what: str) -> str:
    """A Go that can fetch the toolchain that a module asks for, which Go does by itself since 1.21.
    `what` needs it."""
    go = shutil.which("go")
    version = (
        subprocess.run(
            [go, "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=False
        ).stdout
        if go
        else ""
    )
    found = re.match(r"go1\.(\d+)", version)
    if not found or int(found[1]) < 21:
        raise EngineMissing(
            f"{what}: to compile it, Go 1.21 or newer must be in PATH "
            f"(found {version.strip() or 'none'}); Debian 12 has it in bookworm-backports"
        )
    return go


def fetched(go: str, module: Module, outside: Path) -> Path:
    """The folder that holds the module. `outside`: a folder that is in no module itself."""
    name = module.path.rpartition("/")[2]
    told = process.run(
        f"downloading {name}", [go, "mod", "download", "-json", str(module)], cwd=outside
    )
    # Around the object Go may say what else it fetches.
    known, _ = json.JSONDecoder().raw_decode(told, told.index("{"))
    if known["Sum"] != module.sum:
        raise DevError(f"the module {module} is not the pinned one: do not use it")
    return Path(known["Dir"])


def install(
    go: str,
    module: Module,
    package: str,
    into: Path,
    *,
    outside: Path,
    flags: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Compiles the program `package` of the module into the folder `into`."""
    fetched(go, module, outside)
    whole = "/".join(filter(None, (module.path, package)))
    name = whole.rpartition("/")[2]
    process.run(
        f"compiling {name} (some minutes, once)",
        ["nice", go, "install", *flags, f"{whole}@{module.version}"],
        cwd=outside,
        env={"GOBIN": str(into), "GOFLAGS": "-trimpath", **(env or {})},
    )
