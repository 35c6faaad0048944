"""The official `ollama` package for Python, over real Ollama and over real llama-server."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import ollama
import pytest
from clients import (
    CITIES,
    COUNT,
    EMBEDDING_MODELS,
    ENGINES,
    OLLAMA_FORCED,
    QUESTION,
    TOOL,
    WEATHER,
)
from two_calls import CALLS, TWO_TOOLS

from harness.engines import OLLAMA_MODEL, OLLAMA_TOOLS_MODEL
from harness.gateway import Gateway, backend
from harness.waiting import wait_until

OPTIONS = {"messages": QUESTION, "options": {"num_predict": 12, "temperature": 0}}
CALLING = {
    "messages": WEATHER,
    "tools": [TOOL],
    "options": {"num_predict": 64, "temperature": 0},
    **OLLAMA_FORCED,
}


def client_of(gateway: Gateway, **options) -> ollama.Client:
    return ollama.Client(gateway.url, **{"timeout": 120, **options})


@pytest.fixture
def client(over_real_engines: Gateway) -> ollama.Client:
    return client_of(over_real_engines)


@pytest.fixture
def over_fake(rocket, fake) -> Gateway:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.wait_for_models("m")
    return gateway


def text_of(parts: Iterable[ollama.ChatResponse]) -> str:
    return "".join(part.message.content or "" for part in parts)


def check_end(last: ollama.ChatResponse | ollama.GenerateResponse) -> None:
    """What only the whole answer, or the last line of a stream, tells."""
    assert last.done and last.done_reason in ("stop", "length")
    assert last.prompt_eval_count > 0 and last.eval_count > 0


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_a_model_is_only_loaded(over_real_engines: Gateway, engine: str, path: str) -> None:
    """Who asks nothing is answered in one piece, though it would be a stream otherwise."""
    url = over_real_engines.url + path
    answer = httpx.post(url, json={"model": ENGINES[engine]}, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.json()["done"] and answer.json()["done_reason"] == "load"


def test_chat(over_real_engines: Gateway, engine: str) -> None:
    answers: list[httpx.Response] = []
    client = client_of(over_real_engines, event_hooks={"response": [answers.append]})
    answer = client.chat(ENGINES[engine], **OPTIONS)
    assert answers[0].headers["x-rocket-backend"] == engine
    assert answer.model == ENGINES[engine] and answer.created_at
    assert answer.message.role == "assistant" and answer.message.content
    check_end(answer)


def test_stream(client: ollama.Client, engine: str) -> None:
    whole = client.chat(ENGINES[engine], **OPTIONS)
    parts = list(client.chat(ENGINES[engine], **OPTIONS, stream=True))
    assert text_of(parts) == whole.message.content
    assert len(parts) > 2 and not any(part.done for part in parts[:-1])
    assert {part.model for part in parts} == {ENGINES[engine]}
    assert {part.message.role for part in parts} == {"assistant"}
    assert all(part.created_at for part in parts)
    check_end(parts[-1])
    assert parts[-1].done_reason == whole.done_reason
    assert parts[-1].eval_count == whole.eval_count


def test_a_system_prompt_arrives(client: ollama.Client, engine: str) -> None:
    def read(system: str) -> int:
        messages = [{"role": "system", "content": system}, *QUESTION]
        answer = client.chat(ENGINES[engine], **{**OPTIONS, "messages": messages})
        assert answer.message.content
        return answer.prompt_eval_count

    assert read("You are a terse geographer. You answer in one word.") >= read("Hi") + 8


def test_the_limit_is_told(client: ollama.Client, engine: str) -> None:
    options = {"messages": COUNT, "options": {"num_predict": 4, "temperature": 0}}
    whole = client.chat(ENGINES[engine], **options)
    last = list(client.chat(ENGINES[engine], **options, stream=True))[-1]
    for each in (whole, last):
        assert each.done_reason == "length"
        assert 0 < each.eval_count <= 4


def test_a_stop_ends_it(client: ollama.Client, engine: str) -> None:
    whole = client.chat(ENGINES[engine], **OPTIONS).message.content
    word = whole.split()[-1]
    answer = client.chat(
        ENGINES[engine], messages=QUESTION, options={**OPTIONS["options"], "stop": [word]}
    )
    assert answer.message.content.strip() == whole[: whole.index(word)].strip()
    assert answer.done_reason == "stop"


def test_generate(client: ollama.Client, engine: str) -> None:
    options = {"prompt": QUESTION[0]["content"], "options": OPTIONS["options"]}
    whole = client.generate(ENGINES[engine], **options)
    assert whole.model == ENGINES[engine] and whole.response
    check_end(whole)
    parts = list(client.generate(ENGINES[engine], **options, stream=True))
    assert "".join(part.response for part in parts) == whole.response
    assert not any(part.done for part in parts[:-1])
    check_end(parts[-1])
    told = client.generate(ENGINES[engine], **options, system="You are a terse geographer. " * 4)
    assert told.response and told.prompt_eval_count > whole.prompt_eval_count
    # It is a chat of one turn.
    assert whole.response == client.chat(ENGINES[engine], **OPTIONS).message.content


def test_embed(client: ollama.Client, embedder: str) -> None:
    one = client.embed(EMBEDDING_MODELS[embedder], input="hello")
    many = client.embed(EMBEDDING_MODELS[embedder], input=["hello", "world"])
    assert (len(one.embeddings), len(many.embeddings)) == (1, 2)
    assert one.embeddings[0] == pytest.approx(many.embeddings[0], abs=1e-3)
    assert many.embeddings[0] != many.embeddings[1]
    assert one.model == EMBEDDING_MODELS[embedder] and one.prompt_eval_count > 0


def test_an_answer_follows_its_schema(client: ollama.Client, engine: str) -> None:
    options = {"messages": QUESTION, "options": {"num_predict": 80, "temperature": 0}}
    whole = client.chat(ENGINES[engine], **options, format=CITIES)
    assert json.loads(whole.message.content)["city"] in ("Paris", "Rome")
    parts = client.chat(ENGINES[engine], **options, format=CITIES, stream=True)
    assert json.loads(text_of(parts)) == json.loads(whole.message.content)
    made = client.generate(
        ENGINES[engine], "What is it?", format=CITIES, options=options["options"]
    )
    assert json.loads(made.response)["city"] in ("Paris", "Rome")


def test_json_mode(client: ollama.Client, engine: str) -> None:
    answer = client.chat(
        ENGINES[engine],
        messages=[{"role": "user", "content": 'Say {"ok": true} as JSON.'}],
        options={"num_predict": 64, "temperature": 0},
        format="json",
    )
    assert answer.message.content.lstrip().startswith("{")
    if answer.done_reason == "stop":
        assert isinstance(json.loads(answer.message.content), dict)


def check_call(message: ollama.Message) -> None:
    """One call of the tool, whole, with arguments that its schema allows."""
    assert not message.content
    (call,) = message.tool_calls
    assert call.function.name == "weather"
    assert call.function.arguments.keys() == {"city"}
    assert call.function.arguments["city"] in ("Paris", "Rome")


def test_a_tool_is_called(client: ollama.Client) -> None:
    """Ollama alone: nothing in its API forces a call."""
    whole = client.chat(**CALLING)
    check_call(whole.message)
    parts = list(client.chat(**CALLING, stream=True))
    (calling,) = [part for part in parts if part.message.tool_calls]
    assert text_of(parts) == ""
    check_call(calling.message)
    assert whole.done_reason == parts[-1].done_reason == "stop"


@pytest.mark.parametrize("name", ["tools", OLLAMA_TOOLS_MODEL], ids=["llama", "ollama"])
def test_a_tool_s_answer_is_taken_back(client: ollama.Client, name: str) -> None:
    called = client.chat(**CALLING).message
    messages = [*WEATHER, called, {"role": "tool", "tool_name": "weather", "content": "Rain."}]
    options = {"num_predict": 8, "temperature": 0}
    assert client.chat(name, messages=messages, options=options).message.content


def test_calls_of_a_chat(over_script: Gateway) -> None:
    options = {"model": "m", "messages": QUESTION, "tools": TWO_TOOLS}
    client = client_of(over_script)
    whole = client.chat(**options)
    parts = list(client.chat(**options, stream=True))
    expected = [(name, json.loads(arguments)) for _, name, arguments in CALLS]
    for answers in ([whole], parts):
        calls = [call for each in answers for call in each.message.tool_calls or []]
        assert [(c.function.name, c.function.arguments) for c in calls] == expected
        assert answers[-1].done and answers[-1].done_reason == "stop"


def test_list(client: ollama.Client) -> None:
    models = client.list().models
    assert {each.model for each in models} >= {"chat", "tools", "tiny-embeddings", OLLAMA_MODEL}
    assert len({each.model for each in models}) == len(models)


def test_show(client: ollama.Client, engine: str) -> None:
    shown = client.show(ENGINES[engine])
    assert "completion" in shown.capabilities
    assert shown.details is not None and shown.modelinfo is not None


def test_ps(client: ollama.Client) -> None:
    client.chat(OLLAMA_MODEL, **OPTIONS)
    # They are the same weights: Ollama tells one of them, whichever was asked first.
    either = {OLLAMA_MODEL, OLLAMA_TOOLS_MODEL}
    wait_until(
        "the model that has just answered is told as loaded",
        lambda: either & {each.model for each in client.ps().models},
    )
    loaded = client.ps().models
    assert {each.model for each in loaded} <= {m.model for m in client.list().models}
    # Ollama unloads it some minutes later, and tells when.
    ends = [each.expires_at for each in loaded if each.model in either]
    assert all(timedelta(0) < end - datetime.now(UTC) < timedelta(hours=1) for end in ends), ends


def test_version(over_real_engines: Gateway) -> None:
    answer = over_real_engines.call("GET", "/api/version")
    assert answer.status == 200 and answer.json()["version"]


# Name: (the call, status, words of the error).
BAD: dict[str, tuple[Callable[[ollama.Client], object], int, list[str]]] = {
    "unknown model": (lambda c: c.chat("nonsense", QUESTION), 404, ["nonsense"]),
    "unknown model, streamed": (
        lambda c: list(c.chat("nonsense", QUESTION, stream=True)),
        404,
        ["nonsense"],
    ),
    "unknown model, generated": (lambda c: c.generate("nonsense", "Hi"), 404, ["nonsense"]),
    "unknown model, embedded": (lambda c: c.embed("nonsense", "Hi"), 404, ["nonsense"]),
    "unknown model, shown": (lambda c: c.show("nonsense"), 404, ["nonsense"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, over_real_engines: Gateway) -> None:
    call, status, words = BAD[name]
    with pytest.raises(ollama.ResponseError) as raised:
        call(client_of(over_real_engines))
    check_error(raised.value, status, words)


def check_error(error: ollama.ResponseError, status: int, words: list[str]) -> None:
    assert error.status_code == status
    # The package takes the text out of {"error": ...}; anything else would stand there whole.
    assert error.error and not error.error.startswith("{")
    for word in words:
        assert word in error.error, error.error
    assert "127.0.0.1" not in error.error


def test_what_an_engine_refuses(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as raised:
        client.chat("chat", messages=QUESTION, options={"temperature": "hot"})
    check_error(raised.value, 400, [])


MANAGEMENT: dict[str, Callable[[ollama.Client, Path], object]] = {
    "create": lambda client, _: client.create("mine", from_=OLLAMA_MODEL),
    "create, streamed": lambda c, _: list(c.create("mine", from_=OLLAMA_MODEL, stream=True)),
    "pull": lambda client, _: client.pull("mine"),
    "push": lambda client, _: client.push("mine"),
    "copy": lambda client, _: client.copy("mine", "other"),
    "delete": lambda client, _: client.delete("mine"),
    "blob": lambda client, file: client.create_blob(file),
}


@pytest.mark.parametrize("name", MANAGEMENT)
def test_nobody_manages_models(name: str, over_fake: Gateway, tmp_path: Path) -> None:
    """Over a fake, which could not do it: what a mistake let through would harm nobody's models."""
    file = tmp_path / "blob"
    file.write_bytes(b"GGUF")
    with pytest.raises(ollama.ResponseError) as raised:
        MANAGEMENT[name](client_of(over_fake), file)
    check_error(raised.value, 403, [])


