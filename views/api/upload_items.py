"""An upload as the API shows it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.uploads.files import Upload

PREFIX = "/api/v1/uploads"


class UploadItem(msgspec.Struct, frozen=True, kw_only=True):
    """One file on its way in. It can be imported once `offset` equals `size`."""

    id: str
    name: str
    size: int | None
    offset: int
    media_type: str
    sha256: str | None
    expires_at: datetime | None
    job_id: str | None
    created_at: datetime
    completed_at: datetime | None
    links: dict[str, str]


def upload_item(upload: Upload) -> UploadItem:
    place = f"{PREFIX}/{upload.id}"
    return UploadItem(
        id=upload.id,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        media_type=upload.media_type,
        sha256=upload.sha256,
        expires_at=upload.expires_at,
        job_id=upload.job_id,
        created_at=upload.created_at,
        completed_at=upload.completed_at,
        links={
            "self": place,
            "content": f"{place}/content",
            "preview": f"{place}/preview",
            "import": f"/imports/new?upload={upload.id}",
        },
    )
