"""The import wizard's form: what stands in it, and what of it goes to the preview and to the import."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

import msgspec

from server.datasets.dataset import Mode
from server.datasets.file_work import Preview
from server.datasets.import_orders import ImportRequest
from server.datasets.reject_limits import is_percent
from server.datasets.schema import ColumnSpec, ReadOptions
from server.errors import FieldError, InvalidInput
from server.numerals import whole_number
from server.operations.imports import KnownFile
from views.import_columns import FormColumn, as_said, column_errors, found_column, posted_columns
from views.owned import parted

READING = (
    "encoding", "delimiter", "quote", "header", "sheet", "member", "skip_rows", "pad_short_rows", "leave_out_totals",
)  # fmt: skip
_YES_OR_NO = {"yes": True, "no": False}
# As previews call them.
ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5", "shift_jis", "euc_kr", "cp1252", "iso8859-1")
DELIMITERS = (",", ";", "\t", "|", "  ")
_MOST_SKIPPED_ROWS = 1_000
ColumnChoice = Literal["found", "said", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportForm:
    """Everything in the form. `chosen` are the reading options a person set; the others are found by looking."""

    upload_id: str
    reading: Mapping[str, str] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    columns: tuple[FormColumn, ...] = ()
    dataset: str = ""
    mode: Mode = "create"
    key: tuple[str, ...] = ()
    reject_limit: str = ""

    @classmethod
    def parse(cls, posted: Mapping[str, str]) -> ImportForm:
        """From the posted fields; nonsense in them becomes an absent value, the import says what is missing."""
        chosen = posted["chosen"].split(",") if "chosen" in posted else READING
        mode = posted.get("mode", "create")
        return cls(
            upload_id=posted.get("upload_id", ""),
            reading={name: posted[name] for name in READING if name in posted},
            chosen=frozenset(chosen) & frozenset(READING),
            columns=tuple(posted_columns(posted)),
            dataset=posted.get("dataset", "").strip(),
            mode=cast(Mode, mode) if mode in get_args(Mode) else "create",
            key=tuple(name for part in re.split("[,，\n]", posted.get("key", "")) if (name := part.strip())),
            reject_limit=posted.get("reject_limit", "").strip(),
        )

    @property
    def options(self) -> ReadOptions:
        """How to read the file, without its columns; raises `InvalidInput` at the field."""
        wanted = {name: text for name, text in self.reading.items() if name in self.chosen}
        skip_rows = wanted.get("skip_rows", "")
        if skip_rows and whole_number(skip_rows, at_most=_MOST_SKIPPED_ROWS) is None:
            raise InvalidInput(errors=[FieldError(field="skip_rows", message="A number from 0 to 1,000.")])
        return ReadOptions(
            encoding=wanted.get("encoding") or None,
            delimiter=wanted.get("delimiter") or None,
            quote={"none": "", "": None}.get(wanted.get("quote", ""), wanted.get("quote")),
            header=_YES_OR_NO.get(wanted.get("header", "")),
            sheet=wanted.get("sheet") or None,
            member=wanted.get("member") or None,
            skip_rows=whole_number(skip_rows),
            pad_short_rows=_YES_OR_NO.get(wanted.get("pad_short_rows", "")),
            leave_out_totals=_YES_OR_NO.get(wanted.get("leave_out_totals", "")),
        )

    def options_with(self, columns: ColumnChoice) -> ReadOptions:
        """With the columns as shown, or with what a person said of them: also of left out ones, which stay in sight."""
        if columns == "found":
            return self.options
        specs = [column.spec if columns == "shown" else column.said_spec for column in self.columns]
        return msgspec.structs.replace(self.options, columns=specs or None)

    def with_said_of(self, before: ImportForm) -> ImportForm:
        """With the types that a person chose, where the columns are there when the file is read otherwise."""
        said = {column.source: column for column in before.columns if column.said}
        columns = [
            replace(column, type=known.type, format=known.format, said=known.said)
            if (known := said.get(column.source)) is not None
            else column
            for column in self.columns
        ]
        return replace(self, columns=tuple(columns))

    def without_checks(self) -> ImportForm:
        return replace(self, columns=tuple(replace(column, checks={}) for column in self.columns))

    def with_checks_of(self, other: ImportForm) -> ImportForm:
        said = {column.source: column.checks for column in other.columns}
        columns = tuple(replace(column, checks=said.get(column.source, {})) for column in self.columns)
        return replace(self, columns=columns)

    def request(self, preview_options: ReadOptions, *, dry_run: bool = False) -> ImportRequest:
        """What to import: as it was previewed, with the kept columns. Raises `InvalidInput` at the fields."""
        errors = list(column_errors(self.columns))
        limit: int | str | None = whole_number(self.reject_limit)
        if self.reject_limit and limit is None:
            limit = self.reject_limit
            if not is_percent(limit):
                errors.append(FieldError(field="reject_limit", message="Write a whole number, or a share such as 5%."))
        if errors:
            raise InvalidInput(errors=errors)
        specs = [column.spec for column in self.columns if column.keep]
        return ImportRequest(
            upload_id=self.upload_id,
            dataset=parted(self.dataset)[0],
            owner=parted(self.dataset)[1],
            mode=self.mode,
            key=list(self.key) if self.mode == "upsert" else [],
            options=msgspec.structs.replace(preview_options, columns=specs or None),
            reject_limit=limit,
            dry_run=dry_run,
        )

    def like(self, known: KnownFile) -> ImportForm:
        """To be read, and to go, as a file like this one was and did."""
        return replace(self.reading_as(known.corrections.reading), dataset=known.dataset)

    def reading_as(self, options: Mapping[str, object]) -> ImportForm:
        reading = {name: _as_posted(value) for name, value in options.items()}
        return replace(self, reading=reading, chosen=frozenset(reading))

    def with_columns_of(self, known: KnownFile) -> ImportForm:
        """With what a person said of the columns of that file."""
        return self._with_columns(known.corrections.columns, set(known.corrections.left_out))

    def as_ordered(self, order: ImportRequest) -> ImportForm:
        """To go where an order sent the same file."""
        said = {name: getattr(order.options, name) for name in READING}
        form = self.reading_as({name: value for name, value in said.items() if value is not None})
        limit = "" if order.reject_limit is None else str(order.reject_limit)
        dataset = order.dataset if order.owner is None else f"{order.owner}:{order.dataset}"
        return replace(form, dataset=dataset, mode=order.mode, key=tuple(order.key), reject_limit=limit)

    def with_columns_ordered(self, order: ImportRequest) -> ImportForm:
        specs = order.options.columns
        if specs is None:
            return self
        wanted = {spec.source or spec.name for spec in specs}
        return self._with_columns(specs, {column.source for column in self.columns} - wanted)

    def _with_columns(self, specs: Sequence[ColumnSpec], left_out: Collection[str]) -> ImportForm:
        said = {spec.source or spec.name: spec for spec in specs}
        columns = [
            replace(as_said(column, said.get(column.source)), keep=column.source not in left_out)
            for column in self.columns
        ]
        return replace(self, columns=tuple(columns))

    def after(self, preview: Preview) -> ImportForm:
        """The form with what the preview found; what a person said of a column stays with that column."""
        before = {column.source: column for column in self.columns}
        columns = [found_column(found, before.get(found.source)) for found in preview.columns]
        reading = {
            "encoding": preview.encoding or "",
            "delimiter": preview.delimiter or "",
            "quote": preview.quote or "none",
            "header": "yes" if preview.header else "no",
            "sheet": preview.sheet or "",
            "member": preview.options.member or "",
            "skip_rows": str(preview.skip_rows),
            "pad_short_rows": "yes" if preview.options.pad_short_rows else "no",
            "leave_out_totals": "yes" if preview.options.leave_out_totals else "no",
        }
        return replace(self, columns=tuple(columns), reading=reading)


def _as_posted(value: object) -> str:
    """An option as the form's field has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"  # the empty quote
