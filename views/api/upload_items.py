"""An upload as the API shows it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from server.http.based_requests import outside
from server.operations.uploaded_files import UploadedFile
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


class ImportOfUpload(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is that of its job."""

    job_id: str
    dataset: str
    state: str


class ListedUpload(UploadItem, frozen=True, kw_only=True):
    """Also what became of it, newest first, and when it goes: null while it is kept."""

    imports: list[ImportOfUpload]
    goes_at: datetime | None


def listed_upload(file: UploadedFile) -> ListedUpload:
    imports = [
        ImportOfUpload(job_id=job.id, dataset=job.parameters["dataset"], state=job.state.value) for job in file.imports
    ]
    item = upload_item(file.upload)
    fields = {name: getattr(item, name) for name in item.__struct_fields__}
    return ListedUpload(**fields, imports=imports, goes_at=file.goes_at)


def upload_item(upload: Upload) -> UploadItem:
    place = outside(f"{PREFIX}/{upload.id}")
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
            "import": outside(f"/imports/new?upload={upload.id}"),
        },
    )
