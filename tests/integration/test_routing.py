"""Which backend answers, and how a client is told."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import backend
from harness.upstream import CHAT
from harness.wire import chat, events, streamed_text


@pytest.fixture
def pair(rocket, fake):
    """Two backends, each with a model of its own and one in common."""
    # vLLM says which of its models has answered; llama.cpp has one and always says that.
    first, second = fake("vllm", models=["common", "one"]), fake("vllm", models=["common", "two"])
    return rocket(
        {
            "backends": [
                backend("a", first.url, "vllm"),
                backend("b", second.url, "vllm", default_model="two"),
            ],
            "order": ["a", "b"],
            "models": {
                "fast": [{"backend": "b", "model": "two"}, {"backend": "a", "model": "one"}],
            },
        }
    )


# Name: (the request, the headers, who answers, with which model).
ANSWERED = {
    "the first in order": (chat("common"), {}, "a", "common"),
    "field": (chat("common", backend="b"), {}, "b", "common"),
    "header": (chat("common"), {"x-rocket-backend": "b"}, "b", "common"),
    "field and header agree": (
        chat("common", backend="b"),
        {"x-rocket-backend": "b"},
        "b",
        "common",
    ),
    "only one has it": (chat("two"), {}, "b", "two"),
    "the one named does not have it": (chat("two", backend="a"), {}, "b", "two"),
    "alias": (chat("fast"), {}, "b", "two"),
    "no model: the default": (chat(), {"x-rocket-backend": "b"}, "b", "two"),
}


@pytest.mark.parametrize("name", ANSWERED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_who_answers(name: str, stream: bool, pair) -> None:
    body, headers, backend_name, model = ANSWERED[name]
    answer = pair.chat({**body, "stream": stream}, headers=headers)
    assert answer.status == 200, answer
    assert answer.header("x-rocket-backend") == backend_name
    assert answer.header("x-rocket-endpoint") == f"{backend_name}/0"
    assert answer.header("x-rocket-attempts") == "1"
    assert answer.header("x-request-id")
    if stream:
        assert streamed_text(answer.body)
        assert json.loads(events(answer.body)[0])["model"] == model
    else:
        assert answer.json()["model"] == model
        assert list(answer.json())[-1] == "_backend"
        assert answer.json()["_backend"] == backend_name


# Name: (the request's body, status, code, words of the message).
REFUSED: dict[str, tuple[bytes | dict, int, str, list[str]]] = {
    "unknown backend": (chat("common", backend="c"), 400, "unknown_backend", ["a", "b"]),
    "unknown model": (chat("nonsense"), 404, "model_not_found", ["nonsense"]),
    "no messages": ({"model": "common"}, 400, "invalid_field", ["messages"]),
    "messages of a wrong type": (
        {"model": "common", "messages": "x"},
        400,
        "invalid_field",
        ["messages"],
    ),
    "model of a wrong type": ({"model": 1, "messages": []}, 400, "invalid_field", ["model"]),
    "stream of a wrong type": (
        chat("common") | {"stream": "yes"},
        400,
        "invalid_field",
        ["stream"],
    ),
    "model twice": (
        b'{"model": "common", "model": "two", "messages": []}',
        400,
        "invalid_field",
        ["model"],
    ),
    "invalid JSON": (b'{"model": "common",\n "messages": [}', 400, "invalid_json", ["line 2"]),
    "no JSON": (b"", 400, "invalid_json", []),
    "an array": (b"[]", 400, "", []),
    "cut JSON": (b'{"model": "common"', 400, "invalid_json", ["column 19"]),
    "invalid UTF-8": (b'{"model": "\xff", "messages": []}', 400, "invalid_json", []),
    "very deep JSON": (b"[" * 100_000, 400, "", []),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_openai_s_shape(name: str, pair) -> None:
    body, status, code, words = REFUSED[name]
    answer = pair.chat(body)
    assert answer.status == status, answer
    error = answer.error()
    assert error["type"] == "invalid_request_error"
    assert not code or error["code"] == code
    for word in words:
        assert word in error["message"]


def test_models_are_listed(pair) -> None:
    listed = pair.call("GET", "/v1/models").json()
    assert listed["object"] == "list"
    names = {model["id"] for model in listed["data"]}
    assert names >= {"common", "one", "two", "fast"}
    for name in names:
        model = pair.call("GET", f"/v1/models/{name}").json()
        assert (model["id"], model["object"]) == (name, "model")
    missing = pair.call("GET", "/v1/models/nonsense")
    assert (missing.status, missing.error()["code"]) == (404, "model_not_found")


def test_names_of_models_may_hold_slashes(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(models=["org/model"]).url)]})
    assert gateway.chat(chat("org/model")).status == 200
    for path in ("/v1/models/org/model", "/v1/models/org%2Fmodel"):
        assert gateway.call("GET", path).json()["id"] == "org/model"


def test_the_only_model_is_taken_if_none_is_named(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(models=["only"]).url)]})
    assert gateway.chat(chat()).json()["model"] == "only"


def test_another_rocket_s_mark_gives_way_to_ours(rocket, upstream) -> None:
    inner = upstream(reply=lambda seen: (200, CHAT | {"_backend": "inner", "more": 1}))
    gateway = rocket({"backends": [backend("outer", inner.url)]})
    answer = gateway.chat(chat("m"))
    assert answer.body.count(b'"_backend"') == 1
    assert answer.json() == CHAT | {"_backend": "outer", "more": 1}


def test_no_model_named_and_no_default(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(models=["x", "y"]).url)]})
    answer = gateway.chat(chat())
    assert (answer.status, answer.error()["code"]) == (400, "no_model")
    assert "default_model" in answer.error()["message"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_backend_that_is_named_without_a_model_does_not_choose(path: str, rocket, fake) -> None:
    """Another one has but one model, which would answer who names nobody."""
    several, other = fake(models=["x", "y"]), fake(models=["z"])
    gateway = rocket({"backends": [backend("several", several.url), backend("other", other.url)]})
    gateway.wait_for_models("x", "y", "z")
    body = {"max_tokens": 8, "stream": False, "messages": [{"role": "user", "content": "Hello"}]}
    assert gateway.call("POST", path, body).header("x-rocket-backend") == "other"
    for said, headers in (({"backend": "several"}, {}), ({}, {"x-rocket-backend": "several"})):
        answer = gateway.call("POST", path, body | said, headers=headers)
        assert answer.status == 400 and b"in `model`: x, y" in answer.body, answer.body


def test_weights_split_the_first_pick(rocket, fake) -> None:
    urls = [fake(models=["x"]).url, fake(models=["y"]).url]
    gateway = rocket(
        {
            "backends": [backend("a", urls[0]), backend("b", urls[1])],
            "models": {
                "split": [
                    {"backend": "a", "model": "x", "weight": 75},
                    {"backend": "b", "model": "y", "weight": 25},
                ]
            },
        }
    )
    picks = [gateway.chat(chat("split")).header("x-rocket-backend") for _ in range(200)]
    # Six standard deviations to each side of 150.
    assert 113 <= picks.count("a") <= 187


def test_a_weight_of_zero_is_asked_when_the_others_can_not(rocket, fake) -> None:
    spare, first = fake(models=["x"]), fake(models=["y"])
    gateway = rocket(
        {
            "backends": [backend("a", spare.url), backend("b", first.url)],
            "models": {
                "split": [
                    {"backend": "a", "model": "x", "weight": 0},
                    {"backend": "b", "model": "y", "weight": 1},
                ]
            },
        }
    )
    assert {gateway.chat(chat("split")).header("x-rocket-backend") for _ in range(20)} == {"b"}
    first.kill()
    assert gateway.chat(chat("split")).header("x-rocket-backend") == "a"


def test_ollama_s_latest_needs_no_tag(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("o", fake("ollama", models=["llama3:latest"]).url, "ollama")]}
    )
    assert gateway.chat(chat("llama3")).status == 200
    for name in ("llama3", "llama3:latest"):
        told = gateway.call("GET", f"/v1/models/{name}").json()
        assert (told["id"], told["owned_by"]) == (name, "o")
    assert gateway.call("GET", "/v1/models/llama").status == 404


NAMES = ["a", "b", "c", "d"]
PAGES = {
    "": ("abcd", False),
    "limit=1000": ("abcd", False),
    "limit=3": ("abc", True),
    "limit=4": ("abcd", False),
    "after_id=b": ("cd", False),
    "after_id=a&limit=2": ("bc", True),
    "after_id=d": ("", False),
    "before_id=d&limit=2": ("bc", True),
    "before_id=c": ("ab", False),
    "before_id=a": ("", False),
    "after_id=a&before_id=d": ("bc", False),
    # One that has gone meanwhile.
    "after_id=e&limit=2": ("ab", True),
    "before_id=e": ("abcd", False),
}
NO_PAGES = ["limit=0", "limit=1001", "limit=x", "limit="]


def test_anthropic_s_list_has_pages(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("x", fake(models=NAMES).url)]})
    gateway.wait_for_models(*NAMES)
    version = {"anthropic-version": "2023-06-01"}
    for query, (names, more) in PAGES.items():
        told = gateway.call("GET", f"/v1/models?{query}", headers=version).json()
        assert [each["id"] for each in told["data"]] == list(names), query
        assert told["has_more"] is more, query
        ends = (names[0], names[-1]) if names else (None, None)
        assert (told["first_id"], told["last_id"]) == ends, query
    for query in NO_PAGES:
        answer = gateway.call("GET", f"/v1/models?{query}", headers=version)
        assert answer.status == 400 and answer.json()["type"] == "error", query
    # OpenAI's has none.
    told = gateway.call("GET", "/v1/models?limit=1").json()
    assert [each["id"] for each in told["data"]] == NAMES


@pytest.mark.parametrize("kind", ["ollama", "vllm", "lmstudio", "openai"])
def test_every_kind_answers(kind: str, rocket, fake) -> None:
    server = fake({"openai": "llama_cpp"}.get(kind, kind))
    gateway = rocket({"backends": [backend("x", server.url, kind)]})
    gateway.wait_for_models("m")
    assert gateway.chat(chat("m")).status == 200
    assert streamed_text(gateway.chat(chat("m", stream=True)).body)
    assert gateway.call("POST", "/v1/completions", {"model": "m", "prompt": "x"}).json()["choices"]
    assert gateway.call("POST", "/v1/embeddings", {"model": "m", "input": "x"}).json()["data"]


def test_the_mark_can_be_left_out(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "mark_backend": False})
    answer = gateway.chat(chat("m"))
    assert answer.header("x-rocket-backend") == "a"
    assert "_backend" not in answer.json()


def test_usage_is_seen_only_by_who_asked(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    asked = gateway.chat(chat("m", stream=True, stream_options={"include_usage": True}))
    last = json.loads(events(asked.body)[-2])
    assert last["choices"] == [] and last["usage"]["completion_tokens"] > 0
    plain = gateway.chat(chat("m", stream=True))
    assert all(
        "usage" not in json.loads(data) or not json.loads(data)["usage"]
        for data in events(plain.body)[:-1]
    )
    # Both were counted.
    lines = gateway.access_lines(2)
    assert [line["tokens_out"] for line in lines] == [4, 4]


def test_what_is_sent_upstream_is_the_client_s_body_but_for_our_fields(rocket, upstream) -> None:
    recorder = upstream()
    gateway = rocket({"backends": [backend("a", recorder.url, default_model="m")]})
    body = (
        b'{ "backend":"a", "messages":[{"role":"user","content":"\\u00e4 \xc3\xa4"}],\n'
        b' "temperature":0.10,"seed":12345678901234567890,"x":{"y":[1e3]}}'
    )
    assert (
        gateway.chat(body, headers={"x-rocket-backend": "a", "x-rocket-lane": "batch"}).status
        == 200
    )
    (seen,) = recorder.inference()
    sent = json.loads(seen.body)
    assert sent.pop("model") == "m"
    assert "backend" not in sent
    for kept in (
        b'"temperature":0.10',
        b"12345678901234567890",
        b'"x":{"y":[1e3]}',
        b"\\u00e4 \xc3\xa4",
    ):
        assert kept in seen.body
    assert not [name for name, _ in seen.headers if name.startswith("x-rocket")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_backend_killed_under_load_loses_no_request(stream: bool, rocket, fake) -> None:
    doomed, other = fake(models=["m"]), fake(models=["m"])
    gateway = rocket(
        {"backends": [backend("doomed", doomed.url), backend("other", other.url)]}
        | {"order": ["doomed", "other"], "health": {"interval": "10s"}}
    )
    # Most of its time a request waits for its first token: what has begun can not be saved.
    script = {"head_delay_ms": 30}
    cut = []

    def one(number: int) -> tuple[int, str | None]:
        if number == 30:
            doomed.kill()
        answer = gateway.chat(chat("m", stream=stream, fake=script), cut=None if stream else False)
        if stream and b"[DONE]" not in answer.body:
            *said, last = events(answer.body)
            deltas = [json.loads(each)["choices"][0]["delta"] for each in said]
            assert "error" in json.loads(last) and any(each.get("content") for each in deltas)
            cut.append(number)
        elif stream:
            streamed_text(answer.body)
        return answer.status, answer.header("x-rocket-backend")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(100)))
    assert {status for status, _ in answers} == {200}
    assert len(cut) < 8, cut  # of the others that were under way when it was killed
    assert {name for _, name in answers} == {"doomed", "other"}
    assert gateway.samples("rocket_failovers_total")['{backend="other"}'] >= 1


def test_one_endpoint_of_two_killed_loses_no_request(rocket, fake) -> None:
    doomed, other = fake(), fake()
    gateway = rocket({"backends": [backend("a", [doomed.url, other.url])]})
    doomed.kill()
    answers = [gateway.chat(chat("m")) for _ in range(100)]
    assert {answer.status for answer in answers} == {200}
    assert answers[-1].header("x-rocket-endpoint") == "a/1"


# What a backend does wrong: the status if nobody else is left, and whether it also strikes before
# the first token of a stream.
FAULTS = {
    "hang_before_head": (504, True),
    "reset_before_head": (502, True),
    "end_before_head": (502, True),
    "garbage": (502, True),
    "http09": (502, True),
    "endless_head": (502, True),
    "status_999": (502, True),
    "nul_in_header": (502, True),
    "bare_lf": (502, True),
    "two_lengths": (502, True),
    "length_and_chunked": (502, True),
    "length_too_long": (502, False),
    "bad_chunk_size": (502, False),
    "overflowing_chunk_size": (502, False),
    "continue_flood": (502, True),
    "status_500": (502, True),
    "status_503": (503, True),
    "status_529": (503, True),
    "status_429": (429, True),
    "error_body_200": (502, True),
    "error_event_first": (502, True),
    "gzip_body": (502, True),
    "broken_json": (502, False),
}
SHORT = {"connect": "500ms", "first_token": "500ms", "idle": "500ms", "total": "1500ms"}


def requests_struck(fault: str) -> list[bool]:
    """Whether a request that the fault strikes before its first token is streamed."""
    if fault == "error_event_first":
        return [True]
    return [False, True] if FAULTS[fault][1] else [False]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_with_nobody_left_is_a_clear_error(fault: str, rocket, fake) -> None:
    status, _ = FAULTS[fault]
    gateway = rocket(
        {"backends": [backend("bad", fake(fault=fault).url)], "timeouts": SHORT}
        | {"health": {"interval": "10s"}}
    )
    for stream in requests_struck(fault):
        answer = gateway.chat(chat("m", stream=stream))
        assert answer.status == status, (stream, answer)
        assert "127.0.0.1" not in answer.error()["message"]
        if answer.header("x-rocket-attempts"):
            assert re.match("bad( |: )", answer.error()["message"]), "whose fault it is"
        assert (answer.header("retry-after") is not None) == (status in (429, 503))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_the_first_token_is_unseen(fault: str, rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("bad", fake(fault=fault).url), backend("good", fake().url)]}
        | {"order": ["bad", "good"], "health": {"interval": "10s"}}
        | {"timeouts": {**SHORT, "total": "10s"}}
    )
    for stream in requests_struck(fault):
        answer = gateway.chat(chat("m", stream=stream))
        assert answer.status == 200, (stream, answer)
        assert answer.header("x-rocket-backend") == "good"
        # A kept connection that dies before it says a word may be its age: one more try is free.
        # One that asked to be left alone, or whose provider is overloaded, is not asked meanwhile.
        left_alone = stream and fault in ("status_429", "status_503", "status_529")
        attempts = ("1",) if left_alone else ("2", "3")
        assert answer.header("x-rocket-attempts") in attempts
        if stream:
            assert streamed_text(answer.body)


BROKEN_STREAMS = [
    "hang_mid_stream",
    "reset_mid_stream",
    "end_mid_stream",
    "no_done",
    "error_event_mid_stream",
    "broken_json",
    "long_line",
    "bad_chunk_size",
    "overflowing_chunk_size",
]


@pytest.mark.parametrize("fault", BROKEN_STREAMS)
def test_a_stream_that_breaks_never_looks_whole(fault: str, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("bad", fake(fault=fault).url)], "timeouts": SHORT})
    answer = gateway.chat(
        chat("m", stream=True, fake={"tokens": 8, "event_delay_ms": 20, "at": 4}), cut=True
    )
    assert answer.status == 200
    data = events(answer.body)
    assert "[DONE]" not in data
    error = json.loads(data[-1])["error"]
    assert re.match("bad( |: )", error["message"]) and error["type"]
    (line,) = gateway.access_lines(1)
    assert line["outcome"] == "cut"
    assert line["blame"] == "upstream"


@pytest.mark.parametrize("fault", ["early_hints", "split_every_byte", "close_unannounced"])
def test_what_is_odd_but_right_is_answered(fault: str, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("odd", fake(fault=fault).url)]})
    plain = "word0 word1 word2 word3 "
    for _ in range(3):
        assert streamed_text(gateway.chat(chat("m", stream=True)).body) == plain
        whole = gateway.chat(chat("m"))
        assert whole.json()["choices"][0]["message"]["content"] == plain
