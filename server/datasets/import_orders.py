"""What somebody wants a file to become, and what has become of it so far."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from server.datasets.correction_orders import CORRECTION_KIND, CorrectionParameters
from server.datasets.dataset import Mode, Version
from server.datasets.doubts import doubt_count
from server.datasets.import_checking import CHECK_KIND
from server.datasets.import_reading import ImportParameters
from server.datasets.reject_limits import RejectLimit, percent_of
from server.datasets.schema import ReadOptions
from server.jobs.job import Job, Priority


class ImportOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which dataset a file becomes, and how it is to be read.

    `mode`: `create` a new dataset, `replace` all rows by those of the file, `append` them, or `upsert` them: those
    whose values in the columns of `key` are there already take the place of what was, all others are added. The import
    stops when more than `reject_limit` rows are wrong, a number or a share of all rows (`"5%"`). With `dry_run` all of
    the file is read and judged, and nothing is written. `priority` orders what you have waiting yourself.
    `owner`: whose dataset it is, when it is another's that you may edit.
    """

    dataset: Annotated[str, msgspec.Meta(max_length=200)]
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    mode: Mode = "create"
    options: ReadOptions = ReadOptions()
    reject_limit: RejectLimit | None = None
    key: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(max_length=20)] = []
    dry_run: bool = False
    priority: Priority = Priority.NORMAL


class ImportRequest(ImportOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same of a file that has been uploaded."""

    upload_id: str


class ImportState(msgspec.Struct, frozen=True, kw_only=True):
    """An import, the check of one, or a correction of its rejects: its job, what was asked for, and the version that it
    published (None until then).
    """

    job: Job
    upload_id: str
    dataset: str
    mode: str
    version: Version | None

    @property
    def owner_id(self) -> str | None:
        """Whose dataset it is, when it is not that of whoever imports."""
        given: str | None = self.job.parameters.get("owner_id")
        return given

    @property
    def dataset_key(self) -> str:
        """What stands for the dataset in addresses of pages."""
        return self.dataset if self.owner_id is None else f"{self.owner_id}:{self.dataset}"

    @property
    def is_check(self) -> bool:
        return self.job.kind == CHECK_KIND

    @property
    def corrects(self) -> str | None:
        """The job of the import whose rejects it adds, corrected."""
        return CorrectionParameters.of(self.job).import_id if self.job.kind == CORRECTION_KIND else None

    @property
    def order(self) -> ImportRequest:
        """What was asked for, to ask for it once more."""
        given = ImportParameters.of(self.job)
        limit = given.reject_limit if given.reject_share is None else percent_of(given.reject_share)
        return ImportRequest(
            upload_id=given.upload_id,
            dataset=given.dataset,
            owner=given.owner_id,
            mode=given.mode,
            options=given.options,
            reject_limit=limit,
            key=list(given.key),
            priority=self.job.priority,
        )

    @property
    def rejected_count(self) -> int:
        if self.version is not None:
            return self.version.rejected_count
        return int(self.job.detail.get("rejected") or 0)

    @property
    def named(self) -> dict[str, int]:
        """How many records of the file are neither rows nor rejects, by reason; empty until it was read."""
        return dict(self.job.detail.get("named") or {})

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What is worth a look, as `told_warnings` has it; empty until the file was read."""
        return list((self.job.result or {}).get("warnings", []))

    @property
    def is_doubtful(self) -> bool:
        """Whether some warning says more than what was done."""
        return doubt_count(warning["code"] for warning in self.warnings) > 0

    @property
    def has_reject_list(self) -> bool:
        """Whether the rejected rows were listed: of one that failed, too, if it was for its rows."""
        if self.version is not None:
            return self.version.rejected_count > 0
        return self.job.state.is_final and "rejects_bytes" in self.job.detail
