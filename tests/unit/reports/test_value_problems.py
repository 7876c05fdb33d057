"""What goes wrong with values while a report is made is told in words of its author, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import InvalidInput
from tests.unit.reports.orders import content, render

HEAD = """\
title: x
queries:
  q: "select 'East' as region, 12.5 as amount, null::double as nothing union all select 'West', 1, null order by 1"
  z: "select 1 as a where false"
blocks:
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q.region + 1", "“+” is not possible with a text and a number. Texts are joined with “~”"),
        ("q.region > 1", "“>” is not possible with a text and a number."),
        ("q + 1", "“+” is not possible with the rows of a query and a number."),
        ("q.nothing + 1", "A value is missing; guard it with “| default(0, true)”"),
        ("z.a > 1", "A value is missing;"),
        ("q.nothing.part", "A value is missing;"),
        ("q.amount()", "What stands before the brackets is no function"),
        ("q.region | round", "Only numbers can be rounded."),
        ("q.amount | currency('EUR', 0, 1)", "“currency” is given too many values"),
        ("q.region.upper(1)", "“upper” is given too many values"),
        ("q.amount | decimal('x')", "A number is written with 0 to 20 decimals, not with x."),
        ("q.amount | currency('EURO')", "“EURO” is no currency; use a code such as CNY, EUR or USD."),
        ("(z | first).a", "There is no row; guard it, for example by “if q | length”."),
        ("q[7].region", "There is no row 7; the first is 0."),
        ("range(10000000)", "a range has at most 100000 numbers"),
        ("'x' * 999999", "texts and lists cannot be multiplied"),
        ("q.region.__class__", "“__class__” is no part of a value for templates to use"),
        ("1.5 | round(999)", "round takes at most 100 decimals"),
        ("range", "“range” is a function, not a value; call it"),
        ("today.nothing", "A value has no part “nothing”."),
    ],
)
def test_values_that_do_not_go_together(orders: Path, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as found:
        render(f'{HEAD}  - text: "{{{{ {text} }}}}"\n', orders, tmp_path)
    assert "blocks[0] (text), line 6, column 12: " in found.value.text
    assert words in found.value.text
    assert "server.reports" not in found.value.text


def test_a_loop_that_names_two(orders: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="write “for row in q”"):
        render(f'{HEAD}  - text: "{{% for a, b in [1, 2] %}}x{{% endfor %}}"\n', orders, tmp_path)


def test_a_currency_of_a_row_may_be_missing_or_small(orders: Path, tmp_path: Path) -> None:
    text = "{{ q.amount | currency(q.nothing) }} {{ q.amount | currency('eur') }}"
    assert "12.50 €12.50" in content(render(f'{HEAD}  - text: "{text}"\n', orders, tmp_path))


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        ("{kind: gauge, value: q.region}", "The value is a text or missing, so there is nothing to show."),
        ("{kind: bar, query: q, x: region, y: amount, targets: [{value: q.nothing, label: Plan}]}",
         "Plan is no number and has no line."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told(orders: Path, tmp_path: Path, chart: str, words: str) -> None:
    rendered = render(f"{HEAD}  - chart: {chart}\n", orders, tmp_path)
    assert rendered.warnings == (words,)
    assert words in content(rendered)


def test_a_target_may_be_a_duration(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
queries: {q: "select 'a' as x, interval 30 minute as v, interval 90 minute as plan"}
blocks: [{chart: {kind: bar, query: q, x: x, y: v, targets: [{value: q.plan, label: Plan}]}}]
"""
    assert "Plan 1:30:00" in content(render(source, orders, tmp_path))


@pytest.mark.parametrize(("mark", "line"), [("|", 9), (">", 6)])
def test_the_line_is_that_within_a_longer_text(orders: Path, tmp_path: Path, mark: str, line: int) -> None:
    text = f"  - text: {mark}\n      one\n      {{% for row in q %}}\n      {{{{ row.regon }}}}\n      {{% endfor %}}\n"
    with pytest.raises(InvalidInput, match=rf"line {line}, column .* no column “regon”"):
        render(HEAD + text, orders, tmp_path)
