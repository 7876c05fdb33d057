"""Lighthouse on every page of the router: `python -m tests.benchmarks.lighthouse [mobile] [/jobs …]`, by hand.

It comes from npm (`npx`; LIGHTHOUSE names another command), weighs 180 MB and takes ten seconds a page, so it is no
test. What it measures and can get worse again is in `tests/browser/test_accessibility.py` and `test_page_weight.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from server.settings import Settings
from tests.browser.conftest import CHROMIUM, FLAGS, sign_in
from tests.conftest import PASSWORDS, running, signed_in
from tests.pages import FOR_STRANGERS, furnished, of_a_thousand

COMMAND = shlex.split(os.environ.get("LIGHTHOUSE", "npx --yes lighthouse@13"))
PORT = 9333  # by which it finds the browser, which is signed in
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
# Turned off on purpose: what is behind a sign-in or a secret address is for no search engine.
_NOT_MEANT = {"is-crawlable"}
Report = dict[str, Any]


async def main(arguments: Iterable[str]) -> None:
    only = set(arguments) - {"mobile"}
    preset = "mobile" if "mobile" in arguments else "desktop"
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(
            port=0,
            data=Path(directory) / "data",
            admin_user="admin",
            admin_password=PASSWORDS["admin"],
            reserve_bytes=0,
            peer=True,
        )
        async with (
            running(settings) as server,
            await signed_in(server, "admin") as client,
            async_playwright() as playwright,
        ):
            await server.web.static_files.pack()
            context = await playwright.chromium.launch_persistent_context(
                Path(directory) / "profile",
                executable_path=CHROMIUM,
                args=[*FLAGS, f"--remote-debugging-port={PORT}"],
                base_url=server.url,
            )
            places = {**await furnished(client), "a batch of 1,000": [await of_a_thousand(client)]}
            for route in sorted(places, key=lambda route: route not in FOR_STRANGERS):
                if route not in FOR_STRANGERS and not await context.cookies():
                    await sign_in(context.pages[0], "admin")
                    await context.pages[0].goto("about:blank")
                if places[route] and (not only or route in only):
                    report = await _measured(server.url + places[route][0], preset, Path(directory))
                    print(_line(route, report), flush=True)
            await context.close()


async def _measured(url: str, preset: str, directory: Path) -> Report:
    out = directory / "report.json"
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        url,
        "--quiet",
        "--output=json",
        f"--output-path={out}",
        f"--port={PORT}",
        "--disable-storage-reset",  # it would sign out
        f"--only-categories={','.join(CATEGORIES)}",
        *(["--preset=desktop"] if preset == "desktop" else []),
    )
    await process.wait()
    report: Report = json.loads(out.read_text())
    return report


def _line(route: str, report: Report) -> str:
    scores = [round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES]
    audits = report["audits"]
    figures = [
        f"{audits['largest-contentful-paint']['numericValue'] / 1000:.1f}",
        f"{audits['total-blocking-time']['numericValue']:.0f}",
        f"{audits['cumulative-layout-shift']['numericValue']:.3f}",
    ]
    return f"| `{route}` | {' | '.join(map(str, scores))} | {' | '.join(figures)} | {', '.join(_lost(report))} |"


def _lost(report: Report) -> list[str]:
    """The audits that cost points in what is not speed."""
    return sorted(
        {
            reference["id"]
            for name in CATEGORIES[1:]
            for reference in report["categories"][name]["auditRefs"]
            if reference["weight"] and (report["audits"][reference["id"]]["score"] or 0) < 1
            if report["audits"][reference["id"]]["scoreDisplayMode"] not in ("notApplicable", "manual", "informative")
        }
        - _NOT_MEANT
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
