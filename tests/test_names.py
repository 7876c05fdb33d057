"""One name, one thing: whoever reads it somewhere knows which one is meant."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.test_layers import MODULES, module_name


def test_no_class_or_type_is_named_as_another_one_is() -> None:
    """The client stands alone, and has words of its own for what it sees from outside."""
    defined = defaultdict(list)
    for path in MODULES:
        if not (name := module_name(path)).startswith("jindu"):
            for public in _types_of(ast.parse(path.read_text("utf-8"))):
                defined[public].append(name)
    assert {public: where for public, where in defined.items() if len(where) > 1} == {}


def _types_of(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign) and not _is_type_variable(node.value):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def _is_type_variable(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("TypeVar", "ParamSpec")
    )
