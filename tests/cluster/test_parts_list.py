"""The list of an image's parts: legal CycloneDX, and what stands in the image, each once."""

import json
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from dev import sbom
from dev.downloads import CYCLONEDX, HTTPTOOLS, unpack
from dev.places import CACHE

STATUS = """Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2
Description: Secure Sockets Layer toolkit
 and more of it

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: base-files
Status: install ok installed
Architecture: amd64
Version: 12.4+deb12u11
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An image's file system, so far as it is looked at."""
    binary = tmp_path / "usr/local/bin/rocket"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(b"a program")
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    packages = {
        "ray": [("ray", "2.60.0"), ("httptools", HTTPTOOLS.version), ("PyYAML", "6.0.4")],
        "matrix": [("matrix-nio", "0.26.0"), ("PyYAML", "6.0.3"), ("httptools", "0.9.0")],
    }
    for place, those in packages.items():
        for name, version in those:
            folder = tmp_path / f"opt/{place}/lib/python3.11/site-packages/{name}.dist-info"
            folder.mkdir(parents=True)
            (folder / "METADATA").write_text(
                f"Name: {name}\nVersion: {version}\nLicense-Expression: MIT\n\n{name}: a text\n"
            )
    return tmp_path


def validator() -> jsonschema.Draft7Validator:
    """CycloneDX's own schema, as its package for Python ships it."""
    folder = unpack(CYCLONEDX, "cyclonedx/schema/_res/", CACHE / "engines" / CYCLONEDX.key)

    def read(name: str) -> dict:
        return json.loads((folder / name).read_text())

    schema = read("bom-1.6.SNAPSHOT.schema.json")
    parts = [read("spdx.SNAPSHOT.schema.json"), read("jsf-0.82.SNAPSHOT.schema.json")]
    resources = [(each["$id"], Resource.from_contents(each)) for each in parts]
    return jsonschema.Draft7Validator(schema, registry=Registry().with_resources(resources))


def test_it_has_what_is_installed_and_nothing_else(root: Path) -> None:
    found = sbom.of_image(root, "0.1.0")
    told = sorted((each["name"], each["version"]) for each in found["components"])
    assert told == [
        ("base-files", "12.4+deb12u11"),
        ("httptools", "0.9.0"),
        ("libssl3", "3.0.17-1~deb12u2"),
        ("llhttp", HTTPTOOLS.version),
        ("matrix-nio", "0.26.0"),
        ("pyyaml", "6.0.3"),
        ("pyyaml", "6.0.4"),
        ("ray", "2.60.0"),
        ("rocket", "0.1.0"),
    ]


def test_it_is_legal(root: Path) -> None:
    found = sbom.of_image(root, "0.1.0")
    assert [each.message for each in validator().iter_errors(found)] == []
    found["components"][0]["type"] = "nonsense"
    assert list(validator().iter_errors(found)), "the schema holds nothing"


def test_the_same_image_gives_the_same_list_and_another_one_another(root: Path) -> None:
    found = sbom.of_image(root, "0.1.0")
    assert sbom.of_image(root, "0.1.0") == found
    (root / "usr/local/bin/rocket").write_bytes(b"another program")
    assert sbom.of_image(root, "0.1.0")["serialNumber"] != found["serialNumber"]


def test_the_version_is_the_manifests(root: Path) -> None:
    tree = Path(__file__).parents[2]
    assert f"newTag: {sbom.version(tree)}" in (tree / "k8s/ray/dev/kustomization.yaml").read_text()
