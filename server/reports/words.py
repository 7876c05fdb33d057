"""The few words that writers add themselves, in the report's language."""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    no_data: str = "No data"
    total: str = "Total"
    subtotal: str = "Subtotal {group}"
    columns_part: str = "Columns {first} to {last} of {count}"
    page_of: str = "Page {page} of {pages}"
    full_list: str = "{shown} of {count} rows; the full list is in the Excel file."
    first_rows: str = "{shown} of {count} rows."
    truncated: str = "The query gave more rows than the limit of {count}; the rest is left out."
    first_drawn: str = "The first {shown} of {count} rows are drawn."
    summed: str = "Rows with the same {column} are added up ({count} more than there are points)."
    no_slices: str = "{count} values below zero have no slice."
    rest: str = "“…” stands for the {count} smallest together."
    first_figures: str = "The first {shown} of {count} rows; the Excel file has all."
    no_shape: str = "The PDF has boxes where its fonts have no shape for a character, such as in “{text}”."
    made: str = "Made {when}"
    as_of: str = "As of {when}"
    datasets: str = "Data: {datasets}"
    template: str = "Template: {name}, version {version}"
    version: str = "version {version}"
    summary: str = "Summary"
    charts_data: str = "Chart data"
    show_data: str = "Data of this chart"
    parameters: str = "Parameters"


WORDS = {
    "zh": Words(
        no_data="没有数据",
        total="合计",
        subtotal="{group}小计",
        columns_part="第 {first} 至 {last} 列，共 {count} 列",
        page_of="第 {page} 页，共 {pages} 页",
        full_list="仅列出 {count} 行中的 {shown} 行，完整列表见 Excel 文件。",
        first_rows="仅列出 {count} 行中的 {shown} 行。",
        truncated="查询结果超过 {count} 行的上限，其余部分未列出。",
        first_drawn="仅绘制 {count} 行中的前 {shown} 行。",
        summed="已把{column}相同的行相加（比图中的点多 {count} 行）。",
        no_slices="有 {count} 个负值没有对应的扇区。",
        rest="最小的 {count} 项合并为“…”。",
        first_figures="仅列出 {count} 行中的前 {shown} 行，Excel 文件中有全部数据。",
        no_shape="某些字符在所用字体中没有字形，在 PDF 中显示为方框，例如“{text}”。",
        made="生成于 {when}",
        as_of="截至 {when}",
        datasets="数据：{datasets}",
        template="模板：{name}，第 {version} 版",
        version="第 {version} 版",
        summary="摘要",
        charts_data="图表数据",
        show_data="图表数据",
        parameters="参数",
    )
}
