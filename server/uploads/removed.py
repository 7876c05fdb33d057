"""An upload that is deleted while somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import Gone
from server.uploads.files import Upload


class UploadGone(Gone):
    """The uploaded file is gone; upload it again."""

    code = "upload_gone"


@contextmanager
def removed_named(upload: Upload) -> Iterator[None]:
    """Whatever fails in the block because the file went meanwhile is `UploadGone`: each reader has words of its own."""
    try:
        yield
    except Exception:
        if upload.path.exists():
            raise
        raise UploadGone from None
