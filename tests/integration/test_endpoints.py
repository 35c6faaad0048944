"""What Rocket knows of its endpoints, as /backends tells it, and what follows from it."""

from concurrent.futures import ThreadPoolExecutor

from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import chat


def endpoints(gateway: Gateway) -> dict[str, dict]:
    """Every endpoint by its id."""
    described = gateway.admin("/backends").json()["backends"]
    return {each["id"]: each for one in described for each in one["endpoints"]}


def verdict(gateway: Gateway, name: str) -> tuple[str, str] | None:
    found = endpoints(gateway).get(name)
    return (found["verdict"], found["reason"]) if found else None


def test_what_servers_tell_of_their_load(rocket, fake) -> None:
    busy = fake("vllm", waiting=3, running=8, cache_permille=500)
    silent = fake("vllm", tells_load=False)
    slots = fake("llama_cpp", running=1, slots=2)
    gateway = rocket(
        {
            "backends": [
                backend("v", [busy.url, silent.url], "vllm"),
                backend("l", slots.url),
            ]
        }
    )
    told = wait_until("all is told", lambda: told_of(gateway))
    assert told["v/0"]["load"] == {
        "waiting": 3,
        "running": 8,
        "slots": None,
        "cache_usage": 0.5,
    }
    assert (told["v/0"]["verdict"], told["v/0"]["reason"]) == ("busy", "requests_waiting")
    assert told["v/0"]["missing_gauges"] == []
    assert told["v/1"]["load"] is None
    assert told["v/1"]["missing_gauges"] == [
        "vllm:num_requests_waiting",
        "vllm:num_requests_running",
        "vllm:kv_cache_usage_perc",
    ]
    assert (told["l/0"]["load"]["running"], told["l/0"]["load"]["slots"]) == (1, 2)
    assert told["l/0"]["verdict"] == "healthy"
    # The one that tells nothing is asked, rather than the one with a queue.
    for _ in range(10):
        asked = gateway.chat(chat("m", backend="v"))
        assert asked.header("x-rocket-endpoint") == "v/1"
    gateway.finish()
    assert gateway.program.err().count("gauges that were expected are missing") == 1


def test_a_list_of_models_that_can_not_be_read_is_told(rocket, upstream) -> None:
    """As that of a vLLM that wants a key: it is alive for everybody."""
    gateway = rocket(
        {"backends": [backend("v", upstream(missing=["/v1/models"]).url, "vllm")]}, ready=False
    )
    wait_until(
        "it is told", lambda: verdict(gateway, "v/0") == ("degraded", "models_untold"), seconds=10
    )
    gateway.program.said("/v1/models: status 404")
    answer = gateway.chat(chat("m"))
    assert answer.status == 503
    assert "has told yet which models it has" in answer.error()["message"]
    gateway.finish()
    assert gateway.program.err().count("which models it has can not be read") == 1


def test_who_never_tells_what_is_loaded_is_not_taken_for_cold(rocket, upstream) -> None:
    """Some that speak Ollama's API have no `/api/ps`."""
    silent = upstream(missing=["/api/ps"])
    gateway = rocket({"backends": [backend("o", silent.url, "ollama")]})
    assert verdict(gateway, "o/0") == ("healthy", "")
    assert [each["loaded"] for each in endpoints(gateway)["o/0"]["models"]] == [True]


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 1},
}


def test_who_lists_no_models_is_not_taken_for_dead(rocket, fake, upstream) -> None:
    """Others that speak Anthropic's Messages have no `/v1/models`."""
    silent = upstream(reply=lambda seen: (200, MESSAGE), missing=["/v1/models?limit=1000"])
    gateway = rocket(
        {
            "backends": [
                backend("claude", silent.url, "anthropic", default_model="d"),
                backend("other", fake(models=["m"]).url),
            ],
            "models": {
                "c": [{"backend": "claude", "model": "c"}, {"backend": "other", "model": "m"}]
            },
        }
    )
    gateway.wait_ready()
    assert verdict(gateway, "claude/0") == ("healthy", "")
    for model in ("c", "d"):
        answer = gateway.call("POST", "/v1/messages", chat(model, max_tokens=9))
        assert (answer.status, answer.header("x-rocket-backend")) == (200, "claude"), model


