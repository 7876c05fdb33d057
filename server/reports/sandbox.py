"""Jinja for report authors: sandboxed, strict about names, and with an end to sizes."""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError
from jinja2 import nodes as ast
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError
from jinja2.meta import TrackingCodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.errors import InvalidInput
from server.reports.markdown import escaped
from server.reports.row_filters import WHOLE_FILTERS
from server.reports.sizes import (
    MAX_TEXT,
    as_decimals,
    as_text,
    bounded_filters,
    join_texts,
    joined,
    replaced,
    require_characters,
    require_small,
    require_small_result,
)

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
# Methods that grow texts, read format strings, or make bytes, which have such methods again.
_LEFT_OUT_METHODS = frozenset(
    {
        "format", "format_map", "center", "ljust", "rjust", "zfill", "expandtabs", "translate", "maketrans", "encode",
        "to_bytes", "from_bytes",
    }
)  # fmt: skip
_BOUNDED_METHODS: dict[str, Callable[..., str]] = {"replace": replaced, "join": join_texts}


class _Unfolded(CodeGenerator):
    """Compiles and evaluates nothing: Jinja would work out constants, filters included, while it compiles.

    That may happen where no limit holds; a template is only ever evaluated where a report is made.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.optimizer = None

    def _output_child_to_const(self, node: ast.Expr, frame: Any, finalize: Any) -> str:
        if not isinstance(node, ast.TemplateData):
            raise ast.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Concat(self, node: ast.Concat, frame: Any) -> None:  # noqa: N802 – Jinja's name
        self._written("joined", lambda: super(_Unfolded, self).visit_Tuple(ast.Tuple(node.nodes, "load"), frame))

    def visit_List(self, node: ast.List, frame: Any) -> None:  # noqa: N802 – Jinja's name
        self._written("require_small", lambda: super(_Unfolded, self).visit_List(node, frame))

    def visit_Dict(self, node: ast.Dict, frame: Any) -> None:  # noqa: N802 – Jinja's name
        self._written("require_small", lambda: super(_Unfolded, self).visit_Dict(node, frame))

    def visit_Tuple(self, node: ast.Tuple, frame: Any) -> None:  # noqa: N802 – Jinja's name
        if node.ctx == "load":
            self._written("require_small", lambda: super(_Unfolded, self).visit_Tuple(node, frame))
        else:
            super().visit_Tuple(node, frame)

    def _written(self, function: str, argument: Callable[[], None]) -> None:
        self.write(f"environment.{function}(")
        argument()
        self.write(")")


class _Tracking(_Unfolded, TrackingCodeGenerator):
    """Finds the names that a template uses, as `jinja2.meta` does, and evaluates nothing either."""


class Sandbox(ImmutableSandboxedEnvironment):
    """`filters` are the number and date formats of the report's language."""

    intercepted_binops = frozenset({"*", "**", "%", "+", "-", "/", "//"})
    code_generator_class = _Unfolded
    concat = staticmethod(joined)
    joined = staticmethod(joined)
    require_small = staticmethod(require_small)

    def __init__(self, filters: Mapping[str, Any], *, markdown: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            cache_size=0,
            optimized=False,
            finalize=_as_markdown if markdown else _as_text,
            keep_trailing_newline=True,
        )
        for name in _LEFT_OUT_FILTERS:
            self.filters.pop(name, None)
        for name in _LEFT_OUT_GLOBALS:
            self.globals.pop(name, None)
        self.filters = bounded_filters({**self.filters, **WHOLE_FILTERS}, filters)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        left, right = as_decimals(left, right)
        require_small_result(operator, left, right)
        return require_small(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, /, *args: Any, **named: Any) -> Any:
        name = getattr(obj, "__name__", "")
        if name in _BOUNDED_METHODS and isinstance(owner := getattr(obj, "__self__", None), str):
            obj = functools.partial(_BOUNDED_METHODS[name], owner)
        return require_small(super().call(context, obj, *args, **named))

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A row's columns go before its methods: somebody's column is called “items”.
        return obj[attribute] if getattr(obj, "of_query", False) else super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja would hand out a `format` of its own, before it asks whether the method is allowed."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str | bytes | int | float) and attr in _LEFT_OUT_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)


def rendered(template: Template, context: Mapping[str, Any]) -> str:
    """The text, refused as soon as it is too long."""
    parts: list[str] = []
    length = 0
    for part in template.generate(context):
        length += len(require_characters(part))
        if length > MAX_TEXT:
            raise SecurityError("a text became too long")
        parts.append(part)
    return "".join(parts)


def names_in(environment: Sandbox, source: str) -> set[str]:
    """What the template uses but does not define. Raises `TemplateSyntaxError`."""
    tree = environment.parse(source)
    for node in tree.find_all((ast.Include, ast.Import, ast.FromImport, ast.Extends)):
        raise TemplateSyntaxError("a template cannot include others", node.lineno)
    tracking = _Tracking(environment)
    tracking.visit(tree)
    return tracking.undeclared_identifiers


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
    too_long = InvalidInput(
        "Making this report took too long; make its queries or loops smaller.", code="report_too_long"
    )
    is_over = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_over
        is_over = True
        raise too_long

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Exception as error:
        if is_over:  # a library may make an error of its own of ours: DuckDB says "Query interrupted"
            raise too_long from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _as_text(value: Any) -> Any:
    return "" if value is None else as_text(value)


def _as_markdown(value: Any) -> Any:
    """Values are data: an asterisk in a customer's name makes nothing bold."""
    if value is None:
        return ""
    return escaped(as_text(value)) if not isinstance(value, StrictUndefined) else value
