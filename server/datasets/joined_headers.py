"""Names that stand in several records: groups over columns, and units below them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.datasets.header_finding import (
    COMPARED,
    Record,
    has_header,
    is_certain_header,
    is_value,
    is_year,
    kind_of,
    kind_of_column,
)

_BRACKETED = re.compile(r"\[[^\[\]]{0,20}\]|\([^()]{0,20}\)|（[^（）]{0,20}）")
_UNITS = frozenset(
    {
        "%", "‰", "°", "°C", "°F", "degC", "degF", "K", "C", "F", "s", "sec", "ms", "µs", "us", "ns", "min", "h",
        "hr", "d", "day", "days", "y", "yr", "m", "mm", "cm", "dm", "km", "µm", "um", "nm", "in", "ft", "yd", "mi",
        "m2", "m3", "m²", "m³", "cm²", "cm³", "km²", "ha", "l", "L", "ml", "mL", "dl", "hl", "g", "mg", "µg", "ug",
        "kg", "t", "lb", "oz", "N", "kN", "Pa", "hPa", "kPa", "MPa", "bar", "mbar", "psi", "J", "kJ", "MJ", "W",
        "kW", "MW", "GW", "Wh", "kWh", "MWh", "GWh", "V", "mV", "kV", "A", "mA", "Ah", "Hz", "kHz", "MHz", "GHz",
        "dB", "dBA", "lx", "lm", "cd", "mol", "mmol", "rpm", "deg", "rad", "ppm", "ppb", "pH", "EUR", "USD", "CHF",
        "GBP", "CNY", "€", "$", "£", "¥", "pcs", "Stk", "Stück", "元", "万元", "亿元", "件", "个", "吨", "千克",
        "公斤", "克", "米", "厘米", "毫米", "千米", "公里", "秒", "分钟", "小时", "天", "人", "摄氏度", "℃",
    }
)  # fmt: skip


def joined_names(records: Sequence[Record]) -> list[str] | None:
    """The names of a header of two records (`2025` over `q1` and `q2`: `2025 q1`, `2025 q2`), or None.

    Above stands a group for several columns, or below something about a column, such as its unit.
    """
    if len(records) < 3:
        return None
    if are_units(records):
        return _with_units(records[0], records[1])
    width = max(len(records[0]), len(records[1]))
    upper, lower = (_widened(record, width) for record in records[:2])
    if not any(upper) or not any(lower) or any(is_value(cell) and not is_year(cell) for cell in lower):
        return None
    # Names without a gap are a whole header: the wider record below them is a row.
    is_group = (not all(map(str.strip, records[0])) or not lower[0]) and _is_group(upper, lower)
    is_repeated = _is_repeated_group(upper, lower)
    if not is_group and not is_repeated and not _are_units(upper, lower):
        return None
    if is_repeated and all(map(is_year, filter(None, lower))):
        return _joined(upper, lower)
    is_gap = is_group and not upper[0] and all(lower) and upper.count("") * 2 > width
    is_known = is_certain_header([lower, *records[2:]]) or (is_gap and has_header([lower, *records[2:]]))
    if not is_known and not (is_group and _has_labels(upper, lower, records[2:])):
        return None
    return _joined(_filled_right(upper, lower) if is_group else upper, lower)


def joined_of_three(records: Sequence[Record]) -> list[str] | None:
    """`Sales` over `2025` over `q1`: two lines of groups above a line of names, or None."""
    if len(records) < 4:
        return None
    width = max(map(len, records[:3]))
    first, second, names = (_widened(record, width) for record in records[:3])
    if any(is_value(cell) and not is_year(cell) for cell in (*first, *second, *names)) or not any(first[1:]):
        return None
    is_under = [bool(second[place] or names[place]) for place in range(width)]
    groups = [
        _filled_right(line, [cell if under else "" for cell, under in zip(below, is_under, strict=True)])
        for line, below in ((first, [a or b for a, b in zip(second, names, strict=True)]), (second, names))
    ]
    if not all(any(line[place] for line in (first, second, names, *groups)) for place in range(width)):
        return None
    if all(first) or not any(first[place] == "" and names[place] for place in range(1, width)):
        return None  # no group: names, and rows below them
    joined = [" ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*groups, names, strict=True)]
    is_table = len(set(joined)) == width and is_certain_header([joined, *records[3:]])
    return joined if is_table and sum(bool(cell) for cell in second) < width else None


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    return [" ".join(dict.fromkeys(filter(None, pair))) for pair in zip(upper, lower, strict=True)]


def _is_repeated_group(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """`2025, 2025, 2026` over `q1, q2, q1`: names that are told apart by the record below alone."""
    pairs = list(zip(upper, lower, strict=True))
    named = [cell for cell in upper if cell]
    return len(set(named)) < len(named) and all(map(any, pairs)) and len(set(pairs)) == len(pairs)


def _is_group(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Several names below one; a lone cell at the left is a title."""
    places = [place for place, cell in enumerate(upper) if cell]
    gaps = [place for place, cell in enumerate(upper) if not cell]
    if not gaps or places == [0]:
        return False
    covers = all(upper_cell or lower_cell for upper_cell, lower_cell in zip(upper, lower, strict=True))
    spans = any(
        not upper[place] and lower[place] and lower[max(each for each in places if each < place)]
        for place in range(places[0] + 1, len(upper))
    )  # a gap beside a name with nothing below it is a column without a name, and what stands there a value
    spans = spans or all(is_year(upper[place]) for place in places)
    return covers and spans