# Fault: status.
FAULTS = {"status_429": 429, "status_500": 502, "status_503": 503, "garbage": 502}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_upstream_s_fault(fault: str, stream: bool, rocket, fake) -> None:
    client = client_of(rocket({"backends": [backend("bad", fake(fault=fault).url)]}))
    with pytest.raises(ollama.ResponseError) as raised:
        list(client.chat("m", QUESTION, stream=stream))
    check_error(raised.value, FAULTS[fault], [])


def test_a_stream_that_breaks_raises(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("bad", fake(fault="reset_mid_stream").url)]})
    parts = []
    with pytest.raises(ollama.ResponseError) as raised:
        for part in client_of(gateway).chat("m", QUESTION, stream=True):
            parts.append(part)
    # The error's own line, not merely a connection that broke.
    check_error(raised.value, -1, [])
    assert not any(part.done for part in parts)


def test_what_is_lost_is_named(over_fake: Gateway) -> None:
    options = {"model": "m", "messages": QUESTION, "options": {"mirostat": 1}}
    answers: list[httpx.Response] = []
    hooks = {"response": [answers.append]}
    client_of(over_fake, event_hooks=hooks).chat(**options)
    list(client_of(over_fake, event_hooks=hooks).chat(**options, stream=True))
    for answer in answers:
        assert "mirostat" in answer.headers["x-rocket-translation"]
    with pytest.raises(ollama.ResponseError) as raised:
        client_of(over_fake, headers={"x-rocket-strict": "1"}).chat(**options)
    check_error(raised.value, 400, ["mirostat"])


def test_an_abort_reaches_the_engine(client: ollama.Client, engine: str, at_work: Callable) -> None:
    working = at_work(engine)
    parts = client.chat(ENGINES[engine], messages=COUNT, options={"num_predict": 1500}, stream=True)
    for _ in range(3):
        next(parts)
    assert working()
    parts.close()
    # It would go on for some ten seconds otherwise.
    wait_until(f"{engine} has stopped", lambda: not working(), seconds=1)
