"""Collects every text that people see and brings the catalogues up to date: `make messages`.

Texts come from templates (`_`), scripts (`t`) and Python: the constant messages of errors, job logs, notifications,
settings. English texts are the keys. Nothing is lost: what is no longer used stays in the file as a comment.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

sys.path.insert(0, str(Path(__file__).parent.parent))

from server import errors
from server.http.asyncapi import summary_of
from server.http.openapi import openapi_document
from server.realtime.protocol import COMMANDS, SERVER_MESSAGES
from views.api import ENDPOINTS
from views.reference_schemas import paragraphs_of

ROOT = Path(__file__).parent.parent
_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_TRANSLATING = frozenset({"gettext", "_", "translate", "text", "log", "line_now", "_setting", "notify", "add", "_add"})
_TELLING = frozenset(
    {
        "Wrong",
        "wrong",
        "_wrong",
        "FileWarning",
        "JobError",
        "columns_do_not_fit",
        "_failure",
        "_issue",
        "_error",
        "phrase",
    }
)
_VISIBLE_KEYWORDS = frozenset(
    {"message", "title", "body", "stage", "label", "unit", "summary_text", "hint", "lost", "kept", "what"}
)
# What only whoever runs the server or writes a client reads is in English.
_UNSEEN = {
    "migrations",
    "full_disk.py",
    "reserve.py",
    "cli",
    "care",
    "asyncapi.py",
    "examples.py",
    "reference_examples.py",
    "valkey_checks.py",
}
_SENTENCE = re.compile(r"[A-Z“{][^\n]*\s[^\n]*")
_WORD = re.compile(r"[A-Z“{][^\n]*")
_ANY = re.compile(r".+")
_LEAST_OF_CALLS = {"gettext": _WORD, "_": _WORD, "text": _WORD, "phrase": _ANY}
_LEAST = {"unit": _ANY, "stage": _ANY, "title": _WORD, "label": _WORD}
# Constants that look like sentences but are none: SQL, a pattern, names, a description of the API; Chinese of reports.
_NO_TEXTS = re.compile(
    r"""(?:SELECT|INSERT INTO|CREATE|ALTER TABLE|REINDEX) |"""
    r"""\{"|Expected (?:`|$)|Object (?:missing|contains) |Invalid enum value \(|.*[\u4e00-\u9fff]|"""
    r"""Checksum Mismatch|Table with name|Referenced column "|No \(filter|Cannot deduce|Mac OS X|Noto |"""
    r"""GET, HEAD|One WebSocket carries .*`|[A-Z]+, [A-Z]+,"""
)
# Babel's reader of scripts loses its way among regular expressions and templates within templates.
_SCRIPT_CALL = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)+)"')
_SCRIPT_COMMENT = re.compile(r"^\s*(?://|/?\*).*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)[^{}]*\}|%\((\w+)\)s")


class InContext(NamedTuple):
    """A text that is told apart from others of the same words by where it stands: the tab “Rows” is no count."""

    context: str
    text: str


Text = str | tuple[str, str] | InContext  # a pair is singular and plural
Found = tuple[str, Text]  # where, what


def collected() -> dict[Text, list[str]]:
    """Each text with the files it stands in, in order of the files."""
    texts: dict[Text, list[str]] = {}
    for where, text in (*_from_templates(), *_from_scripts(), *_from_python(), *_from_protocol(), *_from_api()):
        places = texts.setdefault(text, [])
        if where not in places:
            places.append(where)
    return texts


def placeholders(text: str) -> set[str]:
    """Names that are filled in: `{line}` and `%(name)s`."""
    return {first or second for first, second in _PLACEHOLDER.findall(text)}


def update(path: Path) -> Catalog:
    """Bring one catalogue to the texts there are now; translations are kept."""
    with path.open("rb") as source:
        catalog = read_po(source, locale=path.parent.parent.name)
    template = Catalog(charset="utf-8", creation_date=catalog.creation_date)  # no change where no text changed
    for text, places in collected().items():
        places_of = [(place, 1) for place in places]
        if isinstance(text, InContext):
            template.add(text.text, locations=places_of, context=text.context)
        else:
            template.add(text, locations=places_of)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.fuzzy = False
    for key in [key for key, message in catalog.obsolete.items() if not _is_whole(message.string)]:
        del catalog.obsolete[key]  # nothing is lost with it
    with path.open("wb") as target:
        write_po(target, catalog, width=100, sort_by_file=True, include_lineno=False)
    return catalog


def untranslated(catalog: Catalog) -> list[str | list[str] | tuple[str, ...]]:
    """Those that nobody has translated, or that were guessed from another text (`fuzzy`: those are not shown)."""
    return [message.id for message in catalog if message.id and (message.fuzzy or not _is_whole(message.string))]


def _is_whole(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string) if isinstance(string, str) else any(string or ())


