#!/usr/bin/env python3
"""Makes what is generated under monitoring/; with --check, says what is not as it would make it."""

import json
import sys
from pathlib import Path

import dashboards

ROOT = Path(__file__).resolve().parents[1]
MONITORING = ROOT / "monitoring"
HEADER = """\
# Made of ../rules/rocket.rules.yaml by tools/monitoring.py: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rocket
  labels: {release: kube-prom-stack}
spec:
"""


def files() -> dict[Path, str]:
    made = {MONITORING / "kubernetes/prometheus-rules.yaml": prometheus_rules()}
    for board in dashboards.BOARDS:
        text = json.dumps(dashboards.render(board), indent=1, ensure_ascii=False) + "\n"
        made[MONITORING / f"dashboards/{board.uid}.json"] = text
    return made


def prometheus_rules() -> str:
    """The rules as an object of Prometheus' operator."""
    text = (MONITORING / "rules/rocket.rules.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return HEADER + "".join(f"  {line}\n" if line else "\n" for line in lines)


def main(arguments: list[str]) -> int:
    stale = {
        path: text
        for path, text in files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale; run: python3 tools/monitoring.py")
        return 1 if stale else 0
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