def told_of(gateway: Gateway) -> dict[str, dict] | None:
    told = endpoints(gateway)
    return told if told["v/0"]["load"] and told["l/0"]["load"] else None


def test_what_servers_tell_of_their_models(rocket, fake) -> None:
    able = fake("ollama", models=["x", "y"], loaded=["x"], context=4096, abilities=["tools"])
    cold = fake("lmstudio", models=["z"], context=8192, abilities=["vision"])
    gateway = rocket(
        {"backends": [backend("o", able.url, "ollama"), backend("s", cold.url, "lmstudio")]}
    )
    told = endpoints(gateway)
    assert told["o/0"]["models"] == [
        {"name": "x", "loaded": True, "tools": True, "vision": False, "context": 4096},
        {"name": "y", "loaded": False, "tools": True, "vision": False, "context": 4096},
    ]
    assert told["s/0"]["models"] == [
        {"name": "z", "loaded": False, "tools": None, "vision": True, "context": 8192}
    ]
    assert verdict(gateway, "o/0") == ("healthy", "")
    assert verdict(gateway, "s/0") == ("cold", "no_model_loaded")

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    seeing = {"messages": [{"role": "user", "content": [image]}]}
    refused = gateway.chat({"model": "x", **seeing})
    assert refused.status == 400
    assert refused.error()["code"] == "capability_missing"
    assert "z (s)" in refused.error()["message"]
    assert gateway.chat({"model": "z", **seeing}).status == 200


def test_an_endpoint_that_is_taken_out_is_seen_to_drain(rocket, fake) -> None:
    leaving, staying = fake(), fake()
    both = [backend("a", leaving.url), backend("b", staying.url)]
    gateway = rocket({"backends": both})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.chat, chat("m", fake={"head_delay_ms": 2000}))
        wait_until("it is under way", lambda: endpoints(gateway)["a/0"]["in_flight"] == 1)
        gateway.write_config({"backends": both[1:]})
        wait_until(
            "it drains",
            lambda: verdict(gateway, "a/0") == ("draining", "removed_from_configuration"),
        )
        assert gateway.chat(chat("m")).header("x-rocket-endpoint") == "b/0"
        assert answer.result().status == 200
    wait_until("it has gone", lambda: verdict(gateway, "a/0") is None)


def test_a_rocket_that_drains_is_left(rocket, fake) -> None:
    """Its /readyz says so from the moment of its SIGTERM on, while it still answers."""
    servers = [fake(), fake()]
    behind = [
        rocket({"backends": [backend("m", each.url)], "drain": {"lame_duck": "3s"}})
        for each in servers
    ]
    front = rocket({"backends": [backend("r", [one.url for one in behind], health_path="/readyz")]})
    front.wait_for_models("m")
    behind[0].terminate()
    wait_until("it is seen", lambda: verdict(front, "r/0") == ("draining", "says_that_it_drains"))
    for _ in range(10):
        answer = front.chat(chat("m"))
        assert (answer.status, answer.header("x-rocket-endpoint")) == (200, "r/1")


def test_a_session_stays_at_its_endpoint(rocket, fake) -> None:
    servers = [fake() for _ in range(3)]
    gateway = rocket({"backends": [backend("a", [each.url for each in servers])]})

    def home(session: str) -> str | None:
        answer = gateway.chat(chat("m"), headers={"x-rocket-session": session})
        assert answer.status == 200
        return answer.header("x-rocket-endpoint")

    for number in range(5):
        assert len({home(f"session {number}") for _ in range(6)}) == 1
    assert len({home(f"session {number}") for number in range(30)}) == 3
