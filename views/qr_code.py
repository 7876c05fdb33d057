"""QR codes as pictures in a page: drawn here, so that no secret goes anywhere else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from markupsafe import Markup

from server.late import late

if TYPE_CHECKING:
    import segno
else:
    segno = late("segno")

_MODULE = 4  # units of the drawing, which the style sheet scales


async def qr_code(text: str) -> Markup:
    """An SVG that is dark on light in both themes, since not every scanner reads the reverse."""
    return Markup(await asyncio.to_thread(_drawn, text))  # noqa: S704 - drawn by segno, of modules alone


def _drawn(text: str) -> str:
    return segno.make_qr(text, error="m").svg_inline(
        scale=_MODULE, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr-code", lineclass=None
    )
