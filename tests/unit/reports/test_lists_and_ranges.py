"""Parameters of several values and of a first and a last day: read, bound, written, offered."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.cli.reporting import parameters_of
from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.reports.binding import check_template
from server.reports.choices import choices_of
from server.reports.formats import Formats
from server.reports.named_days import RANGES, named_range
from server.reports.parameter_values import Wrong, list_text
from server.reports.parameters import Parameter, as_json
from server.reports.work import ChoicesRequest, DatasetSource
from tests.unit.reports.orders import COLUMNS, content, expand, render
from views.template_forms import parameters_from

SOURCE = """\
title: "{{ regions | join('+') }} {{ period.from }}"
parameters:
  regions: {type: list, options: select distinct region from orders order by 1, default: [East, 华南]}
  period: {type: range, default: last_month}
queries:
  q: |
    select count(*) as n, min(ordered_at)::date as first, max(ordered_at)::date as last from orders
    where region in $regions and ordered_at::date between $period_from and $period_to
blocks:
  - text: "{{ q.n }} from {{ q.first }} to {{ q.last }}"
"""


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["a", "b", "a"], ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("a, b\nc", ["a, b", "c"]),
        ('"Smith, John", 华南，华北、“x”', ["Smith, John", "华南", "华北", "“x”"]),
        ('"a ""b""", 12" pipe,', ['a "b"', '12" pipe']),
        (["Smith, John"], ["Smith, John"]),
        (7, [7]),
        ([1, 2.5], [1, 2.5]),
    ],
)
def test_a_list_is_read_from_what_forms_and_programs_send(given: Any, read: list[Any]) -> None:
    assert Parameter(name="x", type="list").converted(given) == read


@pytest.mark.parametrize(
    "values", [["a"], ["a, b"], ['"a"'], ["a，b"], ["a, b", "c"], ['say "a", b', "x"], ['a "b", c']]
)
def test_a_field_of_a_list_is_read_as_it_was_written(values: list[str]) -> None:
    assert Parameter(name="x", type="list").converted(list_text(values)) == values


@pytest.mark.parametrize(
    ("kind", "options", "given", "read"),
    [
        ("choice", (5, 10), "10", 10),
        ("choice", (5, 10), 10.0, 10),
        ("choice", (0.5, "x"), "0.5", 0.5),
        ("choice", (True, "no"), "yes", True),
        ("list", (2025, 2026), ["2026", 2025], [2026, 2025]),
        ("month", ("2026-10", "2026-11"), "2026-11", date(2026, 11, 1)),
        ("text", (5, 10), "5", "5"),
    ],
)
def test_numbers_are_chosen_by_forms_and_flags_that_write_them_as_texts(
    kind: Any, options: Any, given: Any, read: Any
) -> None:
    found = Parameter(name="x", type=kind, options=options).converted(given)
    assert (found, type(found)) == (read, type(read))


def test_a_list_says_what_its_values_are(orders: Path, tmp_path: Path) -> None:
    source = """\
title: x
parameters:
  years: {type: list, of: integer, options: select distinct year(ordered_at) from orders}
  days: {type: list, of: date}
queries: {q: "select count(*) as n from orders where year(ordered_at) in $years and ordered_at::date in $days"}
blocks: [{text: "{{ q.n }} {{ days | join(' ') }}"}]
"""
    assert check_template(source, {"orders": COLUMNS}) == []
    [given] = expand(source, orders, [{"years": "2025, 2026", "days": ["2026-09-02", "2026-09-03T10:00Z"]}])
    assert given == {"years": [2025, 2026], "days": ["2026-09-02", "2026-09-03"]}
    assert "48 2026-09-02 2026-09-03" in content(render(source, orders, tmp_path, given))
    [issue] = check_template(source.replace(" of: integer,", ""), {"orders": COLUMNS})
    assert "A list of VARCHAR is looked into for BIGINT" in issue.text
    assert "of: integer" in issue.text
    with pytest.raises(InvalidInput, match="“East” is no whole number"):
        expand(source, orders, [{"years": ["East"], "days": "2026-09-02"}])


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("{a: {type: text, of: integer}}", "“a” is none"),
        ("{a: {type: list, of: month}}", "use one of: text, integer, decimal, date"),
        ("{a: month}", "within braces, as a: {type: month}"),
        ("{a: {type: list, options: [{b: c}]}}", "“options” is a list of single values"),
    ],
)
def test_a_parameter_that_is_none_is_told(parameters: str, told: str) -> None:
    issues = check_template(f"title: x\nparameters: {parameters}\nblocks: [{{text: '{{{{ 1 }}}}'}}]\n", {})
    assert told in issues[0].text


