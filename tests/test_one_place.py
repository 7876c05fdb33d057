"""What can be added or taken out is one module and one place in a list: nobody else names it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from server.app.parts import build_parts
from server.app.transports import TRANSPORTS
from server.reports.blocks import kinds as block_kinds
from server.reports.blocks.reader import BlockKind
from server.settings import Settings
from tests.test_layers import MODULES, imported_by, module_name

BLOCKS = "server.reports.blocks"
# Who names a kind of job besides its own module, and why.
NAME_KINDS = {
    "server.realtime.examples": "examples of messages in the documentation",
    "server.storage.quotas": "sums up the lists of rejects by an index over kinds",
    "server.http.external_bodies": "what comes in by the doors of that one",
}


@cache
def imports() -> dict[str, set[str]]:
    return {module_name(path): imported_by(path) for path in MODULES}


def importers_of(module: str) -> set[str]:
    def is_named(imported: set[str]) -> bool:
        return any(name == module or name.startswith(module + ".") for name in imported)

    return {name for name, imported in imports().items() if is_named(imported)}


@cache
def texts_of(path: Path) -> frozenset[str]:
    constants = (node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def modules_below(package: str) -> list[str]:
    return [name for name in map(module_name, MODULES) if name.startswith(package + ".")]


@pytest.mark.parametrize("engine", modules_below("server.engines"))
def test_an_engine_is_named_in_the_list_of_engines_alone(engine: str) -> None:
    outside = {name for name in importers_of(engine) if not name.startswith("server.engines.")}
    assert outside <= {"server.app.engines"}


@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda transport: transport.__name__)
def test_a_transport_is_named_in_the_list_of_transports_alone(transport: type) -> None:
    assert importers_of(transport.__module__) == {"server.app.transports"}


@pytest.mark.parametrize("kind", block_kinds.KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_block_is_named_in_the_list_of_blocks_alone(kind: BlockKind) -> None:
    module = f"{BLOCKS}.{kind.name}"
    assert importers_of(module) == {f"{BLOCKS}.kinds"}


def test_a_kind_of_job_is_named_in_its_own_module_alone(settings: Settings) -> None:
    for kind in build_parts(settings).jobs.kinds.names():
        naming = {module_name(path) for path in MODULES if kind in texts_of(path)} - NAME_KINDS.keys()
        assert len(naming) == 1, f"{kind} is named by {sorted(naming)}"
