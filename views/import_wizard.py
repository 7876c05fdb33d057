"""What the page of the wizard shows of a look at a file, and of what is wrong with the form."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from server.datasets.dataset import Dataset
from server.datasets.file_work import Preview
from server.datasets.schema import COLUMN_TYPES
from server.errors import FieldError, JinduError
from server.http.parts import operations_of
from server.uploads.files import Upload
from views.context import formats_for
from views.field_errors import errors_by_field
from views.import_checks import FIELDS_OF_CHECKS
from views.import_columns import column_errors
from views.import_form import DELIMITERS, ENCODINGS, READING
from views.import_look import LookAtFile
from views.import_marks import card_rows, marked_cells
from views.import_problems import MISTAKE, doubts_by_place, is_doubtful, problems_of

_MOST_OFFERED = 1_000
_SHOWN_CELLS = 6_000  # a preview of more is slow in the browser; few rows of many columns say enough
_LEAST_ROWS = 5


def wizard_values(
    request: web.Request, upload: Upload, look: LookAtFile, existing: Sequence[Dataset]
) -> dict[str, Any]:
    rows = _shown_rows(look.preview)
    marked = marked_cells(look.form.columns, rows)
    return {
        "upload": upload,
        "form": look.form,
        "reading": {name: look.form.reading.get(name, "") for name in READING},
        "preview": look.preview,
        "difference": look.difference,
        "known": look.known,
        "rows": rows,
        "marked": marked,
        "card_rows": card_rows(len(rows), len(look.form.columns), marked),
        "existing": {dataset.name: dataset.version for dataset in existing},
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS,
        "column_types": COLUMN_TYPES,
        "check_fields": FIELDS_OF_CHECKS,
        "columns_to_refer_to": _columns_to_refer_to(existing),
        "reject_limit": operations_of(request).imports.reject_limit,
        **problem_values(request, look, look.problem, column_errors(look.form.columns) if look.preview else ()),
    }


def _columns_to_refer_to(existing: Sequence[Dataset]) -> list[str]:
    """Offered while one is typed."""
    names = (f"{dataset.name}.{column.name}" for dataset in existing for column in dataset.columns)
    return list(itertools.islice(names, _MOST_OFFERED))


def _shown_rows(preview: Preview | None) -> Sequence[Sequence[str | None]]:
    if preview is None:
        return ()
    return preview.rows[: max(_LEAST_ROWS, _SHOWN_CELLS // max(1, len(preview.columns)))]


class _FieldTexts(dict[str, str]):
    """Error texts by field; most fields have none."""

    def __missing__(self, field: str) -> str:
        return ""


def problem_values(
    request: web.Request, look: LookAtFile, problem: JinduError | None, more: Sequence[FieldError] = ()
) -> dict[str, Any]:
    """`errors` by field, in the reader's language; `problem` is what has no field; `to_look_at` is told in chips."""
    errors = _FieldTexts(errors_by_field(request, problem, more))
    if problem is not None and problem.specific_code == "dataset_exists":
        errors["dataset"] = problem.translated(formats_for(request).gettext)
    to_look_at = problems_of(look.form.columns, look.preview.warnings if look.preview else (), errors)
    return {
        "problem": problem,
        "errors": errors,
        "to_look_at": to_look_at,
        "mistaken": {one.place for one in to_look_at if one.code == MISTAKE},
        "doubts": doubts_by_place(to_look_at, len(look.form.columns)),
        "is_doubtful": is_doubtful(to_look_at) or look.preview is None,
    }
