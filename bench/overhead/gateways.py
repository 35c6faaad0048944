"""Rocket and its peers, each with one worker on a core of its own, before the same upstream."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.gateway import backend, binary
from harness.program import Program

GATEWAY_CPU = 0
LOAD_CPU = 1
# Half of the descriptors that a process may have here, so that each connection can have two.
CONNECTIONS_MAX = 9000

NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections {connections}; }}
http {{
  access_log {folder}/access.log combined;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  upstream model {{
    server 127.0.0.1:{upstream};
    keepalive 256;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""

HAPROXY = """\
global
  nbthread 1
  maxconn {connections}
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option http-no-delay
  http-reuse always
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  timeout http-request 10s
  timeout http-keep-alive 75s
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend model
backend model
  server model 127.0.0.1:{upstream}
"""


@dataclass
class Running:
    """A gateway that runs, or nothing but the upstream's port for the direct way."""

    port: int
    program: Program | None = None

    def pids(self) -> list[int]:
        """Its process and those it has started, such as nginx's worker."""
        return list(_with_children(self.program.pid)) if self.program else []

    def stop(self) -> None:
        if self.program:
            self.program.stop(5)


def rocket(upstream: int, folder: Path) -> Running:
    """Access log to a file, metrics on, every limit at its default but one."""
    port = free_port()
    config = {
        "listen": f"127.0.0.1:{port}",
        "admin": "127.0.0.1:0",
        "backends": [backend("model", f"http://127.0.0.1:{upstream}")],
        # 1,000 streams are to be open at one upstream.
        "limits": {"in_flight_per_endpoint": 10_000},
    }
    file = written(folder / "rocket.yaml", json.dumps(config, indent=1))
    return Running(port, pinned(folder, binary(), "serve", "--config", file))


def nginx(upstream: int, folder: Path) -> Running:
    port = free_port()
    text = NGINX.format(folder=folder, connections=CONNECTIONS_MAX, upstream=upstream, port=port)
    file = written(folder / "nginx.conf", text)
    prefix = ["-p", folder, "-c", file, "-e", folder / "error.log"]
    return Running(port, pinned(folder, program("nginx"), *prefix))


def haproxy(upstream: int, folder: Path) -> Running:
    port = free_port()
    text = HAPROXY.format(connections=CONNECTIONS_MAX, upstream=upstream, port=port)
    file = written(folder / "haproxy.cfg", text)
    return Running(port, pinned(folder, program("haproxy"), "-db", "-f", file))


STARTERS: dict[str, Callable[[int, Path], Running]] = {
    "rocket": rocket,
    "nginx": nginx,
    "haproxy": haproxy,
}


def versions() -> dict[str, str]:
    """What each gateway says it is."""
    asked = {
        "rocket": [binary(), "version"],
        "nginx": [program("nginx"), "-v"],
        "haproxy": [program("haproxy"), "-v"],
    }
    found = {}
    for name, argv in asked.items():
        said = subprocess.run(
            [str(word) for word in argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        version = re.search(r"\d+\.\d+\.\d+", said.stdout)
        found[name] = version[0] if version else "?"
    return found


def program(name: str) -> str:
    """Servers stand in sbin, which is not in everybody's PATH."""
    return shutil.which(name) or f"/usr/sbin/{name}"


def pinned(folder: Path, *argv: str | Path, cpu: int = GATEWAY_CPU) -> Program:
    return Program(["taskset", "--cpu-list", str(cpu), *argv], folder)


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        yield from _with_children(int(child))
