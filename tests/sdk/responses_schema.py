"""OpenAI's own schemas of a response and of the events of its stream, as JSON Schema.

responses.schema.json is what of OpenAI's description (MIT; openai/openai-openapi) says something of
what Rocket sends: without words for people, and of each union only what Rocket has a use for. Made
by `python3 tests/sdk/responses_schema.py DESCRIPTION`, and held against it where it is at hand.
"""

import json
import sys
from pathlib import Path

NOTICE = """From OpenAI's OpenAPI description, trimmed by responses_schema.py. MIT License,
Copyright (c) OpenAI: Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal in the Software
without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions: The above copyright notice
and this permission notice shall be included in all copies or substantial portions of the
Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE
AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
SCHEMA = Path(__file__).parent / "responses.schema.json"
ROOTS = ("Response", "ResponseStreamEvent")
# What tells the members of unions apart (`type`), as far as Rocket has a use for them.
TYPES = {
    *("message", "reasoning", "function_call", "function"),
    *("output_text", "refusal", "reasoning_text", "summary_text"),
    *("text", "json_object", "json_schema"),
    *("url_citation", "file_citation"),
    "error",
    *(f"response.{end}" for end in ("created", "in_progress", "completed", "incomplete", "failed")),
    *(f"response.output_item.{step}" for step in ("added", "done")),
    *(f"response.content_part.{step}" for step in ("added", "done")),
    "response.output_text.annotation.added",
    *(
        f"response.{text}.{step}"
        for text in ("output_text", "refusal", "reasoning_text", "function_call_arguments")
        for step in ("delta", "done")
    ),
}
FOR_PEOPLE = {"description", "title", "example", "examples", "default", "deprecated"}


def trimmed(description: dict) -> dict:
    schemas = description["components"]["schemas"]
    definitions: dict = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = trim(schemas[name], schemas)
            waiting += references(definitions[name])
    # Their examples have it null until it is known.
    own = definitions["Response"]["allOf"][-1]["properties"]
    own["usage"] = {"anyOf": [own["usage"], {"type": "null"}]}
    return {
        "$comment": " ".join(NOTICE.split()),
        "$defs": dict(sorted(definitions.items())),
    }


def trim(node, schemas: dict, *, named: bool = False):
    """`named`: the keys are names of properties, not words of the schema."""
    if isinstance(node, list):
        return [trim(each, schemas) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if not named and (key in FOR_PEOPLE or key == "discriminator" or key.startswith("x-")):
            continue
        if key in ("anyOf", "oneOf") and not named:
            value = [each for each in value if is_used(each, schemas)]
            if not value:
                return False  # nothing is right there
        if key == "$ref":
            value = f"#/$defs/{name_of(value)}"
        kept[key] = trim(value, schemas, named=key == "properties" and not named)
    return kept


def is_used(member: dict, schemas: dict) -> bool:
    """Of a union: what is told apart by a type that Rocket has no use for is not, nor are lists of
    what a client has sent."""
    if "$ref" in member:
        member = schemas[name_of(member["$ref"])]
    if "InputItem" in json.dumps(member.get("items", {})):
        return False
    kinds = member.get("properties", {}).get("type", {}).get("enum")
    return kinds is None or bool(TYPES & set(kinds))


def name_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def references(node) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in references(each)]
    if not isinstance(node, dict):
        return []
    own = [name_of(node["$ref"])] if isinstance(node.get("$ref"), str) else []
    return own + [name for value in node.values() for name in references(value)]


def main() -> None:
    description = json.loads(Path(sys.argv[1]).read_text())
    SCHEMA.write_text(json.dumps(trimmed(description), indent=1) + "\n")


if __name__ == "__main__":
    main()