def test_what_is_chosen_narrows_rows_down_as_the_values_it_means(orders: Path) -> None:
    source = """\
title: x
parameters: {m: {type: month}, ok: {type: boolean}, n: {type: decimal}}
each_row: "select * from (values (date '2026-09-01', true, 2.50), (date '2026-10-01', false, 3)) t(m, ok, n)"
blocks: [{text: '{{ m }}{{ ok }}{{ n }}'}]
"""
    first = {"m": "2026-09", "ok": True, "n": 2.5}
    for given in ({"m": "2026-09"}, {"m": "2026-09-30"}, {"ok": "yes"}, {"n": "2.5"}, {"n": 2.5}):
        assert expand(source, orders, [given]) == [first]
    assert expand(source, orders, [{"m": "last_month"}]) == [{"m": "2026-10", "ok": False, "n": 3.0}]


def test_a_flag_that_is_given_twice_is_a_list() -> None:
    given = ["who=Smith, John", "month=2026-10", "who=North", "sql=a=b"]
    assert parameters_of(given) == {"who": ["Smith, John", "North"], "month": "2026-10", "sql": "a=b"}


def test_a_value_that_comes_twice_is_one_report(orders: Path) -> None:
    for each in ("select region from orders order by 1", "[East, 华南, East]"):
        source = f"title: x\nparameters: {{r: {{type: text, each: {each}}}}}\nblocks: [{{text: '{{{{ r }}}}'}}]\n"
        assert [given["r"] for given in expand(source, orders)][:2] == ["East", "Empty" if "select" in each else "华南"]
        assert len(expand(source, orders)) == (3 if "select" in each else 2)


def test_a_form_with_one_box_ticked_asks_for_that_value_and_with_none_for_none() -> None:
    assert parameters_from([("p.who.each", ""), ("p.who.each", "Smith, John"), ("p.n", "")]) == {"who": ["Smith, John"]}
    assert parameters_from([("p.who.each", "")]) == {"who": []}


@pytest.mark.parametrize("given", [{"from": "2026-10-01", "to": "2026-10-31"}, "2026-10-01..2026-10-31"])
def test_a_range_is_read_and_stored_as_it_is_sent(given: Any) -> None:
    read = Parameter(name="x", type="range").converted(given)
    assert read == {"from": date(2026, 10, 1), "to": date(2026, 10, 31)}
    assert as_json(read, "range") == {"from": "2026-10-01", "to": "2026-10-31"}


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("range", "2026-10-31..2026-10-01", "ends before it begins: 2026-10-31 to 2026-10-01"),
        ("range", "2026-10-31", "write it like 2026-10-01..2026-10-31"),
        ("range", {"from": "2026-10-01"}, "a first and a last day"),
        ("range", {"from": "x", "to": "2026-10-01"}, "is no date"),
        ("list", [], "needs a value"),
        ("list", list(range(501)), "at most 500"),
        ("list", [["a"]], "One value is expected"),
        ("text", ["a"], "One value is expected"),
        ("date", "2026-10-31xx", "write it like 2026-10-31"),
        ("month", "2026-10-99", "write it like 2026-10."),
        ("month", "2026-10-31xx", "write it like 2026-10."),
        ("range", "2026-10-01..2026-10-31x", "is no date"),
        ("boolean", "ja", "write yes or no"),
        ("list", ["a", "c"], "“c” is not one of: a, b"),
    ],
)
def test_what_is_none_is_refused_with_what_to_do(kind: Any, given: Any, told: str) -> None:
    options = ("a", "b") if given == ["a", "c"] else ()
    with pytest.raises(Wrong) as found:
        Parameter(name="x", type=kind, options=options).converted(given)
    assert told in found.value.message.format(**found.value.parameters)


def test_words_for_ranges_are_of_the_day_they_are_asked_on() -> None:
    day = date(2026, 2, 14)
    told = {word: "..".join(map(str, named_range(word, day).values())) for word in RANGES}
    assert told == {
        "today": "2026-02-14..2026-02-14",
        "yesterday": "2026-02-13..2026-02-13",
        "last_7_days": "2026-02-08..2026-02-14",
        "last_30_days": "2026-01-16..2026-02-14",
        "this_month": "2026-02-01..2026-02-28",
        "last_month": "2026-01-01..2026-01-31",
        "this_quarter": "2026-01-01..2026-03-31",
        "last_quarter": "2025-10-01..2025-12-31",
        "this_year": "2026-01-01..2026-12-31",
        "last_year": "2025-01-01..2025-12-31",
        "year_to_date": "2026-01-01..2026-02-14",
    }


