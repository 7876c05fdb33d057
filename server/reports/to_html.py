"""One HTML file that needs nothing else: readable without scripts, charts interactive with them, and printable."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from server.reports import document as doc
from server.reports.chart_engine import CHART_FORMAT, ECHARTS, ChartEngine, chart_facts
from server.reports.formats import Formats
from server.reports.to_pdf import cut_note, total_texts

_ASSETS = Path(__file__).parent / "assets"
_FONTS = "system-ui, Segoe UI, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"
_WIDTH = 900
_GAP = 24
_MAX_CHART_ROWS = 200


def write_html(document: doc.Document, formats: Formats, charts: ChartEngine) -> str:
    """The whole page. Every value is escaped; a policy in the page lets only its own scripts run."""
    writer = _Writer(document, formats, charts)
    body = "\n".join(writer.block(block, _WIDTH) for block in document.blocks)
    scripts = _scripts(writer.charts)
    return f"""<!doctype html>
<html lang="{escape(document.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Jindu">
<meta name="description" content="{escape(document.description)}">
<link rel="icon" href="data:,">
<title>{escape(document.title)}</title>
<style>{(_ASSETS / "report.css").read_text("utf-8")}</style>
</head>
<body>
<main>
<header>
<h1>{escape(document.title)}</h1>
{_lead(document)}</header>
{body}
</main>
<footer>{"".join(f"<span>{escape(line)}</span>" for line in (document.made_text, *document.provenance))}</footer>
{_island(writer.charts)}{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
"""


def _lead(document: doc.Document) -> str:
    lead = f'<p class="lead">{escape(document.description)}</p>\n' if document.description else ""
    if not document.parameters:
        return lead
    facts = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in document.parameters)
    return f'{lead}<dl class="facts">{facts}</dl>\n'


def _scripts(charts: list[dict[str, Any]]) -> list[str]:
    if not charts:
        return []
    return [path.read_text("utf-8") for path in (ECHARTS, CHART_FORMAT, _ASSETS / "report.js")]


def _island(charts: list[dict[str, Any]]) -> str:
    if not charts:
        return ""
    # "<" cannot end the element, whatever a value holds.
    data = msgspec.json.encode(charts).decode().replace("<", "\\u003c")
    return f'<script type="application/json" id="charts">{data}</script>\n'


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {hashes}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
    )
    return "; ".join((*rules, "form-action 'none'"))


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _Writer:
    def __init__(self, document: doc.Document, formats: Formats, engine: ChartEngine) -> None:
        self._document = document
        self._formats = formats
        self._engine = engine
        self.charts: list[dict[str, Any]] = []

    def block(self, block: doc.Block, width: int) -> str:
        match block:
            case doc.Heading():
                level = min(block.level, 4) if block.level > 1 else 2
                return f"<h{level}>{escape(block.text)}</h{level}>"
            case doc.Text():
                return "".join(map(_rich, block.nodes))
            case doc.Kpis():
                return f'<ul class="kpis">{"".join(map(_kpi, block.items))}</ul>'
            case doc.Chart():
                return self._chart(block, width)
            case doc.Table():
                return self._table(block)
            case doc.Picture():
                return _picture(block)
            case doc.Columns():
                return self._columns(block, width)
        return '<hr class="page-break">'

    def _columns(self, block: doc.Columns, width: int) -> str:
        count = max(len(block.columns), 1)
        narrow = (width - _GAP * (count - 1)) // count
        columns = ("\n".join(self.block(item, narrow) for item in column) for column in block.columns)
        return f'<div class="columns">{"".join(f"<div>{column}</div>" for column in columns)}</div>'

    def _empty(self, title: str) -> str:
        head = f"<strong>{escape(title)}</strong>" if title else ""
        return f'<div class="empty">{head}{escape(self._document.words.no_data)}</div>'

    def _chart(self, chart: doc.Chart, width: int) -> str:
        if chart.is_empty:
            return self._empty(chart.title)
        number = len(self.charts)
        self.charts.append({"option": chart.option, "facts": msgspec.Raw(chart_facts(chart, self._formats).encode())})
        svg = self._engine.svg(chart, self._formats, width=width, font=_FONTS)
        label = escape(chart.title or chart.kind)
        return (
            f'<figure class="chart"><div class="canvas still" role="img" aria-label="{label}" data-chart="{number}" '
            f'style="--height: {chart.height}px">{svg}</div>{self._chart_data(chart)}</figure>'
        )

    def _chart_data(self, chart: doc.Chart) -> str:
        """The figures behind the drawing, for readers who cannot see it."""
        if not chart.series or chart.kind == "gauge":
            return ""
        names = "".join(f'<th class="right" scope="col">{escape(one.name)}</th>' for one in chart.series)
        rows = "".join(
            f'<tr><th scope="row">{escape(label)}</th>{self._numbers(chart, index)}</tr>'
            for index, label in enumerate(chart.labels[:_MAX_CHART_ROWS])
        )
        head = f"<thead><tr><th>{escape(chart.x_label)}</th>{names}</tr></thead>"
        summary = escape(self._document.words.show_data)
        return (
            f"<details><summary>{summary}</summary>"
            f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div></details>'
        )

    def _numbers(self, chart: doc.Chart, index: int) -> str:
        return "".join(self._number(chart, series, index) for series in chart.series)

    def _number(self, chart: doc.Chart, series: doc.Series, index: int) -> str:
        format = chart.line_format if series.second_axis and chart.line_format.kind else chart.format  # noqa: A001
        value = series.values[index] if index < len(series.values) else None
        return f'<td class="right">{escape(self._formats.text(value, format))}</td>'

    def _table(self, table: doc.Table) -> str:
        if not table.rows:
            return self._empty(table.title)
        caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
        head = "".join(
            f'<th scope="col" class="{column.align}">{escape(column.label)}</th>' for column in table.columns
        )
        body = "".join(_row(row, table.columns) for row in table.shown())
        note = cut_note(table, self._document)
        return (
            f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            f"{self._totals(table)}</table></div>" + (f'<p class="cut">{escape(note)}</p>' if note else "")
        )

    def _totals(self, table: doc.Table) -> str:
        if not table.has_totals:
            return ""
        texts = zip(total_texts(table, self._document.words), table.columns, strict=True)
        cells = "".join(f'<td class="{column.align}">{escape(text)}</td>' for text, column in texts)
        return f"<tfoot><tr>{cells}</tr></tfoot>"


def _picture(block: doc.Picture) -> str:
    return (
        f'<p class="picture"><img src="{block.image.data_address}" alt="{escape(block.alt)}" '
        f'width="{block.image.width}" height="{block.image.height}" style="--width: {block.width}%"></p>'
    )


def _kpi(item: doc.Kpi) -> str:
    arrow = "▲ " if item.delta.startswith("+") else "▼ " if item.delta.startswith("-") else ""
    delta = ""
    if item.delta:
        delta = (
            f'<span class="delta"><b class="tone-{item.tone}">{arrow}{escape(item.delta)}</b> '
            f"{escape(item.delta_label)}</span>"
        )
    note = f'<span class="note">{escape(item.note)}</span>' if item.note else ""
    return (
        f'<li class="kpi"><span class="label">{escape(item.label)}</span>'
        f'<span class="value">{escape(item.text)}</span>{delta}{note}</li>'
    )


def _row(row: doc.Row, columns: list[doc.Column]) -> str:
    if row.kind == "group":
        return f'<tr class="group"><td colspan="{len(columns)}">{escape(row.cells[0].text)}</td></tr>'
    cells = "".join(_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True))
    return f'<tr class="{row.kind}">{cells}</tr>'


def _cell(cell: doc.Cell, column: doc.Column) -> str:
    text = f'<span class="tone {cell.tone}">{escape(cell.text)}</span>' if cell.tone else escape(cell.text)
    if not column.bar or cell.share is None:
        return f'<td class="{column.align}">{text}</td>'
    sign = " negative" if cell.share < 0 else ""
    return f'<td class="{column.align} bar{sign}" style="--share: {min(abs(cell.share), 1):.4f}">{text}</td>'


_TAGS = {"paragraph": "p", "item": "li", "quote": "blockquote"}


def _rich(node: dict[str, Any]) -> str:
    kind = node["kind"]
    inner = "".join(map(_span, node.get("spans", ()))) + "".join(map(_rich, node.get("children", ())))
    if kind in _TAGS:
        return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>"
    if kind == "heading":
        level = min(node["level"] + 1, 4)
        return f"<h{level}>{inner}</h{level}>"
    if kind == "list":
        return f'<ol start="{node["start"]}">{inner}</ol>' if node["ordered"] else f"<ul>{inner}</ul>"
    if kind == "code":
        return f"<pre><code>{escape(node['text'])}</code></pre>"
    if kind == "rule":
        return "<hr>"
    if kind == "table":
        return f'<div class="scroll"><table>{inner}</table></div>'
    if kind == "row":
        return f"<tr>{inner}</tr>"
    if kind == "cell":
        tag = "th" if node["header"] else "td"
        return f'<{tag} class="{escape(node["align"])}">{inner}</{tag}>'
    return inner


def _span(span: dict[str, Any]) -> str:
    if span["kind"] == "break":
        return "<br>"
    text = escape(span["text"])
    for flag, tag in (("code", "code"), ("bold", "strong"), ("italic", "em")):
        if span[flag]:
            text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{escape(span["link"])}" rel="noopener noreferrer">{text}</a>' if span["link"] else text
