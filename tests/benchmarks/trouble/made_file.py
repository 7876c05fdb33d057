"""A file of which everything is known: rows, rows that are wrong, and sums."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

REGIONS = ("north", "south", "east", "west", "华东")
_WRONG_EVERY = 97
COLUMNS = [
    {"name": name, "source": name, "type": kind}
    for name, kind in (("id", "integer"), ("region", "text"), ("amount", "decimal"), ("day", "date"), ("note", "text"))
]
OPTIONS: dict[str, Any] = {"header": True, "delimiter": ",", "encoding": "utf-8", "columns": COLUMNS}
FORMATS = ("pdf", "xlsx", "html")
TEMPLATE = """\
title: "Region {{ region }}"
formats: [pdf, xlsx, html]
parameters:
  region: {type: text, label: Region, each: select distinct region from cur order by 1}
queries:
  t: select region, sum(amount) as amount, count(*) as n from cur where region = $region group by 1
  m: select day, sum(amount) as amount from cur where region = $region group by 1 order by 1 limit 12
blocks:
  - kpis: [{label: Rows, value: t.n}]
  - chart: {kind: line, query: m, x: day, y: amount}
  - table: {query: m}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    content: bytes
    good: int
    wrong: int
    id_sum: int  # of the good rows

    @property
    def records(self) -> int:
        """With the names of the columns, which are named as such, being neither rows nor rejects."""
        return self.good + self.wrong + 1


def made_file(chance: random.Random, rows: int) -> MadeFile:
    lines, wrong, id_sum = ["id,region,amount,day,note"], 0, 0
    for i in range(rows):
        region, day = REGIONS[i % len(REGIONS)], f"2026-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
        is_wrong = i % _WRONG_EVERY == 13
        wrong += is_wrong
        id_sum += 0 if is_wrong else i
        lines.append(f"{i},{region},{'many' if is_wrong else f'{i % 1000}.5'},{day},{chance.randrange(10**9)}")
    content = ("\n".join(lines) + "\n").encode()
    return MadeFile(content=content, good=rows - wrong, wrong=wrong, id_sum=id_sum)
