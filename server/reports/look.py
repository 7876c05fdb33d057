"""A brand as the writers of files need it: its logo unpacked, its colors in all shades."""

from __future__ import annotations

from pathlib import Path

import msgspec

from server.reports.brand import Brand, Shades, shades_of
from server.reports.images import Image, read_image


class BrandLook(msgspec.Struct, frozen=True, kw_only=True):
    """How a report looks beside what its template says."""

    brand: Brand = Brand()
    logo: Image | None = None

    @property
    def shades(self) -> Shades:
        return shades_of(self.brand.accent)


def look_of(brand: Brand, logo: Path | None) -> BrandLook:
    """`logo` is the file of the brand's picture, which was checked when it came."""
    return BrandLook(brand=brand, logo=read_image(logo, "logo") if logo else None)
