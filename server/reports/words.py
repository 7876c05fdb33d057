"""The few words that writers add themselves, in the report's language."""

from __future__ import annotations

import msgspec

from server.reports.formats import Formats

_KINDS = {
    "line": "line chart", "bar": "bar chart", "stacked_bar": "stacked bar chart", "area": "area chart",
    "pie": "pie chart", "scatter": "scatter chart", "heatmap": "heat map", "funnel": "funnel", "gauge": "gauge",
    "combo": "bar and line chart", "waterfall": "waterfall chart", "box": "box plot", "option": "chart",
}  # fmt: skip


class Words(msgspec.Struct, frozen=True, kw_only=True):
    no_data: str = "No data"
    total: str = "Total"
    subtotal: str = "Subtotal {group}"
    columns_part: str = "Columns {first} to {last} of {count}"
    page_of: str = "Page {page} of {pages}"
    full_list: str = "{shown} of {count} rows; the full list is in the Excel file."
    limited_list: str = "{shown} of {count} rows; the Excel file has the first {limit}."
    limited: str = "The first {limit} of {count} rows: the query gave more than the limit."
    first_rows: str = "{shown} of {count} rows."
    truncated: str = "The query gave more rows than the limit of {count}; the rest is left out."
    first_drawn: str = "The first {shown} of {count} rows are drawn."
    not_over: str = "{period} is not over yet (as of {moment}): what is dashed, hollow or pale will still change."
    incomplete: str = "{period} is not complete: what is dashed, hollow or pale will still change."
    week_of: str = "The week from {day}"
    made_of_first: str = (
        "Made of the first {shown} of {count} rows only, as the query gave more than the limit: group them in its SQL."
    )
    first_points: str = "The first {shown} of {count} points are drawn."
    first_values: str = "The first {shown} of {count} values of {column} are drawn."
    summed: str = "Rows with the same {column} are added up ({count} more than there are points)."
    summed_both: str = "Rows with the same {column} and {other} are added up ({count} more than there are points)."
    all_zero: str = "All values are zero, so there are no slices: {names}."
    only_negative: str = "Nothing is above zero, so there are no slices: {names}."
    no_slices: str = "Below zero, so without a slice: {names}. The shares are of {total}."
    no_width: str = "Below zero, so without a width: {names}."
    no_layer: str = "{count} missing values of {names} are drawn as nothing: what is stacked there is without them."
    no_layer_one: str = "1 missing value of {names} is drawn as nothing: what is stacked there is without it."
    shares_below: str = (
        "Below zero: {names}. The shares are of what all values come to without their signs; those below zero go down."
    )
    no_figures: str = (
        "“{column}” has values that are no finite numbers ({marks}, {count}): tables show them so, totals and charts "
        "leave them out."
    )
    total_as_text: str = (
        "This total has more digits than Excel keeps. It stands here as a text, so that none is lost; Excel does not "
        "reckon with it."
    )
    preview_rows: str = "Preview: the first {limit} of {count} rows. The report has all of them."
    no_numbers: str = "“{column}” has values that are no numbers; they are neither drawn nor added up."
    texts_for_numbers: str = (
        "“{column}” has texts where numbers belong; they are neither drawn nor added up. Make numbers of them in the "
        "query, for example try_cast({column} as double)."
    )
    other: str = "Other ({count})"
    rest: str = "“{name}” are the {count} smallest together."
    no_time: str = "{count} rows without {column} are not drawn."
    no_time_one: str = "One row without {column} is not drawn."
    no_point: str = "{count} rows without two numbers are not drawn."
    no_point_one: str = "One row without two numbers is not drawn."
    no_box: str = "Without a number, so without a box: {names}."
    beyond_scale: str = "The value lies beyond the scale."
    no_gauge: str = "The value is a text or missing, so there is nothing to show."
    no_target: str = "{label} is no number and has no line."
    title_cut: str = "The title has {count} characters; the first {limit} of them are shown."
    thinned: str = "The axis has room for some of the {count} names only."
    not_drawn: str = "This chart cannot be drawn: {reason}"
    no_room: str = "This cannot be shown: {reason}"
    too_many_across: str = "“{column}” has {count} values; at most {limit} stand side by side. Group them in the query."
    too_many_small: str = (
        "“{column}” has {count} values; at most {limit} small charts can be compared. Group them in the query."
    )
    too_many_in_spark: str = "a cell draws up to {limit} numbers, not {count}. Group them in the query."
    too_many_groups: str = "totals are made of up to {limit} groups; this table has more. Group them in the query."
    beyond_drawing: str = "its numbers or dates are too large, or too far apart."
    kinds: dict[str, str] = msgspec.field(default_factory=lambda: dict(_KINDS))
    told_range: str = "{name} from {low} to {high}, highest at {where}"
    told_range_in: str = "{name} from {low} to {high}, highest in {where}"
    told_range_on: str = "{name} from {low} to {high}, highest on {where}"
    told_one: str = "{name} {high} at {where}"
    told_same: str = "{name} {high} throughout"
    told_part: str = "{name} {value} ({share})"
    told_of: str = "{value} of {maximum}"
    told_points: str = "{count} points, {x} from {x_low} to {x_high}, {y} from {y_low} to {y_high}"
    told_more: str = "{count} more"
    told_box: str = "{name}: median {median}, half of all from {first} to {third}, {low} to {high} without outliers"
    told_spark: str = "{count} values from {low} to {high}, the last {last}"
    no_link: str = "“{address}” is no address that a report may lead to (https, http, mailto); there is no link."
    between: str = "; "
    ends: str = "."
    first_figures: str = "The first {shown} of {count} rows; the Excel file has all."
    no_shape: str = "The PDF has boxes where its fonts have no shape for a character, such as in “{text}”."
    made: str = "Made {when}"
    as_of: str = "As of {when}"
    datasets: str = "Data: {datasets}"
    template: str = "Template: {name}, version {version}"
    included: str = "With: {templates}"
    version: str = "version {version}"
    summary: str = "Summary"
    charts_data: str = "Chart data"
    contents: str = "Contents"
    contents_head: tuple[str, str, str] = ("Sheet", "What it holds", "Rows")
    in_sheet: str = "In the sheet “{sheet}”"
    totals_of_all: str = "The totals are of all rows, not only of these."
    numbers_as_texts: str = "Numbers with more digits than Excel keeps are written as text, so that none is lost."
    links_left: str = "Excel takes {count} links in a sheet; rows below have none."
    no_excel_chart: str = "Excel has no drawing of this kind; its data are in the sheet “{sheet}” from row {row}."
    target: str = "Target"
    rise: str = "Increase"
    fall: str = "Decrease"
    waterfall_off: str = "These totals are not what the changes before them come to: {names}."
    first_boxes: str = "The first {shown} of {count} categories are drawn."
    outside: str = (
        "Of values far outside, the lowest and the highest are drawn, {shown} for each box; {count} are not drawn."
    )
    box_figures: tuple[str, str, str, str, str] = (
        "Lower whisker", "First quartile", "Median", "Third quartile", "Upper whisker",
    )  # fmt: skip
    box_more: tuple[str, str] = ("Values", "Far outside")
    same_heads: str = "Several columns of “{column}” read alike: {names}. Group them in the query."
    column_part: str = "Column {first} of {count}"
    no_spark: str = "“{column}” has lists without a number; their cells are empty."
    targets: str = "Targets: {targets}."
    show_data: str = "Data of this chart"
    parameters: str = "Parameters"
    logo: str = "Logo"


