"""Files that a request names by their URL: refused for local servers, or fetched by Rocket from
real hosts of files, good and bad ones."""

import base64
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from harness.certificates import make_certificate
from harness.file_host import PDF, FileHost, endless, make_png, redirect_to, silent
from harness.gateway import Gateway, backend
from harness.waiting import elapse, wait_until
from harness.wire import chat, request_bytes, streamed_text

LOOPBACK = {"allow": ["127.0.0.1"]}


@pytest.fixture
def files():
    host = FileHost()
    host.files["/a.png"] = ("image/png", make_png())
    host.files["/b.pdf"] = ("application/pdf", PDF)
    try:
        yield host
    finally:
        host.close()


def image(url: str, **more) -> dict:
    part = {"type": "image_url", "image_url": {"url": url}}
    return {**chat("m"), "messages": [{"role": "user", "content": [part]}], **more}


def data_url(kind: str, body: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def sent_image(upstream) -> str:
    """The URL that the upstream was sent last."""
    request = next(x for x in reversed(upstream.requests) if x.method == "POST")
    return json.loads(request.body)["messages"][0]["content"][0]["image_url"]["url"]


def fetching(rocket, upstream, **more) -> Gateway:
    served = {"backends": [backend("a", upstream.url)], "media_urls": "fetch", "media": LOOPBACK}
    return rocket({**served, **more})


def refusal(gateway: Gateway, url: str, status: int = 400) -> str:
    answer = gateway.chat(image(url))
    assert answer.status == status, answer
    error = answer.error()
    assert error["code"].startswith("media_url_"), error
    assert "data: URL" in error["message"], error
    return error["message"]


def test_a_local_server_is_sent_no_urls(rocket, upstream, files) -> None:
    local = upstream()
    gateway = rocket({"backends": [backend("a", local.url)]})
    message = refusal(gateway, files.url + "/a.png?key=secret")
    assert "`image_url` in `messages[0]`" in message
    assert "backend a" in message and "media_urls: fetch" in message
    assert "secret" not in message
    assert not [x for x in local.requests if x.method == "POST"]
    assert files.heads == []
    # What is in the request itself always passes.
    data = data_url("image/png", make_png())
    assert gateway.chat(image(data)).status == 200
    assert sent_image(local) == data


def test_the_setting_of_a_backend_wins(rocket, upstream, files) -> None:
    passed = upstream()
    url = files.url + "/a.png"
    gateway = rocket({"backends": [backend("a", passed.url, media_urls="pass")], "media": LOOPBACK})
    assert gateway.chat(image(url)).status == 200
    assert sent_image(passed) == url
    assert files.heads == []


def test_a_file_is_fetched_and_sent_along(rocket, upstream, files) -> None:
    local = upstream()
    gateway = fetching(rocket, local)
    secrets = {"Authorization": "Bearer sk-secret", "Cookie": "secret", "X-Request-Id": "it"}
    answer = gateway.chat(image(files.url + "/a.png"), headers=secrets)
    assert answer.status == 200, answer
    assert sent_image(local) == data_url("image/png", make_png())
    (head,) = files.heads
    assert head.splitlines()[0] == "GET /a.png HTTP/1.1"
    assert "secret" not in head
    receipt = gateway.admin("/requests/it").json()
    assert receipt["media_ms"] > 0
    assert gateway.samples("rocket_media_fetches_total")['{result="ok"}'] == 1


def test_a_stream_gets_its_file_too(rocket, fake, files) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "media_urls": "fetch", "media": LOOPBACK}
    )
    answer = gateway.chat(image(files.url + "/a.png", stream=True))
    assert answer.status == 200
    assert streamed_text(answer.body)


def test_clients_of_other_dialects_get_their_files_too(rocket, upstream, files) -> None:
    local = upstream()
    gateway = fetching(rocket, local)
    source = {"type": "url", "url": files.url + "/a.png"}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    gateway.call("POST", "/v1/messages", {"model": "m", "max_tokens": 5, "messages": messages})
    assert sent_image(local) == data_url("image/png", make_png())
    part = {"type": "input_image", "image_url": files.url + "/a.png"}
    items = [{"role": "user", "content": [part]}]
    gateway.call("POST", "/v1/responses", {"model": "m", "input": items})
    assert sent_image(local) == data_url("image/png", make_png())
    document = {"type": "input_file", "file_url": files.url + "/b.pdf"}
    items = [{"role": "user", "content": [document]}]
    gateway.call("POST", "/v1/responses", {"model": "m", "input": items})
    request = [x for x in local.requests if x.method == "POST"][-1]
    part = json.loads(request.body)["messages"][0]["content"][0]
    assert part["file"]["file_data"] == data_url("application/pdf", PDF)


