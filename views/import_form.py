"""The import wizard's form: what stands in it, and what of it goes to the preview and to the import."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast, get_args

import msgspec

from server.datasets.cells import (
    DATE_FORMATS,
    NULL_WORDS,
    NUMBER_FORMATS,
    is_no_amount,
    mark_of,
    order_of,
    plain,
    read_date,
    read_instant,
    read_moment,
    read_number,
    read_truth,
    unguarded,
)
from server.datasets.dataset import Mode
from server.datasets.reject_limits import is_percent
from server.datasets.schema import COLUMN_TYPES, NUMERIC_TYPES, TEMPORAL_TYPES, ColumnSpec, ColumnType, ReadOptions
from server.datasets.work import Preview
from server.errors import FieldError, InvalidInput
from server.numerals import whole_number
from server.operations.imports import ImportRequest, KnownFile
from views.import_checks import check_errors, checks_of, posted_checks, said_checks

READING = (
    "encoding", "delimiter", "quote", "header", "sheet", "member", "skip_rows", "pad_short_rows", "leave_out_totals",
)  # fmt: skip
_YES_OR_NO = {"yes": True, "no": False}
ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5", "shift_jis", "euc-kr", "windows-1252", "iso-8859-1")
DELIMITERS = (",", ";", "\t", "|", "  ")
_MOST_SKIPPED_ROWS = 1_000
_MARKED_COLUMNS = 100  # whose cells are checked while the page is made; more would be felt


@dataclass(frozen=True, slots=True, kw_only=True)
class FormColumn:
    """One column as the form shows it. `source` is its name in the file."""

    source: str
    name: str
    type: ColumnType
    format: str | None = None
    keep: bool = True
    required: bool = False
    unique: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)  # the others of `FIELDS_OF_CHECKS`, as they were written
    nulls: int = 0
    misfits: int = 0

    @property
    def formats(self) -> Sequence[str]:
        """How values of this type may be written, the present way among them."""
        known: Mapping[Any, str] = {}
        if self.type in NUMERIC_TYPES:
            known = NUMBER_FORMATS
        elif self.type in TEMPORAL_TYPES:
            known = DATE_FORMATS
        return list(dict.fromkeys([*([self.format] if self.format and known else []), *known.values()]))

    @property
    def spec(self) -> ColumnSpec:
        return ColumnSpec(
            name=self.name,
            source=self.source,
            type=self.type,
            format=self.format if self.formats else None,
            required=self.required,
            unique=self.unique,
            **said_checks(self.checks),
        )


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
            columns=tuple(_columns(posted)),
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

    @property
    def options_with_columns(self) -> ReadOptions:
        """Also all columns, left out ones too: the preview goes on showing them."""
        specs = [column.spec for column in self.columns]
        return msgspec.structs.replace(self.options, columns=specs or None)

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
            dataset=self.dataset,
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
        return replace(form, dataset=order.dataset, mode=order.mode, key=tuple(order.key), reject_limit=limit)

    def with_columns_ordered(self, order: ImportRequest) -> ImportForm:
        specs = order.options.columns
        if specs is None:
            return self
        wanted = {spec.source or spec.name for spec in specs}
        return self._with_columns(specs, {column.source for column in self.columns} - wanted)

    def _with_columns(self, specs: Sequence[ColumnSpec], left_out: Collection[str]) -> ImportForm:
        said = {spec.source or spec.name: spec for spec in specs}
        columns = [
            replace(_as_said(column, said.get(column.source)), keep=column.source not in left_out)
            for column in self.columns
        ]
        return replace(self, columns=tuple(columns))

    def after(self, preview: Preview) -> ImportForm:
        """The form with what the preview found; what a person said of a column stays with that column."""
        before = {column.source: column for column in self.columns}
        columns = []
        for found in preview.columns:
            column = FormColumn(
                source=found.source,
                name=found.name,
                type=found.type,
                format=found.format,
                nulls=found.nulls,
                misfits=found.misfits,
            )
            known = before.get(found.source)
            if known is not None:
                column = replace(
                    column,
                    name=known.name,
                    keep=known.keep,
                    required=known.required,
                    unique=known.unique,
                    checks=known.checks,
                )
            columns.append(column)
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


def column_errors(columns: Sequence[FormColumn]) -> list[FieldError]:
    """Names that are missing or used twice; SQL does not tell Name from name."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    kept = [(place, column) for place, column in enumerate(columns) if column.keep]
    if columns and not kept:
        errors.append(FieldError(field="columns", message="Keep at least one column."))
    for place, column in kept:
        name = column.name.strip()
        if not name:
            errors.append(FieldError(field=f"c{place}.name", message="Give the column a name, or leave it out."))
        elif name.casefold() in seen:
            errors.append(
                FieldError(
                    field=f"c{place}.name", message="The name “{name}” is used twice.", parameters={"name": name}
                )
            )
        seen.add(name.casefold())
        errors += [
            FieldError(field=f"c{place}.{error.field}", message=error.message, parameters=error.parameters)
            for error in check_errors(column.checks)
        ]
    return errors


def marked_cells(form: ImportForm, preview: Preview) -> set[tuple[int, int]]:
    """(row, column) of the shown cells that do not fit their column's type and would be rejected."""
    marked: set[tuple[int, int]] = set()
    for place, column in enumerate(form.columns[:_MARKED_COLUMNS]):
        if column.type == "text" or not column.misfits or not column.keep:
            continue
        for number, row in enumerate(preview.rows):
            cell = row[place] if place < len(row) else None
            if cell is not None and not _fits(cell, column):
                marked.add((number, place))
    return marked


def _fits(cell: str, column: FormColumn) -> bool:
    cell = unguarded(cell)
    if plain(cell).lower() in NULL_WORDS:
        return True
    if column.type == "boolean":
        return read_truth(cell) is not None
    if column.type == "date":
        return read_date(cell, order_of(column.format)) is not None
    if column.type == "datetime":
        return read_moment(cell, order_of(column.format)) is not None
    if column.type == "timestamp":
        return read_instant(cell, order_of(column.format)) is not None
    number = read_number(cell, mark_of(column.format))
    if number is None:
        return is_no_amount(cell)
    return column.type != "integer" or number == number.to_integral_value()


def _columns(posted: Mapping[str, str]) -> list[FormColumn]:
    columns: list[FormColumn] = []
    while f"c{len(columns)}.source" in posted:
        prefix = f"c{len(columns)}."
        kind = posted.get(f"{prefix}type", "text")
        columns.append(
            FormColumn(
                source=posted[f"{prefix}source"],
                name=posted.get(f"{prefix}name", "").strip()[:200],
                type=kind if kind in COLUMN_TYPES else "text",
                format=posted.get(f"{prefix}format", "")[:40] or None,
                keep=f"{prefix}keep" in posted,
                required=f"{prefix}required" in posted,
                unique=f"{prefix}unique" in posted,
                checks=posted_checks(posted, prefix),
            )
        )
    return columns


def _as_posted(value: object) -> str:
    """An option as the form's field has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"  # the empty quote


def _as_said(column: FormColumn, spec: ColumnSpec | None) -> FormColumn:
    if spec is None:
        return column
    return replace(
        column,
        name=spec.name,
        type=spec.type or column.type,
        format=spec.format,
        required=spec.required,
        unique=spec.unique,
        checks=checks_of(spec),
    )
