"""The columns in the import wizard's form, and what of each goes to the preview and to the import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from server.datasets.day_cells import DATE_FORMATS
from server.datasets.file_work import PreviewColumn
from server.datasets.number_cells import NUMBER_FORMATS
from server.datasets.schema import COLUMN_TYPES, NUMERIC_TYPES, TEMPORAL_TYPES, ColumnSpec, ColumnType
from server.errors import FieldError
from views.import_checks import check_errors, checks_of, posted_checks, said_checks

_SAID = frozenset({"type", "format"})
_USUAL_FORMATS = (NUMBER_FORMATS["."], DATE_FORMATS["YMD"])


@dataclass(frozen=True, slots=True, kw_only=True)
class FormColumn:
    """One column as the form shows it. `source` is its name in the file.

    `said` is what a person chose of `type` and `format`, the rest is found out; `accepted` are the codes of warnings
    that they called right.
    """

    source: str
    name: str
    type: ColumnType
    format: str | None = None
    keep: bool = True
    required: bool = False
    unique: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)  # the others of `FIELDS_OF_CHECKS`, as they were written
    said: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
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
    def unusual_format(self) -> str:
        """How the values are written, where a reader would not expect it."""
        is_usual = self.format in (None, *_USUAL_FORMATS) or not self.formats
        return "" if is_usual else str(self.format)

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

    @property
    def said_spec(self) -> ColumnSpec:
        """Without what was only found: it is found again, and what is doubtful stays so until somebody decides."""
        spec = self.spec
        return msgspec.structs.replace(
            spec,
            type=spec.type if self.said else None,
            format=spec.format if "format" in self.said else None,
        )


def posted_columns(posted: Mapping[str, str]) -> list[FormColumn]:
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
                said=_SAID & _words(posted.get(f"{prefix}said", "")),
                accepted=_words(posted.get(f"{prefix}accepted", "")),
            )
        )
    return columns


def found_column(found: PreviewColumn, known: FormColumn | None) -> FormColumn:
    """As the preview found it; what a person said of the column of that name in the file stays with it."""
    column = FormColumn(
        source=found.source,
        name=found.name,
        type=found.type,
        format=found.format,
        nulls=found.nulls,
        misfits=found.misfits,
    )
    if known is None:
        return column
    return replace(
        column,
        name=known.name,
        keep=known.keep,
        required=known.required,
        unique=known.unique,
        checks=known.checks,
        said=known.said if found.type == known.type else frozenset(),
        accepted=known.accepted,
    )


def as_said(column: FormColumn, spec: ColumnSpec | None) -> FormColumn:
    """With what a person said of such a column before."""
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
        said=frozenset(name for name in _SAID if getattr(spec, name) is not None),
    )


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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) - {""}
