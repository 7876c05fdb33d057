"""Jinja for report authors: sandboxed, strict about names, and with an end to loops and sizes."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2 import nodes as ast
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.errors import InvalidInput
from server.reports.markdown import escaped

MAX_TEXT = 200_000  # characters one text may grow to; a report of 100 pages has about as many
_MAX_FACTOR = 10_000
_MAX_EXPONENT = 1_000
# They make the same template give different bytes, grow without bound, or only make sense in HTML pages.
_LEFT_OUT_FILTERS = (
    "random",
    "center",
    "format",
    "pprint",
    "xmlattr",
    "urlize",
    "indent",
    "safe",
    "wordwrap",
    "tojson",
)
_LEFT_OUT_GLOBALS = ("lipsum", "cycler", "joiner", "dict")


class Sandbox(ImmutableSandboxedEnvironment):
    """`filters` are the number and date formats of the report's language."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, filters: Mapping[str, Any], *, markdown: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            cache_size=0,
            finalize=_as_markdown if markdown else _as_text,
            keep_trailing_newline=True,
        )
        for name in _LEFT_OUT_FILTERS:
            self.filters.pop(name, None)
        for name in _LEFT_OUT_GLOBALS:
            self.globals.pop(name, None)
        self.filters.update(filters)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and _magnitude(right) > _MAX_EXPONENT:
            raise SecurityError(f"exponents go up to {_MAX_EXPONENT}")
        if operator == "*" and (_is_sequence(left) or _is_sequence(right)):
            raise SecurityError("texts and lists cannot be multiplied")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("texts cannot be formatted with %")
        result = super().call_binop(context, operator, left, right)
        if _is_sequence(result) and len(result) > MAX_TEXT:
            raise SecurityError("a text became too long")
        return result

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A row's columns go before its methods: somebody's column is called “items”.
        return obj[attribute] if getattr(obj, "of_query", False) else super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        # Methods of texts that grow them or read format strings.
        if isinstance(obj, str) and attr in {"format", "format_map", "center", "ljust", "rjust", "zfill", "expandtabs"}:
            return False
        return super().is_safe_attribute(obj, attr, value)


def rendered(template: Template, context: Mapping[str, Any]) -> str:
    """The text, refused as soon as it is too long."""
    parts: list[str] = []
    length = 0
    for part in template.generate(context):
        length += len(part)
        if length > MAX_TEXT:
            raise SecurityError("a text became too long")
        parts.append(part)
    return "".join(parts)


def names_in(environment: Sandbox, source: str) -> set[str]:
    """What the template uses but does not define. Raises `TemplateSyntaxError`."""
    tree = environment.parse(source)
    for node in tree.find_all((ast.Include, ast.Import, ast.FromImport, ast.Extends)):
        raise TemplateSyntaxError("a template cannot include others", node.lineno)
    return set(find_undeclared_variables(tree))


def fields_in(environment: Sandbox, source: str) -> Iterator[tuple[str, str, int]]:
    """Every `name.field` with its line."""
    tree = environment.parse(source)
    for attribute in tree.find_all(ast.Getattr):
        if isinstance(attribute.node, ast.Name):
            yield attribute.node.name, attribute.attr, attribute.lineno
    for item in tree.find_all(ast.Getitem):
        if isinstance(item.node, ast.Name) and isinstance(item.arg, ast.Const) and isinstance(item.arg.value, str):
            yield item.node.name, item.arg.value, item.lineno


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stops endless loops. Only a process's main thread can be interrupted so; elsewhere the pool's limit counts."""
    if threading.current_thread() is not threading.main_thread() or not seconds:
        yield
        return
    previous = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise InvalidInput("Making this report took too long; make its queries or loops smaller.", code="report_too_long")


def _as_text(value: Any) -> Any:
    return "" if value is None else value


def _as_markdown(value: Any) -> Any:
    """Values are data: an asterisk in a customer's name makes nothing bold."""
    if value is None:
        return ""
    return escaped(str(value)) if not isinstance(value, StrictUndefined) else value


def _magnitude(value: Any) -> float:
    return abs(value) if isinstance(value, int | float) else 0


def _is_sequence(value: Any) -> bool:
    return isinstance(value, str | list | tuple | bytes)


_STATEMENT = re.compile(r"\{[{%#]")


def is_dynamic(text: str) -> bool:
    return bool(_STATEMENT.search(text))
