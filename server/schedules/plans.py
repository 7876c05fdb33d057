"""What a schedule runs, kind by kind, as somebody asked for it: kept with the schedule, frozen in each of its runs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from server.datasets.import_orders import ImportOrder
from server.datasets.reject_limits import RejectLimit
from server.datasets.schema import ReadOptions
from server.uploads.elsewhere import Place

_PlaceName = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_ColumnName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class RunsWhat(StrEnum):
    """What a schedule runs."""  # each is a module of `operations.schedule_runs`

    BATCH = "batch"
    IMPORT = "import"
    QUERY = "query"
    BACKUP = "backup"


class Takes(StrEnum):
    """Which files of a folder are imported."""

    NEWEST = "newest"
    EACH = "each"  # that was not taken before, the oldest first


class ReadAs(StrEnum):
    """How columns are read: as in the last import of the dataset (`last`), or as the file itself says (`found`)."""

    LAST = "last"
    FOUND = "found"


class ImportPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file that becomes rows of `dataset`: from a `folder` of the server (`file` is a name, or a pattern such as
    `orders-*.csv`), or from a `url`.

    `take`: the `newest` file that fits, or `each` that was not taken before. A file that was taken already, by its size
    and time or by what it holds, is not taken again, and nothing is imported. `mode`: its rows take the place of all
    (`replace`), are added (`append`), or take the place of those with the same `key` (`upsert`). `profile`: names,
    types and checks of the columns are those of the dataset's last import (`last`), or what the file itself shows
    (`found`); `options`, as in `POST /imports`, win over both. `owner`: of a dataset that you may edit.
    """

    folder: _PlaceName | None = None
    file: _PlaceName | None = None
    url: Annotated[str, msgspec.Meta(min_length=9, max_length=2_000)] | None = None
    take: Takes = Takes.NEWEST
    dataset: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    mode: Literal["replace", "append", "upsert"] = "replace"
    key: Annotated[list[_ColumnName], msgspec.Meta(max_length=20)] = []
    profile: ReadAs = ReadAs.LAST
    options: ReadOptions = ReadOptions()
    reject_limit: RejectLimit | None = None

    @property
    def place(self) -> Place:
        return Place(url=self.url, folder=self.folder, file=self.file)

    @property
    def source(self) -> str:
        """Where it comes from, as it may be told: of an address the host alone, the rest may be a secret."""
        if self.url is None:
            return f"{self.folder}/{self.file}"
        return self.url.partition("://")[2].partition("/")[0]

    def order(self, options: ReadOptions | None = None) -> ImportOrder:
        return ImportOrder(
            dataset=self.dataset,
            owner=self.owner,
            mode=self.mode,
            options=self.options if options is None else options,
            reject_limit=self.reject_limit,
            key=self.key,
        )


class LimitIs(StrEnum):
    """What breaks a rule: that there are rows, that there are none, or a value on that side of the limit."""

    ROWS = "rows"
    NO_ROWS = "no_rows"
    ABOVE = "above"
    BELOW = "below"
    EQUAL = "equal"


class QueryRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`when` says what is broken. Of values, `column` names them; `limit` is a number, a day (`2026-12-31`) or, where
    it is to be `equal`, a text. `of`: the value of the `first` row, or of `any` row."""

    when: LimitIs
    column: Annotated[str, msgspec.Meta(max_length=200)] = ""
    limit: int | float | Annotated[str, msgspec.Meta(max_length=200)] | None = None
    of: Literal["first", "any"] = "first"

    @property
    def is_of_values(self) -> bool:
        return self.when not in (LimitIs.ROWS, LimitIs.NO_ROWS)


class QueryPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A query that is checked by a rule. Who planned it is told when the rule breaks, and when it is kept again; with
    `each_time` whenever it is broken. `deliveries` tell others: by mail, webhook or chat."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
    rule: QueryRule
    each_time: bool = False


class BackupPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A backup as `jindu backup` makes it, into the place that the settings name. The newest `keep` that this schedule
    made are kept."""

    keep: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7


class ImportResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="import", tag_field="runs"):
    """What an import found. With a `file` that is new, its rows are in the import's job.

    `more` files wait behind it, and `growing` ones are still being written. `is_same`: the file is another one by its
    time, and holds what the one before held.
    """

    file: str = ""
    nothing_new: bool = False
    is_same: bool = False
    more: int = 0
    growing: int = 0


class CheckResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="query", tag_field="runs"):
    """What a check found: the `sentence` is a phrase, `value` what was compared. `is_told` when somebody was told."""

    is_broken: bool = False
    is_told: bool = False
    sentence: dict[str, Any]
    value: str | None = None
    rows: int = 0
    has_more: bool = False


class BackupResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="backup", tag_field="runs"):
    """One that is not whole lacks files that rows name, or could not be restored on trial: `proven_at` is when one was.
    It `is_removed` once enough newer ones are there."""

    file: str
    bytes: int
    is_whole: bool = True
    proven_at: datetime | None = None
    is_removed: bool = False


RunResult = ImportResult | CheckResult | BackupResult
"""What became of a run beside its job, of the kinds that say more."""


class Plans(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of them, of whatever is not a batch. `import_` is called `import` wherever it is written."""

    import_: ImportPlan | None = msgspec.field(name="import", default=None)
    query: QueryPlan | None = None
    backup: BackupPlan | None = None

    @property
    def runs(self) -> RunsWhat:
        """What they are of: a batch, where there is none."""
        return next((runs for runs, name in PLAN_FIELDS.items() if getattr(self, name) is not None), RunsWhat.BATCH)


PLAN_FIELDS = {RunsWhat.IMPORT: "import_", RunsWhat.QUERY: "query", RunsWhat.BACKUP: "backup"}
"""Under which name the plan of each kind stands, here and in what people write."""
