"""The gallery: templates that come with the program and the data they are shown with. Their files are in `examples`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryTemplate:
    """`key` is the name of its files, `body` says what it shows, `hint` which data it needs."""

    key: str
    title: str
    body: str
    hint: str
    datasets: tuple[str, ...]


_SALES, _PLAN, _LEDGER = "sample_sales", "sample_plan", "sample_ledger"
_STOCK, _MEMBERS, _CONTACTS, _DIVISIONS = "sample_stock", "sample_members", "sample_contacts", "经营数据示例"

GALLERY = (
    GalleryTemplate(
        key="executive-summary",
        title="Executive summary",
        body="Two pages for the board: revenue, margin and plan, what moved them, and what to watch.",
        hint="Sales by month, region, customer and category; a plan by month and region",
        datasets=(_SALES, _PLAN),
    ),
    GalleryTemplate(
        key="regional-sales",
        title="Regional sales",
        body="Regions side by side, month by month, then each with its plan and its largest customers.",
        hint="Sales by month, region, customer and category; a plan by month and region",
        datasets=(_SALES, _PLAN),
    ),
    GalleryTemplate(
        key="profit-and-loss",
        title="Profit and loss",
        body="From net revenue to net profit with subtotals, expenses in brackets, and every quarter.",
        hint="A ledger: an amount for each month and account, with its section",
        datasets=(_LEDGER,),
    ),
    GalleryTemplate(
        key="budget-against-actual",
        title="Budget against actual",
        body="Every account against its budget, where the difference comes from, and the outlook for the year.",
        hint="A ledger: actual and budget for each month and account, with its section",
        datasets=(_LEDGER,),
    ),
    GalleryTemplate(
        key="inventory-ageing",
        title="Inventory ageing",
        body="How long the stock has been there, what it binds, and what should be written down.",
        hint="Stock by article: quantity, cost and the day of the last receipt",
        datasets=(_STOCK,),
    ),
    GalleryTemplate(
        key="top-customers",
        title="Top customers",
        body="The largest customers, all others in one line, and how much depends on how few.",
        hint="Sales by month and customer, with region and cost",
        datasets=(_SALES,),
    ),
    GalleryTemplate(
        key="cohort-retention",
        title="Retention by cohort",
        body="How many of those who joined in a month are still there later, as a heat map.",
        hint="Members or contracts, each with the days of its beginning and its end",
        datasets=(_MEMBERS,),
    ),
    GalleryTemplate(
        key="data-quality",
        title="Data quality",
        body="Gaps, doubles and values out of range of an import, with a list to work off.",
        hint="Any list of records; columns and rules are named in the template",
        datasets=(_CONTACTS,),
    ),
    GalleryTemplate(
        key="kpi-one-pager",
        title="Key figures on one page",
        body="Twelve figures and four charts that fill exactly one page.",
        hint="Sales, ledger, stock and members; drop what you do not have",
        datasets=(_LEDGER, _MEMBERS, _PLAN, _SALES, _STOCK),
    ),
    GalleryTemplate(
        key="monthly-report-zh",
        title="Monthly business report in Chinese",
        body="Revenue, profit and budget by division, receivables, and what needs attention, all in Chinese.",
        hint="Revenue, cost, expenses, budget and receivables by month and product line",
        datasets=(_DIVISIONS,),
    ),
)