def test_a_large_image_arrives_as_it_is(rocket, upstream, files) -> None:
    local = upstream()
    gateway = fetching(rocket, local)
    large = make_png(2000, 1400)
    assert len(large) > 8_000_000
    files.files["/large.png"] = ("image/png", large)
    assert gateway.chat(image(files.url + "/large.png")).status == 200
    assert sent_image(local) == data_url("image/png", large)


INSIDE = [
    "http://127.0.0.1:{port}/a.png",
    "http://localhost:{port}/a.png",
    "http://LOCALHOST:{port}/a.png",
    "http://127.1:{port}/a.png",
    "http://2130706433:{port}/a.png",
    "http://0x7f000001:{port}/a.png",
    "http://0177.0.0.1:{port}/a.png",
    "http://127.0.0.1.:{port}/a.png",
    "http://0.0.0.0:{port}/a.png",
    "http://0:{port}/a.png",
    "http://[::1]:{port}/a.png",
    "http://[::]:{port}/a.png",
    "http://[::ffff:127.0.0.1]:{port}/a.png",
    "http://[::ffff:7f00:1]:{port}/a.png",
    "http://[::1%25lo]:{port}/a.png",
    "http://[64:ff9b::7f00:1]:{port}/a.png",
    "http://user@127.0.0.1:{port}/a.png",
    "http://example.com@127.0.0.1:{port}/a.png",
    "http://127.0.0.1:{port}\\@example.com/a.png",
    "http:\\\\127.0.0.1:{port}/a.png",
    "//127.0.0.1:{port}/a.png",
    " http://127.0.0.1:{port}/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://100.100.100.200/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/a.png",
    "http://127.0.0.1:22/",
]


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_inside_is_fetched(rocket, upstream, files, url: str) -> None:
    local = upstream()
    gateway = fetching(rocket, local, media={})
    refusal(gateway, url.format(port=files.port))
    assert files.heads == []
    assert not [x for x in local.requests if x.method == "POST"]


def test_a_name_that_leads_inside_is_not_followed(hosts, rocket, upstream, files) -> None:
    hosts.write_text(
        "127.0.0.1 localhost\n"
        "127.0.0.1 images.rocket.test\n"
        "169.254.169.254 images.rocket.test\n"
        "10.255.255.1 only-inside.rocket.test\n"
        "127.0.0.1 allowed.rocket.test\n"
    )
    local = upstream()
    gateway = fetching(rocket, local, media={"allow": ["127.0.0.1"]})
    # One of its addresses would do; the other says that it is not to be trusted.
    both = refusal(gateway, f"http://images.rocket.test:{files.port}/a.png")
    inside = refusal(gateway, f"http://only-inside.rocket.test:{files.port}/a.png")
    nowhere = refusal(gateway, f"http://no-such-name.rocket.test:{files.port}/a.png")
    assert "no public address" in both
    # Nobody learns which names there are.
    assert inside.replace("only-inside", "") == nowhere.replace("no-such-name", "")
    assert files.heads == []
    assert gateway.chat(image(f"http://allowed.rocket.test:{files.port}/a.png")).status == 200
    # The name comes to mean something else: each request looks again.
    hosts.write_text("10.255.255.1 allowed.rocket.test\n")
    refusal(gateway, f"http://allowed.rocket.test:{files.port}/a.png")


def test_redirects_are_looked_at_like_any_url(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream())
    port = files.port
    files.files["/once"] = redirect_to("/a.png")
    files.files["/loop"] = redirect_to("/loop")
    files.files["/inside"] = redirect_to(f"http://127.0.0.2:{port}/a.png")
    files.files["/metadata"] = redirect_to("http://169.254.169.254/latest/meta-data/")
    files.files["/file"] = redirect_to("file:///etc/passwd")
    assert gateway.chat(image(files.url + "/once")).status == 200
    assert "too often" in refusal(gateway, files.url + "/loop")
    assert files.heads[-1].startswith("GET /loop ")
    assert len([x for x in files.heads if x.startswith("GET /loop ")]) == 4
    for path in ("/inside", "/metadata"):
        assert "no public address" in refusal(gateway, files.url + path)
    assert "neither http:// nor https://" in refusal(gateway, files.url + "/file")


def test_what_is_no_file_is_not_passed_on(rocket, upstream, files) -> None:
    local = upstream()
    gateway = fetching(rocket, local)
    files.files["/page"] = ("text/html", b"<html>secret</html>")
    files.files["/lying"] = ("image/png", b'{"secret": "token of an instance"}')
    files.files["/pdf-as-image"] = ("image/png", PDF)
    for path in ("/page", "/lying", "/pdf-as-image", "/missing"):
        assert "secret" not in refusal(gateway, files.url + path)
    # What it is counts, not what it is said to be.
    files.files["/misnamed"] = ("image/jpeg", make_png())
    assert gateway.chat(image(files.url + "/misnamed")).status == 200
    assert sent_image(local) == data_url("image/png", make_png())
    # It was the client's URL: nobody else is to blame.
    (endpoint,) = gateway.admin("/backends").json()["backends"][0]["endpoints"]
    assert endpoint["breaker"] == "closed"


