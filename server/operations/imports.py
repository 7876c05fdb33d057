"""What people do with imports: look at a file before, start one, follow it, read what it rejected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, Right, ThingAccess
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.auth.users import name_key
from server.datasets.catalog import Catalog
from server.datasets.correction_orders import CORRECTION_KIND
from server.datasets.corrections import FileCorrections, stem_of
from server.datasets.dataset import Dataset, require_dataset_name
from server.datasets.difference import Difference, difference
from server.datasets.encodings import known_codec
from server.datasets.file_work import FilePreviewRequest, Preview, PreviewColumn, preview_file
from server.datasets.import_checking import CHECK_KIND
from server.datasets.import_orders import ImportOrder, ImportRequest, ImportState
from server.datasets.importing import KIND
from server.datasets.references import find_references
from server.datasets.reject_limits import share_of
from server.datasets.schema import FileLimits, ReadOptions
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.job import Job, State
from server.jobs.keys import Asked, prioritized
from server.jobs.runner import JobRunner
from server.jobs.shared_workers import SharedWorkers
from server.operations.dataset_access import DatasetAccess
from server.operations.jobs import JobOperations
from server.uploads.files import Upload, UploadStore
from server.uploads.pieces import Pieces

_PREVIEW_SECONDS = 60.0  # an honest file takes one or two; a hostile one must not keep the page's worker
_LIMIT_MESSAGE = "Between 0 and {limit}."


class KnownFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file like one that was imported before: `why` they are alike is their `columns`, or their `name`.

    `corrections` are what a person said of that one.
    """

    dataset: str
    version: int
    file: str
    imported_at: datetime
    why: str
    corrections: FileCorrections