@pytest.mark.parametrize(
    ("first", "last", "english", "chinese"),
    [
        ((2026, 10, 1), (2026, 10, 31), "October 2026", "2026年10月"),
        ((2026, 1, 1), (2026, 12, 31), "2026", "2026年"),
        ((2026, 10, 5), (2026, 10, 5), "5 Oct 2026", "2026年10月5日"),
        ((2026, 10, 5), (2026, 11, 30), "5 Oct 2026 – 30 Nov 2026", "2026年10月5日 – 2026年11月30日"),
    ],
)
def test_days_are_written_as_people_name_them(first: Any, last: Any, english: str, chinese: str) -> None:
    days = date(*first), date(*last)
    assert (Formats("en").days(*days), Formats("zh-CN").days(*days)) == (english, chinese)


def test_queries_and_texts_have_every_value_and_both_days(orders: Path, tmp_path: Path) -> None:
    assert check_template(SOURCE, {"orders": COLUMNS}) == []
    given = {"regions": ["East"], "period": {"from": "2026-09-02", "to": "2026-09-04"}}
    page = content(render(SOURCE, orders, tmp_path, given))
    assert "<title>East 2026-09-02</title>" in page
    assert "24 from 2026-09-02 to 2026-09-04" in page
    assert "<dd>2 Sept 2026 – 4 Sept 2026</dd>" in page or "<dd>2 Sep 2026 – 4 Sep 2026</dd>" in page


def test_an_order_without_them_has_the_defaults(orders: Path) -> None:
    assert expand(SOURCE, orders) == [
        {"regions": ["East", "华南"], "period": {"from": "2026-10-01", "to": "2026-10-31"}}
    ]


def test_one_report_has_the_whole_of_them() -> None:
    source = SOURCE.replace("type: range, ", "type: range, each: select 1, ")
    assert any("One report has the whole" in issue.text for issue in check_template(source, {"orders": COLUMNS}))


def test_what_can_be_chosen_follows_what_was_chosen_before(orders: Path) -> None:
    source = """\
title: x
parameters:
  region: {type: choice, options: select distinct region from orders order by 1, default: East}
  product: {type: list, options: select distinct product from orders where region = $region order by 1}
blocks: [{text: x}]
"""
    request = ChoicesRequest(
        source=source,
        datasets={"orders": DatasetSource(version=1, paths=(orders,))},
        limits=QueryLimits(seconds=10),
        clock=datetime(2026, 11, 26, tzinfo=UTC),
        given={"region": "nowhere"},
    )
    found = choices_of(request, lambda _told: None)
    assert (found.followed, found.defaults) == (["region"], {"region": "East"})
    assert found.values.keys() == {"region"}
    found = choices_of(msgspec.structs.replace(request, given={}), lambda _told: None)
    assert len(found.values["product"]) == 4


def test_no_values_are_not_the_default_and_nothing_is_no_value(orders: Path) -> None:
    source = "title: x\nparameters: {a: {type: list, default: [x]}}\nblocks: [{text: '{{ a }}'}]\n"
    assert expand(source, orders, [{}, {"a": ["y"]}]) == [{"a": ["x"]}, {"a": ["y"]}]
    for value, told in (([], "“a” has no values"), (["y", None], "null is none")):
        with pytest.raises(InvalidInput, match=told):
            expand(source, orders, [{"a": value}])


def test_what_fails_names_parameters_as_they_are_typed(orders: Path, tmp_path: Path) -> None:
    source = (
        "title: x\nparameters: {m: {type: month}, d: {type: range}, l: {type: list}}\n"
        "blocks: [{text: '{{ m }}{{ d }}{{ l }}{{ 1 / 0 }}'}]\n"
    )
    given = {"m": "2026-10", "d": "2026-01-01..2026-01-31", "l": ["a", "b"]}
    with pytest.raises(InvalidInput, match=r"m = 2026-10, d = 2026-01-01\.\.2026-01-31, l = a, b\)"):
        render(source, orders, tmp_path, given)
