"""What is refused before anything is routed, and what breaks off, is told in the words of whoever
asks: the shape of the error, the status and the request's id."""

import json
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.keys import entry, write_keys
from harness.wire import Answer

KEY = "rk-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
CHAT, ANTHROPIC, OLLAMA = "chat", "anthropic", "ollama"
VERSION = {"anthropic-version": "2023-06-01"}
# Path: whose it is.
PATHS = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": CHAT,
    "/v1/embeddings": CHAT,
    "/v1/responses": CHAT,
    "/v1/messages": ANTHROPIC,
    "/v1/messages?beta=true": ANTHROPIC,
    "/v1/messages/count_tokens": ANTHROPIC,
    "/api/chat": OLLAMA,
    "/api/generate": OLLAMA,
    "/api/embed": OLLAMA,
    "/api/show": OLLAMA,
}
# Anthropic's word for each status.
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
}


def check(answer: Answer, dialect: str, status: int) -> None:
    assert answer.status == status, answer
    assert answer.header("content-type") == "application/json"
    body = answer.json()
    if dialect == OLLAMA:
        assert list(body) == ["error"] and isinstance(body["error"], str) and body["error"]
    elif dialect == ANTHROPIC:
        assert set(body) == {"type", "error", "request_id"} and body["type"] == "error"
        assert body["error"]["type"] == TYPES[status] and body["error"]["message"]
        assert body["request_id"] == answer.header("x-request-id") == answer.header("request-id")
    else:
        assert {"type", "param", "code"} <= set(answer.error())
        assert body["error"]["request_id"] == answer.header("x-request-id")


@pytest.fixture
def gateway(rocket, fake) -> Gateway:
    return rocket({"backends": [backend("a", fake().url)], "limits": {"body_bytes": "200KiB"}})


@pytest.fixture
def keyed(rocket, fake, tmp_path: Path) -> Gateway:
    write_keys(tmp_path / "keys.yaml", entry("a", KEY))
    keys = str(tmp_path / "keys.yaml")
    return rocket({"backends": [backend("a", fake().url)], "keys_file": keys})


@pytest.mark.parametrize("path", PATHS)
def test_of_a_path_that_is_served(path: str, gateway: Gateway) -> None:
    dialect = PATHS[path]
    check(gateway.call("POST", path, b'{"model": '), dialect, 400)
    check(gateway.call("POST", path, b"[]"), dialect, 400)
    check(gateway.call("GET", path), dialect, 405)
    check(gateway.call("PUT", path, b"{}"), dialect, 405)
    check(gateway.call("POST", path, b" " * 300_000), dialect, 413)


@pytest.mark.parametrize("path", PATHS)
def test_of_who_shows_no_key(path: str, keyed: Gateway) -> None:
    for lines in ({}, {"x-api-key": "rk-wrong"}, {"authorization": "Bearer rk-wrong"}):
        answer = keyed.call("POST", path, b"{}", headers=lines)
        check(answer, PATHS[path], 401)
        assert answer.header("www-authenticate") == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "lines", "dialect"),
    [
        ("GET", "/v1/nothing", {}, CHAT),
        ("GET", "/v1/nothing", VERSION, ANTHROPIC),
        ("POST", "/v1/messages/batches", {}, ANTHROPIC),
        ("POST", "/v1/messages/batches", VERSION, ANTHROPIC),
        ("GET", "/v1/models/nobody", {}, CHAT),
        ("GET", "/v1/models/nobody", VERSION, ANTHROPIC),
        ("POST", "/api/nothing", {}, OLLAMA),
        ("POST", "/api/embeddings", {}, OLLAMA),
    ],
)
def test_of_what_there_is_not(method, path, lines, dialect, gateway: Gateway) -> None:
    body = b"{}" if method == "POST" else None
    check(gateway.call(method, path, body, headers=lines), dialect, 404)


@pytest.mark.parametrize("name", ["create", "pull", "push", "copy", "delete", "blobs/sha256:0"])
def test_of_what_is_managed_elsewhere(name: str, gateway: Gateway) -> None:
    for method in ("POST", "DELETE", "GET"):
        check(gateway.call(method, f"/api/{name}"), OLLAMA, 403)


def test_of_an_unknown_path_each_path_is_named_once(gateway: Gateway) -> None:
    told = gateway.call("GET", "/nothing").error()["message"].partition("serves ")[2].split(", ")
    assert {"/v1/files", "/v1/files/ID", "/v1/models/ID"} <= set(told), told
    assert len(told) == len(set(told)), told


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422])
def test_of_what_an_upstream_of_another_dialect_refuses(status: int, rocket, fake) -> None:
    """Its status and its message; what kind of fault that is in OpenAI's words nobody knows."""
    server = fake("anthropic", status=status)
    gateway = rocket({"backends": [backend("x", server.url, "anthropic")]})
    gateway.wait_for_models("m")
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    answer = gateway.call("POST", "/v1/chat/completions", body)
    check(answer, CHAT, status)
    assert (answer.error()["type"], answer.error()["code"]) == ("invalid_request_error", None)


ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/chat/completions", "openai"),
        ("/v1/chat/completions", "anthropic"),
        ("/v1/messages", "anthropic"),
        ("/v1/messages", "openai"),
    ],
)
def test_of_a_stream_that_breaks_off(path: str, kind: str, rocket, fake) -> None:
    """The same, whether it is translated or not."""
    server = fake({"openai": "llama_cpp"}.get(kind, kind), fault="reset_mid_stream", at=6)
    gateway = rocket({"backends": [backend("x", server.url, kind)]})
    gateway.wait_for_models("m")
    answer = gateway.call("POST", path, {**ASKED, "max_tokens": 50}, cut=True)
    last = answer.body.decode().rstrip("\n").split("\n")[-1]
    told = json.loads(last.removeprefix("data: "))
    error = told["error"]
    assert error["message"]
    if PATHS[path] == ANTHROPIC:
        # Nobody was overloaded: some clients would ask another model then.
        assert (told["type"], error["type"]) == ("error", "api_error")
        assert told["request_id"] == answer.header("x-request-id")
    else:
        assert (error["type"], error["code"]) == ("upstream_error", "upstream_closed")
        assert error["request_id"] == answer.header("x-request-id")
