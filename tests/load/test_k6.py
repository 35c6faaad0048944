"""k6.js, which k6 itself is not here to run: its bounds are those of thresholds.json."""

import json
import re
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
THRESHOLDS = json.loads((FOLDER / "thresholds.json").read_text())


def test_k6_has_the_same_bounds_and_load(tmp_path: Path) -> None:
    """Read as k6 would, by Node, with stand-ins for k6's own modules."""
    text = (FOLDER / "k6.js").read_text()
    text, imports = re.subn(r"^import .* from 'k6(?:/http)?';$", "", text, flags=re.MULTILINE)
    assert imports == 2
    stand_ins = f"""
import {{ readFileSync }} from 'node:fs';
const open = (path) => readFileSync(new URL(path, 'file://{FOLDER}/'), 'utf8');
const asked = [];
const http = {{ post: (url, body, more) => (asked.push([url, JSON.parse(body), more]),
  {{ status: 200, body: 'data: [DONE]' }}) }};
const check = (answer, checks) => Object.values(checks).every((each) => each(answer));
const sleep = () => {{}};
const __ENV = {{ HOST: 'http://h', KEY: 'k', MODEL: 'm' }};
globalThis.__ITER = 1;
"""
    run = text.replace("export default function ()", "function once()")
    file = tmp_path / "k6.mjs"
    file.write_text(
        f"{stand_ins}{run}\nonce();\nconsole.log(JSON.stringify({{ options, asked }}));"
    )
    done = subprocess.run(["node", file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    bounds = THRESHOLDS["asked_for"]
    assert told["options"]["thresholds"] == {
        "http_req_waiting{kind:stream}": [
            f"p(50)<{bounds['first_token_p50_ms']}",
            f"p(95)<{bounds['first_token_p95_ms']}",
        ],
        "http_reqs": [f"rate>{bounds['requests_per_second']}"],
        "http_req_failed": [f"rate<{bounds['error_ratio']}"],
        "checks": [f"rate>{1 - bounds['error_ratio']}"],
    }
    (scenario,) = told["options"]["scenarios"].values()
    assert scenario["stages"] == [
        {"duration": "5s", "target": 10},
        {"duration": "295s", "target": 10},
    ]
    ((url, body, more),) = told["asked"]
    assert url == "http://h/v1/chat/completions" and body["stream"] and body["model"] == "m"
    assert more["headers"]["authorization"] == "Bearer k"
