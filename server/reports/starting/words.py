"""What a started template says, in its titles, labels and comments."""

from __future__ import annotations

import re

import msgspec


class NameInText(msgspec.Struct, frozen=True):
    """What a text calls something: by itself (`Unit price`), and within a sentence (`unit price`)."""

    alone: str
    within: str


class StartingWords(msgspec.Struct, frozen=True, kw_only=True):
    language: str = "en"
    made_from: str = "Made from the dataset “{dataset}”: yours to change. Lines with # say why something is here."
    each: str = "One report for each value of “{column}”: take the # away here, and add “where {sql}” to the queries."
    each_made: str = "One report for each value of “{column}”: the queries read its rows only."
    counts: str = "All rows: how many there are, and the figures of the main measures."
    sums: str = "Added up: {columns}, since they are amounts and no ids, codes, years or shares."
    averages: str = "Averaged: {columns}, since such values mean nothing when they are added up."
    main_date: str = (
        "“{column}” is the main date: the column of dates with the fewest empty cells, and no birthday or deadline."
    )
    newest_month: str = "The newest month that is over (its last two days may be missing), and the one before it."
    newest_of_months: str = "The newest month (each has one date), and the one before it."
    trend_days: str = "By day: “{column}” spans {days} days."
    trend_months: str = "By month: “{column}” spans {days} days."
    trend_years: str = "By year: “{column}” spans {days} days."
    trend_unknown: str = "By month; write 'day' or 'year' instead if that fits “{column}” better."
    trend_of_years: str = "By “{column}”, since there is no column of dates."
    few: str = "“{column}” has few values ({count}): all are shown."
    some: str = "“{column}”: the ten largest values, and the others together."
    many: str = "“{column}” has {count} values: the ten largest, and the others together."
    last_rows: str = "The last rows by “{column}”."
    largest_rows: str = "The rows with the largest “{column}”."
    first_rows: str = "The first rows: nothing tells which matter most."
    gaps: str = "Columns in which at least one cell in twenty is empty."
    left_out: str = "Not used: {columns} (ids, free text, always the same value, or simply too many)."
    rows: str = "Rows"
    row_count: str = "row_count"
    average: str = "Average {column}"
    span: str = (
        "{{% if {q}.{n} %}}{{{{ {q}.{n} | integer }}}} rows from {{{{ {q}.{a} | date }}}} to {{{{ {q}.{b} | date }}}}."
        "{{% else %}}No data.{{% endif %}}"
    )
    count: str = "{{% if {q}.{n} %}}{{{{ {q}.{n} | integer }}}} rows.{{% else %}}No data.{{% endif %}}"
    first_day: str = "first_day"
    last_day: str = "last_day"
    month: str = "month"
    day: str = "day"
    year: str = "year"
    against: str = "vs. month before"
    per_day: str = "{measure} per day"
    per_month: str = "{measure} per month"
    per_year: str = "{measure} per year"
    by: str = "{measure} by {column}"
    top: str = "Top 10 by {measure}: {column}"
    summary_of: str = "By {column}"
    last: str = "Last rows"
    largest: str = "Largest rows"
    first: str = "First rows"
    of_these: str = "These rows"
    quality: str = "**Empty cells:** {items}."
    between: str = ", "
    empty: str = "(empty)"
    other: str = "Other"
    yes: str = "yes"
    no: str = "no"
    q_all: str = "totals"
    q_month: str = "newest_month"
    q_before: str = "month_before"
    q_trend: str = "trend"
    q_by: str = "by_{number}"
    q_rows: str = "listed"
    q_gaps: str = "gaps"

    @property
    def queries(self) -> frozenset[str]:
        """What queries are called."""
        numbered = (self.q_by.format(number=number) for number in range(1, 10))
        return frozenset([self.q_all, self.q_month, self.q_before, self.q_trend, self.q_rows, self.q_gaps, *numbered])

    def filled(self, pattern: str, **names: NameInText) -> str:
        """With names as they are written within a text; apart from Chinese."""
        if self.language != "en":
            return _spaced(pattern.format(**{key: name.alone for key, name in names.items()}))
        text = pattern.format(**{key: name.within for key, name in names.items()})
        return text[:1].upper() + text[1:]


def _spaced(text: str) -> str:
    """`平均Price` → `平均 Price`."""
    text = re.sub(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])", " ", text)
    return re.sub(r"(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])", " ", text)


_CHINESE = StartingWords(
    language="zh-CN",
    made_from="由数据集“{dataset}”自动生成，可任意修改。以 # 开头的行说明这样安排的理由。",
    each_made="每个“{column}”一份报表：各查询只读取该值的行。",
    each="每个“{column}”一份报表：去掉下面各行的 #，并在各查询中加上 where {sql}。",
    counts="全部数据：行数与主要指标。",
    sums="求和的列：{columns}。它们是数量或金额，不是编号、代码、年份或比率。",
    averages="求平均的列：{columns}。这类数值相加没有意义。",
    main_date="以“{column}”为主要日期：空单元格最少的日期列，且不是生日或截止日期。",
    newest_month="最近一个已结束的月份（月末两天可以缺少数据）及其上月。",
    newest_of_months="最近一个月份（每月只有一个日期）及其上月。",
    trend_days="按日汇总：“{column}”跨度 {days} 天。",
    trend_months="按月汇总：“{column}”跨度 {days} 天。",
    trend_years="按年汇总：“{column}”跨度 {days} 天。",
    trend_unknown="按月汇总；如更适合“{column}”，可改为 'day' 或 'year'。",
    trend_of_years="没有日期列，因此按“{column}”汇总。",
    few="“{column}”只有 {count} 种取值，全部列出。",
    some="“{column}”：列出前十，其余合并。",
    many="“{column}”有 {count} 种取值：列出前十，其余合并。",
    last_rows="按“{column}”排列的最近数据。",
    largest_rows="“{column}”最大的数据。",
    first_rows="最前面的数据：没有可用来判断主次的列。",
    gaps="空单元格达到二十分之一的列。",
    left_out="未使用的列：{columns}（编号、自由文本、取值始终相同，或列数过多）。",
    rows="行数",
    row_count="行数",
    average="平均{column}",
    span=(
        "{{% if {q}.{n} %}}共 {{{{ {q}.{n} | integer }}}} 行，{{{{ {q}.{a} | date }}}}至{{{{ {q}.{b} | date }}}}。"
        "{{% else %}}没有数据。{{% endif %}}"
    ),
    count="{{% if {q}.{n} %}}共 {{{{ {q}.{n} | integer }}}} 行。{{% else %}}没有数据。{{% endif %}}",
    first_day="最早日期",
    last_day="最晚日期",
    month="月份",
    day="日期",
    year="年份",
    against="环比",
    per_day="每日{measure}",
    per_month="每月{measure}",
    per_year="每年{measure}",
    by="各{column}的{measure}",
    top="{column}前十（按{measure}）",
    summary_of="按{column}汇总",
    last="最近数据",
    largest="最大的数据",
    first="数据示例",
    of_these="以上各行",
    quality="**空单元格：**{items}。",
    between="、",
    empty="（空）",
    other="其他",
    yes="是",
    no="否",
    q_all="总计",
    q_month="最近月",
    q_before="上月",
    q_trend="趋势",
    q_by="分类{number}",
    q_rows="明细",
    q_gaps="空值",
)


def words_for(language: str) -> StartingWords:
    return _CHINESE if language.split("-")[0] == "zh" else StartingWords()
