"""Writes the data that the templates of the gallery read: `make gallery`, the same every time.

Fernhill Home sells furniture and household goods to shops. Its story: summers are slow and autumns strong; Iberia is
well over plan; Italy lost its largest customer in June; a container of garden furniture came too late and lies there.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
MONTHS = [date(year, month, 1) for year in (2025, 2026) for month in range(1, 13)][:22]
PLANNED = [date(2026, month, 1) for month in range(1, 13)]
SEASON = [0.94, 0.90, 1.02, 1.04, 1.06, 0.98, 0.82, 0.78, 1.05, 1.12, 1.20, 1.16]
GROWTH = {"Nordics": 0.05, "Germany": 0.07, "France": 0.04, "Iberia": 0.24, "Italy": 0.02, "Export": 0.11}
PLANNED_GROWTH = {"Nordics": 0.075, "Germany": 0.07, "France": 0.04, "Iberia": 0.08, "Italy": 0.06, "Export": 0.09}
CATEGORIES = {  # share, margin, and how much of the year's curve it follows
    "Furniture": (0.38, 0.37, 1.0),
    "Kitchen": (0.22, 0.42, 0.8),
    "Lighting": (0.17, 0.46, 1.4),
    "Textiles": (0.13, 0.49, 1.1),
    "Garden": (0.10, 0.31, -1.6),
}
PRICES = {"Furniture": 240, "Kitchen": 62, "Lighting": 85, "Textiles": 34, "Garden": 150}
CUSTOMERS = {  # by region, in thousands of euros a year
    "Nordics": {"Skagen Interiör": 1480, "Bolig & Co": 820, "Huset Aarhus": 510, "Fjordmøbler": 395, "Kotitalo": 300},
    "Germany": {
        "Wohnhaus Brandt": 2310, "Möbel Lindner": 1260, "Raum & Form": 690, "Lampen Vogel": 540, "Küchen Sander": 455,
        "Haus am Markt": 330, "Stilwerk Ost": 270,
    },
    "France": {
        "Maison Delorme": 1560, "Atelier Vauquelin": 610, "Les Toiles du Nord": 430, "Cuisines Perrin": 350,
        "Jardins Marceau": 260,
    },
    "Iberia": {"Casa Almeida": 980, "Muebles Robledo": 720, "Luz y Hogar": 440, "Quinta Verde": 310},
    "Italy": {"Arredi Bellandi": 1120, "Casa Morosini": 640, "Luce Ferrante": 390, "Tessuti Gallo": 250},
    "Export": {"Harrow Trading": 870, "Alpenhaus": 560, "Levant Home": 380, "Pacific Living": 320},
}  # fmt: skip
FIRSTS = ["Alder", "Birch", "Cedar", "Dover", "Elm", "Forth", "Grange", "Hollow", "Iris", "Juniper", "Kings", "Larch"]
FIRSTS += ["Marsh", "North", "Orchard", "Priory"]
SECONDS = ["Interiors", "Home", "Living", "Stores", "Design", "Trading", "Supply", "House", "Furnishing", "Group"]
DOMAINS = {"DE": "de", "FR": "fr", "ES": "es", "SE": "se", "IT": "it", "PT": "pt"}
SMALL = ["Nest", "Hearth", "Oak Room", "Linen Lane", "Blue Door", "Corner House"]


def main() -> None:
    DATA.mkdir(exist_ok=True)
    sales = list(sales_rows(dice("sales")))
    write("sample_sales", "month,region,customer,category,orders,units,revenue,cost", sales)
    write("sample_plan", "month,region,plan", plan_rows(sales))
    write("sample_ledger", "month,section,account,actual,budget", ledger_rows(sales, dice("ledger")))
    write(
        "sample_stock",
        "sku,product,category,warehouse,quantity,unit_cost,received_on,last_sold_on",
        stock_rows(dice("stock")),
    )
    write(
        "sample_members",
        "member,country,plan,started_on,ended_on,monthly_fee",
        member_rows(dice("members")),
    )
    write(
        "sample_contacts",
        "contact_id,company,country,email,phone,created_on,employees,credit_limit",
        contact_rows(dice("contacts")),
    )
    write(
        "经营数据示例",
        "月份,事业部,产品线,收入,成本,费用,预算收入,预算利润,回款,应收余额",
        chinese_rows(dice("chinese")),
    )


def dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 – sample data


def write(name: str, header: str, rows: Iterable[Iterable[Any]]) -> None:
    with (DATA / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def sales_rows(chance: random.Random) -> Iterator[list[Any]]:
    for month in MONTHS:
        for region, customers in all_customers().items():
            for customer, thousands in customers.items():
                if customer == "Arredi Bellandi" and month >= date(2026, 6, 1):
                    continue  # gone to a competitor
                for category in bought_by(customer):
                    yield sold(chance, month, region, customer, category, thousands)


def all_customers() -> dict[str, dict[str, int]]:
    chance = dice("small")
    return {
        region: large | {f"{name} {region}": chance.randrange(40, 150) for name in chance.sample(SMALL, 4)}
        for region, large in CUSTOMERS.items()
    }


def bought_by(customer: str) -> list[str]:
    chance = dice(customer)
    first = {"Lampen": "Lighting", "Luce": "Lighting", "Luz": "Lighting", "Küchen": "Kitchen", "Cuisines": "Kitchen"}
    first |= {"Tessuti": "Textiles", "Les": "Textiles", "Linen": "Textiles", "Jardins": "Garden", "Quinta": "Garden"}
    some = [first.get(customer.split()[0], "Furniture")]
    others = [category for category in CATEGORIES if category not in some]
    return [category for category in CATEGORIES if category in {*some, *chance.sample(others, 2)}]


def sold(chance: random.Random, month: date, region: str, customer: str, category: str, thousands: float) -> list[Any]:
    share, margin, season = CATEGORIES[category]
    share /= sum(CATEGORIES[bought][0] for bought in bought_by(customer))
    years = (month.year - 2025) + (month.month - 1) / 24
    revenue = thousands * 1000 / 12 * share * (1 + GROWTH[region]) ** years
    revenue *= (1 + (SEASON[month.month - 1] - 1) * season) * chance.gauss(1, 0.07)
    units = max(1, round(revenue / PRICES[category]))
    cost = revenue * (1 - margin * chance.gauss(1, 0.03) + (0.008 if month >= date(2026, 4, 1) else 0))
    return [month, region, customer, category, max(1, round(units / 22)), units, f"{revenue:.2f}", f"{cost:.2f}"]


def plan_rows(sales: list[list[Any]]) -> Iterator[list[Any]]:
    """The year before, grown as was hoped, rounded to thousands."""
    for month in PLANNED:
        for region in CUSTOMERS:
            yearly = sum(float(row[6]) for row in sales if row[1] == region and row[0].year == 2025)
            share = SEASON[month.month - 1] / sum(SEASON)
            yield [month, region, f"{round(yearly * (1 + PLANNED_GROWTH[region]) * share, -3):.0f}"]


def ledger_rows(sales: list[list[Any]], chance: random.Random) -> Iterator[list[Any]]:
    """Income above zero, expenses below; months to come have a budget only."""
    revenue = {month: sum(float(row[6]) for row in sales if row[0] == month) for month in MONTHS}
    cost = {month: sum(float(row[7]) for row in sales if row[0] == month) for month in MONTHS}
    usual = sum(amount for month, amount in revenue.items() if month.year == 2025) / 12
    for month in [*MONTHS, *PLANNED[10:]]:
        season = SEASON[month.month - 1]
        hoped = usual * season * 12 / sum(SEASON) * (1.075 if month.year == 2026 else 1.0)
        sold, bought = revenue.get(month, 0.0), cost.get(month, 0.0)
        is_over = month in revenue
        for section, account, actual, budget in accounts(month, sold, bought, hoped, usual, chance):
            yield [month, section, account, f"{actual:.2f}" if is_over else "", f"{budget:.0f}"]


def accounts(
    month: date, sold: float, bought: float, hoped: float, usual: float, chance: random.Random
) -> Iterator[tuple[str, str, float, float]]:
    around = lambda width: chance.gauss(1, width)  # noqa: E731 – said fifteen times
    late = month.year == 2026
    wages = 1.045 if late else 1.0
    fair = 1.9 if month.month in (1, 9) else 0.85
    yield "Revenue", "Product sales", sold, hoped
    yield "Revenue", "Assembly and services", sold * 0.055 * around(0.04), hoped * 0.052
    yield "Revenue", "Rebates and discounts", -sold * 0.031 * around(0.03), -hoped * 0.030
    yield "Cost of sales", "Goods purchased", -bought, -hoped * 0.592
    freight = 0.067 if date(2026, 4, 1) <= month else 0.058
    yield "Cost of sales", "Freight and packaging", -sold * freight * around(0.03), -hoped * 0.058
    yield "Operating expenses", "Personnel", -usual * 0.158 * wages * around(0.012), -usual * 0.158 * wages
    yield "Operating expenses", "Rent and energy", -usual * 0.036 * around(0.03), -usual * 0.037
    yield "Operating expenses", "Marketing and fairs", -usual * 0.030 * fair * around(0.08), -usual * 0.029 * fair
    yield "Operating expenses", "IT and software", -usual * (0.021 if late else 0.016) * around(0.03), -usual * 0.017
    yield "Operating expenses", "Travel", -usual * 0.007 * around(0.12), -usual * 0.008
    yield "Operating expenses", "Other", -usual * 0.011 * around(0.10), -usual * 0.011
    yield "Below EBITDA", "Depreciation", -usual * 0.019, -usual * 0.019
    yield "Below EBITDA", "Interest", -usual * 0.006 * around(0.03), -usual * 0.006
    yield "Below EBITDA", "Income tax", -usual * 0.021 * around(0.05), -usual * 0.022


def stock_rows(chance: random.Random) -> Iterator[list[Any]]:
    names = {
        "Furniture": ["Oak table", "Bookcase", "Armchair", "Sideboard", "Bed frame", "Bar stool", "Bench", "Desk"],
        "Kitchen": ["Saucepan set", "Cast iron pot", "Knife block", "Bowl set", "Kettle", "Grater", "Carafe"],
        "Lighting": ["Floor lamp", "Pendant lamp", "Desk lamp", "Wall lamp", "Lantern", "LED strip"],
        "Textiles": ["Wool throw", "Linen curtain", "Cushion", "Rug", "Bedspread", "Towel set"],
        "Garden": ["Teak lounger", "Garden table", "Parasol", "Planter", "Folding chair", "Hammock"],
    }
    cost = {"Furniture": 145.0, "Kitchen": 34.0, "Lighting": 46.0, "Textiles": 17.0, "Garden": 98.0}
    end = date(2026, 10, 31)
    for number, (category, product, finish) in enumerate(
        (category, product, finish)
        for category, products in names.items()
        for product in products
        for finish in ("natural", "white", "graphite")
    ):
        is_late = category == "Garden"
        age = int(chance.triangular(100, 165, 148)) if is_late else int(chance.expovariate(1 / 42)) + 1
        if chance.random() < 0.07:
            age = chance.randrange(190, 420)
        quantity = int(chance.triangular(20, 260, 60) * (2.6 if is_late else 1))
        received = end - timedelta(days=age)
        sold_on = min(end, received + timedelta(days=int(age * chance.uniform(0.3, 1.0))))
        price = cost[category] * chance.uniform(0.5, 1.7)
        place = "Hamburg" if is_late else chance.choice(["Hamburg", "Hamburg", "Lyon", "Porto"])
        yield [
            f"FH-{1001 + number}",
            f"{product}, {finish}",
            category,
            place,
            quantity,
            f"{price:.2f}",
            received,
            sold_on,
        ]


def member_rows(chance: random.Random) -> Iterator[list[Any]]:
    """Members of the loyalty club. Since March they get a welcome call, and more of them stay."""
    number = 0
    for month in [month for month in MONTHS if month >= date(2025, 11, 1)]:
        leaves = 0.115 if month < date(2026, 3, 1) else 0.072
        for _ in range(round(62 * SEASON[month.month - 1] * chance.gauss(1, 0.12) * (1.5 if month.month == 11 else 1))):
            number += 1
            started = month + timedelta(days=chance.randrange(28))
            yearly = chance.random() < 0.3
            months = 1
            while chance.random() > leaves * (2.1 if months == 1 else 0.8 if months > 4 else 1) and months < 30:
                months += 1
            ended = started + timedelta(days=months * 30 + chance.randrange(-4, 12))
            country = chance.choice(["DE", "DE", "FR", "ES", "PT", "IT", "SE"])
            plan, fee = ("yearly", "7.90") if yearly else ("monthly", "9.90")
            yield [f"M{number:05}", country, plan, started, ended if ended <= date(2026, 10, 31) else "", fee]


def contact_rows(chance: random.Random) -> Iterator[list[Any]]:
    """An address list as it comes from a sales tool: with gaps, doubles and slips."""
    rows = [contact(chance, number) for number in range(398)]
    for number, place in enumerate(chance.sample(range(40, 380), 14)):  # imported twice, with another number
        rows.append([f"C{10500 + number}", *rows[place][1:]])
    rows += [list(rows[place]) for place in (12, 201)]  # the very same number again
    yield from rows


def contact(chance: random.Random, number: int) -> list[Any]:
    company = f"{FIRSTS[number % len(FIRSTS)]} {SECONDS[number // len(FIRSTS) % len(SECONDS)]}"
    company += ["", " Ltd", " & Sons"][number // 160]
    country = chance.choice(list(DOMAINS))
    domain = f"{company.lower().replace(' ', '').replace('&', '')}.{DOMAINS[country]}"
    email = with_slips(chance, f"{chance.choice(['info', 'office', 'buying'])}@{domain}")
    phone = f"+{chance.randrange(30, 50)} {chance.randrange(100, 999)} {chance.randrange(100000, 999999)}"
    created = date(2023, 1, 9) + timedelta(days=int(number * 3.4) + chance.randrange(6))
    if number in (77, 191, 305):
        created = date(2062, created.month, 1)
    employees = int(math.exp(chance.gauss(3.4, 1.0))) + 1
    limit = int(round(employees * chance.uniform(300, 700), -3)) or 1000
    if chance.random() < 0.02:
        limit = chance.choice([-5000, 9_999_999, -1000])
    return [
        f"C{10001 + number}",
        company,
        *("" if chance.random() < gap else cell for cell, gap in ((country, 0.03), (email, 0.05), (phone, 0.16))),
        created,
        *("" if chance.random() < gap else cell for cell, gap in ((employees, 0.26), (limit, 0.09))),
    ]


def with_slips(chance: random.Random, email: str) -> str:
    if chance.random() > 0.04:
        return email
    return chance.choice([email.replace("@", " at "), email.rsplit(".", 1)[0], email.replace("@", "@@")])


def chinese_rows(chance: random.Random) -> Iterator[list[Any]]:
    """云杉家居：家具增长，小家电承压（原材料涨价、竞争加剧），海外超预算，家纺三季度去库存。"""
    lines = {  # 年收入（万元）、毛利率、费用率、今年增长、预算增长
        ("家具", "客厅系列"): (5200, 0.36, 0.19, 0.12, 0.09),
        ("家具", "卧室系列"): (4300, 0.38, 0.19, 0.10, 0.09),
        ("家具", "办公系列"): (2100, 0.33, 0.17, 0.05, 0.07),
        ("小家电", "厨房电器"): (3900, 0.27, 0.18, -0.06, 0.06),
        ("小家电", "清洁电器"): (2600, 0.25, 0.19, -0.09, 0.05),
        ("家纺", "床品"): (2400, 0.42, 0.24, 0.04, 0.05),
        ("家纺", "窗帘布艺"): (1300, 0.44, 0.25, 0.01, 0.04),
        ("海外", "东南亚"): (1700, 0.30, 0.16, 0.34, 0.20),
        ("海外", "欧洲"): (1500, 0.32, 0.18, 0.26, 0.18),
    }
    season = [1.02, 0.62, 0.98, 0.97, 1.06, 1.20, 0.86, 0.88, 1.02, 1.10, 1.26, 1.03]
    owed = {line: values[0] * 10000 / 12 * 1.7 for line, values in lines.items()}
    for month in MONTHS:
        for line, (yearly, margin, expense, growth, planned) in lines.items():
            years = month.year - 2025
            base = yearly * 10000 / 12 * season[month.month - 1]
            revenue = base * (1 + growth * years) * chance.gauss(1, 0.035)
            if line[0] == "小家电" and month >= date(2026, 3, 1):
                margin -= 0.035
            cost = revenue * (1 - margin * chance.gauss(1, 0.02))
            spent = yearly * 10000 / 12 * expense * (1 + 0.05 * years) * chance.gauss(1, 0.04)
            budget = base * (1 + planned * years)
            profit = budget * margin - yearly * 10000 / 12 * expense * (1 + 0.04 * years)
            slow = 0.86 if line[0] == "小家电" and years else 0.97
            paid = min(owed[line], (revenue * 0.45 + owed[line] * 0.32) * slow * chance.gauss(1, 0.04))
            owed[line] += revenue - paid
            yield [
                month,
                *line,
                *(f"{value:.2f}" for value in (revenue, cost, spent)),
                f"{budget:.0f}",
                f"{profit:.0f}",
                f"{paid:.2f}",
                f"{owed[line]:.2f}",
            ]


if __name__ == "__main__":
    main()
