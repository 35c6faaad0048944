"""A client of Kubernetes' API as plain HTTPS: refusals and warnings are seen as they came."""

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE = "application/merge-patch+json"
# A field that the API does not know is an error, as it is to `kubectl apply --validate=strict`.
STRICT = {"fieldManager": "rocket-tests", "fieldValidation": "Strict"}


@dataclass(frozen=True)
class Reply:
    status: int
    body: Object
    warnings: list[str]

    @property
    def message(self) -> str:
        return self.body.get("message", "")

    def expect(self, *statuses: int) -> "Reply":
        assert self.status in statuses, f"{self.status}: {self.message}"
        return self


class KubernetesApi:
    """`token` is shown with each request; `context` trusts the server's certificate."""

    def __init__(self, port: int, context: ssl.SSLContext, token: str):
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=60, context=context
        )
        self._headers = {"authorization": f"Bearer {token}"}
        self._resources: dict[tuple[str, str], Object] = {}

    def close(self) -> None:
        self._connection.close()

    def call(
        self, method: str, path: str, body: Object | None = None, content: str = "application/json"
    ) -> Reply:
        headers = {**self._headers, "content-type": content}
        try:
            self._connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next one begins anew
            raise
        kind = answer.headers.get_content_type()
        told = json.loads(text) if kind == "application/json" else {"message": text.decode()}
        return Reply(answer.status, told, answer.headers.get_all("warning", []))

    def apply(self, an_object: Object, *, dry_run: bool = False) -> Reply:
        """As `kubectl apply --server-side --force-conflicts`."""
        query = {**STRICT, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        return self.call("PATCH", f"{self.path(an_object)}?{urlencode(query)}", an_object, APPLY)

    def create(self, an_object: Object) -> Reply:
        name = an_object["metadata"]["name"]
        collection = self.path(an_object).removesuffix(f"/{name}")
        return self.call("POST", f"{collection}?{urlencode(STRICT)}", an_object)

    def get(self, an_object: Object) -> Reply:
        return self.call("GET", self.path(an_object))

    def merge(self, an_object: Object, change: Object, subresource: str = "") -> Reply:
        return self.call("PATCH", self.path(an_object) + subresource, change, MERGE)

    def delete_now(self, an_object: Object) -> Reply:
        return self.call("DELETE", self.path(an_object) + "?gracePeriodSeconds=0")

    def list(self, path: str) -> list[Object]:
        return self.call("GET", path).expect(200).body["items"]

    def path(self, an_object: Object) -> str:
        """Where it is, by the server's own list of what it knows."""
        version, kind = an_object["apiVersion"], an_object["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._resources:
            for each in self.call("GET", root).expect(200).body["resources"]:
                if "/" not in each["name"]:
                    self._resources[version, each["kind"]] = each
        assert (version, kind) in self._resources, f"the server knows no {kind} of {version}"
        resource = self._resources[version, kind]
        if resource["namespaced"]:
            root += f"/namespaces/{an_object['metadata'].get('namespace', 'default')}"
        return f"{root}/{resource['name']}/{an_object['metadata']['name']}"
