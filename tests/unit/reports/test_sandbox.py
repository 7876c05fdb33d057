"""Templates cannot leave their sandbox, grow without end, or make the compiler work for them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, TemplateError
from jinja2.exceptions import SecurityError

from server.errors import InvalidInput
from server.reports.expressions import Expressions
from server.reports.formats import Formats
from server.reports.reading import Issues
from server.reports.sandbox import Sandbox, names_in, rendered
from server.reports.yaml_source import Node

CONTEXT: dict[str, Any] = {
    "today": date(2026, 11, 2),
    "long": "a" * 150_000,
    "items": [{"name": "b", "n": 2}, {"name": "a", "n": 1}],
    "span": timedelta(hours=1),
}


def made(source: str, *, markdown: bool = False) -> str:
    sandbox = Sandbox(Formats("en").filters(), markdown=markdown)
    return rendered(sandbox.from_string(source), CONTEXT)


# One template a line.
_LISTS = Path(__file__).parent / "expressions"
ESCAPES = (_LISTS / "escapes.jinja").read_text("utf-8").split("\n")[:-1]
GROWING = (_LISTS / "growing.jinja").read_text("utf-8").split("\n")[:-1]
HONEST = (_LISTS / "honest.jinja").read_text("utf-8").split("\n")[:-1]

COMPILED = """
{{ [1] | spy }}|{{ spy(1) }}|{{ 'x' | spy(1, a=2) }}
{% set a = 'x' | spy %}{% if 1 | spy %}{% endif %}{% for i in [1] | spy %}{% endfor %}
{{ ('x' | spy) ~ ('y' | spy) }}{{ ['x' | spy, {'a': 'x' | spy}] }}{{ 'x' | upper | spy }}{{ 1 if 'x' | spy else 2 }}
{% set b %}{{ 'x' | spy }}{% endset %}{% filter spy %}x{% endfilter %}{% macro m(a='x' | spy) %}{% endmacro %}
{{ 'x' | map('spy') | list }}{{ (1 + 2) | spy }}{{ ('x' | spy)[0] }}{{ 'x' is testing }}{{ not 'x' | spy }}
{{ 'a' | batch(1000000000, 'x') | list | length }}{{ 'x' | replace('x', 'y') | spy }}{{ 1 < (2 | spy) }}
"""


def test_compiling_evaluates_nothing() -> None:
    called: list[Any] = []

    def spy(*given: Any, **named: Any) -> str:
        called.append(given)
        return "x"

    for markdown in (False, True):
        sandbox = Sandbox({"spy": spy}, markdown=markdown)
        sandbox.tests["testing"] = spy  # type: ignore[assignment]
        sandbox.globals["spy"] = spy
        names_in(sandbox, COMPILED)
        sandbox.compile(COMPILED)
        sandbox.from_string(COMPILED)
    assert called == []


@pytest.mark.parametrize("source", ESCAPES)
def test_nothing_inside_python_is_reached(source: str) -> None:
    before = [dict(item) for item in CONTEXT["items"]]
    try:
        text = made(source)
    except (TemplateError, TypeError, LookupError, AttributeError):
        text = ""
    for word in ("class", "<built-in", "0x", "module", "globals", "frame", "code", "b'"):
        assert word not in text, text
    assert CONTEXT["items"] == before


@pytest.mark.parametrize("source", GROWING)
def test_what_grows_is_ended_before_it_does(source: str) -> None:
    with pytest.raises((SecurityError, TemplateError, InvalidInput, RecursionError, OverflowError, TypeError)):
        made(source)


@pytest.mark.parametrize("source", HONEST)
def test_honest_templates_give_what_jinja_gives(source: str) -> None:
    plain = Environment(finalize=lambda value: "" if value is None else value)
    assert made(source) == plain.from_string(source).render(CONTEXT)


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "9" * 5_000 + " }}",
        "{{ 0x" + "f" * 50_000 + " }}",
        "{{ 0b" + "1" * 200_000 + " }}",
        "{{ 1e" + "9" * 5_000 + " }}",
        "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "[" * 300 + "]" * 300 + " }}",
        "{{ " + "not " * 5_000 + "1 }}",
        "{{ " + "1 + " * 5_000 + "1 }}",
        "{{ '\\x' }}",
        "{{ '\\N{nothing}' }}",
        "{{ '\\ud800' }}",
        "{% if " + "a" * 10_000 + " %}{% endif %}",
        "{{ x|" + "|".join(["upper"] * 5_000) + " }}",
        "{{ x" + ".a" * 5_000 + " }}",
        "{% set " + ", ".join(f"a{n}" for n in range(300)) + " = 1 %}",
        "{{ f(" + ", ".join(f"a{n}=1" for n in range(300)) + ") }}",
        "{{ f(a=1, a=2) }}",
        "{% macro m(a, a) %}{% endmacro %}",
        "{{ \x00 }}",
        "{%", "{{", "{#", "{% for %}", "{% endfor %}", "{% unknown %}", "{{ 1 | nothing }}", "{{ 1 is nothing }}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
        "{% block a %}{{ super() }}{% endblock %}",
        "{% set a.b = 1 %}", "{% set 1 = 2 %}", "{{ a b }}", "{{ None.x }}",
    ],
)  # fmt: skip
def test_whatever_stands_in_an_expression_is_an_issue_or_fine_but_no_crash(source: str) -> None:
    issues = Issues()
    node = Node("scalar", source, 1, 1)
    Expressions(issues, {"x", "a", "f"}).text(node)
    assert all(issue.text for issue in issues.found)


def test_a_format_method_is_refused_before_it_makes_anything() -> None:
    sandbox = Sandbox({})
    for source in ("{{ '{:>1000000000}'.format(1) }}", "{{ '{0:>900000000}'.format_map({'0': 1}) }}"):
        with pytest.raises(SecurityError):
            sandbox.from_string(source).render()


NO_VALUES = [
    "range", "namespace", "namespace(x=1)", "items|map('upper')", "[1]|reverse", "'abc'|batch(2)", "[range]",
    "{'a': [range]}", "(range, 1)", "range|string", "range|upper", "range|title", "range|urlencode", "range|e",
    "range|currency('CNY')", "range|decimal", "range|month", "range|truncate(3)", "items|map('upper')|string",
    "range ~ 'x'", "[range]|join", "'x'|replace(range, '')", "range(3)", "'a'.upper", "{}.items()", "{}.items",
    "items|groupby", "self", "loop", "(-8) ** 0.5", "[(-8) ** 0.5]", "nope", "[nope]", "{'a': nope}", "today.strftime",
    "namespace(x=range).x", "range|default('x')",
]  # fmt: skip
HALVES = [
    "{{ '\\ud800' }}", "{{ '\\udfff' }}", "{{ 'a\\ud83d' ~ 'b' }}", "{{ '\\ud83d\\ude00' }}", "{{ '\\ud800'|upper }}",
    "{{ \"\\U0000dc00\" }}", "{{ ['\\ud800']|join }}", "{{ ['\\ud800']|first }}", "{% set x = '\\ud800' %}{{ x }}",
    "{% filter upper %}{{ '\\ud800' }}{% endfilter %}", "{{ ['\\ud800', 'b']|join('-') }}", "{{ '\\ud800'[0] }}",
    "{% macro m() %}{{ '\\udddd' }}{% endmacro %}{{ m() }}", "{{ {'a': '\\ud800'}.a }}", "{{ '\\ud800a'|truncate(9) }}",
]  # fmt: skip


@pytest.mark.parametrize("expression", NO_VALUES)
@pytest.mark.parametrize("markdown", [False, True])
def test_what_is_no_value_is_not_written(expression: str, markdown: bool) -> None:
    loop = expression == "loop"
    source = "{% for i in [1] %}{{ loop }}{% endfor %}" if loop else "{{ " + expression + " }}"
    with pytest.raises((SecurityError, TemplateError, TypeError)) as caught:
        made(source, markdown=markdown)
    assert "0x" not in str(caught.value)


def test_a_macro_is_called_and_not_written() -> None:
    macro = "{% macro m() %}x{% endmacro %}"
    assert made(macro + "{{ m() }}") == "x"
    with pytest.raises(SecurityError):
        made(macro + "{{ m }}")


@pytest.mark.parametrize("source", HALVES)
@pytest.mark.parametrize("markdown", [False, True])
def test_half_a_character_is_named_and_never_written(source: str, markdown: bool) -> None:
    with pytest.raises(SecurityError, match=r"U\+D[89A-F]"):
        made(source, markdown=markdown)
