"""What a batch is: an order of reports with everything that shapes them, and the reports it is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from server.delivery.wishes import DeliveryStage, WantedDeliveries
from server.errors import FieldError, JinduError, NotFound
from server.jobs.job import Completeness, JobError, State
from server.reports.batch_comparing import Figure
from server.reports.brand import Brand
from server.reports.work import FileFormat
from server.texts import plain


class UsedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as a batch found it: its files never change, so a retry reads the same rows. `files` are blob keys."""

    dataset_id: str
    version: int
    files: list[str]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many reports of a batch are in which state."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return self.queued + self.running + self.succeeded + self.failed + self.cancelled


class BatchHead(msgspec.Struct, frozen=True, kw_only=True):
    """One order of reports as pages and lists show it: without what may be large."""

    id: str
    owner_id: str
    owner: str = ""  # the name of that user
    job_id: str
    name: str
    template_id: str | None = None
    template_name: str
    template_version: int
    formats: list[FileFormat]
    clock: datetime
    dataset_versions: dict[str, UsedDataset]
    language: str
    time_zone: str
    report_count: int
    created_at: datetime
    sequence: int = 0  # its place among all of them; 0 until it is stored
    job_state: State = State.QUEUED
    job_outcome: Completeness | None = None
    tally: Tally = Tally()

    @property
    def as_of(self) -> datetime | None:
        """The moment that its reports speak of, when it is not the one of the order."""
        return None if self.clock == self.created_at else self.clock


class Batch(BatchHead, frozen=True, kw_only=True):
    """One order of reports. Everything that shapes their bytes stands in it: source, clock, datasets, language."""

    template_source: str
    requested: Any  # parameter sets, {"query": …}, or None: as the template's `each` says
    images: dict[str, str] = {}  # blob keys of the pictures that the template names
    brand: Brand = Brand()
    deliveries: WantedDeliveries | None = None
    delivery_state: DeliveryStage = DeliveryStage.NONE


class StoredArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report: the name people see, and the blob it lies in."""

    file: str
    format: str
    type: str
    size: int
    sha256: str
    blob: str


class ReportError(JobError, frozen=True, kw_only=True, omit_defaults=True):
    """Why one report could not be made; `errors` are places in the template (`line:column`) and what is wrong."""

    errors: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, error: JinduError) -> ReportError:
        places = [{"field": e.field, "message": e.message, "parameters": plain(e.parameters)} for e in error.errors]
        return cls(code=error.specific_code, message=error.message, parameters=plain(error.parameters), errors=places)

    @property
    def places(self) -> list[dict[str, str]]:
        """`errors` in English."""
        return [{"field": FieldError(**place).field, "message": FieldError(**place).text} for place in self.errors]


class BatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report of a batch at one moment. `is_empty`: it is made, and shows no row."""

    id: str
    batch_id: str
    owner_id: str
    position: int
    title: str
    parameters: dict[str, Any]
    carried: dict[str, str] = {}
    state: State
    error: ReportError | None = None
    artifacts: list[StoredArtifact] = []
    warnings: list[dict[str, Any]] = []
    figures: list[Figure] = []
    is_empty: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    comment_count: int = 0

    def artifact(self, file: str) -> StoredArtifact:
        """By the name it is served under; raises `NotFound`."""
        for artifact in self.artifacts:
            if artifact.file == file:
                return artifact
        raise NotFound

    @property
    def bytes(self) -> int:
        """What its files take."""
        return sum(artifact.size for artifact in self.artifacts)

    def of_format(self, format: str) -> StoredArtifact | None:  # noqa: A002 – the field's name
        return next((artifact for artifact in self.artifacts if artifact.format == format), None)


class ReportFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports of a batch: `q` in titles and parameters, `title` in titles alone; `after` is the position of the
    last one seen."""

    state: State | None = None
    q: str = ""
    title: str = ""
    after: int | None = None
    ids: tuple[str, ...] | None = None
    limit: int = 50
    skip: int = 0
