"""What each column of a dataset is good for in a report, as its name, type, settings and figures tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from babel.numbers import is_currency

from server.datasets.dataset import ColumnNote
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, Column

ColumnRole = Literal["time", "year", "sum", "average", "category", "name", "id", "text", "nothing"]
FEW = 12  # values of a category that are shown without a rest
_MOST_NAMES = 1_000  # values of a category of which the largest say something
_CODES = 30  # so many values of an id are a category
_YEARS = (1900, 2100)

# Characters that no line of readable YAML can hold: such columns are left out.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def _words(latin: str, chinese: str) -> re.Pattern[str]:
    """Finds whole Latin words (`unit_price`, `unitPrice`) and Chinese ones anywhere."""
    return re.compile(rf"(?<![a-z])(?:{latin})(?![a-z])|{chinese}")


_ID = _words(
    "ids?|no|nr|num|code|key|uuid|guid|zip|postcode|plz|phones?|tel|mobile|fax|sku|ean|isbn|iban|index|idx|line|row"
    "|version|lat|lon|lng|latitude|longitude|hour|minute|day|week|weekday|month|quarter",
    "编号|编码|代码|号码|单号|序号|工号|学号|货号|账号|卡号|电话|手机|邮编|经度|纬度|月份|季度|星期|批次",
)
_YEAR = _words("years?|fy|jahr|annee", "年份|年度|^年$")
_PROSE = _words(
    "notes?|comments?|remarks?|description|text|message|body|address|street|urls?|links?|emails?|mail",
    "备注|说明|描述|内容|意见|地址|网址|链接|邮箱|邮件",
)
_SHARE = _words(
    "rates?|ratio|shares?|percent|percentage|pct|discounts?|margin|growth|utili[sz]ation|conversion|probability",
    "率|占比|百分比|比例|折扣|增长|概率",
)
_LEVEL = _words(
    "prices?|avg|average|mean|median|scores?|ratings?|age|temperature|temp|speed|humidity|pressure|height|level|stars?"
    "|balance|duration|max|min",
    "单价|均价|价格|平均|评分|得分|分数|年龄|温度|湿度|速度|气压|身高|余额|时长|工龄",
)
_MONEY = _words(
    "amounts?|revenues?|sales|turnover|costs?|total|profit|income|expenses?|value|budget|paid|spend|fees?|tax|salary",
    "金额|销售|收入|营收|成本|费用|利润|总额|支出|预算|工资|税",
)
_COST = _words(
    "costs?|expenses?|fees?|tax|spend|debts?|losses|loss|returns?|refunds?|errors?|complaints?|defects?",
    "成本|费用|支出|税|欠款|亏损|退货|退款|投诉|故障",
)
_SIDE_DATES = _words(
    "birth|birthday|birthdate|dob|born|due|expiry|expires|expiration|updated|modified|deleted|until|end|ended",
    "出生|生日|到期|截止|更新|修改|结束|失效",
)
_CURRENCIES = {
    "€": "EUR", "$": "USD", "us$": "USD", "£": "GBP", "¥": "CNY", "￥": "CNY", "元": "CNY", "人民币": "CNY",
    "rmb": "CNY", "₹": "INR", "₩": "KRW", "₽": "RUB", "円": "JPY", "日元": "JPY", "美元": "USD", "欧元": "EUR",
    "英镑": "GBP", "港元": "HKD",
}  # fmt: skip
_CODES_IN_NAMES = frozenset({"CNY", "EUR", "USD", "GBP", "JPY", "CHF", "INR", "HKD", "KRW", "AUD", "CAD", "SGD"})
_IN_BRACKETS = re.compile(r"[(\[（【]\s*([^()\[\]（）【】]{1,20}?)\s*[)\]）】]\s*$")
_AFTER_NAME = re.compile(r"[_ ]([A-Za-z]{3})$")


class KnownColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column and what it is good for. `distinct` is None where nobody counted; `low` and `high` are its ends.

    `has_fixed_decimals`: its owner wants `decimals` so, whatever the value.
    """

    name: str
    type: str
    role: ColumnRole
    count: int
    nulls: int
    distinct: int | None = None
    low: Any = None
    high: Any = None
    mean: float | None = None
    unit: str = ""
    currency: str = ""
    decimals: int | None = None
    has_fixed_decimals: bool = False
    is_share: bool = False
    is_money: bool = False

    @property
    def is_writable(self) -> bool:
        return not _UNWRITABLE.search(self.name)

    @property
    def is_side_date(self) -> bool:
        """A birthday, a deadline, when something was last changed."""
        return _says(_SIDE_DATES, self.name)

    @property
    def is_cost(self) -> bool:
        """Whether more of it is no good news."""
        return _says(_COST, self.name)

    @property
    def empty_share(self) -> float:
        return self.nulls / (self.count + self.nulls) if self.nulls else 0.0


