"""No page forgets the base path: in templates and scripts no address of ours is written from the root of a host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.places import STATIC, TEMPLATES

_ADDRESS = re.compile(
    r"(?<![\w-])(?:href|src|action|formaction|poster|data-live-fragment|data-endpoint|data-document|data-compare-url"
    r'|data-names|data-api|data-brand|data-url)="([^"]*)'
)
# As base.html and the macros do it: `{{ root }}/jobs`, `{{ static('js/app.js') }}`, `{{ link.url|outside }}`.
_WHOLE = re.compile(r"\{\{ root \}\}|\{\{ static\(|\{\{ [\w.]+\|outside \}\}|[?#]|https?:|mailto:")
_MACRO_ARGUMENT = re.compile(r"\{\{ \w+\([^{}]*$")  # `tile(…, href="/jobs")`: the macro adds what is missing
_IN_SCRIPTS = re.compile(r"""(?<!\bat\()(["'`])/[a-z][^"'`]*\1""")
_IN_VIEWS = re.compile(r'(?<!outside\()(?<!path=)f"/(?:api|static|jobs|batches|imports|datasets|templates|reports)/')


def found(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.relative_to(TEMPLATES).as_posix()
)
def test_templates_say_addresses_from_outside(path: Path) -> None:
    text = path.read_text("utf-8")
    bare = [
        f"{path.name}:{number}: {match[0]}"
        for number, match in found(_ADDRESS, text)
        if not _WHOLE.match(match[1]) and match[1] and not _MACRO_ARGUMENT.search(match.string[: match.start()])
    ]
    assert bare == [], "begin it with {{ root }}, or name a file with {{ static('…') }}"


@pytest.mark.parametrize("path", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_scripts_ask_for_addresses(path: Path) -> None:
    text = re.sub(r"(?m)^\s*(?://|\*|/\*).*$", "", path.read_text("utf-8"))
    assert [f"{number}: {match[0]}" for number, match in found(_IN_SCRIPTS, text)] == [], (
        'write at("/…"), of addresses.js'
    )


@pytest.mark.parametrize("path", sorted(Path("views/api").glob("*.py")), ids=lambda path: path.name)
def test_answers_of_the_api_say_addresses_from_outside(path: Path) -> None:
    assert [f"{number}: {match.string}" for number, match in found(_IN_VIEWS, path.read_text("utf-8"))] == []
