"""Batches as people see them: the lines that are sent, the card that shows how far they are, the
summary. Pure."""

import json
from collections.abc import Iterable

ENDED = ("completed", "failed", "expired", "cancelled")
ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
)
_ENDED_AS = {"failed": "has failed", "expired": "has expired"}
_BAR = 20
# What editors of Windows begin a file with; it is no part of its first line.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLines(ValueError):
    """What is wrong with a file, and where; for the person who sent it."""


def lines_of(prompts: Iterable[str], asking: dict, system: str) -> bytes:
    """A JSONL file in OpenAI's shape, a chat for each prompt. `asking`: what each has beside it."""
    begin = [{"role": "system", "content": system}] if system else []
    found = []
    for number, prompt in enumerate(prompts, 1):
        body = {"messages": [*begin, {"role": "user", "content": prompt}], **asking}
        found.append(
            {
                "custom_id": f"line-{number}",
                "method": "POST",
                "url": ENDPOINTS[0],
                "body": body,
            }
        )
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found).encode()


def without_mark(data: bytes) -> bytes:
    return data.removeprefix(_BYTE_ORDER_MARK)


def endpoint_of(data: bytes) -> str:
    """Which operation a file asks for. BadLines: it is no file of requests. Rocket looks at every
    line itself; this is for a remedy that is told at once."""
    first = next((line for line in data.split(b"\n", 64) if line.strip()), b"")
    example = 'each line like {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {...}}'
    if not data.strip():
        raise BadLines(f"The file is empty. Write {example}.")
    try:
        request = json.loads(first.decode())
    except (ValueError, RecursionError) as error:
        raise BadLines(f"The file's first line is not JSON in UTF-8. Write {example}.") from error
    url = request.get("url") if isinstance(request, dict) else None
    if url not in ENDPOINTS:
        raise BadLines(f"The file's first line asks for no `url` that I know. Write {example}.")
    return url


def card(batch: dict, now: float) -> str:
    """How far a batch is. `now`: seconds since the epoch, as in the batch's own times."""
    status = _status(batch)
    total, done, failed = counts(batch)
    lines = [f"**Batch** `{_id(batch)}` · {status}"]
    finished = done + failed
    if total:
        filled = min(_BAR, finished * _BAR // total)
        lines.append(f"`{'█' * filled}{'░' * (_BAR - filled)}` {finished}/{total}")
    details = [*_speed(batch, finished, total, now)]
    if tokens := _tokens(batch):
        details.append(f"{tokens:,} tokens")
    if failed:
        details.append(f"{failed} failed")
    if details:
        lines.append(" · ".join(details))
    if status in ("validating", "in progress"):
        lines.append(f"`!cancel {_id(batch)}` stops it.")
    return "  \n".join(lines)


def summary(batch: dict) -> str:
    """The last word on a batch."""
    total, done, failed = counts(batch)
    status = _status(batch)
    ended = f"Batch `{_id(batch)}` {_ENDED_AS.get(status, 'is ' + status)}"
    answered = f"{done} of {total} lines answered" if total else "none of its lines was asked"
    parts = [f"{ended}: {answered}"]
    if failed:
        parts.append(f"{failed} failed")
    if tokens := _tokens(batch):
        parts.append(f"{tokens:,} tokens")
    text = ", ".join(parts) + "."
    for each in _errors(batch)[:5]:
        text += f"\n- {each}"
    return text


def counts(batch: dict) -> tuple[int, int, int]:
    """Lines: all, answered, failed."""
    found = batch.get("request_counts")
    found = found if isinstance(found, dict) else {}
    total, done, failed = (found.get(name) for name in ("total", "completed", "failed"))
    return tuple(each if isinstance(each, int) else 0 for each in (total, done, failed))  # type: ignore[return-value]


def ended(batch: dict) -> bool:
    return batch.get("status") in ENDED


def _status(batch: dict) -> str:
    return " ".join(str(batch.get("status", "unknown"))[:32].split("_"))


def _id(batch: dict) -> str:
    return "".join(each for each in str(batch.get("id", ""))[:64] if each.isalnum() or each in "-_")


def _tokens(batch: dict) -> int:
    usage = batch.get("usage")
    found = usage.get("total_tokens") if isinstance(usage, dict) else 0
    return found if isinstance(found, int) else 0


def _speed(batch: dict, finished: int, total: int, now: float) -> list[str]:
    began = batch.get("in_progress_at")
    if batch.get("status") != "in_progress" or not isinstance(began, (int, float)) or not finished:
        return []
    per_second = finished / max(1.0, now - began)
    left = max(0, total - finished) / per_second
    return [f"{per_second:.1f} lines/s", f"{_time(left)} left"]


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _errors(batch: dict) -> list[str]:
    errors = batch.get("errors")
    found = errors.get("data") if isinstance(errors, dict) else None
    told = []
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict):
            line = f"line {each['line']}: " if isinstance(each.get("line"), int) else ""
            told.append(line + " ".join(str(each.get("message", "")).split())[:300])
    return told
