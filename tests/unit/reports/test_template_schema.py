"""What the editor says can be written in a template is what the readers of templates look for."""

from __future__ import annotations

import pytest

from server.reports.blocks.kinds import KINDS
from server.reports.schema_words import said_of_key
from server.reports.template import read_source
from server.reports.template_schema import template_schema
from server.reports.vocabulary import Fact


@pytest.mark.parametrize(
    ("shape", "key", "fact"),
    [
        ("template", "title", {"type": "template", "required": True}),
        ("template", "parameters", {"type": "named"}),
        ("template", "formats", {"type": "choices", "options": ["pdf", "xlsx", "html"]}),
        ("template", "blocks", {"type": "blocks", "required": True}),
        ("block table", "table", {"type": "map", "shape": "table"}),
        ("block columns", "columns", {"type": "block_lists"}),
        ("block when", "else", {"type": "blocks", "required": False}),
        ("block text", "text", {"type": "markdown"}),
        ("table", "columns", {"type": "list", "shape": "column"}),
        ("table", "max_rows", {"type": "integer", "least": 1, "most": 5000}),
        ("column", "total", {"type": "choice", "open": True, "label": "Total"}),
        ("column", "align", {"type": "choice", "open": False}),
        ("figure", "value", {"type": "expression", "required": True}),
        ("chart", "x", {"type": "column", "required": True}),
        ("chart", "lines", {"type": "columns", "kinds": ("combo",)}),
        ("chart", "value", {"type": "column"}),
        ("queries", "q", {"type": "sql"}),
    ],
)
def test_keys_are_what_their_readers_take_them_for(shape: str, key: str, fact: dict[str, object]) -> None:
    found = template_schema().shapes[shape][key]
    assert {name: getattr(found, name) for name in fact} == fact


def test_a_key_may_be_otherwise_for_some_kinds_of_charts() -> None:
    facts = template_schema().shapes["chart"]
    assert facts["value"].by_kind["gauge"].type == "expression"
    assert not facts["x"].by_kind["gauge"].required


def test_every_block_and_key_has_words() -> None:
    schema = template_schema()
    assert [block.name for block in schema.blocks] == [kind.name for kind in KINDS]
    assert all(block.hint for block in schema.blocks), "server/reports/schema_words.py"
    by_names = {fact.shape for facts in schema.shapes.values() for fact in facts.values() if fact.type == "named"}
    named = {shape: facts for shape, facts in schema.shapes.items() if shape not in by_names}
    missing = [f"{shape}.{key}" for shape, facts in named.items() for key in facts if not said_of_key(shape, key)]
    assert missing == [], "server/reports/schema_words.py says what people call each key"


@pytest.mark.parametrize("shape", ["template", "table", "column", "chart", "figure", "parameter", "page", "image"])
def test_no_other_key_is_known(shape: str) -> None:
    """The reader names every key it knows when it finds another one."""
    wrong = {
        "template": "zzz: 1\ntitle: t\nblocks: []\n",
        "table": "queries: {q: select 1}\ntitle: t\nblocks: [{table: {query: q, zzz: 1}}]\n",
        "column": "queries: {q: select 1}\ntitle: t\nblocks: [{table: {query: q, columns: [{name: a, zzz: 1}]}}]\n",
        "chart": "queries: {q: select 1}\ntitle: t\nblocks: [{chart: {kind: heatmap, value: v, query: q, zzz: 1}}]\n",
        "figure": "title: t\nblocks: [{kpis: [{label: a, value: 1, zzz: 1}]}]\n",
        "parameter": "title: t\nparameters: {p: {zzz: 1}}\nblocks: []\n",
        "page": "title: t\npage: {zzz: 1}\nblocks: []\n",
        "image": "title: t\nblocks: [{image: {file: f, zzz: 1}}]\n",
    }[shape]
    _, reading = read_source(wrong)
    hints = (issue.parameters["hint"] for issue in reading.issues.errors if issue.parameters.get("key") == "zzz")
    [(text, told)] = [(hint["phrase"], hint["parameters"]["names"]) for hint in hints if isinstance(hint, dict)]
    assert text == " It knows: {names}."
    facts: dict[str, Fact] = template_schema().shapes[shape]
    known = set(facts) - {"totals"} if shape == "chart" else set(facts)  # that is of waterfalls alone
    assert told == ", ".join(sorted(known))
