#!/usr/bin/env python3
"""Passes connections on between this machine's loopback and pods. Lives in the pods' network.

usage: forward.py in NETNS LISTEN TARGET...    loopback -> the next pod whose /-/healthz is good
       forward.py to NETNS LISTEN TARGET       loopback -> that address
       forward.py out NETNS LISTEN TARGET      the pods' network -> loopback

Addresses are IPv4:PORT. A stand-in for a Kubernetes Service, for a developer's machine.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dev import namespaces

PROBE_S = 0.5
CHUNK = 64 << 10

Address = tuple[str, int]


class Ready:
    """The pods that may be sent clients, in turn."""

    def __init__(self, targets: list[Address]):
        self._targets = targets
        self._good: set[Address] = set()
        self._turn = itertools.count()

    def candidates(self) -> list[Address]:
        """Whom to try, the one whose turn it is first."""
        good = [target for target in self._targets if target in self._good]
        first = next(self._turn) % max(len(good), 1)
        return good[first:] + good[:first]

    async def watch(self) -> None:
        while True:
            await asyncio.gather(*(self._look(target) for target in self._targets))
            await asyncio.sleep(PROBE_S)

    async def _look(self, target: Address) -> None:
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(*target)
                writer.write(
                    b"GET /-/healthz HTTP/1.1\r\nHost: rocket\r\nConnection: close\r\n\r\n"
                )
                good = (await reader.readline()).startswith(b"HTTP/1.1 200")
                writer.close()
        except (OSError, TimeoutError):
            good = False
        (self._good.add if good else self._good.discard)(target)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(listening: socket.socket, connect: Callable) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await connect()
            if far is None:
                return
            far_reader, far_writer = await asyncio.open_connection(sock=far)
            await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))
            far_writer.close()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(meet, sock=listening)
    async with server:
        await server.serve_forever()


async def inward(listening: socket.socket, targets: list[Address]) -> None:
    ready = Ready(targets)
    watching = asyncio.create_task(ready.watch())

    async def connect() -> socket.socket | None:
        for target in ready.candidates():
            with contextlib.suppress(OSError):
                return await dial(socket.socket(), target)
        return None

    await serve(listening, connect)
    await watching


async def onward(listening: socket.socket, target: Address, make: Callable) -> None:
    await serve(listening, lambda: dial(make(), target))


async def dial(far: socket.socket, target: Address) -> socket.socket:
    far.setblocking(False)
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(far, target)
    except OSError:
        far.close()
        raise
    return far


def outside_socket(outside: int, name: str) -> socket.socket:
    """One that belongs to the machine's own network; this thread stays in the pods'."""
    namespaces.enter_descriptor(outside)
    try:
        return socket.socket()
    finally:
        namespaces.enter(name)


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main(direction: str, name: str, listen: str, *targets: str) -> None:
    outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if direction in ("in", "to"):
        listening = socket.create_server(address(listen), backlog=1024)
        namespaces.enter(name)
        if direction == "in":
            asyncio.run(inward(listening, [address(target) for target in targets]))
        else:
            (target,) = targets
            asyncio.run(onward(listening, address(target), socket.socket))
    else:
        namespaces.enter(name)
        listening = socket.create_server(address(listen), backlog=1024)
        (target,) = targets
        asyncio.run(onward(listening, address(target), lambda: outside_socket(outside, name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
