"""API keys from outside: who gets in, how far, and that no key is ever told to anyone."""

import itertools
import json
import string
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, key_new, write_keys
from harness.waiting import wait_until
from harness.wire import chat, request_bytes, streamed_text

KEY = "rk-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


@pytest.fixture
def keyed(rocket, fake, tmp_path: Path):
    """`keyed(*entries, **settings)`: a gateway with a keys file of these entries."""

    def start(*entries: dict, models=("m",), **settings) -> Gateway:
        write_keys(tmp_path / "keys.yaml", *entries)
        backends = [backend("a", fake(models=models).url)]
        return rocket({"backends": backends, "keys_file": str(tmp_path / "keys.yaml"), **settings})

    return start


def test_a_new_key_opens_and_a_removed_one_closes(keyed, tmp_path: Path) -> None:
    gateway = keyed()
    file = tmp_path / "keys.yaml"
    assert gateway.chat(chat("m")).status == 401
    made = key_new("--name", "alice", "--keys-file", file)
    assert made.returncode == 0
    key = made.stdout.strip()
    wait_until(
        "the key is known", lambda: gateway.chat(chat("m"), headers=bearer(key)).status == 200
    )
    assert gateway.chat(chat("m"), headers={"x-api-key": key}).status == 200
    streamed = gateway.chat(chat("m", stream=True), headers=bearer(key))
    assert streamed_text(streamed.body)
    write_keys(file)
    wait_until(
        "the key is gone", lambda: gateway.chat(chat("m"), headers=bearer(key)).status == 401
    )


def test_a_bad_keys_file_changes_nothing(keyed, tmp_path: Path) -> None:
    gateway = keyed(entry("a", KEY))
    (tmp_path / "keys.yaml").write_text(f"- {{name: a, hash: {KEY}}}\n")
    gateway.program.said("configuration refused")
    assert "keys_file[0].hash" in gateway.program.err()
    assert gateway.chat(chat("m"), headers=bearer(KEY)).status == 200
    # Mending the one file is enough.
    write_keys(tmp_path / "keys.yaml", entry("a", KEY), entry("b", "rk-b"))
    wait_until("b is known", lambda: gateway.chat(chat("m"), headers=bearer("rk-b")).status == 200)
    assert KEY not in gateway.program.err()


def test_the_shape_of_a_refusal(keyed) -> None:
    gateway = keyed(entry("a", KEY, models=["m"]), models=["m", "secret"])
    answer = gateway.chat(chat("m"))
    assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")
    assert answer.error()["code"] == "invalid_api_key"
    assert answer.error()["type"] == "invalid_request_error"
    answer = gateway.chat(chat("secret"), headers=bearer(KEY))
    assert (answer.status, answer.error()["code"]) == (403, "forbidden")
    answer = gateway.chat(chat("m"), headers={**bearer(KEY), "x-api-key": "other"})
    assert (answer.status, answer.error()["code"]) == (400, "bad_request")
    assert [
        x["id"] for x in gateway.call("GET", "/v1/models", headers=bearer(KEY)).json()["data"]
    ] == ["m"]


def test_the_access_log_names_the_key_and_whose_fault_it_was(keyed) -> None:
    gateway = keyed(entry("alice", KEY, lane="batch", rpm=1, models=["m"]))
    gateway.chat(chat("m"), headers=bearer(KEY))
    gateway.chat(chat("m"), headers=bearer(KEY))
    gateway.chat(chat("n"), headers=bearer(KEY))
    gateway.chat(chat("m"), headers=bearer("rk-unknown"))
    lines = gateway.access_lines(4)
    assert [line["status"] for line in lines] == [200, 429, 403, 401]
    assert [line["key"] for line in lines] == ["alice"] * 3 + [""]
    assert [line["lane"] for line in lines] == ["batch"] * 3 + [""]
    for line in lines[1:]:
        assert (line["outcome"], line["blame"]) == ("error", "client")
    codes = gateway.samples("rocket_requests_total")
    assert any('code="429"' in labels for labels in codes)
    assert any('code="401"' in labels for labels in codes)