def known_columns(
    columns: Sequence[Column], figures: Mapping[str, Mapping[str, Any]], notes: Mapping[str, ColumnNote]
) -> list[KnownColumn]:
    """`figures` are the statistics of a version, by column."""
    return [
        _known(column, figures.get(column.name) or {}, notes.get(column.name) or ColumnNote()) for column in columns
    ]


def days_between(column: KnownColumn) -> int | None:
    """From the first to the last of a column of dates."""
    try:
        low, high = (datetime.fromisoformat(str(end)).replace(tzinfo=None) for end in (column.low, column.high))
    except ValueError:
        return None
    return (high - low).days


def is_monthly(column: KnownColumn) -> bool:
    """Whether its dates are one a month at most: the first or last days of months."""
    days = days_between(column)
    return bool(days and column.distinct and column.distinct <= days / 28 + 1)


def _known(column: Column, figures: Mapping[str, Any], note: ColumnNote) -> KnownColumn:
    unit = note.unit or _unit_in(column.name)
    scale = column.scale if column.type == "decimal" else None
    low, high = figures.get("min"), figures.get("max")
    if column.type in NUMERIC_TYPES:
        low, high = _number(low), _number(high)
    mean = _number(figures.get("mean"))
    known = KnownColumn(
        name=column.name,
        type=column.type,
        role="nothing",
        count=int(figures.get("count") or 0),
        nulls=int(figures.get("nulls") or 0),
        distinct=figures.get("distinct"),
        low=low,
        high=high,
        mean=mean,
        unit=unit,
        currency=_currency(unit),
        decimals=note.decimals if note.decimals is not None else _few(scale),
        has_fixed_decimals=note.decimals is not None,
    )
    role = _role(known)
    is_money = bool(known.currency) or _says(_MONEY, known.name)
    return msgspec.structs.replace(
        known,
        role=role,
        is_share=role == "average" and _is_share(known),
        is_money=is_money,
        decimals=note.decimals if known.currency else known.decimals,
    )


def _role(column: KnownColumn) -> ColumnRole:
    if not column.is_writable or (column.nulls and not column.count):
        return "nothing"
    if column.count > 1 and column.distinct == 1:  # a constant says nothing
        return "nothing"
    if column.type in TEMPORAL_TYPES:
        return "time"
    if column.type == "boolean":
        return "category"
    return _role_of_number(column) if column.type in NUMERIC_TYPES else _role_of_text(column)


def _role_of_number(column: KnownColumn) -> ColumnRole:
    is_whole = column.type == "integer"
    if is_whole and _says(_YEAR, column.name) and _within(column, *_YEARS):
        return "year"
    if _says(_ID, column.name) and not column.currency:
        return "category" if is_whole and _is_code(column) else "id"
    if is_whole and (_within(column, *_YEARS, known=True) or _counts_rows(column)):
        return "id"
    if column.unit in ("%", "‰", "°C", "℃", "°F", "℉") or _says(_SHARE, column.name) or _says(_LEVEL, column.name):
        return "average"
    return "sum"


def _role_of_text(column: KnownColumn) -> ColumnRole:
    if _says(_ID, column.name):
        return "category" if _is_code(column) else "id"
    if _says(_PROSE, column.name):
        return "text"
    if column.distinct is None or not column.count:
        return "category"
    if column.distinct > column.count / 2 and column.count > FEW:
        return "name"
    return "category" if column.distinct <= _MOST_NAMES else "name"


def _is_share(column: KnownColumn) -> bool:
    """5 % is kept as 0.05; who keeps it as 5 has another scale."""
    return column.unit not in ("%", "‰") and _says(_SHARE, column.name) and _within(column, -1, 1, known=True)


def _is_code(column: KnownColumn) -> bool:
    few = column.distinct is not None and 1 < column.distinct <= _CODES
    return few and column.distinct is not None and column.distinct * 5 <= column.count


def _counts_rows(column: KnownColumn) -> bool:
    """1, 2, 3, …: as many values as rows, none left out."""
    if not column.distinct or column.count <= FEW or column.low is None or column.high is None:
        return False
    return column.distinct > 0.9 * column.count and column.high - column.low < 1.2 * column.count


def _within(column: KnownColumn, low: float, high: float, *, known: bool = False) -> bool:
    """Whether all values lie there; `known`: and whether somebody looked."""
    if column.low is None or column.high is None:
        return not known
    return bool(low <= column.low and column.high <= high)


def _says(pattern: re.Pattern[str], name: str) -> bool:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return pattern.search(apart.lower()) is not None


def _unit_in(name: str) -> str:
    """`Weight (kg)`, `金额（元）`, `amount_eur`."""
    if found := _IN_BRACKETS.search(name):
        return found[1]
    code = found[1].upper() if (found := _AFTER_NAME.search(name)) else ""
    return code if code in _CODES_IN_NAMES else ""


def _currency(unit: str) -> str:
    return _CURRENCIES.get(unit.lower()) or (unit if unit.isascii() and is_currency(unit) else "")


def _number(value: Any) -> float | None:
    """Decimals of many digits are kept as texts."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _few(scale: int | None) -> int | None:
    return None if scale is None else min(scale, 4)