def test_a_host_that_does_not_answer_is_a_400(rocket, upstream) -> None:
    gateway = fetching(rocket, upstream())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "can not be reached" in refusal(gateway, f"http://127.0.0.1:{port}/a.png")


def test_files_larger_than_media_bytes_are_given_up(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream(), limits={"media_bytes": "256KiB"})
    files.files["/announced"] = ("image/png", make_png(400, 400))
    files.files["/endless"] = endless(b"x" * 65536)
    for path in ("/announced", "/endless"):
        assert "limits.media_bytes" in refusal(gateway, files.url + path)
    wait_until("nobody is served any more", lambda: files.open == 0)


def test_files_have_timeouts_media(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream(), timeouts={"media": "500ms"})
    files.files["/silent"] = silent
    files.files["/drip"] = endless(b"x", pause=0.05)
    for path in ("/silent", "/drip"):
        began = time.monotonic()
        assert "timeouts.media" in refusal(gateway, files.url + path)
        assert 0.4 <= time.monotonic() - began < 5
    wait_until("nobody is served any more", lambda: files.open == 0)


def test_urls_of_one_request_are_bounded(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream(), limits={"media_urls": 2})

    def with_urls(*paths: str) -> dict:
        parts = [{"type": "image_url", "image_url": {"url": files.url + x}} for x in paths]
        return {**chat("m"), "messages": [{"role": "user", "content": parts}]}

    # However often each is named, it is one.
    assert gateway.chat(with_urls("/a.png", "/a.png", "/a.png")).status == 200
    assert len(files.heads) == 1
    refused = gateway.chat(with_urls("/a.png", "/a.png?2", "/a.png?3"))
    assert refused.status == 400
    assert "limits.media_urls" in refused.error()["message"]
    assert len(files.heads) == 1


def test_fetches_at_once_are_bounded(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream(), limits={"media_fetches": 2})
    busy = most = 0
    lock = Lock()
    good = make_png()

    def slow(handler) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        elapse(0.1)
        # With its last byte a fetch is over, before this host's own thread may know.
        with lock:
            busy -= 1
        handler.send_response(200)
        handler.send_header("Content-Type", "image/png")
        handler.send_header("Content-Length", str(len(good)))
        handler.end_headers()
        handler.wfile.write(good)

    files.files["/slow"] = slow
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(gateway.chat, [image(files.url + "/slow")] * 8))
    assert [x.status for x in answers] == [200] * 8
    assert 1 <= most <= 2


def test_a_client_that_hangs_up_ends_the_fetch(rocket, upstream, files) -> None:
    local = upstream()
    gateway = fetching(rocket, local)
    files.files["/silent"] = silent
    body = json.dumps(image(files.url + "/silent")).encode()
    with gateway.connect() as client:
        client.send(request_bytes("POST", "/v1/chat/completions", body))
        wait_until("the host is asked", lambda: files.open == 1)
    wait_until("the host is left", lambda: files.open == 0, seconds=2)
    (line,) = [x for x in gateway.access_lines(1) if x["operation"] == "chat_completions"]
    assert line["outcome"] == "cancelled"
    assert not [x for x in local.requests if x.method == "POST"]


def test_tls_is_proven(rocket, upstream, tmp_path) -> None:
    trusted = make_certificate(tmp_path, "trusted")
    other = make_certificate(tmp_path, "other")
    hosts = []
    for certificate in (trusted, other):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert_file, certificate.key_file)
        hosts.append(FileHost(tls=context))
        hosts[-1].files["/a.png"] = ("image/png", make_png())
        hosts[-1].files["/down"] = redirect_to(f"http://127.0.0.1:{hosts[-1].port}/a.png")
    local = upstream()
    gateway = rocket(
        {"backends": [backend("a", local.url)], "media_urls": "fetch", "media": LOOPBACK},
        env={"SSL_CERT_FILE": str(trusted.cert_file)},
    )
    try:
        assert gateway.chat(image(hosts[0].url + "/a.png")).status == 200
        assert sent_image(local) == data_url("image/png", make_png())
        assert "can not be trusted" in refusal(gateway, hosts[1].url + "/a.png")
        assert hosts[1].heads == []
        assert "from https to http" in refusal(gateway, hosts[0].url + "/down")
    finally:
        for host in hosts:
            host.close()


def test_a_reload_changes_where_files_come_from(rocket, upstream, files) -> None:
    gateway = fetching(rocket, upstream(), media={})
    refusal(gateway, files.url + "/a.png")
    before = gateway.revision()
    gateway.write_config({**gateway.config, "media": LOOPBACK})
    wait_until("the file is taken up", lambda: gateway.revision() > before)
    assert gateway.chat(image(files.url + "/a.png")).status == 200
