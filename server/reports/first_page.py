"""The first page of a PDF as a small picture. Worker side."""

from __future__ import annotations

import pypdfium2
from PIL.Image import Image

from server.errors import NotFound
from server.jobs.worker_process import OnReport
from server.reports.work import FirstPageRequest
from server.storage.full_disk import full_disk_named

_QUALITY = 72


def draw_first_page(request: FirstPageRequest, report: OnReport) -> None:
    """Write it to `target` as WebP. Raises `NotFound` when the PDF was deleted meanwhile or has no page."""
    picture = _drawn(request)
    with full_disk_named():
        picture.save(request.target, "WEBP", quality=_QUALITY, method=6)


def _drawn(request: FirstPageRequest) -> Image:
    try:
        document = pypdfium2.PdfDocument(request.pdf)
    except (FileNotFoundError, pypdfium2.PdfiumError):
        raise NotFound("This report has no page that could be shown.") from None
    try:
        page = document[0]
        picture: Image = page.render(scale=request.width / page.get_width()).to_pil()
    finally:
        document.close()
    return picture
