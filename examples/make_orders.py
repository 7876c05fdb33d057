"""Make `orders.csv`: one year of orders of a small company, the same bytes every time, with 120 bad rows on purpose.

python examples/make_orders.py [TARGET] [--rows 50000]
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

HEADER = (
    "order_id", "ordered_at", "region", "city", "channel", "customer", "product", "category",
    "quantity", "unit_price", "discount", "amount", "paid", "note",
)  # fmt: skip
YEAR = 2026
SEED = 20260101

# region: share of the orders, growth over the year, where its customers are, cities by weight
REGIONS = {
    "华东 East": (0.30, 1.35, "China", {"上海": 8, "杭州": 4, "南京": 3, "苏州": 3, "宁波": 1}),
    "华北 North": (0.19, 1.15, "China", {"北京": 7, "天津": 2, "济南": 2, "太原": 1}),
    "华南 South": (0.18, 1.50, "China", {"深圳": 6, "广州": 5, "厦门": 2, "海口": 1}),
    "西南 Southwest": (0.10, 1.70, "China", {"成都": 5, "重庆": 4, "昆明": 2}),
    "Europe": (0.12, 1.25, "West", {"Berlin": 4, "Paris": 3, "Zürich": 2, "Kraków": 1}),
    "North America": (0.105, 0.90, "West", {"New York": 4, "Seattle": 3, "Toronto": 2}),
    # Only cancelled samples: nothing was sold, so an average price divides by zero.
    "Overseas 海外": (0.005, 1.00, "West", {"Nairobi": 1, "Lima": 1}),
}
NOTHING_SOLD = "Overseas 海外"

# product: category, price in CNY, popularity, factor of popularity in winter
PRODUCTS = {
    "龙井茶 Longjing": ("Tea", 168.00, 14, 0.7),
    "大红袍 Da Hong Pao": ("Tea", 298.00, 6, 1.2),
    "普洱茶 Pu'er": ("Tea", 236.00, 7, 1.3),
    "茉莉花茶 Jasmine": ("Tea", 88.00, 12, 0.9),
    "Earl Grey, loose": ("Tea", 79.50, 8, 1.4),
    "云南咖啡 Yunnan": ("Coffee", 96.00, 11, 1.1),
    "Espresso beans": ("Coffee", 158.00, 9, 1.1),
    "挂耳 Drip bags": ("Coffee", 69.00, 10, 1.0),
    "盖碗 Gaiwan, white": ("Ware", 128.00, 5, 1.0),
    "紫砂壶 Yixing pot": ("Ware", 680.00, 2, 1.1),
    "Pour-over set": ("Ware", 259.00, 4, 1.2),
    "保温杯 Thermos": ("Ware", 119.00, 7, 1.8),
    "绿豆糕 Bean cakes": ("Snacks", 45.00, 8, 0.6),
    "月饼礼盒 Mooncake box": ("Snacks", 188.00, 3, 0.3),
    "Butter biscuits": ("Snacks", 39.90, 9, 1.2),
    "年货礼盒 New Year box": ("Gifts", 368.00, 3, 3.0),
    "Tasting set “Twelve Teas”": ("Gifts", 218.00, 4, 2.2),
}
CHANNELS = {"online": 52, "store": 23, "wholesale": 17, "partner": 8}
CHINESE_CUSTOMERS = [
    f"{place}{trade}"
    for trade in ("清茗贸易", "晨曦餐饮", "百味轩", "云栖书院", "远山文化", "和风咖啡")
    for place in ("上海", "北京", "杭州", "深圳", "成都", "广州", "厦门", "重庆")
]
WESTERN_CUSTOMERS = [
    "Kessler & Söhne GmbH", "Café Zentral", "Maison Lefèvre", "Hotel Löwenhof", "Nowak Delikatesy", "O'Brien Grocers",
    "Harbor Tea Room", "Pine Street Market", "Maple & Co.", "Blue Kettle, Inc.", "Northwind Traders", "Alpenblick AG",
]  # fmt: skip
NOTES = (
    "请在周末送货", "gift wrap, please", "发票抬头：见附件", 'customer asked for the "large" box', "second attempt",
    "leave at the door\ncall before 18:00", "老客户，赠送样品", "fragile; handle with care", "送货前请打电话，谢谢",
)  # fmt: skip

Row = list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", type=Path, default=Path(__file__).with_name("orders.csv"))
    parser.add_argument("--rows", type=int, default=50_000)
    arguments = parser.parse_args()
    arguments.target.write_bytes(orders_csv(arguments.rows))


def orders_csv(count: int = 50_000) -> bytes:
    """The file: a header and `count` records (at least 300), of which 120 cannot be imported."""
    chance = random.Random(SEED)  # noqa: S311 – sample data
    rows = list(_orders(chance, count))
    places = sorted(chance.sample(range(100, count - 10), len(_BREAKS)))
    broken = dict(zip(places, _BREAKS, strict=True))
    lines = [_line(HEADER)]
    lines += [broken[index](row) if index in broken else _line(row) for index, row in enumerate(rows)]
    return b"".join(lines)


def _orders(chance: random.Random, count: int) -> Iterator[Row]:
    moments = sorted(_moments(chance, count))
    for number, moment in enumerate(moments, start=1):
        yield _order(chance, number, moment)


def _moments(chance: random.Random, count: int) -> Iterator[datetime]:
    days = [date(YEAR, 1, 1) + timedelta(days=offset) for offset in range(365)]
    for day in chance.choices(days, weights=[_demand(day) for day in days], k=count):
        # Two peaks a day: before noon, and in the evening.
        hour = (chance.gauss(10.8, 1.8) if chance.random() < 0.55 else chance.gauss(20.0, 1.6)) % 24
        yield datetime(day.year, day.month, day.day) + timedelta(seconds=int(hour * 3600))  # noqa: DTZ001 – local time


def _demand(day: date) -> float:
    """How busy a day is: growth, seasons, weekdays, and the days on which everybody shops or nobody does."""
    position = (day - date(YEAR, 1, 1)).days / 365
    level = 1 + 0.35 * position + 0.12 * math.cos(2 * math.pi * (position - 0.93))
    level *= (1.0, 1.02, 1.0, 1.04, 1.12, 0.82, 0.68)[day.weekday()]
    spring_festival, shopping = date(YEAR, 2, 17), (date(YEAR, 6, 18), date(YEAR, 11, 11), date(YEAR, 12, 12))
    away = (day - spring_festival).days
    if -1 <= away <= 6:
        level *= 0.25
    elif -18 <= away < -1:
        level *= 1.45
    for event in shopping:
        level *= {0: 3.2, 1: 1.6, -1: 1.4}.get((day - event).days, 1.0)
    return level


def _order(chance: random.Random, number: int, moment: datetime) -> Row:
    position = moment.timetuple().tm_yday / 365
    region = _pick(chance, {name: share * growth**position for name, (share, growth, _, _) in REGIONS.items()})
    _, _, market, cities = REGIONS[region]
    winter = max(0.0, math.cos(2 * math.pi * position))
    product = _pick(chance, {name: weight * cold**winter for name, (_, _, weight, cold) in PRODUCTS.items()})
    category, price, _, _ = PRODUCTS[product]
    channel = _pick(chance, CHANNELS)
    customers = CHINESE_CUSTOMERS if market == "China" else WESTERN_CUSTOMERS
    customer = customers[min(int(chance.expovariate(4) * len(customers)), len(customers) - 1)]
    quantity = 0 if region == NOTHING_SOLD else _quantity(chance, channel)
    discount = chance.choice((0, 0, 0, 5, 5, 10)) + (10 if channel == "wholesale" else 0)
    # Prices rise a little in July.
    unit_price = round(price * (1.03 if moment.month >= 7 else 1.0), 2)
    amount = round(quantity * unit_price * (100 - discount) / 100, 2)
    paid = "yes" if chance.random() < (0.97 if position < 0.85 else 0.8) else "no"
    note = chance.choice(NOTES) if chance.random() < 0.05 else ""
    return [
        f"A{number:06d}", moment.strftime("%Y-%m-%d %H:%M"), region, _pick(chance, cities), channel,
        customer, product, category, str(quantity), f"{unit_price:.2f}", f"{discount}%", f"{amount:.2f}", paid,
        note,
    ]  # fmt: skip


def _quantity(chance: random.Random, channel: str) -> int:
    if channel == "wholesale":
        return 6 * (1 + min(15, int(chance.expovariate(0.4))))
    return 1 + min(8, int(chance.expovariate(0.9)))


def _pick(chance: random.Random, weights: dict[str, float]) -> str:
    return chance.choices(list(weights), weights=list(weights.values()))[0]


def _line(row: Row | tuple[str, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


def _with(row: Row, column: str, value: str) -> Row:
    return [value if name == column else cell for name, cell in zip(HEADER, row, strict=True)]


# What goes wrong in real files, and how often it does here.
_BREAKS = [
    *[lambda row: _line(_with(row, "quantity", "三"))] * 15,
    *[lambda row: _line(_with(row, "amount", "see invoice"))] * 12,
    *[lambda row: _line(_with(row, "unit_price", "1O8.00"))] * 10,  # a letter O
    *[lambda row: _line(_with(row, "ordered_at", f"{YEAR}-02-30 10:00"))] * 18,
    *[lambda row: _line(_with(row, "ordered_at", f"{YEAR}-13-01 09:30"))] * 12,
    *[lambda row: _line(row[:7])] * 20,
    *[lambda row: _line([*row, "", "extra"])] * 15,
    *[lambda row: _line([*row[:-1], "NOTE"]).replace(b"NOTE", b'"large" box, "urgent"')] * 8,
    *[lambda row: _line([*row[:-1], "NOTE"]).replace(b"NOTE", "加急".encode("gb18030"))] * 6,
    *[lambda row: _line(_with(row, "customer", "Kess\0ler"))] * 4,
]
random.Random(SEED).shuffle(_BREAKS)  # noqa: S311


if __name__ == "__main__":
    main()
