"""What worker processes are asked to do for reports, and what they answer.

How they do it stands in modules that the server itself never imports: what evaluates templates and writes
documents is not even loaded there.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.datasets.schema import Column
from server.datasets.work import QueryLimits
from server.delivery.address_books import AddressBook
from server.jobs.worker_process import ByName
from server.reports.batch_comparing import Figure
from server.reports.brand import Brand

expand_batch = ByName("server.reports.rendering", "expand_batch")
render_report = ByName("server.reports.rendering", "render_report")
lay_out = ByName("server.reports.laying_out", "lay_out")
plan_order = ByName("server.reports.ordering", "plan_order")
plan_preview = ByName("server.reports.ordering", "plan_preview")
plan_expansion = ByName("server.reports.ordering", "plan_expansion")
choices_of = ByName("server.reports.choices", "choices_of")
check_source = ByName("server.reports.checking", "check_source")
vocabulary = ByName("server.reports.checking", "vocabulary")
summaries_of = ByName("server.reports.checking", "summaries_of")
read_samples = ByName("server.reports.checking", "read_samples")
copy_image = ByName("server.reports.images", "copy_image")
copy_logo = ByName("server.reports.images", "copy_logo")
combine = ByName("server.reports.combining", "combine")
draw_first_chart = ByName("server.reports.chart_picture", "draw_first_chart")
draw_first_page = ByName("server.reports.first_page", "draw_first_page")


FileFormat = Literal["pdf", "xlsx", "html"]


MEDIA_TYPES: dict[FileFormat, str] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
}


class DatasetSource(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one dataset version."""

    version: int
    paths: tuple[Path, ...]


class ExpandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports a batch consists of.

    `parameters`: None (the template's `each` alone), a list of parameter sets (each is completed by `each` and
    defaults), or `{"query": "select …"}` whose rows are the sets. `max_reports` bounds the answer. `carried`: columns
    of those rows that need not be parameters. `books` say who gets each, from datasets by name in `addresses`.
    """

    template_source: str
    parameters: list[dict[str, Any]] | dict[str, Any] | None
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    clock: datetime
    time_zone: str = "UTC"
    max_reports: int = 10_000
    carried: tuple[str, ...] = ()
    books: tuple[AddressBook, ...] = ()
    addresses: dict[str, DatasetSource] = {}


class ExpandedReport(msgspec.Struct, frozen=True, kw_only=True):
    """`carried`: what else its row says, by column; texts, since nothing is computed with it."""

    parameters: dict[str, Any]
    carried: dict[str, str] = {}


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One report: `clock` is "now" for all of it, `output` an empty directory to write into.

    Its footer says “as of” that moment with `is_as_of`, else that it was made then.

    `language` is a wish: the template's own `language` goes before it. `formats` empty means the template's.
    `seconds` bounds the whole report, its queries included. `images` are the files that the template names,
    `logo` is that of the brand. `asked` are the parameters as the order of the batch has them, by which the report is
    told from others; without a batch there are none. `is_watched`: a page in whose frame it is shown is told how far
    it is scrolled. `is_preview`: tables have their first rows, and say so.
    """

    template_source: str
    parameters: dict[str, Any]
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    clock: datetime
    output: Path
    formats: tuple[FileFormat, ...] = ()
    template_name: str = ""
    template_version: int = 1
    language: str = "en"
    time_zone: str = "UTC"
    report_id: str = ""
    is_as_of: bool = False
    file_stem: str = ""
    seconds: float = 180.0
    images: dict[str, Path] = {}
    brand: Brand = Brand()
    logo: Path | None = None
    is_watched: bool = False
    is_preview: bool = False
    asked: Any = ()


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report; `path` is where it was written, `file` how it should be called."""

    file: str
    format: FileFormat
    media_type: str
    size: int
    sha256: str
    path: Path


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """`warnings` are sentences for whoever reads the report, `figures` those that stand in it by themselves.
    `is_empty`: it shows no row."""

    title: str
    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    is_empty: bool = False


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: parameter sets, `{"query": …}`, or None; `datasets` and `known` as in `CheckRequest`.

    `named` are parameters that there have to be, by the field of the order that names them. `is_repeated`: it is
    ordered again and again, so that no set may be there twice.
    """

    source: str
    datasets: dict[str, tuple[Column, ...]]
    parameters: list[dict[str, Any]] | dict[str, Any] | None
    max_reports: int
    clock: datetime
    known: tuple[str, ...] = ()
    language: str = "en"
    time_zone: str = "UTC"
    carried: tuple[str, ...] = ()
    named: dict[str, str] = {}
    is_repeated: bool = False


class OrderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is what the batch is called if nobody says; `datasets` are those the template may read: never too few.
    `columns` are those of the parameter rows, None where only running their query would tell."""

    name: str
    formats: tuple[str, ...]
    images: tuple[str, ...]
    datasets: list[str]
    columns: list[str] | None = None


class PreviewPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`parameters` of the first report; None when there is none."""

    parameters: dict[str, Any] | None
    images: tuple[str, ...]


class Expansion(msgspec.Struct, frozen=True, kw_only=True):
    """How many reports an order would make, and the parameters of the first of them; all that their rows carry.
    `datasets`: ids of those that they may read, by name."""

    total: int
    sets: list[dict[str, Any]]
    carried: list[dict[str, str]] = []
    datasets: dict[str, str] = {}


class ExpansionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`shown` is how many parameter sets are wanted back."""

    expand: ExpandRequest
    shown: int


class LayoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How many `reports` will read these datasets; `output` is an empty directory for what is written anew."""

    template_source: str
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    output: Path
    reports: int


class ChoicesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`given` is what somebody has chosen so far: what else there is to choose may depend on it."""

    source: str
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    clock: datetime
    time_zone: str = "UTC"
    given: dict[str, Any] = {}


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """By parameter name: the values it can take, and its default as it is today (`last_month` → `2026-10`).

    `followed` are the parameters on which the values of others depend.
    """

    values: dict[str, list[Any]] = {}
    defaults: dict[str, Any] = {}
    followed: list[str] = []


class CopyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which upload is said to be a picture, what it is called, and where its copy goes."""

    source: Path
    name: str
    target: Path


class CopiedLogo(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at `CopyRequest.target`."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int


class CombinedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a batch: its PDF, or in words why it has none."""

    position: int
    title: str
    pdf: Path | None = None
    missing: str = ""


class CombinedWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the list at the beginning says, in the batch's language."""

    summary: str
    number: str
    report: str
    page: str
    not_here: str
    reason: str


class CombineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The PDFs of a batch as one, in its look, written to `target`; `scratch` is an empty directory."""

    title: str
    template_source: str
    words: CombinedWords
    reports: tuple[CombinedReport, ...]
    clock: datetime
    language: str
    time_zone: str
    target: Path
    scratch: Path
    brand: Brand = Brand()
    logo: Path | None = None


class ChartPicture(msgspec.Struct, frozen=True, kw_only=True):
    """PNG on white; `told` says its figures to who does not see it. `width` and `height` are in pixels."""

    png: bytes
    told: str
    width: int
    height: int


class FirstPageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Of which PDF, where the picture goes, and its width in pixels."""

    pdf: Path
    target: Path
    width: int
