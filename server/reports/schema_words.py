"""What people call the parts of a template, and what each is for: the form view and completions show it.

Keys are `key`, or `shape.key` where the same key means something else elsewhere. Texts are English here.
"""

from __future__ import annotations

import msgspec

from server.reports.charts.chart import IN_COURSE, WITH_AXES


class Said(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    hint: str = ""


class SaidBlock(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    hint: str
    icon: str


_BLOCKS = {
    "heading": SaidBlock(label="Heading", hint="A line that begins a section.", icon="heading"),
    "text": SaidBlock(label="Text", hint="Paragraphs and lists, with figures of your data in them.", icon="type"),
    "kpis": SaidBlock(label="Key figures", hint="A row of large numbers, each with its change.", icon="gauge"),
    "chart": SaidBlock(label="Chart", hint="Lines, bars, slices and more of a query's rows.", icon="chart-column"),
    "table": SaidBlock(label="Table", hint="A query's rows with totals, groups and colors.", icon="table-2"),
    "image": SaidBlock(label="Picture", hint="A PNG or JPEG that you uploaded, such as a logo.", icon="image"),
    "page_break": SaidBlock(label="New page", hint="What follows begins on a new page.", icon="file"),
    "contents": SaidBlock(label="Table of contents", hint="The headings with their pages.", icon="list"),
    "section": SaidBlock(
        label="Pages of their own", hint="Parts on pages of another orientation.", icon="file-chart-column"
    ),
    "include": SaidBlock(label="From another template", hint="The parts of another template of yours.", icon="link"),
    "columns": SaidBlock(label="Columns side by side", hint="Two to four columns of parts.", icon="columns-3"),
    "when": SaidBlock(label="Only if", hint="Parts that are there only if something is so.", icon="filter"),
    "repeat": SaidBlock(label="For each row", hint="The same parts again for each row of a query.", icon="repeat"),
}

_KEYS = {
    "across": Said(label="Side by side for each", hint="A column for each of its values (a pivot table)."),
    "across_currency": Said(label="Currency of the heads"),
    "across_decimals": Said(label="Decimals of the heads"),
    "across_format": Said(label="Format of the heads"),
    "across_negative": Said(label="Below zero, in the heads"),
    "alt": Said(label="Described in words", hint="For those who do not see it."),
    "align": Said(label="Alignment"),
    "as": Said(label="Name of the row", hint="Parts within use it: row.region."),
    "bar": Said(label="Bars in the cells"),
    "blocks": Said(label="Content"),
    "brand": Said(label="With the brand", hint="Logo, color and lines of your account or the server."),
    "chart": Said(label="Chart"),
    "color": Said(label="Color"),
    "colors": Said(label="Colors"),
    "chart.colors": Said(label="Colors of series", hint="By their names: “North” in #8a1f3d."),
    "columns": Said(label="Columns"),
    "compare": Said(label="Compared with", hint="A value before: the change is shown."),
    "compare_label": Said(label="Called", hint="Such as “vs. last month”."),
    "contents": Said(label="Table of contents"),
    "depth": Said(label="Levels of headings"),
    "currency": Said(label="Currency", hint="A code such as CNY, EUR or USD."),
    "data_labels": Said(label="Values at the bars and points"),
    "decimals": Said(label="Decimals"),
    "default": Said(label="Default", hint="A value, or a word such as last_month."),
    "description": Said(label="Description"),
    "each": Said(label="One report for each", hint="A query with one column, or a list."),
    "each_row": Said(label="One report for each row of", hint="Its columns are named like parameters."),
    "else": Said(label="Otherwise"),
    "file": Said(label="File", hint="The name of one of your uploads."),
    "file_name": Said(label="File name", hint="Of PDF, Excel and HTML; else the title."),
    "format": Said(label="Format"),
    "formats": Said(label="Files"),
    "good": Said(label="What is good"),
    "group": Said(label="Group by"),
    "head": Said(label="Heads of the columns"),
    "include": Said(label="Template"),
    "link": Said(label="Leads to", hint="An address: https, http or mailto."),
    "heading": Said(label="Heading"),
    "height": Said(label="Height"),
    "horizontal": Said(label="Bars from left to right"),
    "image": Said(label="Picture"),
    "kind": Said(label="Kind of chart"),
    "kpis": Said(label="Figures"),
    "label": Said(label="Label"),
    "labels": Said(label="Names of columns"),
    "language": Said(label="Language", hint="Of built-in words, numbers and dates: en, zh-CN, de."),
    "level": Said(label="Level"),
    "line_currency": Said(label="Currency of the lines"),
    "line_decimals": Said(label="Decimals of the lines"),
    "line_negative": Said(label="Below zero, of the lines"),
    "line_format": Said(label="Format of the lines"),
    "lines": Said(label="As lines, on their own axis"),
    "max": Said(label="At most"),
    "chart.max": Said(label="End of the scale"),
    "max_rows": Said(label="Rows at most", hint="The Excel file has all."),
    "middle": Said(label="Middle of the scale"),
    "multiples": Said(label="A small chart for each"),
    "negative": Said(label="Below zero"),
    "row_total": Said(label="Total at the end of each row"),
    "scale": Said(label="Color by value", hint="One color, or two from end to end."),
    "section": Said(label="Pages of their own"),
    "spark": Said(label="Small chart in the cells", hint="Of lists of numbers."),
    "style": Said(label="Style"),
    "styles": Said(label="Styles of rows"),
    "totals": Said(label="Column that says which are totals"),
    "min": Said(label="At least"),
    "name": Said(label="Name"),
    "template.name": Said(label="Called", hint="What the template and its batches are called."),
    "column.name": Said(label="Column"),
    "note": Said(label="Note"),
    "incomplete": Said(label="Period that is not over", hint="Drawn dashed, hollow or pale, with a note."),
    "of": Said(label="Its values are", hint="Of a list: texts unless said otherwise."),
    "one_axis": Said(label="Lines on the axis of the bars"),
    "option": Said(label="ECharts option"),
    "options": Said(label="Choices", hint="A list, or a query with one column."),
    "orientation": Said(label="Orientation"),
    "page": Said(label="Page"),
    "page_break": Said(label="New page"),
    "parameters": Said(label="Parameters"),
    "queries": Said(label="Data"),
    "query": Said(label="Data"),
    "repeat": Said(label="Rows of"),
    "required": Said(label="Must be given"),
    "series": Said(label="One series for each"),
    "shares": Said(label="As shares of 100 %"),
    "size": Said(label="Paper"),
    "table": Said(label="Table"),
    "targets": Said(label="Target lines"),
    "text": Said(label="Text", hint="Markdown; {{ totals.revenue }} is a figure."),
    "title": Said(label="Title"),
    "total": Said(label="Total"),
    "total_label": Said(label="Label of the total"),
    "type": Said(label="Type"),
    "value": Said(label="Value"),
    "when": Said(label="If"),
    "width": Said(label="Width in percent"),
    "x": Said(label="Along the bottom"),
    "x_title": Said(label="Title at the bottom"),
    "y": Said(label="Values"),
    "y_title": Said(label="Title of the values"),
}

_OPTIONS = {
    "kind.box": Said(label="Box plot"),
    "kind.waterfall": Said(label="Waterfall"),
    "negative.brackets": Said(label="In brackets"),
    "negative.minus": Said(label="With a minus"),
    "scale.amber": Said(label="Amber"),
    "scale.blue": Said(label="Blue"),
    "scale.green": Said(label="Green"),
    "scale.grey": Said(label="Grey"),
    "scale.red": Said(label="Red"),
    "spark.bar": Said(label="Bars"),
    "spark.line": Said(label="Lines"),
    "style.indent": Said(label="Indented"),
    "style.muted": Said(label="Muted"),
    "style.strong": Said(label="Strong"),
    "style.total": Said(label="As a total"),
    "type.list": Said(label="Several values"),
    "type.range": Said(label="From day to day"),
    "kind.area": Said(label="Area"),
    "kind.bar": Said(label="Bars"),
    "kind.combo": Said(label="Bars and lines"),
    "kind.funnel": Said(label="Funnel"),
    "kind.gauge": Said(label="Gauge"),
    "kind.heatmap": Said(label="Heat map"),
    "kind.line": Said(label="Lines"),
    "kind.pie": Said(label="Pie"),
    "kind.scatter": Said(label="Points"),
    "kind.stacked_bar": Said(label="Stacked bars"),
    "format.boolean": Said(label="Yes or no"),
    "format.compact": Said(label="Short (1.2M)"),
    "format.currency": Said(label="Money"),
    "format.date": Said(label="Date"),
    "format.datetime": Said(label="Date and time"),
    "format.decimal": Said(label="Decimal number"),
    "format.duration": Said(label="Duration"),
    "format.integer": Said(label="Whole number"),
    "format.month": Said(label="Month"),
    "format.percent": Said(label="Percent"),
    "format.text": Said(label="Text"),
    "format.year": Said(label="Year"),
    "total.average": Said(label="Average"),
    "total.count": Said(label="Count"),
    "total.max": Said(label="Largest"),
    "total.min": Said(label="Smallest"),
    "total.sum": Said(label="Sum"),
    "good.down": Said(label="Less"),
    "good.none": Said(label="Neither"),
    "good.up": Said(label="More"),
    "align.center": Said(label="Centered"),
    "align.left": Said(label="Left"),
    "align.right": Said(label="Right"),
    "color.amber": Said(label="Amber"),
    "color.blue": Said(label="Blue"),
    "color.green": Said(label="Green"),
    "color.grey": Said(label="Grey"),
    "color.red": Said(label="Red"),
    "orientation.landscape": Said(label="Landscape"),
    "orientation.portrait": Said(label="Portrait"),
    "type.boolean": Said(label="Yes or no"),
    "type.choice": Said(label="One of several"),
    "type.date": Said(label="Date"),
    "type.decimal": Said(label="Decimal number"),
    "type.integer": Said(label="Whole number"),
    "type.month": Said(label="Month"),
    "type.text": Said(label="Text"),
    "formats.html": Said(label="Web page"),
    "formats.pdf": Said(label="PDF file"),
    "formats.xlsx": Said(label="Excel file"),
}

_ROWS = (*WITH_AXES, "pie", "funnel", "heatmap", "box")
# For which kinds of charts a key says something; for all, if it is not here.
FOR_KINDS: dict[str, tuple[str, ...]] = {
    "query": _ROWS,
    "x": _ROWS,
    "y": _ROWS,
    "lines": ("combo",),
    "one_axis": ("combo",),
    "incomplete": IN_COURSE,
    "line_negative": ("combo",),
    "totals": ("waterfall",),
    "multiples": ("line", "bar", "stacked_bar", "area"),
    "line_format": ("combo",),
    "line_currency": ("combo",),
    "line_decimals": ("combo",),
    "series": ("line", "bar", "stacked_bar", "area", "scatter"),
    "labels": _ROWS,
    "horizontal": ("bar", "stacked_bar"),
    "shares": ("stacked_bar", "area"),
    "data_labels": WITH_AXES,
    "x_title": (*WITH_AXES, "heatmap"),
    "y_title": (*WITH_AXES, "heatmap"),
    "colors": (*WITH_AXES, "pie", "funnel"),
    "targets": WITH_AXES,
    "value": ("gauge", "heatmap"),
    "max": ("gauge",),
    "option": (),
}


def said_of_key(shape: str, key: str) -> Said | None:
    return _KEYS.get(f"{shape}.{key}") or _KEYS.get(key)


def said_of_option(key: str, option: str) -> Said | None:
    """Of what has words of its own; codes and names of papers have none."""
    return _OPTIONS.get(f"{key.removeprefix('line_').removeprefix('across_')}.{option}")


def said_of_block(name: str) -> SaidBlock:
    return _BLOCKS.get(name) or SaidBlock(label=name, hint="", icon="circle-dashed")