def _has_labels(upper: Sequence[str], lower: Sequence[str], below: Sequence[Record]) -> bool:
    """A column of names that has its own above, and nothing between: `region`, then years below `Sales` and `Cost`.

    What stands between stands in no row: it would be a value.
    """
    rows = [record for record in below if any(map(str.strip, record))]
    values = {cell.strip() for row in rows for cell in row}
    return values.isdisjoint(filter(None, lower)) and any(
        above and not cell and rows and all(place < len(row) and kind_of(row[place]) == "text" for row in rows)
        for place, (above, cell) in enumerate(zip(upper, lower, strict=True))
    )


def _are_units(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """All columns are named above; below stand notes to some of them, not to the first."""
    return all(upper) and not lower[0] and not any(is_value(cell) and not is_year(cell) for cell in upper)


def are_units(records: Sequence[Record]) -> bool:
    """Whether below names stand the units of the numbers that follow: `s`, `[degC]`, `(kg)`; none above a text."""
    if len(records) < 3:
        return False
    upper, lower = records[0], [cell.strip() for cell in records[1]]
    if len(upper) != len(lower) or not all(map(str.strip, upper)) or any(is_value(cell) for cell in (*upper, *lower)):
        return False
    units = [(place, cell) for place, cell in enumerate(lower) if cell]
    rows = [record for record in records[2:COMPARED] if len(record) == len(upper)]
    are_known = all(_BRACKETED.fullmatch(cell) for _, cell in units) or all(_is_unit(cell) for _, cell in units)
    if not lower[0] or not are_known or not rows:
        return False
    return all(kind_of_column([row[place].strip() for row in rows]) in ("number", "date") for place, _ in units)


def _is_unit(cell: str) -> bool:
    """`km/h`, `m^2`, `kWh`: units of which each part is known."""
    parts = re.split(r"[/*·^ ]", cell)
    return all(part in _UNITS or re.fullmatch(r"-?\d", part) for part in parts) and parts[0] in _UNITS


def _with_units(names: Record, units: Sequence[str]) -> list[str]:
    pairs = zip(names, map(str.strip, units), strict=True)
    return [
        f"{name.strip()} {unit if _BRACKETED.fullmatch(unit) else f'[{unit}]'}" if unit else name.strip()
        for name, unit in pairs
    ]


def _filled_right(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """A group holds until the next one; what is named above alone has no group."""
    filled, group = [], ""
    for above, below in zip(upper, lower, strict=True):
        group = above or group
        filled.append(group if below or above else "")
        if above and not below:
            group = ""
    return filled


def _widened(record: Record, width: int) -> list[str]:
    return [cell.strip() for cell in record] + [""] * (width - len(record))
