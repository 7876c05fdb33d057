"""Colours of charts by what they are for: as they are on paper, and as variables of a page that knows light and dark.

Five colours are told apart by colour-blind eyes and on a grey printer; those after them are hatched or dashed as well.
"""

from __future__ import annotations

SERIES = (
    "#2563a8", "#cf7f20", "#1f1147", "#c2527d", "#0f5a3a",
    "#8a6a35", "#5d86c4", "#7d5fb0", "#37907a", "#7f1d3a",
)  # fmt: skip
_SERIES_DARK = (
    "#6ea8e6", "#eec078", "#7c62dc", "#cc6a84", "#d0f2e4",
    "#b0895a", "#4f7fbd", "#b79be0", "#5fc3a6", "#e58fa8",
)  # fmt: skip
PLAIN = 5  # that need no hatching
# From little to much; the least stands out from the ground, so that it is not taken for no value.
_HEAT = ("#5b96cc", "#4683bf", "#3371ae", "#255f99", "#1c4d80", "#143b64", "#0d2a49")
_HEAT_DARK = ("#38719f", "#4a84b4", "#5d98c8", "#74acd9", "#90c0e6", "#afd4f0", "#d2e8f9")
HEAT_STEPS = len(_HEAT)

_LIGHT = {
    "ink": "#1f2933", "muted": "#5b6672", "line": "#e3e7ec", "axis": "#9aa5b1", "ground": "#ffffff",
    "rest": "#767c84", "target": "#b3261e",
    **{f"s{place}": color for place, color in enumerate(SERIES)},
    **{f"h{place}": color for place, color in enumerate(_HEAT)},
}  # fmt: skip
_DARK = {
    "ink": "#e6eaef", "muted": "#a3adb9", "line": "#343d48", "axis": "#66717e", "ground": "#1a2028",
    "rest": "#8f98a3", "target": "#ff8d85",
    **{f"s{place}": color for place, color in enumerate(_SERIES_DARK)},
    **{f"h{place}": color for place, color in enumerate(_HEAT_DARK)},
}  # fmt: skip


def luminance(color: str) -> float:
    """Of `#rrggbb`, between 0 and 1, as WCAG has it."""

    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(color[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable_on(color: str) -> str:
    """Black or white, whichever stands out more."""
    light = luminance(color)
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"


def _with_labels(paints: dict[str, str]) -> dict[str, str]:
    """And what is written on the colours of a heat map."""
    return paints | {f"on-h{place}": readable_on(paints[f"h{place}"]) for place in range(HEAT_STEPS)}


LIGHT = _with_labels(_LIGHT)
DARK = _with_labels(_DARK)


def css_variables(paints: dict[str, str]) -> str:
    """For a page's style: each colour as `--c-NAME`."""
    return " ".join(f"--c-{name}: {color};" for name, color in paints.items())
