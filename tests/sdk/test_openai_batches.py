"""OpenAI's own client drives files and batches, over the fake backend."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from harness import batches
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.waiting import wait_until


@pytest.fixture
def client(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> Iterator[openai.OpenAI]:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "store": {"path": str(tmp_path / "store")}}
    )
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def upload(client: openai.OpenAI, text: str) -> str:
    return client.files.create(file=("in.jsonl", io.BytesIO(text.encode())), purpose="batch").id


def wait(client: openai.OpenAI, batch_id: str) -> openai.types.Batch:
    def ended() -> openai.types.Batch | None:
        batch = client.batches.retrieve(batch_id)
        return batch if batch.status in batches.ENDED else None

    return wait_until("the batch has ended", ended, 60)


def test_the_whole_cycle(client: openai.OpenAI) -> None:
    made = client.batches.create(
        input_file_id=upload(client, batches.lines(20)),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"name": "nightly"},
    )
    assert made.status == "validating" and made.metadata == {"name": "nightly"}
    ended = wait(client, made.id)
    assert ended.status == "completed" and ended.errors is None
    assert ended.request_counts is not None
    assert (ended.request_counts.total, ended.request_counts.completed) == (20, 20)
    assert ended.usage is not None and ended.usage.total_tokens > 0
    assert ended.output_file_id is not None
    text = client.files.content(ended.output_file_id).text
    assert len(text.splitlines()) == 20
    assert client.files.retrieve(ended.output_file_id).purpose == "batch_output"
    assert [each.id for each in client.batches.list(limit=1)] == [made.id]


def test_a_bad_file(client: openai.OpenAI) -> None:
    made = client.batches.create(
        input_file_id=upload(client, batches.lines(1) + "nonsense\n"),
        endpoint="/v1/chat/completions",
        completion_window="24h",
    )
    ended = wait(client, made.id)
    assert ended.status == "failed" and ended.errors is not None and ended.errors.data
    assert (ended.errors.data[0].code, ended.errors.data[0].line) == ("invalid_json_line", 2)


def test_cancel(client: openai.OpenAI) -> None:
    made = client.batches.create(
        input_file_id=upload(client, batches.lines(20, head_delay_ms=60_000)),
        endpoint="/v1/chat/completions",
        completion_window="24h",
    )
    assert client.batches.cancel(made.id).status in ("cancelling", "cancelled")
    assert wait(client, made.id).status == "cancelled"


def test_errors_are_its_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.BadRequestError):
        client.batches.create(
            input_file_id="file-none",
            endpoint="/v1/chat/completions",
            completion_window="24h",
        )


def test_pages_are_followed(client: openai.OpenAI) -> None:
    file_id = upload(client, batches.lines(1))
    made = [
        client.batches.create(
            input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
        ).id
        for _ in range(5)
    ]
    assert [each.id for each in client.batches.list(limit=2)] == made[::-1]
