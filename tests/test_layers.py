"""The architecture as a test: imports run downwards only, and the core knows no web framework."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the top down. Parts on one line do not know each other, except within themselves.
LAYERS = (
    ("run",),
    ("server.serving", "server.cli"),
    ("server.app",),
    ("views", "server.transports"),
    ("server.http",),
    ("server.operations",),
    ("server.reports",),
    ("server.datasets",),
    ("server.uploads",),
    ("server.live",),
    ("server.jobs", "server.realtime", "server.engines"),
    ("server.auth",),
    ("server.storage",),
    ("server.settings", "server.logs", "server.languages", "server.metrics"),
    ("server.errors", "server.clock"),
    ("server.texts",),
)
CORE = ("server.jobs", "server.realtime", "server.uploads", "server.datasets", "server.reports", "server.operations")
MODULES = sorted(
    path
    for path in [ROOT / "run.py", *(ROOT / "server").rglob("*.py"), *(ROOT / "views").rglob("*.py")]
    if "migrations" not in path.parts and path != ROOT / "server" / "__init__.py"
)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> tuple[int, str]:
    """The layer's depth and the part's name; raises when the module stands in no layer."""
    for depth, parts in enumerate(LAYERS):
        for part in parts:
            if module == part or module.startswith(part + "."):
                return depth, part
    raise LookupError(f"{module} stands in no layer: add it to LAYERS")


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from server.http import keys` imports server.http.keys; `from server import app` imports server.app
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_run_downwards(path: Path) -> None:
    depth, part = part_of(module_name(path))
    for imported in imported_by(path):
        if not imported.startswith(("server.", "views.", "run.")) or imported == "server.__version__":
            continue
        target_depth, target_part = part_of(imported)
        below = target_depth > depth or target_part == part
        assert below, f"{module_name(path)} imports {imported}, which is not below"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_the_core_knows_no_web_framework(path: Path) -> None:
    if module_name(path).startswith(CORE):
        assert not any(name.split(".")[0].startswith("aiohttp") for name in imported_by(path))
