"""PDF by Typst: content goes in as data, the look is `assets/report.typ`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import typst

from server.errors import InvalidInput
from server.reports import document as doc
from server.reports.chart_engine import FONT, ChartEngine
from server.reports.formats import Formats

_LOOK = Path(__file__).parent / "assets" / "report.typ"
_FULL_WIDTH = {False: 680, True: 1000}  # of a chart, in its own pixels: letters come out at 8 points on paper
_GAP = 19
_WIDE_TEXT = 18  # characters from which a column of text shares the room instead of keeping its width
_PAPERS = {"A3": "a3", "A4": "a4", "A5": "a5", "Letter": "us-letter", "Legal": "us-legal"}


class PdfWriter:
    """One compiler a worker process: its fonts are read once. Typst keeps what it laid out; workers are recycled."""

    def __init__(self, charts: ChartEngine) -> None:
        self._charts = charts
        self._compiler: Any = None

    def write(self, document: doc.Document, formats: Formats) -> bytes:
        """The same document gives the same bytes. Raises `InvalidInput` when Typst cannot lay it out."""
        blocks = [self._block(block, document, formats, _FULL_WIDTH[document.landscape]) for block in document.blocks]
        text = msgspec.json.encode(self._data(document, formats) | {"blocks": blocks}).decode()
        try:
            pdf: bytes = self._ready().compile(
                sys_inputs={"document": text},
                format="pdf",
                pdf_standards=["a-2b"],
                timestamp=document.made_at,
            )
        except typst.TypstError as error:
            reason = str(error).split("\n")[0][:300]
            raise InvalidInput("The PDF cannot be laid out: {reason}", code="pdf_failed", reason=reason) from None
        return pdf

    def _ready(self) -> Any:
        if self._compiler is None:
            # Only our own fonts: the same file on every machine. No packages: nothing is fetched.
            self._compiler = typst.Compiler(
                input=str(_LOOK),
                root=str(_LOOK.parent),
                font_paths=typst.Fonts(
                    include_system_fonts=False, include_embedded_fonts=False, font_paths=font_directories()
                ),
            )
        return self._compiler

    def _data(self, document: doc.Document, formats: Formats) -> dict[str, Any]:
        made = document.made_at
        locale = formats.locale
        return {
            "title": document.title,
            "description": document.description,
            "keywords": document.provenance,
            "made": [made.year, made.month, made.day, made.hour, made.minute, made.second],
            "made_text": document.made_text,
            "font": FONT,
            "lang": locale.language,
            # Which shapes of Chinese characters: the font holds those of every region.
            "region": locale.territory or ("CN" if locale.language == "zh" else "US"),
            "paper": _PAPERS[document.page_size],
            "flipped": document.landscape,
            "provenance": document.provenance,
            "page_of": document.words.page_of,
            "no_data": document.words.no_data,
            "parameters": document.parameters,
        }

    def _block(self, block: doc.Block, document: doc.Document, formats: Formats, width: int) -> dict[str, Any]:
        match block:
            case doc.Heading():
                return {"kind": "heading", "text": block.text, "level": block.level}
            case doc.Text():
                return {"kind": "text", "nodes": block.nodes}
            case doc.Kpis():
                return {"kind": "kpis", "items": [_kpi(item) for item in block.items]}
            case doc.Chart():
                return self._chart(block, formats, width)
            case doc.Table():
                return _table(block, document)
            case doc.Picture():
                return {"kind": "chart", "title": "", "empty": False, "svg": _drawing(block, width), "alt": block.alt}
            case doc.Columns():
                count = max(len(block.columns), 1)
                narrow = (width - _GAP * (count - 1)) // count
                columns = [
                    [self._block(item, document, formats, narrow) for item in column] for column in block.columns
                ]
                return {"kind": "columns", "columns": columns}
        return {"kind": "page_break"}

    def _chart(self, chart: doc.Chart, formats: Formats, width: int) -> dict[str, Any]:
        svg = "" if chart.is_empty else self._charts.svg(chart, formats, width=width)
        alt = chart.title or chart.kind
        return {"kind": "chart", "title": chart.title, "empty": chart.is_empty, "svg": svg, "alt": alt}


def font_directories() -> list[str]:
    """Where the fonts lie that come as Python packages."""
    return [str(files(package)) for package in ("cvttf_NotoSansCJK_Regular", "cvttf_NotoSansCJK_Bold")]


def _drawing(picture: doc.Picture, width: int) -> str:
    """As wide as its room, the picture at its left: Typst takes texts, not bytes, and scales drawings like charts."""
    shown = width * picture.width / 100
    height = shown * picture.image.height / picture.image.width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.2f}">'
        f'<image width="{shown:.2f}" height="{height:.2f}" href="{picture.image.data_address}"/></svg>'
    )


def _kpi(item: doc.Kpi) -> dict[str, Any]:
    return {
        "label": item.label,
        "text": item.text,
        "delta": item.delta,
        "tone": item.tone or "neutral",
        "delta_label": item.delta_label,
        "note": item.note,
    }


def _table(table: doc.Table, document: doc.Document) -> dict[str, Any]:
    shown = table.shown()
    return {
        "kind": "table",
        "title": table.title,
        "columns": [
            {"label": column.label, "align": column.align, "bar": column.bar, "wide": _is_wide(column, index, shown)}
            for index, column in enumerate(table.columns)
        ],
        "rows": [
            {"kind": row.kind, "cells": [{"text": c.text, "tone": c.tone, "share": c.share} for c in row.cells]}
            for row in shown
        ],
        "totals": total_texts(table, document.words) if table.has_totals else [],
        "note": cut_note(table, document),
    }


def total_texts(table: doc.Table, words: doc.Words) -> list[str]:
    """The last row: totals under their columns, “Total” under the first when that has none."""
    texts = [column.total_text for column in table.columns]
    return [texts[0] or words.total, *texts[1:]] if texts else []


def cut_note(table: doc.Table, document: doc.Document) -> str:
    """What a table does not show, or nothing."""
    if not table.is_cut:
        return ""
    shown = min(table.max_rows, table.row_count)
    words = document.words
    pattern = words.full_list if "xlsx" in document.formats else words.first_rows
    note = pattern.format(shown=shown, count=table.row_count) if table.row_count > table.max_rows else ""
    return " ".join([note, words.truncated.format(count=table.row_count)] if table.truncated else [note]).strip()


def _is_wide(column: doc.Column, index: int, rows: list[doc.Row]) -> bool:
    if index == 0:
        return True
    texts = (row.cells[index].text for row in rows[:200] if row.kind == "row")
    return column.align == "left" and any(len(text) > _WIDE_TEXT for text in texts)
