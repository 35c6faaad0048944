"""A Postgres of a test's own: on a Unix socket, as a user without rights."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness.waiting import wait_until


def programs() -> Path | None:
    """Where Debian has initdb and postgres, the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    def __init__(self, folder: Path):
        # A socket's path may have a hundred characters, which pytest's folders use up.
        self.folder = Path(tempfile.mkdtemp(prefix="rocket-pg-"))
        self._log = folder / "postgres.log"
        self._user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._programs = programs()
        assert self._programs
        subprocess.run(
            [
                self._programs / "initdb",
                f"--pgdata={self.folder}/data",
                *("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"),
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self._user,
        )
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres:hunter2@/postgres?host={self.folder}"

    def start(self) -> None:
        begin = self._log.stat().st_size if self._log.exists() else 0
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses="),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._user,
            )
        wait_until(
            "Postgres is ready",
            lambda: b"ready to accept connections" in self._log.read_bytes()[begin:],
            seconds=60,
        )

    def kill(self) -> None:
        """As when its machine fails."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def stop(self) -> None:
        """It takes what it is sent and says nothing: the kernel still answers for it."""
        for each in self._all():
            os.kill(each, signal.SIGSTOP)

    def go_on(self) -> None:
        for each in self._all():
            os.kill(each, signal.SIGCONT)

    def _all(self) -> list[int]:
        """The server and those that it has started, one for each connection."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
