"""A script of ours taken apart: what it imports, what it exports, and the rest of it without comments.

The parser (tree-sitter) says where each stands. What is written in another way than our scripts are is refused, so that
nothing is put together wrongly.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor

_LANGUAGE = Language(tree_sitter_javascript.language())
_COMMENTS = Query(_LANGUAGE, "(comment) @comment")
# `import("./x.js")`, and `new URL("./x.js", import.meta.url)` of a worker.
_LOADED = Query(
    _LANGUAGE,
    """
    (call_expression function: (import) arguments: (arguments . (string (string_fragment) @path)))
    (new_expression arguments:
      (arguments . (string (string_fragment) @path) (member_expression object: (meta_property))))
    """,
)


class CannotBeLinked(Exception):
    """A script is written in a way that is not known here."""


@dataclass(slots=True)
class Script:
    """`imports`: by path, the names there and here. `exports`: the names outside and here. `loads`: when it likes."""

    path: str
    body: bytes = b""
    imports: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    exports: dict[str, str] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)


def script(path: str, source: bytes) -> Script:
    """Raises `CannotBeLinked`."""
    root = Parser(_LANGUAGE).parse(source).root_node
    if root.has_error:
        raise CannotBeLinked(f"{path} cannot be read")
    found = Script(path)
    comments = QueryCursor(_COMMENTS).captures(root).get("comment", [])
    cuts = [(node.start_byte, node.end_byte, b"\n" if b"\n" in _text(node) else b" ") for node in comments]
    for node in root.children:
        if node.type == "import_statement":
            found.imports.append(_import(path, node))
            cuts.append((node.start_byte, node.end_byte, b""))
        elif node.type == "export_statement":
            cuts.append((node.start_byte, _export(found, node), b""))
    loads = any(word in source for word in (b"import(", b"import.meta"))  # a look costs a fifth of a query
    places = QueryCursor(_LOADED).captures(root).get("path", []) if loads else []
    loaded = (_text(node).decode() for node in places)
    found.loads = [_beside(path, name) for name in loaded if name.startswith(".") and name.endswith(".js")]
    found.body = _without(source, cuts)
    return found


def _import(path: str, node: Node) -> tuple[str, list[tuple[str, str]]]:
    clause = next((child for child in node.named_children if child.type == "import_clause"), None)
    if clause is not None and [child.type for child in clause.named_children] != ["named_imports"]:
        raise CannotBeLinked(f"{path} imports something else than names")
    names = [_names(each) for each in _all(node, "import_specifier")]
    return _source(path, node), names


def _export(script: Script, node: Node) -> int:
    """Notes what is exported; answers where that ends which is to be left out."""
    declaration = node.child_by_field_name("declaration")
    if declaration is not None:
        for name in _declared(script.path, declaration):
            script.exports[name] = name
        return declaration.start_byte
    names = [_names(each) for each in _all(node, "export_specifier")]
    if not names:
        raise CannotBeLinked(f"{script.path} exports something else than names")
    if node.child_by_field_name("source") is not None:  # from another script, and not for this one
        script.imports.append((_source(script.path, node), [(there, f"re_{there}") for there, _ in names]))
        names = [(f"re_{there}", outside) for there, outside in names]
    script.exports.update({outside: here for here, outside in names})
    return node.end_byte


def _declared(path: str, node: Node) -> Iterator[str]:
    many = [child for child in node.named_children if child.type == "variable_declarator"]
    for each in many or [node]:
        name = each.child_by_field_name("name")
        if name is None or name.type != "identifier" or _text(node).startswith(b"let "):
            raise CannotBeLinked(f"{path} exports something that is not one constant name")
        yield _text(name).decode()


def _names(specifier: Node) -> tuple[str, str]:
    name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
    assert name is not None  # by the grammar
    return _text(name).decode(), _text(alias or name).decode()


def _source(path: str, node: Node) -> str:
    source = node.child_by_field_name("source")
    assert source is not None
    return _beside(path, _text(source).decode()[1:-1])


def _beside(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _all(node: Node, kind: str) -> Iterator[Node]:
    for child in node.named_children:
        if child.type == kind:
            yield child
        else:
            yield from _all(child, kind)


def _text(node: Node) -> bytes:
    return node.text or b""


def _without(source: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    pieces, at = [], 0
    for begin, end, instead in sorted(cuts):
        if begin >= at:  # not a comment within what is left out
            pieces += [source[at:begin], instead]
            at = end
    return b"".join((*pieces, source[at:]))
