"""Statements name datasets and known functions, or they are refused before they run; honest analytics all run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from ruamel.yaml import YAML

from server.datasets.query_session import QuerySession, SchemaSession
from server.datasets.schema import Column
from server.datasets.sql_functions import FUNCTIONS, TABLE_FUNCTIONS
from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.languages import Languages
from server.places import LOCALES
from server.texts import told

_ROOT = Path(__file__).parents[3]

# One statement a line. The hostile ones would tell of files, settings, the catalogue or the process, run a text as SQL,
# or change something; the honest ones are what people write to look at their figures.
_STATEMENTS = Path(__file__).parent / "statements"
HOSTILE = (_STATEMENTS / "hostile.sql").read_text("utf-8").split("\n")[:-1]
HONEST = (_STATEMENTS / "honest.sql").read_text("utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuerySession]:
    path = tmp_path_factory.mktemp("hidden place") / "sales.parquet"
    duckdb.sql("select i as id, i * 2.5 as 金额, 'x' as kind from range(10) r(i)").write_parquet(str(path))
    with QuerySession({"销售": [path], "sales": [path]}, QueryLimits(seconds=5, rows=50, memory_mib=64)) as session:
        yield session


@pytest.mark.parametrize("statement", HOSTILE)
def test_what_is_no_dataset_and_no_function_of_values_is_refused_before_it_runs(
    session: QuerySession, statement: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute(statement)
    error = caught.value
    assert error.specific_code in ("query_error", "query_forbidden")
    assert "hidden place" not in error.text
    assert "disabled" not in error.text, "DuckDB's own lock had to hold it"


@pytest.mark.parametrize("statement", HONEST)
def test_honest_analytics_run(session: QuerySession, statement: str) -> None:
    assert session.execute(statement, {"value": 3}).columns


def _statements_in(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _statements_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _statements_in(value)
    elif isinstance(tree, str) and re.match(r"\s*(select|with|from|pivot)\s", tree, re.IGNORECASE):
        yield tree


def test_every_query_of_the_example_templates_is_allowed() -> None:
    types = {
        "discount": "decimal",
        "ordered_at": "datetime",
        "quantity": "integer",
        "unit_price": "decimal",
        "amount": "decimal",
    }
    header = (_ROOT / "examples/orders.csv").read_bytes().split(b"\n")[0].decode().strip().split(",")
    columns = [Column(name=name, type=types.get(name, "text")) for name in header]
    sources = sorted((_ROOT / "examples/templates").glob("*.yaml"))
    statements = [found for source in sources for found in _statements_in(YAML(typ="safe").load(source))]
    assert len(statements) > 5
    with SchemaSession({"orders": columns}, QueryLimits(seconds=5)) as session:
        for statement in statements:
            asked = set(re.findall(r"\$(\w+)", statement))
            values = dict.fromkeys(asked) | {"month": date(2026, 1, 1), "today": date(2026, 1, 1)}
            assert session.execute(statement, values).columns


@pytest.mark.parametrize(
    ("statement", "line", "column", "message"),
    [
        ("select *\nfrom nothing", 2, 6, "There is no dataset “nothing”."),
        ("select '中文' from 销", 1, 18, "There is no dataset “销”. Did you mean “销售”?"),
        ("select 1,\n  summ(id)\nfrom sales", 2, 3, "There is no function “summ”. Did you mean “sum”?"),
        ("from rang(3)", 1, 6, "There is no function “rang”. Did you mean “range”?"),
    ],
)
def test_an_unknown_name_is_told_with_its_place(
    session: QuerySession, statement: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute(statement)
    assert (caught.value.parameters["line"], caught.value.parameters["column"]) == (line, column)
    assert message in caught.value.text


def test_an_unknown_name_is_told_in_the_language_of_its_reader(session: QuerySession) -> None:
    chinese = Languages.load(LOCALES).of("zh-CN").gettext
    for statement in ("from nothing", "select summ(id) from sales", "select nothing from sales"):
        with pytest.raises(InvalidInput) as caught:
            session.execute(statement)
        said = told(caught.value.message, caught.value.parameters, chinese)
        assert "There is" not in said


def test_a_dataset_may_have_the_name_of_a_table_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql("select 7 as seven").write_parquet(str(path))
    for name in ("pg_settings", "sqlite_master", "duckdb_tables", "select", "main"):
        with QuerySession({name: [path]}, QueryLimits()) as session:
            assert session.execute(f'from "{name}"').rows == [(7,)]


def test_deep_nesting_is_told_and_not_a_crash(session: QuerySession) -> None:
    for count in (100, 900, 5_000, 20_000):
        for part, end in (("(", ")"), ("abs(", ")"), ("not ", ""), ("1 + ", ""), ("[", "]"), ("(select ", ")")):
            statement = "select " + part * count + "1" + end * count
            try:
                session.execute(statement[:100_000])
            except InvalidInput as error:
                assert error.specific_code in ("query_error", "query_too_large", "query_too_long"), error.text  # noqa: PT017


def test_every_function_on_the_list_exists_and_no_operator_is_missing() -> None:
    rows = duckdb.connect(":memory:").execute("select lower(function_name) from duckdb_functions()")
    there = {name for (name,) in rows.fetchall()}
    made_by_the_parser = {"percentile_cont", "percentile_disc", "is_distinct_from", "is_not_distinct_from", "unnest"}
    assert FUNCTIONS - there - made_by_the_parser == set()
    assert TABLE_FUNCTIONS - there == set()


@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("select 's' as s, count(*) from SALES", {"sales"}),
        ("select 1 as sales, 'orders' as odd", set()),
        ("with sales as (select 1 as id) select * from sales", set()),
        ("with s as (select * from sales) select * from s join orders using (id)", {"sales", "orders"}),
        ("with sales as (select * from sales) select * from sales", {"sales"}),
        ("select (select max(id) from orders) from sales -- s", {"sales", "orders"}),
        ("from (pivot sales on kind using sum(id))", {"sales"}),
        ("pivot sales on kind using sum(id)", {"sales"}),
    ],
)
def test_the_datasets_that_a_statement_reads_are_known(tmp_path: Path, statement: str, read: set[str]) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql("select 1 as id, 'x' as kind").write_parquet(str(path))
    with QuerySession({"sales": [path], "orders": [path], "s": [path], "odd": [path]}, QueryLimits()) as session:
        session.execute(statement)
        assert session.read == read


OWNED = {"sales": "mei.sales", "mei.sales": "mei.sales", "orders": "zoe.o.orders", "lost": ""}


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (
            "select sales.a from Sales join orders on true",
            'select sales.a from "mei"."sales" join "zoe.o"."orders" on true',
        ),
        ("select 'ü', (from \"sales\") from sales  s", 'select \'ü\', (from "mei"."sales") from "mei"."sales"  s'),
        ("with sales as (from sales) from sales", 'with sales as (from "mei"."sales") from sales'),
        ("select 'sales' as sales from mei.sales -- sales", "select 'sales' as sales from mei.sales -- sales"),
        ("select 1 as sales", "select 1 as sales"),
        ("from lost", None),
        ("summarize sales", None),  # DuckDB does not say where it stands
        ("pivot sales on a using sum(b)", None),
    ],
)
def test_an_owner_is_written_before_what_stood_alone(session: QuerySession, sql: str, named: str | None) -> None:
    assert session.names(sql, OWNED).sql == named


def test_what_a_statement_reads_is_no_question_of_words(session: QuerySession) -> None:
    assert session.names("select 'lost' as orders from \"mei\".sales", OWNED).read == ["mei.sales"]
    with pytest.raises(InvalidInput, match="nowhere"):
        session.names("from nowhere", OWNED)
