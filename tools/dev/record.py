"""`./dev record`: what real servers say, byte for byte, to hold readers and fakes against.

Every exchange is one request over a socket of its own, written to tests/cassettes as it went over
the wire. A server of another version gets a folder of its own; the others stay.
"""

import datetime
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import engines, process
from dev.console import DevError, Progress, say
from dev.downloads import XLLAMACPP
from dev.places import BUILD, ROOT, shown

CASSETTES = ROOT / "tests" / "cassettes"
FOLDER = BUILD / "record"
TIMEOUT = 120.0

SAMPLING = {"temperature": 0, "seed": 1, "max_tokens": 6}
MESSAGES = [{"role": "user", "content": "Say hello."}]
STREAM = {"stream": True}
STREAM_WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def record() -> int:
    recorded = 0
    for one in (record_llama_server, record_ollama):
        try:
            recorded += one()
        except engines.EngineMissing as missing:
            say(f"skipped: {missing}")
    say(f"{recorded} exchanges recorded; `./dev test` tells whether readers and fakes fit them")
    return 0 if recorded else 1


def record_llama_server() -> int:
    model = "smollm2"
    with llama_server(engines.chat_model(), model) as port:
        exchanges = ask_all(
            port,
            {
                "models": get("/v1/models"),
                "health": get("/health"),
                **generations(model),
                **errors(model),
            },
        )
    with llama_server(engines.tiny_model(), "tiny", "--embeddings") as port:
        exchanges |= ask_all(port, embeddings("tiny"))
    note = "SmolLM2-135M-Instruct Q4_1 as smollm2; embeddings by a model of random weights"
    return keep("llama-server", XLLAMACPP.version, note, exchanges)


def record_ollama() -> int:
    model = engines.OLLAMA_MODEL
    port = engines.free_port()
    # The folder is shared: leave it as it is.
    env = engines.ollama_environment(port, engines.ollama_models()) | {"OLLAMA_NOPRUNE": "1"}
    argv = [engines.ollama(), "serve"]
    with process.started(argv, env=env, output=FOLDER / "ollama.log") as server:
        engines.wait_until_ready(server, port, "/api/version")
        exchanges = ask_all(
            port,
            {
                "models": get("/v1/models"),
                "health": get("/health"),
                "version": get("/api/version"),
                "tags": get("/api/tags"),
                "ps-nothing-loaded": get("/api/ps"),
                **generations(model),
                "ps": get("/api/ps"),
                **embeddings(model),
                **errors(model),
                "error-unknown-model": chat("no-such-model"),
            },
        )
    note = f"SmolLM2-135M-Instruct Q4_1 as {model}"
    return keep("ollama", engines.OLLAMA_VERSION, note, exchanges)


@contextmanager
def llama_server(model: Path, alias: str, *options: str) -> Iterator[int]:
    port = engines.free_port()
    argv: list[str | Path] = [engines.llama_server(), "--port", str(port), "-m", model]
    argv += ["--alias", alias, *options]
    with process.started(argv, output=FOLDER / f"llama-server-{alias}.log") as server:
        with Progress(f"loading {alias}"):
            engines.wait_until_ready(server, port, "/health")
        yield port


def generations(model: str) -> dict[str, bytes]:
    return {
        "chat": chat(model),
        "chat-stream": chat(model, **STREAM),
        "chat-stream-usage": chat(model, **STREAM_WITH_USAGE),
        "completion": completion(model),
        "completion-stream": completion(model, **STREAM),
        "completion-stream-usage": completion(model, **STREAM_WITH_USAGE),
    }


def embeddings(model: str) -> dict[str, bytes]:
    return {"embeddings": post("/v1/embeddings", {"model": model, "input": "hello"})}


def errors(model: str) -> dict[str, bytes]:
    return {
        "error-invalid-json": request("POST", "/v1/chat/completions", b'{"messages": ['),
        "error-no-messages": post("/v1/chat/completions", {"model": model}),
        "chat-empty-messages": chat(model, messages=[]),
        "error-unknown-path": get("/no/such/path"),
    }


def chat(model: str, **members) -> bytes:
    body = {"model": model, "messages": MESSAGES, **SAMPLING, **members}
    return post("/v1/chat/completions", body)


def completion(model: str, **members) -> bytes:
    return post("/v1/completions", {"model": model, "prompt": "Once upon", **SAMPLING, **members})


def get(path: str) -> bytes:
    return request("GET", path)


def post(path: str, body: dict) -> bytes:
    return request("POST", path, json.dumps(body, separators=(",", ":")).encode())


def request(method: str, path: str, body: bytes | None = None) -> bytes:
    """Without the port, which differs from one recording to the next."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def ask_all(port: int, requests: dict[str, bytes]) -> dict[str, tuple[bytes, bytes]]:
    return {name: (asked, ask(port, asked)) for name, asked in requests.items()}


def ask(port: int, asked: bytes) -> bytes:
    """The whole answer, and not a byte behind it."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(asked)
        answer = b""
        while not is_whole(answer):
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
    if not answer:
        raise DevError(f"no answer to {asked.splitlines()[0].decode()}")
    return answer


def is_whole(answer: bytes) -> bool:
    """As far as the framing tells; an answer without any ends with its connection."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    if b"content-length" in headers:
        return len(body) >= int(headers[b"content-length"])
    # No JSON and no event has a carriage return in it, so this can only be the last chunk.
    if headers.get(b"transfer-encoding", b"").strip() == b"chunked":
        return body == b"0\r\n\r\n" or body.endswith(b"\r\n0\r\n\r\n")
    return False


def keep(server: str, version: str, note: str, exchanges: dict[str, tuple[bytes, bytes]]) -> int:
    """Writes a server's folder anew, once everything for it is there and fit to be published."""
    for name, exchange in exchanges.items():
        for secret in (str(ROOT), str(Path.home()), socket.gethostname()):
            if secret.encode() in b"".join(exchange):
                raise DevError(f"{server}, {name}: tells of this machine ({secret}); nothing kept")
    folder = CASSETTES / f"{server}-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (asked, answered) in exchanges.items():
        (folder / f"{name}.request").write_bytes(asked)
        (folder / f"{name}.response").write_bytes(answered)
    index = {
        "server": server,
        "version": version,
        "recorded": datetime.date.today().isoformat(),
        "note": note,
    }
    (folder / "index.json").write_text(json.dumps(index, indent=2) + "\n")
    say(f"{shown(folder)}: {len(exchanges)} exchanges")
    return len(exchanges)
