"""`chart`: a drawing of a query's rows, or of one value on a scale."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from server.reports.blocks.chart_drawn import ChartBlock
from server.reports.blocks.columns_drawn import Columns
from server.reports.blocks.heading_drawn import Heading
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder, ColumnUse
from server.reports.charts.building import build_chart
from server.reports.charts.chart import CHART_KINDS, IN_COURSE, INCOMPLETE, WITH_AXES, Chart, ChartSettings, Note
from server.reports.charts.multiples import BESIDE, alike, on_one_scale, parts_of
from server.reports.charts.options import read_option
from server.reports.charts.telling import told
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.reading import MapReader
from server.reports.rows import Rows
from server.reports.yaml_source import YamlNode

_IN_SMALL = ("line", "bar", "stacked_bar", "area")
_HEIGHT, _SMALL_HEIGHT = 260, 170  # pixels
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class TargetSpec(msgspec.Struct, frozen=True, kw_only=True):
    value: Expression
    label: Expression | None = None


class ChartSpec(BlockSpec, frozen=True, kw_only=True):
    """`value` and `maximum` are of a gauge."""

    settings: ChartSettings
    value: Expression | None = None
    maximum: Expression | None = None
    targets: tuple[TargetSpec, ...] = ()

    def build(self, builder: Builder) -> Iterator[Block]:
        settings = self.settings
        rows = builder.query(settings.query) if settings.query else None
        title = builder.text(self.title, self) if self.title else ""
        if settings.multiples and rows is not None:
            yield from self._multiples(rows, title, builder)
        else:
            yield self._block(self._chart(rows, title, builder), builder)

    def _chart(self, rows: Rows | None, title: str, builder: Builder) -> Chart:
        value = builder.shown(self.value, self) if self.value else None
        maximum = builder.shown(self.maximum, self) if self.maximum else None
        targets = [(builder.shown(one.value, self), self._label(one, builder)) for one in self.targets]
        with builder.failing(self):
            return build_chart(
                self.settings,
                rows,
                title=title,
                value=value,
                maximum=maximum,
                targets=targets,
                formats=builder.formats,
                now=builder.now,
            )

    def _multiples(self, rows: Rows, title: str, builder: Builder) -> Iterator[Block]:
        """A small chart for each value of a column, side by side, all on one scale."""
        parts = parts_of(rows, self.settings.query, self.settings.multiples)
        charts = [self._chart(part, builder.formats.text(value), builder) for value, part in parts]
        if title:
            yield Heading(text=title, level=4)
        if not charts:
            yield ChartBlock(chart=self._chart(rows, title, builder))
        blocks: list[Block] = [self._block(chart, builder) for chart in on_one_scale(alike(charts))]
        for first in range(0, len(blocks), BESIDE):
            row = blocks[first : first + BESIDE]
            yield Columns(columns=[[block] for block in row] + [[]] * ((BESIDE - len(row)) if first else 0))

    def _block(self, chart: Chart, builder: Builder) -> ChartBlock:
        title = chart.title
        notes = [_told(note, builder) for note in chart.notes]
        for note, sentence in zip(chart.notes, notes, strict=True):
            if note.warns:
                builder.warn(f"{title}: {sentence}" if title else sentence)
        told_of = "" if chart.is_empty else told(chart, builder.formats)
        return ChartBlock(chart=chart, notes=" ".join(notes), told=told_of, within=builder.around)

    def _label(self, target: TargetSpec, builder: Builder) -> str:
        return builder.text(target.label, self) if target.label else ""

    def rows_shown(self) -> str:
        return "" if self.value else self.settings.query

    def columns_used(self) -> Iterator[ColumnUse]:
        for name in self.settings.columns:
            yield ColumnUse(self.settings.query, name, self.line, self.column)

    def figures_used(self) -> Iterator[ColumnUse]:
        for name in self.settings.figures:
            yield ColumnUse(self.settings.query, name, self.line, self.column)


def _told(note: Note, builder: Builder) -> str:
    words, is_one = builder.words, note.parameters.get("count") == 1
    sentence: str = getattr(words, f"{note.word}_one", "") if is_one else ""
    sentence = sentence or getattr(words, note.word)
    return sentence.format(**{name: builder.formats.text(value) for name, value in note.parameters.items()})


def _read(blocks: BlockReader, outer: MapReader, place: BlockPlace) -> BlockSpec | None:
    node = outer.get("chart", required=True)
    if node is None:
        return None
    reader = MapReader(node, blocks.issues, what="A chart")
    if node.line:
        place = {**place, "line": node.line, "column": node.column}
    spec = _read_chart(blocks, reader, place)
    if spec.settings.kind == "combo" and not spec.settings.y and not spec.settings.lines:
        blocks.issues.add(node, "A combo chart needs “y” (bars) and “lines”.")
    reader.finish()
    return spec


def _read_chart(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> ChartSpec:
    option = read_option(reader)
    multiples = _read_multiples(blocks, reader)
    kind = "option" if option is not None else reader.choice("kind", CHART_KINDS, "line", required=True)
    needs_query = kind != "gauge" and option is None
    query = blocks.query(reader, required=needs_query)
    title = blocks.expressions.text_of(reader, "title")
    x = reader.column("x", required=needs_query)
    y = tuple(reader.columns("y", required=needs_query and kind != "combo"))
    lines = tuple(reader.columns("lines"))
    series = reader.column("series")
    value = blocks.expressions.value_of(reader, "value", required=True) if kind == "gauge" else None
    return ChartSpec(
        **place,
        title=title,
        value=value,
        settings=ChartSettings(
            kind=kind,
            query=query,
            x=x,
            y=y,
            lines=lines,
            series=series,
            value_column=reader.column("value", required=True) if kind == "heatmap" else "",
            labels=_read_labels(reader),
            format=blocks.format(reader),
            line_format=blocks.format(reader, prefix="line_"),
            height=reader.integer("height", _SMALL_HEIGHT if multiples else _HEIGHT, least=80, most=900),
            horizontal=reader.boolean("horizontal"),
            option=option or {},
            shares=_read_shares(reader, kind, series),
            incomplete=_read_incomplete(reader, kind),
            data_labels=reader.boolean("data_labels"),
            x_title=reader.text("x_title"),
            y_title=reader.text("y_title"),
            colors=_read_colors(reader),
            totals=reader.column("totals") if kind == "waterfall" else "",
            multiples=multiples,
            one_axis=reader.boolean("one_axis"),
        ),
        maximum=blocks.expressions.value_of(reader, "max"),
        targets=_read_targets(blocks, reader, kind),
    )


def _read_labels(reader: MapReader) -> dict[str, str]:
    node: YamlNode | None = reader.get("labels")
    if node is None:
        return {}
    labels = MapReader(node, reader.issues, what="“labels”")
    return {name: labels.text(name) for name in labels.names()}


def _read_targets(blocks: BlockReader, reader: MapReader, kind: str) -> tuple[TargetSpec, ...]:
    found = []
    for node in reader.items("targets"):
        if kind not in WITH_AXES:
            blocks.issues.add(node, "Only charts with axes have “targets”: {kinds}.", kinds=", ".join(WITH_AXES))
        item = MapReader(node, blocks.issues, what="A target")
        value = blocks.expressions.value_of(item, "value", required=True)
        label = blocks.expressions.text_of(item, "label")
        item.finish(("label",))
        if value:
            found.append(TargetSpec(value=value, label=label))
    return tuple(found)


def _read_multiples(blocks: BlockReader, reader: MapReader) -> str:
    node, kind = reader.get("multiples"), reader.get("kind")
    if node is not None and kind is not None and kind.value not in _IN_SMALL:
        blocks.issues.add(node, "Only these charts have “multiples”: {kinds}.", kinds=", ".join(_IN_SMALL))
        return ""
    return reader.column("multiples")


def _read_shares(reader: MapReader, kind: str, series: str) -> bool:
    """Only what is stacked has shares of a whole."""
    shares = reader.boolean("shares")
    node = reader.get("shares")
    if shares and node and kind != "stacked_bar" and not (kind == "area" and series):
        reader.issues.add(node, "“shares” needs a stacked_bar chart, or an area chart with a “series”.")
    return shares


def _read_incomplete(reader: MapReader, kind: str) -> str:
    node = reader.get("incomplete")
    if node is not None and kind not in IN_COURSE:
        reader.issues.add(node, "Only these charts have “incomplete”: {kinds}.", kinds=", ".join(IN_COURSE))
    return reader.choice("incomplete", INCOMPLETE, "auto")


def _read_colors(reader: MapReader) -> dict[str, str]:
    """By the name of a series or slice."""
    node: YamlNode | None = reader.get("colors")
    if node is None:
        return {}
    colors = MapReader(node, reader.issues, what="“colors”")
    found = {name: colors.text(name) for name in colors.names()}
    for name, color in found.items():
        if not _COLOR.fullmatch(color):
            reader.issues.add(colors.get(name) or node, "“{color}” is no color; write one as “#2563a8”.", color=color)
    return found


KIND = BlockKind(name="chart", read=_read)
