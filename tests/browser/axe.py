"""axe, which finds what somebody cannot read or reach."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page


async def violations(page: Page, **options: Any) -> list[str]:
    """What it finds, one line each: rule, where, why.

    Only that leaves the page: to describe and carry over all that is right takes as long as to look at it.
    """
    await page.evaluate(AXE_SCRIPT)
    run = f"axe.run({json.dumps({'resultTypes': ['violations'], **options})}).then((found) => found.violations)"
    return [
        f"{page.url} {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in await page.evaluate(run)
        for node in violation["nodes"]
    ]
