"""What authors of templates get wrong is told with its line, in words of theirs, with what to write."""

from __future__ import annotations

import re

import pytest

from server.reports.binding import check_template
from tests.unit.reports.orders import COLUMNS

HEAD = 'title: x\nqueries: {q: "select region, amount from orders"}\nblocks:\n'


def told(source: str) -> list[str]:
    """Errors first, each as `line:column words`, without the words that many begin with."""
    issues = sorted(check_template(source, {"orders": COLUMNS}), key=lambda issue: issue.severity)
    texts = [re.sub("^This (expression is wrong|is not valid YAML): ", "", issue.text) for issue in issues]
    return [f"{issue.line}:{issue.column} {text}" for issue, text in zip(issues, texts, strict=True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ 1 + 2) }}", "4:20 “)” closes nothing that is open."),
        ("{{ (1 + 2 }}", "4:15 “(” is never closed."),
        ("{{ 'a)' + [1 }}", "4:22 “[” is never closed."),
        ("{{ q.region ", "4:12 “{{” is never closed; write “}}” where it ends."),
        ("{{ 'abc }}", "4:15 the quotation mark that begins here is never closed."),
        ("{{ “abc” }}", '4:15 ““” is a mark of Chinese texts; write ".'),
        ("{{ q.amount | currency（1) }}", "4:34 “（” is a mark of Chinese texts; write (."),
        ("{{ q.amount > 3 ? 1 : 2 }}", "4:28 write “a if b else c” in place of “b ? a : c”."),
        ("{{ $region }}", "4:15 names stand without $ here; only queries have it."),
        ("{% if q.amount %}b", "4:12 “{% if %}” is never closed; write “{% endif %}” where it ends."),
        ("{% endif %}", "4:12 “{% endif %}” stands here without what it belongs to."),
        ("{% if q.amount %}{% for r in q %}{% endif %}",
         "4:12 “{% endif %}” stands here before “{% endfor %}”."),
        ("{% if 1 %}a{% else if 2 %}b{% endif %}", "4:12 write “elif” in place of “else if”."),
        ("{% foo %}", "4:12 there is no “{% foo %}”; there are if, for and set."),
        ("{# a", "4:12 “{#” is never closed; write “#}” where it ends."),
        ("{{ q.amount | curency }}", "4:26 There is no filter “curency”. Did you mean “currency”?"),
        ("{{ q.amount is evn }}", "4:27 There is no test “evn”. Did you mean “even”?"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_text(text: str, words: str) -> None:
    assert told(f'{HEAD}  - text: "{text}"\n')[0] == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("q.amount)", "4:20 “)” closes nothing that is open."),
        ("q.amount +", "4:12 something is missing at its end."),
        ("q.amount = 3", "4:12 write “==” to compare."),
        ("q.amount > 3 && true", "4:25 write “and” in place of “&&”."),
        ("q.amount || 1", "4:12 write “or” in place of “||”."),
        ("q.amount AND 1", "4:12 write “and” in small letters."),
        ("!q.amount", "4:12 write “not” before what is not to be so, and “!=” between what "
         "differs."),
        ("q.amount 3", "4:12 a number is not expected here; perhaps an operator, a comma or “|” "
         "is missing before it."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_expression(value: str, words: str) -> None:
    assert told(f'{HEAD}  - when: "{value}"\n    blocks: [page_break]\n')[0] == words


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (f"{HEAD}  - heading: a\n    text: b\n",
         "5:5 “text” is a block of its own: begin it on a line of its own with “- ”."),
        ("title: x\nqueries: {q: select region, amount from orders}\nblocks: [page_break]\n",
         "2:29 “amount from orders” has no value. Within braces a comma ends a text: put a text that has one in "
         "quotes."),
        (f"{HEAD}  - text: {{{{ q.region }}}}\n", "4:11 A text is expected here; put “{{ … }}” in quotes."),
        ("title: x\nblocks：\n  - heading: a\n",
         "2:7 the colon behind this key is one of Chinese texts; write “: ”."),
        (f"{HEAD}  - text: |\n      合计：\n  - chart: {{kind: bar\n",
         "7:1 a comma is missing before this place, or a bracket that was opened is not closed."),
        (f"{HEAD}  - chart: {{query: q, colors: {{North: #ff0000}}}}\n",
         "4:39 a bracket that was opened is not closed; what follows “ #” is a comment unless it "
         "stands in quotes."),
        ("title: x\nparameters:\n  - region: {type: text}\nblocks: [page_break]\n",
         "3:3 “parameters” is no list here: write “key: value” without “- ” before it."),
        ("title: !x\nblocks: [page_break]\n", "1:8 A text that begins with “!” must stand in quotes."),
        ("title: | x\nblocks: [page_break]\n",
         "1:10 nothing may follow “|” or “>” in their line; the text begins in the next one, "
         "indented."),
        ("title: x\n---\nblocks: [page_break]\n",
         "2:1 a template is one document; “---” begins another one."),
        ("title: x\nname: a\0\nblocks: [page_break]\n", "2:8 This character (U+0000) is none of a text; delete it."),
        ("title: x\n\u00a0name: a\nblocks: [page_break]\n",
         "2:1 A space of another kind stands before “name”; indent with plain spaces."),
        ("title: x\n? [a]\n: b\nblocks: [page_break]\n", "2:3 A key must be a name."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_yaml(source: str, words: str) -> None:
    assert told(source)[0] == words


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select amont from orders", "There is no column “amont”. Did you mean “amount”?"),
        ('select * from orders where region = "North"', "A text stands in single quotes: 'North'."),
        ("select * from orders where region = '{{ r }}'", "is $r, without quotation marks; “'{{ r }}'” is none."),
        ("select * from orders where region = '$r'", "is $r, without quotation marks; “'$r'” is none."),
        ("select * from orders where region = :r", "is $r, without quotation marks; “:r” is none."),
    ],
)
def test_what_is_wrong_in_a_query(sql: str, words: str) -> None:
    head = "title: x\nparameters: {r: {type: text}}\nqueries:\n  q: |\n"
    source = f"{head}    {sql}\nblocks: [{{table: {{query: q}}}}]\n"
    assert any(words in each and each.startswith("5:") for each in told(source))


def test_texts_that_only_look_like_values_are_none() -> None:
    source = """\
title: x
parameters: {r: {type: text}}
queries: {q: "select amount::varchar as r, '{{ x }}' as y, '$z' as z, {'r':1} as s from orders where region = $r"}
blocks: [{table: {query: q}}]
"""
    assert told(source) == []


@pytest.mark.parametrize("key", ["format: currency", "total: sum", "label: Amount", "width: 10"])
def test_what_belongs_to_a_column_and_stands_at_the_table_says_so(key: str) -> None:
    name = key.partition(":")[0]
    (issue,) = told(f"{HEAD}  - table:\n      query: q\n      {key}\n")
    assert issue == (
        f"6:7 “{name}” belongs to a column of the table: write it in “columns”, beside the column's name, such as "
        f"“columns: [{{name: amount, {name}: …}}]”."
    )
