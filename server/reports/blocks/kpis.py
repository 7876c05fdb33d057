"""`kpis`: a row of single figures, each with what it was before."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from typing import Any

import msgspec

from server.reports.batch_comparing import Figure
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.excel_room import letters, line_count, line_pixels
from server.reports.expressions import Expression
from server.reports.formats import Formats, ValueFormat
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader
from server.reports.sums import is_figure
from server.reports.workbook import LINE, MUTED, TONES, ReportBook
from server.reports.yaml_source import YamlNode


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """`delta` is written (`+12.3%`), `tone` says whether that is good, bad or neither."""

    label: str
    text: str
    value: Any = None
    format: ValueFormat = ValueFormat()
    delta: str = ""
    tone: str = ""
    delta_label: str = ""
    note: str = ""

    def html(self) -> str:
        arrow = "▲ " if "+" in self.delta else "▼ " if "-" in self.delta else ""
        delta = ""
        if self.delta:
            delta = (
                f'<span class="delta"><b class="tone-{self.tone}">{arrow}{escape(self.delta)}</b> '
                f"{escape(self.delta_label)}</span>"
            )
        note = f'<span class="note">{escape(self.note)}</span>' if self.note else ""
        return (
            f'<li class="kpi" style="--letters: {_longest_word(self.text)}">'
            f'<span class="label">{escape(self.label)}</span>'
            f'<span class="value">{escape(self.text)}</span>'
            f"{delta}{note}</li>"
        )

    def pdf(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "text": self.text,
            "delta": self.delta,
            "tone": self.tone or "neutral",
            "delta_label": self.delta_label,
            "note": self.note,
        }

    def excel(self, book: ReportBook) -> None:
        line = {"bottom": 1, "bottom_color": LINE, "text_wrap": True}
        kind = self.format.kind or book.formats.kind_of(self.value)
        tone = {"good": TONES["green"], "bad": TONES["red"]}.get(self.tone, TONES["grey"])
        more = " · ".join(text for text in (self.delta_label, self.note) if text)
        sheet, room = book.summary.sheet, book.summary.room
        lines = max(line_count(self.label, room(0) - room(1)), line_count(more, room(3)))
        row = book.summary.line(lines * line_pixels(11) if lines > 1 else None)
        book.string(sheet, row, 0, self.label, book.style(font_color=MUTED, **line))
        value_format = msgspec.structs.replace(self.format, kind=kind)
        book.cell(sheet, row, 1, self.value, value_format, **line | {"text_wrap": False}, bold=True, align="right")
        book.string(sheet, row, 2, self.delta, book.style(font_color=tone, bold=True, align="right", **line))
        about = book.style(font_color=MUTED, indent=1, **line)
        sheet.merge_range(row, 3, row, book.summary.last_column, "", about)
        book.string(sheet, row, 3, more, about)


class Kpis(Block, frozen=True, kw_only=True):
    """`within` is what they are repeated for."""

    items: tuple[Kpi, ...]
    within: str = ""

    def html(self, page: HtmlPage) -> str:
        return f'<ul class="kpis">{"".join(item.html() for item in self.items)}</ul>'

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "kpis", "items": [item.pdf() for item in self.items]}

    def excel(self, book: ReportBook) -> None:
        for item in self.items:
            item.excel(book)
        book.summary.skip()

    def figures(self) -> Iterator[Figure]:
        for item in self.items:
            if is_figure(item.value) and math.isfinite(item.value):
                yield Figure(label=item.label, value=float(item.value), text=item.text, row=self.within)

    def has_figures(self) -> bool:
        return any(item.value for item in self.items)


class KpiSpec(msgspec.Struct, frozen=True, kw_only=True):
    label: Expression
    value: Expression
    format: ValueFormat
    compare: Expression | None = None
    compare_label: Expression | None = None
    good: str = "up"
    note: Expression | None = None


class KpisSpec(BlockSpec, frozen=True, kw_only=True):
    items: tuple[KpiSpec, ...]

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Kpis(items=tuple(self._kpi(item, builder) for item in self.items), within=builder.around)

    def _kpi(self, item: KpiSpec, builder: Builder) -> Kpi:
        builder.take_odd_seen()
        value = builder.shown(item.value, self)
        odd = builder.take_odd_seen()
        if value is None:
            value = odd  # nothing, or what nobody reckons with
        before = builder.shown(item.compare, self) if item.compare else None
        delta, tone = _delta(value, before, item.good, builder.formats) if item.compare else ("", "")
        return Kpi(
            label=builder.text(item.label, self),
            text=builder.formats.text(value, item.format),
            value=value,
            format=item.format,
            delta=delta,
            tone=tone,
            delta_label=builder.text(item.compare_label, self) if item.compare_label else "",
            note=builder.text(item.note, self) if item.note else "",
        )


def _longest_word(text: str) -> int:
    """In letters, so that no figure is broken where there is little room."""
    return max(map(letters, text.split()), default=1)


def _delta(value: Any, before: Any, good: str, formats: Formats) -> tuple[str, str]:
    value, before = (each.total_seconds() if isinstance(each, timedelta) else each for each in (value, before))
    if not is_figure(value) or not is_figure(before) or not before:
        return "–", "neutral"
    change = (float(value) - float(before)) / abs(float(before))
    sign = formats.signed("+") if change > 0 else ""
    text = sign + formats.text(change, ValueFormat(kind="percent", decimals=1))
    if good == "none" or abs(change) < 0.0005:
        return text, "neutral"
    return text, "good" if (change > 0) == (good == "up") else "bad"


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec:
    items = (_read_kpi(blocks, item) for item in reader.items("kpis", required=True))
    return KpisSpec(**place, items=tuple(item for item in items if item is not None))


def _read_kpi(blocks: BlockReader, node: YamlNode) -> KpiSpec | None:
    reader = MapReader(node, blocks.issues, what="A figure of “kpis”")
    label = blocks.expressions.text_of(reader, "label", required=True)
    value = blocks.expressions.value_of(reader, "value", required=True)
    compare = blocks.expressions.value_of(reader, "compare")
    item = None
    if label and value:
        item = KpiSpec(
            label=label,
            value=value,
            format=blocks.format(reader),
            compare=compare,
            compare_label=blocks.expressions.text_of(reader, "compare_label"),
            good=reader.choice("good", ("up", "down", "none"), "up"),
            note=blocks.expressions.text_of(reader, "note"),
        )
    reader.finish(("format", "currency", "decimals", "compare_label", "good", "note"))
    return item


KIND = BlockKind(name="kpis", read=_read)
