"""The first page of a PDF as a small picture. Worker side."""

from __future__ import annotations

import pypdfium2

from server.jobs.worker_process import OnReport
from server.reports.work import FirstPageRequest
from server.storage.full_disk import full_disk_named

_QUALITY = 72


def draw_first_page(request: FirstPageRequest, report: OnReport) -> None:
    """Write it to `target` as WebP."""
    document = pypdfium2.PdfDocument(request.pdf)
    try:
        page = document[0]
        picture = page.render(scale=request.width / page.get_width()).to_pil()
    finally:
        document.close()
    with full_disk_named():
        picture.save(request.target, "WEBP", quality=_QUALITY, method=6)
