"""What an image is made of, as a CycloneDX 1.6 document: Debian's packages, Python's, and ours.

Read from the image's file system, not from what the recipe asks for. Nothing here is of today or of
this machine: the same image gives the same document.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote

from dev.downloads import HTTPTOOLS

Component = dict


def of_image(root: Path, version: str) -> Component:
    """https://cyclonedx.org/docs/1.6/json/"""
    binary = root / "usr/local/bin/rocket"
    with open(binary, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    parts = sorted(
        [*ours(version, sha256), *debian(root), *python(root)], key=lambda each: each["bom-ref"]
    )
    identity = uuid.uuid5(uuid.NAMESPACE_OID, sha256 + "".join(each["bom-ref"] for each in parts))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{identity}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": "image",
                "name": "rocket",
                "version": version,
            }
        },
        "components": parts,
        "dependencies": [{"ref": "image", "dependsOn": [each["bom-ref"] for each in parts]}],
    }


def version(tree: Path) -> str:
    """Of Rocket, as its source has it."""
    text = (tree / "k8s/ray/prod/kustomization.yaml").read_text()
    return re.search(r"newTag: ([\w.]+)", text)[1]


def ours(version: str, sha256: str) -> list[Component]:
    """The binary, and what is compiled into it from source."""
    llhttp = f"pkg:pypi/{HTTPTOOLS.package}@{HTTPTOOLS.version}"
    return [
        {
            "type": "application",
            "bom-ref": "rocket",
            "name": "rocket",
            "version": version,
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        },
        {
            "type": "library",
            "bom-ref": "rocket/llhttp",
            "name": "llhttp",
            "version": HTTPTOOLS.version,
            "description": f"as {HTTPTOOLS.package} brings it; compiled into rocket",
            "purl": llhttp,
        },
    ]


def debian(root: Path) -> Iterator[Component]:
    for text in (root / "var/lib/dpkg/status").read_text().split("\n\n"):
        fields = HeaderParser().parsestr(text)
        if not fields["Status"] or not fields["Status"].endswith(" installed"):
            continue
        name, release, machine = (fields[key] for key in ("Package", "Version", "Architecture"))
        purl = f"pkg:deb/debian/{quote(name, safe='+')}@{quote(release, safe='+~')}?arch={machine}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": release, "purl": purl}


def python(root: Path) -> Iterator[Component]:
    """Of each environment under /opt; a package that two of them have is there once."""
    found: dict[str, Component] = {}
    for metadata in sorted(root.glob("opt/*/lib/python3*/site-packages/*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(errors="replace"))
        name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
        purl = f"pkg:pypi/{name}@{quote(fields['Version'])}"
        found[purl] = {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": fields["Version"],
            "purl": purl,
        }
        if licence := fields["License-Expression"]:
            found[purl]["licenses"] = [{"expression": licence}]
    return iter(found.values())
