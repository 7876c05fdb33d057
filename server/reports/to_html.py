"""One HTML file that needs nothing else: whole without its script, which tells the values in charts, and printable."""

from __future__ import annotations

import base64
import functools
import hashlib
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from server.reports.chart_engine import ChartEngine
from server.reports.document import Document, all_blocks
from server.reports.drawing.paints import DARK, LIGHT, css_variables
from server.reports.formats import Formats
from server.reports.html_brand import brand_style
from server.reports.html_page import HtmlPage, PageHeading

_ASSETS = Path(__file__).parent / "assets"


def write_html(document: Document, formats: Formats, charts: ChartEngine) -> str:
    """The whole page. Every value is escaped; a policy in the page lets only its own scripts run."""
    headings = [(block, *found) for block in all_blocks(document.blocks) if (found := block.heading()) is not None]
    page = HtmlPage(
        words=document.words,
        formats=formats,
        engine=charts,
        has_excel=document.has_excel,
        warn=document.warn,
        headings={id(block): PageHeading(f"s{n}", text, level) for n, (block, text, level) in enumerate(headings, 1)},
    )
    body = "\n".join(block.html(page) for block in document.blocks)
    scripts = [_script(name) for name, is_wanted in _scripts(document, page) if is_wanted]
    return f"""<!doctype html>
<html lang="{escape(document.language)}" dir="{formats.locale.text_direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(*scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Jindu">
<meta name="description" content="{escape(document.description)}">
<link rel="icon" href="data:,">
<title>{escape(document.title)}</title>
<style>{_style()}{brand_style(document.look)}</style>
</head>
<body>
<main>
{_confidential(document)}<header>
{_brand_head(document)}<h1>{escape(document.title)}</h1>
{_lead(document)}</header>
{body}
</main>
<footer>{_foot(document)}</footer>
{_island(page.charts)}{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
"""


def _confidential(document: Document) -> str:
    words = document.look.brand.confidentiality
    return f'<p class="confidential">{escape(words)}</p>\n' if words else ""


def _brand_head(document: Document) -> str:
    """Whose report it is: in words at one side, as a picture at the other."""
    header, logo = document.look.brand.header, document.look.logo
    if not header and logo is None:
        return ""
    picture = ""
    if logo is not None:
        picture = (
            f'<img class="logo" src="{logo.data_address}" alt="{escape(document.logo_told)}" '
            f'width="{logo.width}" height="{logo.height}">'
        )
    return f'<div class="brand with-icon gap-2 plain-link"><span>{escape(header)}</span>{picture}</div>\n'


def _foot(document: Document) -> str:
    own = f'<span class="own">{escape(document.look.brand.footer)}</span>' if document.look.brand.footer else ""
    return own + "".join(f"<span>{escape(line)}</span>" for line in (document.made_text, *document.provenance))


def _lead(document: Document) -> str:
    lead = f'<p class="lead">{escape(document.description)}</p>\n' if document.description else ""
    if not document.parameters:
        return lead
    facts = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in document.parameters)
    return f'{lead}<dl class="facts">{facts}</dl>\n'


def _scripts(document: Document, page: HtmlPage) -> tuple[tuple[str, bool], ...]:
    return ("report.js", bool(page.charts)), ("watched.js", document.is_watched), ("framed.js", not document.is_watched)


@functools.cache
def _script(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


@functools.cache
def _style() -> str:
    """The page's own, with the colours of charts."""
    light, dark = css_variables(LIGHT), css_variables(DARK)
    colors = f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return colors + (_ASSETS / "report.css").read_text("utf-8")


def _island(charts: list[dict[str, Any]]) -> str:
    if not charts:
        return ""
    # "<" cannot end the element, whatever a value holds.
    data = msgspec.json.encode(charts).decode().replace("<", "\\u003c")
    return f'<script type="application/json" id="charts">{data}</script>\n'


@functools.cache
def _policy(*scripts: str) -> str:
    rules = (
        "default-src 'none'",
        "script-src " + (" ".join(map(_hash, scripts)) or "'none'"),
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
