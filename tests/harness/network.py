"""A network of our own, part of which can be cut off without a word."""

import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

NEAR = "10.97.0.1"
FAR = "10.97.0.2"


class FarNetwork:
    """Two network namespaces with a cable between them. The calling thread, and whatever it starts
    from now on, lives in the near one, until close(); what is started with the words of `inside`
    before its own lives in the far one, at the address FAR.

    PermissionError: this user may not make any.
    """

    def __init__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._name = f"rocket-far-{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self._name)
        if _libc.unshare(_CLONE_NEWNET) != 0:
            os.close(self._home)
            raise PermissionError(ctypes.get_errno(), "network namespaces")
        try:
            self._lay()
        except BaseException:
            self.close()
            raise

    def _lay(self) -> None:
        _ip("link", "set", "lo", "up")
        _ip("netns", "add", self._name)
        _ip(*("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", self._name))
        _ip("address", "add", f"{NEAR}/24", "dev", "near")
        _ip("link", "set", "near", "up")
        self._far("address", "add", f"{FAR}/24", "dev", "far")
        self._far("link", "set", "far", "up")
        self._far("link", "set", "lo", "up")

    def cut(self) -> None:
        """What is sent there arrives, and whatever is sent back is lost: a connection that is
        begun is neither made nor refused, and nobody learns that one is dead."""
        self._far("route", "add", "blackhole", f"{NEAR}/32")

    def mend(self) -> None:
        self._far("route", "delete", "blackhole", f"{NEAR}/32")

    def close(self) -> None:
        _libc.setns(self._home, _CLONE_NEWNET)
        os.close(self._home)
        subprocess.run(["ip", "netns", "delete", self._name], capture_output=True, check=False)

    def _far(self, *words: str) -> None:
        _ip("-n", self._name, *words)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PermissionError(f"ip {' '.join(words)}: {done.stderr.strip()}")