class ImportOperations:
    """Every method takes who asks first; what they may not see is not found."""

    def __init__(
        self,
        *,
        runner: JobRunner,
        jobs: JobOperations,
        uploads: UploadStore,
        pieces: Pieces,
        access: DatasetAccess,
        looks: ThingAccess,
        catalog: Catalog,
        workers: SharedWorkers,
        audit: Audit,
        limits: FileLimits,
        reject_limit: int,
    ) -> None:
        self._runner = runner
        self._jobs = jobs
        self._uploads = uploads
        self._pieces = pieces
        self._access = access
        self._looks = looks
        self._catalog = catalog
        self._workers = workers
        self._audit = audit
        self._limits = limits
        self.reject_limit = reject_limit

    async def upload(self, principal: Principal, upload_id: str) -> Upload:
        """Raises `NotFound` for what is not theirs."""
        principal.require_read()
        upload = await self._uploads.get(upload_id)
        if upload is None or not principal.may_see(upload.owner_id):
            raise NotFound("There is no such upload; it may have been removed. Upload the file again.")
        return upload

    async def preview(
        self,
        principal: Principal,
        upload_id: str,
        options: ReadOptions | None = None,
        *,
        beside: str | None = None,
        owner: str | None = None,
    ) -> Preview:
        """What the file looks like when it is read with `options`; raises `Conflict` until it is here completely.

        `beside`: a dataset that its rows may be added to, of the caller or of `owner`. What can be read in two ways is
        read as there.
        """
        upload = await self._whole_upload(principal, upload_id)
        dataset = None if beside is None else await self._beside(principal, beside, owner)
        async with self._pieces.whole(upload.id, size=upload.offset) as source:
            request = FilePreviewRequest(
                source=source,
                name=upload.name,
                options=_in_language(options, principal),
                limits=self._limits,
                beside=[] if dataset is None else dataset.columns,
            )
            preview: Preview = await self._workers.run(
                principal.user_id, preview_file, request, timeout_seconds=_PREVIEW_SECONDS
            )
        return preview

    async def known(self, principal: Principal, upload: Upload, preview: Preview) -> KnownFile | None:
        """The dataset that was last made from a file like this one: of its names of columns, or else of its name."""
        principal.require_read()
        found = await self._catalog.like(
            principal.user_id, columns={column.source for column in preview.columns}, stem=stem_of(upload.name)
        )
        return None if found is None else _known(*found)

    async def difference(
        self, principal: Principal, dataset: str, columns: Sequence[PreviewColumn], *, owner: str | None = None
    ) -> Difference | None:
        """How columns of a file differ from those of a dataset; None when there is none of that name."""
        principal.require_read()
        found = await self._beside(principal, dataset, owner)
        return None if found is None else difference(found.columns, columns)

    async def check(self, principal: Principal, order: ImportOrder) -> None:
        """What `start` would say of it with a whole upload, before anybody sends one."""
        principal.require_write()
        await self._require_possible(principal, order)
        owner_id = await self._owner_id(principal, order)
        await self._catalog.would_take(owner_id, order.dataset, order.mode)

    async def _beside(self, principal: Principal, name: str, owner: str | None) -> Dataset | None:
        if owner is None:
            return await self._catalog.find(principal.user_id, name)
        return await self._access.get(principal, name, owner, Right.EDIT)

    async def _owner_id(self, principal: Principal, order: ImportOrder) -> str:
        """Whose dataset it is: another's has to be there, and to be theirs to edit."""
        if order.owner is None or name_key(order.owner) == name_key(principal.user_name):
            return principal.user_id
        return (await self._access.get(principal, order.dataset, order.owner, Right.EDIT)).owner_id

    async def start(self, principal: Principal, request: ImportRequest, *, idempotency_key: str | None = None) -> Job:
        """Raises `NotFound`, `Conflict` for creating what exists, or `InvalidInput` naming the wrong field."""
        principal.require_write()
        upload = await self._whole_upload(principal, request.upload_id)
        await self._require_possible(principal, request)
        owner_id = await self._owner_id(principal, request)

        async def check(connection: AsyncConnection, job: Job) -> None:
            # Here and not before: the same key again must give the same job, also once the dataset exists.
            await self._catalog.require_mode_fits(connection, owner_id, request.dataset, request.mode)
            detail = {"dataset": request.dataset, "mode": request.mode}
            action = "import.check" if request.dry_run else "import.start"
            await self._audit.record(connection, principal, action, upload.name, detail, subject_id=job.id)

        parameters = {
            "upload_id": upload.id,
            "dataset": request.dataset,
            "mode": request.mode,
            "options": msgspec.to_builtins(_in_language(request.options, principal)),
            **self._limit_parameters(request.reject_limit),
            "key": request.key,
            **({} if owner_id == principal.user_id else {"owner_id": owner_id}),
        }
        return await self._runner.start(
            CHECK_KIND if request.dry_run else KIND,
            owner_id=principal.user_id,
            title=f"{upload.name} → {request.dataset}",
            parameters=parameters | {"bytes": upload.size},  # by which the queue knows short work; nobody asked for it
            asked=Asked.under(idempotency_key, by=principal.user_id, what=parameters | prioritized(request.priority)),
            also=check,
            priority=request.priority,
        )

    async def start_checked(self, principal: Principal, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Import now what a check has read, in the same way. Asked twice, it is the same import, also without a key."""
        principal.require_write()
        state = await self.get(principal, job_id)
        if state.job.owner_id != principal.user_id:
            raise NotFound  # an administrator sees it, but would import somebody else's file among their own
        if not state.is_check or state.job.state is not State.SUCCEEDED:
            raise Conflict("Only a file that was checked to its end can be imported from here.", code="not_checked")
        key = idempotency_key or f"checked:{job_id}:{state.job.attempt}"
        return await self.start(principal, state.order, idempotency_key=key)

    async def get(self, principal: Principal, job_id: str) -> ImportState:
        """An import of theirs, or one that anybody brought into a dataset which they may edit."""
        return await self._state(await self._seen(principal, job_id))

    async def looked_into(self, principal: Principal, job_id: str) -> ImportState:
        """As `get`, for those who are shown rows of its file."""
        job = await self._seen(principal, job_id)
        if principal.may_see(job.owner_id):
            job = await self._jobs.looked_into(principal, job_id)
        return await self._state(job)

    async def _seen(self, principal: Principal, job_id: str) -> Job:
        principal.require_read()
        job = await self._jobs.anybodys(job_id)
        if not principal.may_see(job.owner_id):
            version = await self._catalog.version_of_job(job_id)
            if version is None or not await self._looks.is_given(principal, DATASETS, version.dataset_id, Right.EDIT):
                raise NotFound
        return job

    async def _state(self, job: Job) -> ImportState:
        if job.kind not in (KIND, CHECK_KIND, CORRECTION_KIND):
            raise NotFound
        is_published = job.kind != CHECK_KIND and job.state is State.SUCCEEDED
        version = await self._catalog.version_of_job(job.id) if is_published else None
        given = job.parameters
        return ImportState(
            job=job,
            upload_id=given["upload_id"],
            dataset=version.dataset if version else given["dataset"],
            mode=given["mode"],
            version=version,
        )

    async def _whole_upload(self, principal: Principal, upload_id: str) -> Upload:
        upload = await self.upload(principal, upload_id)
        if not upload.is_whole:
            raise Conflict(
                "The file “{name}” is not here completely yet; wait until its upload is finished.",
                code="upload_incomplete",
                name=upload.name,
            )
        await self._looks.note_look_at(principal, "upload", upload.id, upload.name, owner_id=upload.owner_id)
        return upload

    async def _require_possible(self, principal: Principal, order: ImportOrder) -> None:
        """Whatever can be said without the file."""
        require_dataset_name(order.dataset)
        if order.mode == "upsert" and not order.key:
            raise InvalidInput(errors=[FieldError(field="key", message="Say which columns are the key.")])
        if order.mode != "upsert" and order.key:
            raise InvalidInput(errors=[FieldError(field="key", message="Only the mode “upsert” has a key.")])
        if order.options.encoding:
            known_codec(order.options.encoding)
        self._require_limit(order.reject_limit)
        await find_references(self._catalog, principal.user_id, order.options.columns or ())

    def _limit_parameters(self, wanted: int | str | None) -> dict[str, Any]:
        """As the job has them. Of a share, too, no more rows are listed than ever."""
        if isinstance(wanted, str):
            return {"reject_limit": self.reject_limit, "reject_share": share_of(wanted)}
        return {"reject_limit": self.reject_limit if wanted is None else wanted}

    def _require_limit(self, wanted: int | str | None) -> None:
        if isinstance(wanted, int) and not 0 <= wanted <= self.reject_limit:
            raise InvalidInput(
                errors=[
                    FieldError(field="reject_limit", message=_LIMIT_MESSAGE, parameters={"limit": self.reject_limit})
                ]
            )


def _in_language(options: ReadOptions | None, principal: Principal) -> ReadOptions:
    """With the language of whoever asks, unless they named another."""
    wanted = options or ReadOptions()
    return (
        wanted if wanted.language or wanted.encoding else msgspec.structs.replace(wanted, language=principal.language)
    )


def _known(dataset: Dataset, why: str) -> KnownFile:
    version = dataset.current
    return KnownFile(
        dataset=dataset.name,
        version=version.number,
        file=str(version.source.get("name", "")),
        imported_at=version.created_at,
        why=why,
        corrections=msgspec.convert(version.source.get("corrections", {}), FileCorrections),
    )
