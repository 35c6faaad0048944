"""An image is held once, as it was sent: whoever asks, whichever dialect the backend speaks, and
whether the request fails over."""

import base64

import pytest

from harness.gateway import Gateway, backend

IMAGE_BYTES = 8 << 20  # of base64
IMAGE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(IMAGE_BYTES * 3 // 4 - 8)).decode()
URL = f"data:image/png;base64,{IMAGE}"
SOURCE = {"type": "base64", "media_type": "image/png", "data": IMAGE}


def turn(*content: dict) -> dict:
    return {"messages": [{"role": "user", "content": list(content)}]}


# Name: path and body.
ASKED: dict[str, tuple[str, dict]] = {
    "chat": (
        "/v1/chat/completions",
        turn({"type": "image_url", "image_url": {"url": URL}}, {"type": "text", "text": "What?"}),
    ),
    "responses": (
        "/v1/responses",
        {
            "store": False,
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": URL}]},
            ],
        },
    ),
    "messages": (
        "/v1/messages",
        {"max_tokens": 9, **turn({"type": "image", "source": SOURCE})},
    ),
    "ollama": (
        "/api/chat",
        {"messages": [{"role": "user", "content": "What?", "images": [IMAGE]}]},
    ),
}
KINDS = {"llama_cpp": "openai", "ollama": "ollama", "anthropic": "anthropic"}


def peak_kib(gateway: Gateway) -> int:
    """The most memory that it has ever had."""
    status = open(f"/proc/{gateway.program.pid}/status").read()
    return int(status.partition("VmHWM:")[2].split()[0])


def ask(gateway: Gateway, name: str, **more) -> int:
    path, body = ASKED[name]
    return gateway.call("POST", path, {"model": "m", "stream": False, **body, **more}).status


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ASKED)
def test_an_image_is_held_once(name: str, kind: str, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(kind).url, KINDS[kind])]})
    gateway.wait_for_models("m")
    before = peak_kib(gateway)
    assert ask(gateway, name) == 200
    # Less than one and a half of it: it is not there a second time.
    assert peak_kib(gateway) - before < IMAGE_BYTES * 3 // 2 // 1024


def test_a_failover_needs_no_second_one(rocket, fake) -> None:
    """From one dialect into another, before and after it has been sent."""
    backends = [
        backend("a", fake("anthropic", fault="status_500").url, "anthropic"),
        backend("b", fake("llama_cpp", fault="reset_before_head").url),
        backend("c", fake("ollama").url, "ollama"),
    ]
    gateway = rocket({"backends": backends, "order": ["a", "b", "c"]})
    gateway.wait_for_models("m")
    before = peak_kib(gateway)
    assert ask(gateway, "messages") == 200
    assert peak_kib(gateway) - before < IMAGE_BYTES * 3 // 2 // 1024


def test_what_is_kept_of_a_response_is_one_more(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.wait_for_models("m")
    before = peak_kib(gateway)
    assert ask(gateway, "responses", store=True) == 200
    grown = peak_kib(gateway) - before
    assert IMAGE_BYTES * 3 // 2 // 1024 < grown < IMAGE_BYTES * 5 // 2 // 1024
