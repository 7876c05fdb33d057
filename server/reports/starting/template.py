"""Writes a first template for a dataset: readable YAML whose comments say why each part is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.reports.starting import queries
from server.reports.starting.choosing import chosen
from server.reports.starting.columns import KnownColumn, days_between, is_monthly
from server.reports.starting.measures import Measure, average_of, format_of, label_of, name_of, sum_of
from server.reports.starting.words import StartingWords, words_for
from server.reports.starting.writing import block, in_quotes, is_plain, jinja, one_line, pretty, scalar, sql_name

_DAYS, _YEARS = 92, 366 * 6  # a line of days up to here, bars of years from here on
_NO_AXIS = 366 * 150  # years that far apart (0001, 9999) are names beside each other: no axis shows them
_COMPARABLE_DAYS = 62  # so many hold a month that is over, and the one before it
_SLICES = 6
_ROWS = 20
_DESCRIPTION = 300  # characters
_UNUSED = 20  # are named
_RESERVED = (
    "value row rows loop today made_at language if is import include block macro call filter set raw none self super "
    "caller varargs kwargs range dict lipsum cycler joiner namespace"
)
_EXPRESSION_WORDS = frozenset(_RESERVED.split())  # names that mean something else in expressions


def starting_template(
    *,
    dataset: str,
    description: str,
    columns: Sequence[KnownColumn],
    language: str,
    each: str = "",
    table: str = "",
) -> str:
    """The source of a template that has no issues, whatever the columns are called and hold.

    `each` is a column: there is one report for each of its values. `table` is what SQL calls the dataset of somebody
    else.
    """
    return _Writer(dataset, table or sql_name(dataset), description, columns, words_for(language), each).template()


class _Writer:
    def __init__(
        self,
        dataset: str,
        table: str,
        description: str,
        columns: Sequence[KnownColumn],
        words: StartingWords,
        each: str,
    ) -> None:
        self._dataset = dataset
        self._whole = table
        self._each = next((column for column in columns if column.name == each), None)
        self._table = table
        if self._each is not None:
            self._table = queries.rows_of(self._table, self._each, _parameter_of(self._each, words))
        self._description = one_line(description)[:_DESCRIPTION]
        self._words = words
        self._choice = chosen([column for column in columns if column is not self._each])
        self._taken = {column.name.casefold() for column in columns}
        rows = Measure(name=self._kept(words.row_count), sql="count(*)", label=words.rows, format="format: integer")
        sums = [sum_of(column, self._name_of(column)) for column in self._choice.sums]
        averages = [average_of(column, self._name_of(column), words) for column in self._choice.averages]
        self._rows, self._main = rows, sums[0] if sums else rows
        self._moving = [*sums, *averages, rows][0]  # what the trend is of: an average has one, too
        self._measures = [rows, *sums, *averages]
        self._queries: list[str] = []
        self._blocks: list[str] = []

    def template(self) -> str:
        self._figures()
        self._trend()
        self._categories()
        self._summary()
        self._listing()
        self._gaps()
        return "\n".join([*self._head(), "queries:", *self._queries, "", "blocks:", *self._blocks, ""])

    # Names of columns of queries

    def _free(self, wanted: str) -> str:
        """One that no column of the dataset has."""
        name, copy = wanted, 2
        while name.casefold() in self._taken:
            name, copy = f"{wanted}_{copy}", copy + 1
        return name

    def _kept(self, wanted: str) -> str:
        """The same, for one that stands in several queries."""
        name = self._free(wanted)
        self._taken.add(name.casefold())
        return name

    def _name_of(self, column: KnownColumn) -> str:
        return column.name if is_plain(column.name) else self._kept("value")

    # Parts of the text

    def _head(self) -> Iterator[str]:
        words, title = self._words, pretty(self._dataset)
        yield f"# {words.made_from.format(dataset=self._dataset)}"
        if self._each is None:
            yield f"title: {scalar(title)}"
        else:
            yield f"title: {in_quotes(f'{title} · {{{{ {_parameter_of(self._each, words)} }}}}')}"
        yield f"name: {scalar(title)}"
        if self._description:
            yield f"description: {scalar(self._description)}"
        yield f"language: {words.language}"
        yield "formats: [html, pdf, xlsx]"
        yield "page: {size: A4, orientation: portrait}"
        yield ""
        if self._each is not None:
            yield f"# {words.each_made.format(column=one_line(self._each.name))}"
            yield "parameters:"
            yield f"  {self._parameter(self._each)}"
            yield ""
        elif self._choice.few:
            yield from self._suggestion(self._choice.few[0])
            yield ""
        if left := [one_line(column.name) for column in self._choice.unused]:
            more = "…" if len(left) > _UNUSED else ""
            yield f"# {words.left_out.format(columns=words.between.join(left[:_UNUSED]) + more)}"

    def _suggestion(self, column: KnownColumn) -> Iterator[str]:
        sql = f"{sql_name(column.name)} = ${_parameter_of(column, self._words)}"
        yield f"# {self._words.each.format(column=one_line(column.name), sql=sql)}"
        yield "# parameters:"
        yield f"#   {self._parameter(column)}"

    def _parameter(self, column: KnownColumn) -> str:
        name = sql_name(column.name)
        kind = column.type if column.type in ("boolean", "integer") else "text"
        query = queries.select(self._whole, [f"distinct {name}"], f"where {name} is not null order by 1")
        each = scalar(one_line(query))
        return (
            f"{_parameter_of(column, self._words)}: {{type: {kind}, label: {scalar(label_of(column))}, each: {each}}}"
        )

    def _query(self, name: str, sql: str, *why: str) -> None:
        self._queries += [f"  # {one_line(line)}" for line in why if line]
        self._queries += [f"  {name}: |", block(sql, 4)]

    def _heading(self, text: str) -> None:
        self._blocks.append(f"  - heading: {scalar(jinja(text))}")

    def _table_of(self, query: str, columns: Sequence[str], *more: str) -> None:
        self._blocks += ["  - table:", f"      query: {query}", *(f"      {line}" for line in more), "      columns:"]
        self._blocks += [f"        - {{{column}}}" for column in columns]

    # Figures of all rows, and of the newest month

    def _figures(self) -> None:
        words, choice, date = self._words, self._choice, self._choice.date
        parts = queries.shown(self._measures)
        text = words.count
        first, last = self._free(words.first_day), self._free(words.last_day)
        if date is not None:
            name = sql_name(date.name)
            parts += [f"min({name})::date as {first}", f"max({name})::date as {last}"]
            text = words.span
        self._query(
            words.q_all,
            queries.select(self._table, parts),
            words.counts,
            self._named(words.sums, choice.sums),
            self._named(words.averages, choice.averages),
            words.main_date.format(column=date.name) if date else "",
        )
        told = text.format(q=words.q_all, n=self._rows.name, a=first, b=last)
        self._blocks.append(f"  - text: {in_quotes(told)}")
        self._kpis(words.q_all)
        if date is not None and (days_between(date) or 0) >= _COMPARABLE_DAYS:
            self._month(date)

    def _named(self, pattern: str, columns: Sequence[KnownColumn]) -> str:
        return pattern.format(columns=self._words.between.join(map(label_of, columns))) if columns else ""

    def _month(self, date: KnownColumn) -> None:
        words, month = self._words, self._free(self._words.month)
        parts = queries.shown(self._measures)
        first = f"min(date_trunc('month', {sql_name(date.name)}))::date as {month}"
        self._query(
            words.q_month,
            queries.of_month(self._table, date, [first, *parts], back=0),
            words.newest_of_months if is_monthly(date) else words.newest_month,
        )
        self._query(words.q_before, queries.of_month(self._table, date, parts, back=1))
        self._blocks.append(f'  - heading: "{{{{ {words.q_month}.{month} | month }}}}"')
        self._kpis(words.q_month, words.q_before)

    def _kpis(self, query: str, before: str = "") -> None:
        self._blocks.append("  - kpis:")
        for one in self._measures:
            parts = [f"label: {scalar(jinja(one.label))}", f"value: {query}.{one.name}", one.format]
            if before:
                parts += [f"compare: {before}.{one.name}", f"compare_label: {scalar(self._words.against)}"]
                parts += [] if one.is_better_higher else ["good: none"]
            self._blocks.append(f"      - {{{', '.join(parts)}}}")

    # Charts

    @staticmethod
    def _chart(kind: str, main: Measure, query: str, x: str, title: str, *more: str) -> str:
        parts = [
            f"kind: {kind}",
            f"query: {query}",
            f"x: {scalar(x)}",
            f"y: {main.name}",
            f"title: {scalar(jinja(title))}",
            main.format,
            f"labels: {{{main.name}: {scalar(main.label)}}}",
            *more,
        ]
        return f"chart: {{{', '.join(parts)}}}"

    def _trend(self) -> None:
        words, date, year = self._words, self._choice.date, self._choice.year
        if date is not None:
            days = days_between(date)
            unit, why, title = _step(days, words)
            name, x = (
                sql_name(date.name),
                self._free({"day": words.day, "month": words.month, "year": words.year}[unit]),
            )
            value, order = f"date_trunc('{unit}', {name})::date", "1"
            if (days or 0) > _NO_AXIS:
                value, order = f"year({name})::varchar", f"min({name})"
            moment, why = f"{value} as {x}", why.format(column=date.name, days=days)
        elif year is not None:
            name, x, unit, title, order = sql_name(year.name), year.name, "year", words.per_year, "1"
            moment, why = f"{name}::varchar as {name}", words.trend_of_years.format(column=year.name)
        else:
            return
        parts = [moment, *queries.shown([self._moving])]
        sql = queries.select(self._table, parts, f"where {name} is not null", f"group by 1 order by {order}")
        self._query(words.q_trend, sql, why)
        kind = "bar" if unit == "year" else "line"
        self._blocks.append(
            f"  - {self._chart(kind, self._moving, words.q_trend, x, words.filled(title, measure=self._moving.named))}"
        )

    def _categories(self) -> None:
        charts: list[str] = []
        for number, column in enumerate([*self._choice.few, *self._choice.many], 1):
            with_pie = not any("kind: pie" in chart for chart in charts)
            charts.append(self._category(self._words.q_by.format(number=number), column, with_pie=with_pie))
        for place in range(0, len(charts), 2):
            pair = charts[place : place + 2]
            if len(pair) == 2:
                self._blocks += ["  - columns:", *(f"      - - {chart}" for chart in pair)]
            else:
                self._blocks.append(f"  - {pair[0]}")

    def _category(self, query: str, column: KnownColumn, *, with_pie: bool) -> str:
        words, main = self._words, self._main
        is_few = column in self._choice.few
        if is_few:
            # The main measure stands first: it orders the rows.
            measures = [main, *(one for one in self._measures if one is not main)]
            count = 2 if column.type == "boolean" else column.distinct
            why = words.few.format(column=column.name, count=count)
            self._query(query, queries.grouped(self._table, column, measures, words), why)
        else:
            count = column.distinct
            why = words.some if count is None else words.many
            self._query(
                query, queries.largest(self._table, column, main, words), why.format(column=column.name, count=count)
            )
        title = words.filled(words.by if is_few else words.top, measure=main.named, column=name_of(column))
        if is_few and with_pie and self._are_parts(column):
            return self._chart("pie", main, query, column.name, title)
        return self._chart("bar", main, query, column.name, title, "horizontal: true")

    def _are_parts(self, column: KnownColumn) -> bool:
        """Whether its values are parts of a whole: few, and none below zero."""
        main = self._choice.sums[0] if self._choice.sums else None
        is_positive = main is None or (main.low is not None and main.low >= 0)
        return is_positive and (column.type == "boolean" or (column.distinct or 0) <= _SLICES)

    # Tables

    def _summary(self) -> None:
        """Every measure by the best category, with totals over all rows."""
        if not self._choice.few or len(self._measures) < 2:
            return
        column = self._choice.few[0]
        self._heading(self._words.filled(self._words.summary_of, column=name_of(column)))
        cells = [f"name: {scalar(column.name)}, label: {scalar(jinja(label_of(column)))}"]
        for one in self._measures:
            total = ", total: sum" if one.adds_up else ""
            bar = ", bar: true" if one is self._main else ""
            cells.append(f"name: {one.name}, label: {scalar(jinja(one.label))}, {one.format}{total}{bar}")
        self._table_of(self._words.q_by.format(number=1), cells)

    def _listing(self) -> None:
        words, listed = self._words, self._choice.listed
        if not listed:
            return
        order, why, title = self._order()
        parts = [sql_name(column.name) for column in listed]
        self._query(words.q_rows, queries.select(self._table, parts, order, f"limit {_ROWS}"), why)
        self._heading(title)
        has_total = any(column in self._choice.sums for column in listed)
        more = [f"total_label: {scalar(words.of_these)}"] if has_total else []
        self._table_of(words.q_rows, [self._listed(column) for column in listed], *more)

    def _listed(self, column: KnownColumn) -> str:
        cell = f"name: {scalar(column.name)}, label: {scalar(jinja(label_of(column)))}"
        if column in self._choice.sums:
            return f"{cell}, {format_of(column)}, total: sum"
        if column in self._choice.averages:
            return f"{cell}, {format_of(column)}"
        # An id or a year has no thousands.
        return f"{cell}, format: text, align: right" if column.type == "integer" else cell

    def _order(self) -> tuple[str, str, str]:
        words, date = self._words, self._choice.date
        main = self._choice.sums[0] if self._choice.sums else None
        by = [f"{sql_name(column.name)} desc nulls last" for column in (date, main) if column is not None]
        order = f"order by {', '.join(by)}" if by else ""
        if date is not None:
            return order, words.last_rows.format(column=date.name), words.last
        if main is not None:
            return order, words.largest_rows.format(column=main.name), words.largest
        return order, words.first_rows, words.first

    def _gaps(self) -> None:
        words = self._words
        if not self._choice.gaps:
            return
        self._query(words.q_gaps, queries.empty_shares(self._table, self._choice.gaps), words.gaps)
        between = f"{{{{ '{words.between}' if not loop.last }}}}"
        items = (
            f"{{% for row in {words.q_gaps} %}}{{{{ row.name }}}} {{{{ row.share | percent }}}}{between}{{% endfor %}}"
        )
        self._blocks.append(f"  - text: {in_quotes(words.quality.format(items=items))}")


def _parameter_of(column: KnownColumn, words: StartingWords) -> str:
    """What the parameter is called in SQL and expressions: as the column, unless that means something else there."""
    is_free = is_plain(column.name) and column.name not in _EXPRESSION_WORDS and column.name not in words.queries
    return column.name if is_free else "only"


def _step(days: int | None, words: StartingWords) -> tuple[str, str, str]:
    """How wide a point of the trend is, why, and what it is called."""
    if days is None:
        return "month", words.trend_unknown, words.per_month
    if days <= _DAYS:
        return "day", words.trend_days, words.per_day
    if days < _YEARS:
        return "month", words.trend_months, words.per_month
    return "year", words.trend_years, words.per_year
