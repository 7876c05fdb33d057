"""A brand: what makes all reports of a user or a server look like those of one house.

Its texts are shown as they are: nothing in them is evaluated.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from server.reports.drawing.paints import luminance

Font = Literal["", "sans", "serif"]

FONTS: tuple[Font, ...] = ("sans", "serif")
ACCENT = "#2563a8"
WHITE, DARK_PAGE = "#ffffff", "#1a2028"
_LEGIBLE = 4.5  # contrast of letters, as WCAG has it
_STEPS = 100
_TINT, _DARK_TINT = 0.22, 0.42  # of the accent, in bars behind figures


class Logo(msgspec.Struct, frozen=True, kw_only=True):
    """A picture among the blobs; `width` and `height` in its own pixels."""

    blob: str
    media_type: str
    size: int
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Blobs of pictures are named by what they hold."""
        return self.blob.rpartition("/")[2]


class BrandTexts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of a brand but its logo. What is empty is not said: it is as the server's brand has it, else as reports
    without a brand.
    """

    accent: str = ""  # #rrggbb
    heading_font: Font = ""
    text_font: Font = ""
    header: str = ""
    footer: str = ""
    confidentiality: str = ""


class Brand(BrandTexts, frozen=True, kw_only=True, omit_defaults=True):
    logo: Logo | None = None

    def or_else(self, other: Brand) -> Brand:
        """Each field that is empty is that of `other`."""
        mine = {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}
        return msgspec.structs.replace(other, **mine)


class Shades(msgspec.Struct, frozen=True, kw_only=True):
    """An accent in all its uses: letters and thin lines can be read on their page, whatever was chosen."""

    areas: str
    letters: str
    tint: str
    on_dark: str
    dark_tint: str

    @property
    def is_darkened(self) -> bool:
        """Whether letters have another shade than areas."""
        return self.letters != self.areas


_PLAIN = Shades(areas=ACCENT, letters=ACCENT, tint="#cfe0f1", on_dark="#6ea8e6", dark_tint="#2c4a6b")


def shades_of(accent: str) -> Shades:
    """Of `#rrggbb`, or of reports without a brand. Too light a color is darkened for letters, too dark a one
    lightened for dark pages."""
    if accent in ("", ACCENT):
        return _PLAIN
    on_dark = _legible(accent, DARK_PAGE, towards=WHITE)
    return Shades(
        areas=accent,
        letters=_legible(accent, WHITE, towards="#000000"),
        tint=mixed(WHITE, accent, _TINT),
        on_dark=on_dark,
        dark_tint=mixed(DARK_PAGE, on_dark, _DARK_TINT),
    )


def contrast(one: str, other: str) -> float:
    """From 1 to 21, as WCAG has it."""
    lower, upper = sorted((luminance(one), luminance(other)))
    return (upper + 0.05) / (lower + 0.05)


def mixed(color: str, other: str, share: float) -> str:
    """`color` with a `share` (0 to 1) of `other` in it."""
    parts = ((int(color[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(mine + (its - mine) * share):02x}" for mine, its in parts)


def _legible(color: str, ground: str, *, towards: str) -> str:
    """The nearest shade that can be read on `ground`."""
    shades = (mixed(color, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(shade for shade in shades if contrast(shade, ground) >= _LEGIBLE)
