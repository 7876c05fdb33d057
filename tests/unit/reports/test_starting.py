"""Templates made from a dataset: right for every schema, and about what its figures say matters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.clock import new_id
from server.datasets.dataset import ColumnNote
from server.datasets.part_statistics import column_statistics
from server.datasets.schema import COLUMN_TYPES, Column, ColumnType
from server.datasets.sql_text import quoted
from server.reports.binding import check_template
from server.reports.starting.choosing import each_offered
from server.reports.starting.columns import known_columns
from server.reports.starting.template import starting_template
from server.reports.starting.writing import SQL_WORDS
from server.reports.work import DatasetSource
from tests.unit.reports.orders import content, render

SQL_TYPES = {
    "text": "varchar", "integer": "bigint", "decimal": "decimal(18,2)", "float": "double", "boolean": "boolean",
    "date": "date", "datetime": "timestamp", "timestamp": "timestamptz",
}  # fmt: skip
ORDERS: dict[str, tuple[ColumnType, str]] = {
    "order_id": ("text", "'A' || i"),
    "ordered_at": ("datetime", "timestamp '2026-01-03' + to_hours(i * 20)"),
    "updated": ("date", "date '2026-10-01'  + i::int % 9"),
    "region": ("text", "['East', 'West', 'North'][1 + i % 3]"),
    "product": ("text", "'P' || i % 40"),
    "paid": ("boolean", "i % 5 > 0"),
    "customer_no": ("integer", "10000 + i % 70"),
    "year": ("integer", "2026"),
    "quantity": ("integer", "1 + i % 4"),
    "amount_eur": ("decimal", "i * 3 % 700"),
    "unit_price": ("decimal", "i % 90"),
    "discount": ("float", "(i % 10) / 100"),
    "note": ("text", "if(i % 4 = 0, 'call ' || i, null)"),
    "source": ("text", "'shop'"),
}


class Table:
    """A dataset as a file, with the figures that an import keeps of it."""

    def __init__(self, path: Path, name: str, columns: Mapping[str, tuple[ColumnType, str]], rows: int) -> None:
        self.name, self.path = name, path
        self.columns = [
            Column(name=column, type=kind, precision=18 if kind == "decimal" else None, scale=2)
            for column, (kind, _) in columns.items()
        ]
        parts = [f"({made})::{SQL_TYPES[kind]} as {quoted(column)}" for column, (kind, made) in columns.items()]
        duckdb.sql(f"select {', '.join(parts)} from range({rows}) r(i)").write_parquet(str(path))
        self.figures = column_statistics(path, self.columns)

    def template(self, language: str = "en", *, each: str = "", **notes: ColumnNote) -> str:
        columns = known_columns(self.columns, self.figures, notes)
        return starting_template(dataset=self.name, description="", columns=columns, language=language, each=each)

    @property
    def offered(self) -> list[str]:
        return each_offered(known_columns(self.columns, self.figures, {}))

    def issues(self, source: str) -> list[tuple[int, str]]:
        return [(one.line, one.text) for one in check_template(source, {self.name: self.columns}, [self.name])]

    def report(self, source: str) -> str:
        datasets = {self.name: DatasetSource(version=1, paths=(self.path,))}
        rendered = render(source, self.path, self.path.parent / "report", datasets=datasets)
        assert rendered.warnings == ()
        return content(rendered)


@pytest.fixture
def orders(tmp_path: Path) -> Table:
    return Table(tmp_path / "orders.parquet", "orders", ORDERS, 400)


def test_a_report_of_orders_says_what_matters(orders: Table) -> None:
    source = orders.template()
    assert orders.issues(source) == []
    for expected in (
        "sum(amount_eur) as amount_eur, sum(quantity) as quantity",  # money first
        "avg(discount) as discount",  # shares before prices
        "date_trunc('month', ordered_at)::date as month",  # not by when rows were updated
        "format: currency, currency: EUR",
        "{name: discount, label: Average discount, format: percent}",
        "kind: pie, query: by_1, x: region",
        "case when place <= 10 then name else 'Other' end as product",
        "order by ordered_at desc nulls last, amount_eur desc nulls last",
        "compare: month_before.amount_eur",
        "unnest(['note'])",
    ):
        assert expected in source, expected
    for absent in ("sum(customer_no)", "sum(year)", "group by source", "sum(unit_price)", "sum(discount)"):
        assert absent not in source
    assert "# “ordered_at” is the main date" in source
    assert "# Not used: updated, customer_no, year, unit_price, note, source" in source
    report = orders.report(source)
    assert "400 rows from 3 Jan 2026 to " in report
    assert "November 2026" in report
    assert "Empty cells:</strong> note 75.0%" in report


def test_names_stay_as_somebody_wrote_them(tmp_path: Path) -> None:
    columns: dict[str, tuple[ColumnType, str]] = {
        "Straße": ("text", "['Weg', 'Allee', 'Gasse'][1 + i % 3]"),
        "Umsatz": ("decimal", "1 + i % 90"),
        "unit_price": ("decimal", "1 + i % 7"),
    }
    source = Table(tmp_path / "sales.parquet", "sales", columns, 400).template()
    assert "By Straße" in source or "by Straße" in source
    assert "Umsatz by Straße" in source
    assert "straße" not in source
    assert "umsatz" not in source
    assert "Average unit price" in source  # a name that no person wrote so


def test_there_is_one_report_for_each_value_of_a_column(orders: Table) -> None:
    assert orders.offered == ["region", "product"]
    source = orders.template(each="region")
    assert orders.issues(source) == []
    assert 'title: "Orders · {{ region }}"' in source
    assert "group by region" not in source
    datasets = {"orders": DatasetSource(version=1, paths=(orders.path,))}
    rendered = render(source, orders.path, orders.path.parent / "east", {"region": "East"}, datasets=datasets)
    report = content(rendered)
    assert "Orders · East" in report
    assert "134 rows from 3 Jan 2026 to " in report


def test_it_speaks_chinese(orders: Table) -> None:
    source = orders.template("zh-CN", amount_eur=ColumnNote(unit="元"))
    assert orders.issues(source) == []
    assert "language: zh-CN" in source
    assert "每月 Amount eur" in source
    assert "currency: CNY" in source
    assert "共 400 行" in orders.report(source)


def test_what_its_owner_said_of_a_column_counts(orders: Table) -> None:
    notes = {"quantity": ColumnNote(unit="kg", decimals=1), "amount_eur": ColumnNote(unit="USD", decimals=0)}
    source = orders.template(**notes)
    assert orders.issues(source) == []
    assert "label: Quantity (kg), value: totals.quantity, format: decimal, decimals: 1" in source
    assert "format: currency, currency: USD, decimals: 0" in source


def test_the_suggestion_of_a_report_for_each_value_works(orders: Table) -> None:
    source = orders.template()
    suggested = re.sub(r"^# (parameters:|  region:)", r"\1", source, flags=re.MULTILINE)
    suggested = suggested.replace("from orders\n\nblocks", "from orders where region = $region\n\nblocks")
    assert suggested != source
    assert orders.issues(suggested) == []


@pytest.mark.parametrize(
    ("day", "newest", "change"),
    [
        ("(date '2025-12-01' + to_months(i::int % 12))", "November 2026", "+0.6%"),  # the first stands for its month
        ("date '2026-01-01' + i::int", "October 2026", "+15.6%"),  # November has begun
    ],
    ids=["a date a month", "every day"],
)
def test_the_newest_month_that_is_over_is_told(tmp_path: Path, day: str, newest: str, change: str) -> None:
    columns: dict[str, tuple[ColumnType, str]] = {"month_end": ("date", day), "sales": ("integer", "i * 100")}
    table = Table(tmp_path / "t.parquet", "plan", columns, 312)
    report = table.report(table.template())
    assert newest in report
    assert change in report


ODD_TABLES: dict[str, tuple[Mapping[str, tuple[ColumnType, str]], int, str]] = {
    "one column of texts": ({"a": ("text", "'x' || i")}, 30, "First rows"),
    "one number": ({"a": ("integer", "i * 7")}, 30, "Largest rows"),
    "only a date": ({"a": ("date", "date '2026-01-01' + i::int")}, 30, "Rows per day"),
    "no date": ({"city": ("text", "'c' || i % 3"), "sales": ("float", "i")}, 30, "Sales by city"),
    "no numbers": ({"city": ("text", "'c' || i % 3"), "day": ("date", "date '2020-01-01'")}, 30, "Rows by city"),
    "years": ({"年份": ("integer", "2015 + i % 9"), "金额（元）": ("decimal", "i")}, 90, "金额（元） per year"),
    "no rows": ({"city": ("text", "''"), "day": ("date", "null"), "sales": ("float", "1")}, 0, "No data"),
    "one row": ({"city": ("text", "'x'"), "day": ("date", "date '2026-01-01'"), "sales": ("float", "1")}, 1, "Sales"),
    "nothing but empty cells": ({"a": ("text", "null"), "b": ("integer", "null")}, 9, "9 rows."),
    "always the same": ({"a": ("text", "'x'"), "b": ("integer", "7")}, 9, "9 rows."),
    "centuries": ({"day": ("date", "date '0001-01-01' + i::int * 40000"), "v": ("float", "i")}, 20, "V per year"),
    "below zero": ({"kind": ("text", "'k' || i % 3"), "profit": ("float", "i - 9")}, 20, "Profit by kind"),
    "200 columns": ({f"c{n}": (COLUMN_TYPES[n % 8], "null") for n in range(200)}, 3, "3 rows."),
    "names of all kinds": (
        {
            'say "hi"': ("text", "'v' || i % 3"),
            "select": ("text", "'w' || i % 4"),
            "销售 金额": ("decimal", "i"),
            "{{ today }} {% if %}": ("decimal", "i % 7"),
            "it's; -- *bold* <b>": ("text", "'u' || i % 5"),
            "a\nb": ("integer", "i"),
            "$month: x # y": ("date", "date '2026-01-01' + i::int"),
            "row_count": ("text", "'r' || i % 2"),
            "name": ("text", "'n' || i % 40"),
        },
        200,
        "{{ today }} {% if %}",
    ),
    "a letter nobody has, twice a blank": ({"\ud7fc  x": ("date", "date '1990-01-01' + i::int * 99")}, 40, "Rows per"),
}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", ODD_TABLES)
def test_odd_tables_have_reports_too(tmp_path: Path, kind: str, language: str) -> None:
    columns, rows, told = ODD_TABLES[kind]
    table = Table(tmp_path / "t.parquet", "order" if rows == 30 else "ranked", columns, rows)
    source = table.template(language)
    assert table.issues(source) == []
    if language == "en":
        assert told in table.report(source)


def test_words_of_sql_are_quoted() -> None:
    rows = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'").fetchall()
    assert {name for (name,) in rows} <= SQL_WORDS


NAMES = st.one_of(
    st.sampled_from(
        ["id", "amount", "date", "Order", "价格", "日期", "rate", "value", "month", "row", 'a"b', "{{x}}", ":"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool),
)
VALUES: Mapping[ColumnType, Sequence[str]] = {
    "text": ["'v' || i % 3", "'long ' || i", "'**' || i % 20", "null", "''"],
    "integer": ["i", "2000 + i % 20", "i % 2", "-i", "9223372036854775807", "null"],
    "decimal": ["i / 4", "-i", "0", "null"],
    "float": ["i / 100", "'nan'", "'inf'", "1e300 * i", "null"],
    "boolean": ["i % 2 = 0", "true", "null"],
    "date": ["date '2026-01-01' + i::int", "date '1990-01-01' + i::int * 99", "null"],
    "datetime": ["timestamp '2026-01-01' + to_hours(i)", "timestamp '9999-01-01'", "null"],
    "timestamp": ["timestamptz '2026-01-01 00:00Z' + to_hours(i * 30)", "null"],
}
DRAWN = st.dictionaries(
    NAMES,
    st.sampled_from([(kind, value) for kind, values in VALUES.items() for value in values]),
    min_size=1,
    max_size=9,
).filter(lambda columns: len({name.casefold() for name in columns}) == len(columns))


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(columns=DRAWN, rows=st.sampled_from([0, 1, 40]), language=st.sampled_from(["en", "zh-CN"]), data=st.data())
def test_every_schema_has_a_report(
    tmp_path: Path, columns: dict[str, Any], rows: int, language: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["orders", "select", "订单", "ranked", "_"]))
    table = Table(tmp_path / f"{new_id()}.parquet", name, columns, rows)  # files of datasets never change
    for each in table.offered:
        assert table.issues(table.template(language, each=each)) == []
    source = table.template(language)
    assert table.issues(source) == []
    datasets = {name: DatasetSource(version=1, paths=(table.path,))}
    assert content(render(source, table.path, tmp_path / "report", datasets=datasets))
