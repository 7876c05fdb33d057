"""What a brand changes in the style of a report's page."""

from __future__ import annotations

from server.reports.brand import Font, Shades
from server.reports.look import BrandLook


def brand_style(look: BrandLook) -> str:
    """Rules after those of the page itself; none for reports without a brand."""
    brand = look.brand
    rules = [*(_shades(look.shades) if brand.accent else ()), *_fonts(brand.heading_font, brand.text_font)]
    if brand.confidentiality:
        said = css_text(brand.confidentiality)
        rules.append(
            f"@media print {{ @page {{ @bottom-center {{ content: {said}; font: bold 7.5pt sans-serif; }} }} }}"
        )
    return "".join(f"\n{rule}" for rule in rules)


def css_text(text: str) -> str:
    """As a text in a style: nothing in it can end the text, or the style."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"'


def _shades(shades: Shades) -> tuple[str, ...]:
    light = f"--accent: {shades.areas}; --letters: {shades.letters}; --bar: {shades.tint};"
    dark = f"--accent: {shades.on_dark}; --letters: {shades.on_dark}; --bar: {shades.dark_tint};"
    return f":root {{ {light} }}", f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _fonts(headings: Font, texts: Font) -> list[str]:
    """Charts keep the letters that they were laid out with."""
    rules = []
    if texts == "serif":
        rules.append("body { font-family: var(--serif); }")
    if headings and headings != (texts or "sans"):
        rules.append(f"h1, h2, h3, h4 {{ font-family: var(--{headings}); }}")
    return rules
