#!/usr/bin/env python3
"""Prints the documents of a YAML stream as a JSON list. For an interpreter that has PyYAML, which
`dev` itself does without.

As the gateway and Kubernetes' newer tools read it: `on` is a word, `true` is a boolean.
"""

import json
import sys

import yaml


class Reader(yaml.CSafeLoader):
    """Without the booleans of YAML 1.1."""


BOOLEAN = "tag:yaml.org,2002:bool"
Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != BOOLEAN or first in "tTfF"]
    for first, rows in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}

json.dump([each for each in yaml.load_all(sys.stdin, Reader) if each is not None], sys.stdout)
