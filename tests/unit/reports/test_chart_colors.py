"""Colours of charts: told apart by colour-blind eyes and on a grey printer, and seen on light ground and on dark."""

from __future__ import annotations

import itertools
import math

import pytest

from server.reports.drawing.canvas import Canvas, Look
from server.reports.drawing.paints import DARK, HEAT_STEPS, LIGHT, PLAIN, SERIES, luminance

THEMES = {"light": LIGHT, "dark": DARK}
# How eyes without red or green cones see linear colours (Machado, Oliveira and Fernandes 2009).
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
TOLD_APART = 20  # CIELAB; 2 can just be seen side by side
GREY_STEP = 6.5  # of 100 between black and white


def linear(color: str) -> list[float]:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(rgb: list[float]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)

    def curved(part: float) -> float:
        return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116

    x = curved((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047)
    y = curved(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = curved((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(color: str, eyes: str) -> tuple[float, float, float]:
    rgb = linear(color)
    return lab([sum(share * part for share, part in zip(row, rgb, strict=True)) for row in EYES[eyes]])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", EYES)
def test_the_first_series_are_told_apart_by_any_eyes(theme: str, eyes: str) -> None:
    colors = [THEMES[theme][f"s{place}"] for place in range(PLAIN)]
    for one, other in itertools.combinations(colors, 2):
        assert math.dist(seen(one, eyes), seen(other, eyes)) >= TOLD_APART, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_the_first_series_are_told_apart_in_grey(theme: str) -> None:
    greys = sorted(seen(THEMES[theme][f"s{place}"], "all cones")[0] for place in range(PLAIN))
    assert min(after - before for before, after in itertools.pairwise(greys)) >= GREY_STEP


def test_series_beyond_these_are_hatched_and_dashed() -> None:
    canvas = Canvas(10, 10)
    fills = [canvas.fill(Look(place)) for place in range(len(SERIES))]
    assert all(fill.startswith("#") for fill in fills[:PLAIN])
    assert all(fill.startswith("url(") for fill in fills[PLAIN:])
    assert len(set(fills)) == len(fills)
    for place in range(PLAIN + 1):
        canvas.curve([(0, 0), (1, 1)], Look(place))
    assert canvas.svg().count("stroke-dasharray") == 1


@pytest.mark.parametrize("theme", THEMES)
def test_marks_stand_out_from_their_ground(theme: str) -> None:
    paints = THEMES[theme]
    marks = [name for name in paints if name[0] in "sh" and name[1:].isdigit()] + ["rest", "target"]
    assert len(marks) == len(SERIES) + HEAT_STEPS + 2
    assert {name: color for name in marks if contrast(color := paints[name], paints["ground"]) < 3} == {}
    assert contrast(paints["muted"], paints["ground"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_a_heat_map_goes_one_way_and_its_figures_are_readable(theme: str) -> None:
    paints = THEMES[theme]
    light = [luminance(paints[f"h{step}"]) for step in range(HEAT_STEPS)]
    assert light in (sorted(light), sorted(light, reverse=True))
    assert len(set(light)) == HEAT_STEPS
    assert all(contrast(paints[f"h{step}"], paints[f"on-h{step}"]) >= 4.5 for step in range(HEAT_STEPS))