def test_a_limit_is_told_as_openai_tells_it(keyed) -> None:
    gateway = keyed(entry("a", KEY, rpm=2, tpm=60000))
    first = gateway.chat(chat("m"), headers=bearer(KEY))
    assert first.status == 200
    assert first.header("x-ratelimit-limit-requests") == "2"
    assert first.header("x-ratelimit-remaining-requests") == "1"
    assert first.header("x-ratelimit-limit-tokens") == "60000"
    assert 0 < int(first.header("x-ratelimit-remaining-tokens")) < 60000
    for what in ("requests", "tokens"):
        assert first.header(f"x-ratelimit-reset-{what}").endswith("s")
    assert (
        gateway.chat(chat("m", stream=True), headers=bearer(KEY)).header(
            "x-ratelimit-remaining-requests"
        )
        == "0"
    )
    refused = gateway.chat(chat("m"), headers=bearer(KEY))
    assert (refused.status, refused.error()["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.header("retry-after")) <= 30


def test_limits_are_exact_across_threads(keyed) -> None:
    gateway = keyed(entry("a", KEY, rpm=40), threads=3)
    statuses = []
    for _ in range(10):
        with gateway.connect() as connection:  # the kernel spreads them over the loops
            for _ in range(8):
                body = json.dumps(chat("m")).encode()
                connection.send(
                    request_bytes(
                        "POST", "/v1/chat/completions", body, f"Authorization: Bearer {KEY}"
                    )
                )
                statuses.append(connection.read().status)
    # A slow machine may see a place or two come back meanwhile.
    assert 40 <= statuses.count(200) <= 44
    assert statuses.count(200) + statuses.count(429) == 80


ROUTES = {
    "/v1/chat/completions": "POST",
    "/v1/completions": "POST",
    "/v1/embeddings": "POST",
    "/v1/models": "GET",
    "/v1/models/m": "GET",
    "/v1/nothing": "GET",
}


def tricked(path: str) -> list[str]:
    """Ways to write a path that one reader takes for another."""
    return [
        path,
        "/" + path,
        path.replace("/v1", "/v1/"),
        "/x/.." + path,
        "/health/.." + path,
        "/health/%2e%2e" + path,
        "/health%2f.." + path,
        "/health;x/.." + path,
        path + "/",
        path + "/.",
        path + ".",
        path + ";x",
        path + "%00",
        path + "%20",
        path + "?key=" + KEY,
        path + "#/health",
        path.replace("v1", "%76%31"),
        path.upper(),
        "/v1/models/../../health/.." + path,
        "/v1/models/..%2f..%2fhealth",
        "http://rocket" + path,
        "http://rocket/health/.." + path,
    ]


SQL = [
    "' OR '1'='1",
    '" OR ""="',
    "'; DROP TABLE keys;--",
    "1 UNION SELECT",
    "\\'",
    "%27",
    "admin'--",
]
PAYLOADS = [
    f"{one}{a}{b}" for one, a, b in itertools.product(SQL, string.printable[:72], ("", "--"))
][:500]
ODD_KEYS = [
    b"", b" ", b"Bearer", b"\xc3\xa9\xe2\x82\xac", b"\xff\xfe", KEY[:-1].encode(), KEY.encode() + b"x",
    KEY.upper().encode(), b"sha256:" + b"0" * 64, b"k" * 60_000,
]  # fmt: skip


def refused(status: int) -> bool:
    return status in (400, 401, 403, 404, 431)


def shown(key: bytes) -> list[bytes]:
    return [b"Authorization: Bearer " + key, b"X-Api-Key: " + key]


def test_nobody_gets_in_by_a_path(keyed) -> None:
    gateway = keyed(entry("a", KEY))
    for path, method in ROUTES.items():
        for target in tricked(path):
            for line in ([], ["Authorization: Bearer rk-wrong"], ["Authorization: Basic YTpi"]):
                for verb in (method, "HEAD", "OPTIONS", "PUT", "DELETE"):
                    with gateway.connect() as connection:
                        body = b"{}" if verb in ("POST", "PUT") else None
                        connection.send(request_bytes(verb, target, body, *line))
                        status = connection.read(to_head=verb == "HEAD").status
                        assert refused(status), (verb, target, line, status)


@pytest.mark.parametrize("host", ["a?b", "a#b", "a/b", "a@b", "a\\b", "a b", "", "127.0.0.1:1"])
def test_nobody_gets_in_by_a_host(keyed, host: str) -> None:
    gateway = keyed(entry("a", KEY))
    for path, method in ROUTES.items():
        with gateway.connect() as connection:
            body = b"{}" if method == "POST" else None
            connection.send(request_bytes(method, path, body, host=host))
            assert refused(connection.read().status), path


def test_nobody_gets_in_by_an_odd_key(keyed) -> None:
    gateway = keyed(entry("a", KEY))
    body = json.dumps(chat("m")).encode()
    head = request_bytes("POST", "/v1/chat/completions", body)
    with gateway.connect() as kept:
        for payload in PAYLOADS:
            for line in shown(payload.encode()):
                kept.send(head.replace(b"Host: rocket", b"Host: rocket\r\n" + line))
                assert refused(kept.read().status), payload
    for key in [*ODD_KEYS, b"k" * 1_000_000, b"a\0b", KEY.encode() + b"\0"]:
        for line in shown(key):
            with gateway.connect() as connection:
                connection.send(head.replace(b"Host: rocket", b"Host: rocket\r\n" + line))
                assert refused(connection.read().status), key[:50]
    right, wrong = shown(KEY.encode())[0], shown(b"rk-wrong")
    for lines in ([right, wrong[0]], [wrong[0], right], [right, wrong[1]], [wrong[1], right]):
        with gateway.connect() as connection:
            both = b"\r\n".join([b"Host: rocket", *lines])
            connection.send(head.replace(b"Host: rocket", both))
            assert connection.read().status == 400
    assert gateway.chat(chat("m"), headers=bearer(KEY)).status == 200


def test_health_needs_no_key(keyed) -> None:
    gateway = keyed(entry("a", KEY))
    for path in ("/health", "/livez", "/readyz", "/-/healthz"):
        assert gateway.call("GET", path).status == 200
        assert gateway.call("HEAD", path).status == 200


def test_other_addresses_are_open_to_who_has_a_key(rocket, fake, tmp_path: Path) -> None:
    write_keys(tmp_path / "keys.yaml", entry("a", KEY))
    gateway = rocket(
        {
            "listen": "0.0.0.0:0",
            "backends": [backend("a", fake().url)],
            "keys_file": str(tmp_path / "keys.yaml"),
        }
    )
    assert gateway.chat(chat("m")).status == 401
    assert gateway.chat(chat("m"), headers=bearer(KEY)).status == 200


def test_the_keys_file_is_looked_for_beside_the_configuration(rocket, fake, tmp_path: Path) -> None:
    folder = tmp_path / "gateway-0"
    folder.mkdir()
    write_keys(folder / "keys.yaml", entry("a", KEY))
    gateway = rocket({"backends": [backend("a", fake().url)], "keys_file": "keys.yaml"})
    assert gateway.chat(chat("m"), headers=bearer(KEY)).status == 200


def test_ten_thousand_keys(keyed) -> None:
    entries = [entry(f"k{i}", f"rk-{i}") for i in range(10_000)]
    gateway = keyed(*entries)
    for i in (0, 5_000, 9_999):
        assert gateway.chat(chat("m"), headers=bearer(f"rk-{i}")).status == 200
    assert gateway.chat(chat("m"), headers=bearer("rk-10000")).status == 401


def test_no_key_is_told_to_anyone(rocket, upstream, tmp_path: Path) -> None:
    """Whatever is done with a key: it is in no log, metric, answer, or upstream request."""
    canaries = [KEY, "rk-canary-unknown-4f1e", "rk-canary-limited-7a90", "rk-canary-query-11c2"]
    write_keys(
        tmp_path / "keys.yaml",
        entry("good", KEY),
        entry("limited", canaries[2], rpm=1, models=["m"]),
    )
    server = upstream(reply=lambda seen: (400, {"error": {"message": str(seen.headers)}}))
    gateway = rocket(
        {"backends": [backend("a", server.url)], "keys_file": str(tmp_path / "keys.yaml")}
    )
    told = []
    for key in canaries:
        for headers in (bearer(key), {"x-api-key": key}, {"Authorization": key}):
            told += [
                gateway.chat(chat("m"), headers=headers),
                gateway.chat(chat("x"), headers=headers),
                gateway.call("GET", "/v1/models", headers=headers),
                gateway.call("GET", f"/v1/nothing?key={key}", headers=headers),
                gateway.call("DELETE", "/v1/models", headers=headers),
                gateway.chat(b"{", headers=headers),
            ]
    gateway.write_config({**gateway.config, "threads": 0})
    gateway.program.said("configuration refused")
    (tmp_path / "keys.yaml").write_text(f"- {{name: {KEY}, hash: {KEY}, key: {KEY}}}\n- {KEY}")
    gateway.program.said("keys_file[0].hash")
    said = "".join(str(each.headers) + each.body.decode() for each in told)
    said += "".join(str(seen.headers) for seen in server.requests)
    said += "".join(
        gateway.admin(path).body.decode() for path in ("/metrics", "/backends", "/health")
    )
    gateway.access_lines(len(told))
    said += gateway.program.out() + gateway.program.err()
    for key in canaries:
        assert key not in said, said[max(said.find(key) - 200, 0) : said.find(key) + 100]
