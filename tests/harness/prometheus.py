"""A Prometheus that scrapes what a test has started, and answers queries."""

import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from harness.engines import place
from harness.processes import descriptors
from harness.program import Program
from harness.waiting import wait_until
from harness.wire import call

SCRAPE = "1s"


class Prometheus:
    """`targets`: by job, an address and the labels that a cluster would give it. `rules`: a rules
    file, evaluated as often as there is a scrape."""

    def __init__(
        self, folder: Path, targets: Mapping[str, tuple[str, Mapping[str, str]]], rules: Path
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules.yaml").write_text(
            re.sub(r"interval: \d+s", f"interval: {SCRAPE}", rules.read_text())
        )
        config = {
            "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [{"targets": [address], "labels": dict(labels)}],
                }
                for job, (address, labels) in targets.items()
            ],
        }
        file = folder / "prometheus.yaml"
        file.write_text(json.dumps(config))
        self.program = Program(
            [
                place("ROCKET_PROMETHEUS") / "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--web.listen-address=127.0.0.1:0",
            ],
            folder,
        )
        self.port = wait_until("Prometheus listens", self._port, seconds=60)
        wait_until(
            "Prometheus is ready", lambda: call(self.port, "GET", "/-/ready").status == 200, 60
        )

    def _port(self) -> int | None:
        """It does not tell which one it was given: of its sockets, the one that listens."""
        assert self.program.running(), self.program.err()[-2000:]
        opened = descriptors(self.program.pid).values()
        inodes = {each.removeprefix("socket:[").removesuffix("]") for each in opened}
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.program.pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and words[9] in inodes:
                    return int(words[1].rpartition(":")[2], 16)
        return None

    def query(self, expression: str) -> list[dict]:
        return query(self.port, expression)

    def stop(self) -> None:
        self.program.stop()


def query(port: int, expression: str) -> list[dict]:
    """An instant vector. Fails if Prometheus does not take the expression."""
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    answer = call(port, "GET", path, timeout=20).json()
    assert answer["status"] == "success", f"{answer.get('error')}: {expression}"
    return answer["data"]["result"]
