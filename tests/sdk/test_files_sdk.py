"""OpenAI's Files by the official `openai` package for Python."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from harness.gateway import Gateway, backend
from harness.keys import entry, write_keys

LINES = b'{"custom_id": "1"}\n{"custom_id": "2"}\n'


@pytest.fixture
def gateway(rocket: Callable[..., Gateway], fake, tmp_path: Path) -> Gateway:
    keys = write_keys(tmp_path / "keys.yaml", entry("a", "rk-a"), entry("b", "rk-b"))
    return rocket(
        {
            "backends": [backend("a", fake().url)],
            "keys_file": str(keys),
            "store": {"path": str(tmp_path / "store")},
        }
    )


def client(gateway: Gateway, key: str = "rk-a", **more) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=0, **more)


def test_create_retrieve_content_list_delete(gateway: Gateway, tmp_path: Path) -> None:
    with client(gateway) as files:
        path = tmp_path / "requests.jsonl"
        path.write_bytes(LINES)
        first = files.files.create(file=path, purpose="batch")
        assert (first.object, first.filename, first.bytes) == ("file", path.name, len(LINES))
        assert (first.purpose, first.status) == ("batch", "processed")
        second = files.files.create(
            file=("größer.bin", io.BytesIO(b"\xff" * 1_000_000)),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert second.filename == "größer.bin"
        assert second.expires_at == second.created_at + 3600
        assert files.files.retrieve(first.id) == first
        assert files.files.content(first.id).read() == LINES
        with files.files.with_streaming_response.content(second.id) as response:
            assert b"".join(response.iter_bytes()) == b"\xff" * 1_000_000
        assert files.files.wait_for_processing(first.id) == first
        # All pages, one file each.
        assert [each.id for each in files.files.list(limit=1)] == [second.id, first.id]
        assert [each.id for each in files.files.list(order="asc", purpose="batch")] == [first.id]
        deleted = files.files.delete(first.id)
        assert deleted.deleted and deleted.id == first.id
        with pytest.raises(openai.NotFoundError) as refused:
            files.files.retrieve(first.id)
        assert refused.value.code == "file_not_found"


def test_another_key_finds_nothing(gateway: Gateway) -> None:
    with client(gateway) as mine, client(gateway, "rk-b") as another:
        file = mine.files.create(file=("a.jsonl", LINES), purpose="batch")
        for ask in (another.files.retrieve, another.files.content, another.files.delete):
            with pytest.raises(openai.NotFoundError):
                ask(file.id)
        assert list(another.files.list()) == []


def test_what_is_wrong_is_a_bad_request(gateway: Gateway) -> None:
    with client(gateway) as files, pytest.raises(openai.BadRequestError) as refused:
        files.files.create(file=("a.jsonl", LINES), purpose="fine-tuning")  # type: ignore[arg-type]
    assert "purpose" in refused.value.message


async def read_slowly(gateway: Gateway) -> bytes:
    async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="rk-a") as files:
        file = await files.files.create(file=("a.bin", b"x" * 3_000_000), purpose="user_data")
        content = await files.files.content(file.id)
        return content.content


def test_the_asynchronous_client(gateway: Gateway) -> None:
    assert asyncio.run(read_slowly(gateway)) == b"x" * 3_000_000
