"""What is bundled of others' scripts: made of the sources in `editor/`, with the licences of all that is in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDITOR, VENDOR = ROOT / "editor", ROOT / "static" / "vendor"
BUNDLES = {"codemirror": "codemirror-6", "yaml": "yaml-2"}
MOST_BYTES = {"codemirror": 170_000, "yaml": 35_000}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_belongs_to_its_sources(name: str) -> None:
    sources = ("build.mjs", "package.json", "package-lock.json", f"{name}.js")
    digest = hashlib.sha256(b"".join((EDITOR / source).read_bytes() for source in sources)).hexdigest()
    head = (VENDOR / BUNDLES[name] / f"{name}.min.js").read_text("utf-8")[:300]
    assert digest in head, "run make editor, and commit what it makes"


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_stays_small(name: str) -> None:
    assert len(gzip.compress((VENDOR / BUNDLES[name] / f"{name}.min.js").read_bytes())) < MOST_BYTES[name]


def test_versions_are_exact_and_from_the_public_registry() -> None:
    package = json.loads((EDITOR / "package.json").read_text("utf-8"))
    wanted = package["dependencies"] | package["devDependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    lock = json.loads((EDITOR / "package-lock.json").read_text("utf-8"))
    installed = {path: entry for path, entry in lock["packages"].items() if path}
    assert [path for path, entry in installed.items() if not entry.get("integrity")] == []


def test_the_licences_of_all_that_is_bundled_are_there() -> None:
    licences = (VENDOR / "codemirror-6" / "LICENSE").read_text("utf-8")
    package = json.loads((EDITOR / "package.json").read_text("utf-8"))
    bundled = set(package["dependencies"]) - {"yaml"} | {
        "style-mod",
        "w3c-keyname",
        "crelt",
        "@lezer/lr",
        "@lezer/yaml",
    }
    missing = [name for name in bundled if not re.search(rf"^{re.escape(name)} \d", licences, re.MULTILINE)]
    assert missing == []
    assert "Permission to use, copy" in (VENDOR / "yaml-2" / "LICENSE").read_text("utf-8")
