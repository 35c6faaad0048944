"""An OpenTelemetry collector: takes OTLP/HTTP in JSON and holds it against the protobuf."""

import base64
import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness.waiting import wait_until

# OTLP writes ids in hexadecimal digits, where protobuf's JSON mapping has base64.
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def _as_protobuf_has_it(value):
    if isinstance(value, list):
        return [_as_protobuf_has_it(each) for each in value]
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, each in value.items():
        if name in IDS:
            raw = bytes.fromhex(each)
            assert len(raw) == IDS[name] and each == raw.hex(), (name, each)
            converted[name] = base64.b64encode(raw).decode()
        else:
            converted[name] = _as_protobuf_has_it(each)
    return converted


def read_export(body: bytes) -> ExportTraceServiceRequest:
    """Strict: a member that the protobuf does not have, or of another type, fails."""
    return json_format.ParseDict(_as_protobuf_has_it(json.loads(body)), ExportTraceServiceRequest())


def attributes(span) -> dict:
    found = {}
    for each in span.attributes:
        assert each.key not in found, f"{each.key} comes twice"
        found[each.key] = getattr(each.value, each.value.WhichOneof("value"))
    return found


class Collector:
    """What has come is in `spans`; what was no proper export is in `faults`. `wants`: headers
    without which it is 401. `silent`: takes every request and answers none."""

    def __init__(
        self,
        status: int = 200,
        *,
        wants: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        silent: bool = False,
    ):
        self._over = threading.Event()
        self.spans: list = []
        self.resources: list[dict] = []
        self.faults: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if silent:
                    outer._over.wait(60)
                    return
                known = all(self.headers[name] == value for name, value in (wants or {}).items())
                code = status if known else 401
                if code == 200:
                    outer.take(self.path, self.headers["content-type"], body)
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, content_type: str, body: bytes) -> None:
        try:
            assert (path, content_type) == ("/v1/traces", "application/json")
            for resource in read_export(body).resource_spans:
                self.resources.append(attributes(resource.resource))
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        except Exception as fault:  # told to the test, whatever it is
            self.faults.append(repr(fault))

    def wait_for(self, count: int) -> list:
        wait_until(f"{count} spans", lambda: self.faults or len(self.spans) >= count)
        assert not self.faults, self.faults
        return list(self.spans)

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