WORDS = {
    "zh": Words(
        no_data="没有数据",
        total="合计",
        subtotal="{group}小计",
        columns_part="第 {first} 至 {last} 列，共 {count} 列",
        page_of="第 {page} 页，共 {pages} 页",
        full_list="仅列出 {count} 行中的 {shown} 行，完整列表见 Excel 文件。",
        limited_list="仅列出 {count} 行中的 {shown} 行，Excel 文件中有前 {limit} 行。",
        limited="仅列出 {count} 行中的前 {limit} 行：查询结果超过上限。",
        no_width="负值没有宽度：{names}。",
        no_layer="{names}有 {count} 个缺失值，按“无”绘制：该处的堆积不含这些值。",
        no_layer_one="{names}有 1 个缺失值，按“无”绘制：该处的堆积不含该值。",
        shares_below="负值：{names}。各份额以所有值的绝对值之和为准；负值向下绘制。",
        all_zero="所有值都是零，因此没有扇区：{names}。",
        no_figures="“{column}”中有不是有限数的值（{marks}，{count} 个）：表格原样显示，合计和图表不计入。",
        total_as_text="此合计的位数超过 Excel 能保留的位数。这里写成文本，以免丢失；Excel 不会用它计算。",
        preview_rows="预览：{count} 行中的前 {limit} 行。报表中有全部行。",
        no_numbers="“{column}”中有些值不是数值，既不绘制也不计入合计。",
        texts_for_numbers=(
            "“{column}”在应为数值之处含有文本，这些文本既不绘制也不计入合计。请在查询中转换为数值，"
            "例如 try_cast({column} as double)。"
        ),
        first_rows="仅列出 {count} 行中的 {shown} 行。",
        truncated="查询结果超过 {count} 行的上限，其余部分未列出。",
        first_drawn="仅绘制 {count} 行中的前 {shown} 行。",
        not_over="{period}尚未结束（截至 {moment}）：虚线、空心或浅色部分还会变化。",
        incomplete="{period}的数据尚不完整：虚线、空心或浅色部分还会变化。",
        week_of="{day}起的一周",
        made_of_first="只包含 {count} 行中的前 {shown} 行，因为查询结果超过上限：请在查询中先分组。",
        first_points="只绘制 {count} 个点中的前 {shown} 个。",
        first_values="只绘制{column}的 {count} 个值中的前 {shown} 个。",
        summed="已把{column}相同的行相加（比图中的点多 {count} 行）。",
        summed_both="已把{column}和{other}均相同的行相加（比图中的点多 {count} 行）。",
        only_negative="没有大于零的值，因此没有扇区：{names}。",
        no_slices="负值没有扇区：{names}。各扇区的比例以其余各项之和 {total} 为准。",
        other="其他（{count}）",
        rest="“{name}”为最小的 {count} 项之和。",
        no_time="有 {count} 行没有{column}，未绘制。",
        no_time_one="有 1 行没有{column}，未绘制。",
        no_point="有 {count} 行缺少两个数值，未绘制。",
        no_point_one="有 1 行缺少两个数值，未绘制。",
        no_box="没有数值，因此没有箱体：{names}。",
        beyond_scale="数值超出刻度范围。",
        no_gauge="数值是文本或缺失，无法显示。",
        no_target="{label}不是数字，没有画线。",
        title_cut="标题有 {count} 个字符，只显示前 {limit} 个。",
        thinned="坐标轴只标出 {count} 个名称中的一部分。",
        not_drawn="此图表无法绘制：{reason}",
        no_room="此处无法显示：{reason}",
        too_many_across="“{column}”有 {count} 个值，最多并排 {limit} 个。请在查询中先分组。",
        too_many_small="“{column}”有 {count} 个值，最多可比较 {limit} 个小图。请在查询中先分组。",
        too_many_in_spark="一个单元格最多绘制 {limit} 个数字，此处有 {count} 个。请在查询中先分组。",
        too_many_groups="合计最多按 {limit} 组计算，此表格超出了这一数量。请在查询中先分组。",
        beyond_drawing="数值或日期过大，或相差过于悬殊。",
        kinds={
            "line": "折线图",
            "bar": "柱状图",
            "stacked_bar": "堆积柱状图",
            "area": "面积图",
            "pie": "饼图",
            "scatter": "散点图",
            "heatmap": "热力图",
            "funnel": "漏斗图",
            "gauge": "仪表盘",
            "combo": "柱线组合图",
            "waterfall": "瀑布图",
            "box": "箱线图",
            "option": "图表",
        },
        told_range="{name}从 {low} 到 {high}，{where}最高",
        told_range_in="{name}从 {low} 到 {high}，{where}最高",
        told_range_on="{name}从 {low} 到 {high}，{where}最高",
        told_one="{where}的{name}为 {high}",
        told_same="{name}均为 {high}",
        told_part="{name}：{value}（{share}）",
        told_of="{value}，满刻度 {maximum}",
        told_points="{count} 个点，{x}从 {x_low} 到 {x_high}，{y}从 {y_low} 到 {y_high}",
        told_more="另有 {count} 项",
        told_box="{name}：中位数 {median}，中间一半为 {first} 至 {third}，除离群值外为 {low} 至 {high}",
        rise="增加",
        fall="减少",
        waterfall_off="这些合计与之前各项变动之和不符：{names}。",
        first_boxes="只绘制 {count} 个类别中的前 {shown} 个。",
        outside="每个箱体的离群值只绘制最低和最高的 {shown} 个，另有 {count} 个未绘制。",
        box_figures=("下须", "第一四分位数", "中位数", "第三四分位数", "上须"),
        box_more=("数值个数", "离群值"),
        same_heads="“{column}”有多列标题相同：{names}。请在查询中先分组。",
        column_part="第 {first} 列，共 {count} 列",
        no_spark="“{column}”中有不含数字的列表，对应的单元格为空。",
        told_spark="{count} 个值，从 {low} 到 {high}，最后为 {last}",
        no_link="“{address}”不是报表可以指向的地址（https、http、mailto），因此没有链接。",
        between="；",
        ends="。",
        first_figures="仅列出 {count} 行中的前 {shown} 行，Excel 文件中有全部数据。",
        no_shape="某些字符在所用字体中没有字形，在 PDF 中显示为方框，例如“{text}”。",
        made="生成于 {when}",
        as_of="截至 {when}",
        datasets="数据：{datasets}",
        template="模板：{name}，第 {version} 版",
        included="包含：{templates}",
        version="第 {version} 版",
        summary="摘要",
        charts_data="图表数据",
        contents="目录",
        contents_head=("工作表", "内容", "行数"),
        in_sheet="见工作表“{sheet}”",
        totals_of_all="合计按全部行计算，不限于此处列出的行。",
        links_left="Excel 的一张工作表最多可有 {count} 个链接，其后的行没有链接。",
        numbers_as_texts="位数超出 Excel 精度的数字以文本写入，以免丢失数字。",
        no_excel_chart="Excel 没有这种图表；其数据见工作表“{sheet}”第 {row} 行起。",
        target="目标",
        targets="目标值：{targets}。",
        show_data="图表数据",
        parameters="参数",
        logo="标志",
    )
}


def words_of(formats: Formats) -> Words:
    return WORDS.get(formats.locale.language, Words())