def _from_templates() -> Iterator[Found]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        with path.open("rb") as source:
            for _, function, found, _ in babel_extract(source, ("_", "gettext", "ngettext", "pgettext"), (), _OPTIONS):
                given = (found,) if isinstance(found, str) else found
                parts = [part for part in given or () if isinstance(part, str)]
                if parts and function == "pgettext":
                    yield _name(path), InContext(parts[0], parts[1])
                elif parts:
                    yield _name(path), (parts[0], parts[1]) if function == "ngettext" else parts[0]


def _from_scripts() -> Iterator[Found]:
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        source = _SCRIPT_COMMENT.sub("", path.read_text("utf-8"))
        for text in _SCRIPT_CALL.findall(source):
            yield _name(path), text.replace('\\"', '"')


def _from_python() -> Iterator[Found]:
    for folder in ("server", "views"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if _UNSEEN & set(path.parts):
                continue
            for text in _Visible.in_module(path.read_text("utf-8")):
                yield _name(path), text


def _from_protocol() -> Iterator[Found]:
    """What `/docs/events` says of each message and command."""
    for kind in (*SERVER_MESSAGES, *COMMANDS):
        yield "server/realtime/protocol.py", summary_of(kind)


def _from_api() -> Iterator[Found]:
    """What `/docs` says of each request: its summary, each paragraph about it, its headers and its types."""
    document = openapi_document(ENDPOINTS)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    said: list[str] = []
    for operation in operations:
        said += [operation["summary"], *paragraphs_of(operation)]
        said += [parameter["description"] for parameter in operation["parameters"] if "description" in parameter]
        for answer in operation["responses"].values():
            said += [header["description"] for header in answer.get("headers", {}).values()]
    for schema in document["components"]["schemas"].values():
        said += paragraphs_of(schema)
    for text in said:
        yield "views/api", text


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


class _Visible(ast.NodeVisitor):
    """Finds the texts of one module that people may see."""

    def __init__(self) -> None:
        self.found: list[Text] = []
        self.error_classes = {name for name in vars(errors) if isinstance(getattr(errors, name), type)}

    @classmethod
    def in_module(cls, source: str) -> list[Text]:
        visitor = cls()
        visitor.visit(ast.parse(source))
        return visitor.found

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if bases & self.error_classes or node.name == "JinduError":
            self.error_classes.add(node.name)
            self._add(ast.get_docstring(node))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in self.error_classes | _TRANSLATING | _TELLING or name.endswith(("_problem", "_problems", "_error")):
            for argument in (part for given in node.args for part in _given(given)):
                self._add_strings(argument, least=_LEAST_OF_CALLS.get(name, _SENTENCE))
        if name == "ngettext":
            self._add_plural(node)
        if name == "pgettext":
            self._add_in_context(node)
        for keyword in node.keywords:
            if keyword.arg in _VISIBLE_KEYWORDS:
                self._add_strings(keyword.value, least=_LEAST.get(keyword.arg, _SENTENCE))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(_is_constant(target) for target in node.targets):
            for part in ast.walk(node.value):
                self._add_strings(part, least=_SENTENCE)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if _is_constant(node.target) and node.value:
            for part in ast.walk(node.value):
                self._add_strings(part, least=_SENTENCE)
        self.generic_visit(node)

    def _add_strings(self, node: ast.AST, *, least: re.Pattern[str]) -> None:
        if isinstance(node, ast.IfExp):
            self._add_strings(node.body, least=least)
            self._add_strings(node.orelse, least=least)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self._add_strings(value, least=least)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and least.fullmatch(node.value):
            self._add(node.value)

    def _add_plural(self, node: ast.Call) -> None:
        texts = [part.value for part in node.args[:2] if isinstance(part, ast.Constant)]
        if len(texts) == 2:
            self.found.append((str(texts[0]), str(texts[1])))

    def _add_in_context(self, node: ast.Call) -> None:
        texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
        if len(texts) == 2:
            self.found.append(InContext(str(texts[0]), str(texts[1])))

    def _add(self, text: str | None) -> None:
        if text and text.strip() and not _NO_TEXTS.match(text):
            self.found.append(text)


def _given(argument: ast.expr) -> list[ast.expr]:
    """The argument, or what a call in its place falls back to: `gettext(_NAMES.get(kind, "Other"))`."""
    return argument.args if isinstance(argument, ast.Call) else [argument]


def _is_constant(target: ast.expr) -> bool:
    # ENDPOINTS describe the API, which is documented in English
    if not isinstance(target, ast.Name) or target.id == "ENDPOINTS":
        return False
    return target.id.strip("_").isupper() or target.id in _VISIBLE_KEYWORDS


if __name__ == "__main__":
    for catalogue in sorted(Path(__file__).parent.glob("*/LC_MESSAGES/messages.po")):
        missing = untranslated(update(catalogue))
        print(f"{catalogue.parent.parent.name}: {len(missing)} without a translation")  # noqa: T201
        for text in missing:
            print(f"  {text}")  # noqa: T201
