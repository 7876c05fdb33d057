"""axe, which finds what somebody cannot read or reach."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

# Of what is built alike the first few are looked at: it takes seconds to look at a hundred, above all at their colours.
_ALIKE = [
    " ~ ".join([".docs__message"] * 4),
    " ~ ".join([".docs__typecard"] * 4),
    "tr:nth-child(n + 20)",
]
# It would fetch and read all style sheets anew for the one rule that looks into them, which is off.
_WISH = {"resultTypes": ["violations"], "preload": {"assets": ["media"]}}


async def violations(page: Page, **options: Any) -> list[str]:
    """What it finds, one line each: rule, where, why.

    Only that leaves the page: to describe and carry over all that is right takes as long as to look at it.
    """
    await page.evaluate(AXE_SCRIPT)
    exclude, wish = json.dumps({"exclude": _ALIKE}), json.dumps({**_WISH, **options})
    run = f"axe.run({exclude}, {wish}).then((found) => found.violations)"
    return [
        f"{page.url} {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in await page.evaluate(run)
        for node in violation["nodes"]
    ]
