"""One HTML file that needs nothing else: readable without scripts, charts interactive with them, and printable."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from server.reports.chart_engine import CHART_FORMAT, ECHARTS, ChartEngine
from server.reports.document import Document
from server.reports.formats import Formats
from server.reports.html_page import HtmlPage

_ASSETS = Path(__file__).parent / "assets"


def write_html(document: Document, formats: Formats, charts: ChartEngine) -> str:
    """The whole page. Every value is escaped; a policy in the page lets only its own scripts run."""
    page = HtmlPage(words=document.words, formats=formats, engine=charts, has_excel=document.has_excel)
    body = "\n".join(block.html(page) for block in document.blocks)
    scripts = _scripts(page.charts)
    return f"""<!doctype html>
<html lang="{escape(document.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Jindu">
<meta name="description" content="{escape(document.description)}">
<link rel="icon" href="data:,">
<title>{escape(document.title)}</title>
<style>{(_ASSETS / "report.css").read_text("utf-8")}</style>
</head>
<body>
<main>
<header>
<h1>{escape(document.title)}</h1>
{_lead(document)}</header>
{body}
</main>
<footer>{"".join(f"<span>{escape(line)}</span>" for line in (document.made_text, *document.provenance))}</footer>
{_island(page.charts)}{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
"""


def _lead(document: Document) -> str:
    lead = f'<p class="lead">{escape(document.description)}</p>\n' if document.description else ""
    if not document.parameters:
        return lead
    facts = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in document.parameters)
    return f'{lead}<dl class="facts">{facts}</dl>\n'


def _scripts(charts: list[dict[str, Any]]) -> list[str]:
    if not charts:
        return []
    return [path.read_text("utf-8") for path in (ECHARTS, CHART_FORMAT, _ASSETS / "report.js")]


def _island(charts: list[dict[str, Any]]) -> str:
    if not charts:
        return ""
    # "<" cannot end the element, whatever a value holds.
    data = msgspec.json.encode(charts).decode().replace("<", "\\u003c")
    return f'<script type="application/json" id="charts">{data}</script>\n'


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {hashes}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
    )
    return "; ".join((*rules, "form-action 'none'"))


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
