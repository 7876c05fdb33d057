"""A script whose progress shows on the pages of Jindu: `JINDU_TOKEN=… python examples/nightly_etl.py`.

It needs nothing but Python and the folder `jindu/`. Without a server it runs just the same. Press *Cancel* on the page
and it stops; end it with `kill`, and the page says so.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # where jindu/ is, when it is not installed

import jindu


def rows(count: int) -> Iterator[dict[str, int]]:
    """What would come from your database."""
    for number in range(count):
        time.sleep(0.002)
        yield {"order": number, "amount": random.randint(-1, 100)}  # noqa: S311 - sample data


def main(count: int) -> None:
    with jindu.job("Nightly ETL", total=count, unit="rows") as job:
        job.stage("loading")
        job.message("Reading orders of yesterday")
        rejected = 0
        for row in rows(count):
            if row["amount"] < 0:
                rejected += 1
                job.detail(rejected=rejected)
            job.advance()
        job.message(f"{count - rejected} orders loaded")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    except jindu.Cancelled:
        sys.exit("cancelled on the page")
