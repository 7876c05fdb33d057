"""The checks of a column as the wizard's form has them: texts in fields, and what they say as `ColumnSpec`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from server.datasets.schema import ColumnSpec, Reference
from server.errors import FieldError
from server.numerals import whole_number

# `mei:customers.id`; names of datasets have neither dot nor colon, those of users and columns may have both.
_REFERENCE = re.compile(r"(?:(?P<owner>.+?):)?(?P<dataset>[^.:\s]+)\s*\.\s*(?P<column>.+)")
FIELDS_OF_CHECKS = ("min", "max", "min_length", "max_length", "pattern", "one_of", "reference")
_LENGTHS = ("min_length", "max_length")
_MOST_LENGTH = 1_000_000
_BETWEEN_VALUES = re.compile("[,，\n]")


def is_about_checks(errors: Iterable[FieldError]) -> bool:
    return any(error.field.rpartition(".")[2] in FIELDS_OF_CHECKS for error in errors)


def posted_checks(posted: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Those that somebody wrote something into."""
    texts = {name: posted.get(f"{prefix}{name}", "").strip()[:1000] for name in FIELDS_OF_CHECKS}
    return {name: text for name, text in texts.items() if text}


def said_checks(checks: Mapping[str, str]) -> dict[str, Any]:
    """As `ColumnSpec` takes them; what is nonsense is left out, for `check_errors` to tell."""
    said: dict[str, Any] = {name: text for name, text in checks.items() if name in ("min", "max", "pattern")}
    lengths = {name: whole_number(checks.get(name, ""), at_most=_MOST_LENGTH) for name in _LENGTHS}
    said |= {name: length for name, length in lengths.items() if length is not None}
    if "one_of" in checks:
        said["one_of"] = [value.strip() for value in _BETWEEN_VALUES.split(checks["one_of"]) if value.strip()]
    if (reference := _reference(checks)) is not None:
        said["reference"] = reference
    return said


def check_errors(checks: Mapping[str, str]) -> list[FieldError]:
    """What of it cannot be meant; the fields are the names of the checks."""
    errors = [
        FieldError(field=name, message="Write a whole number.")
        for name in _LENGTHS
        if name in checks and whole_number(checks[name], at_most=_MOST_LENGTH) is None
    ]
    if "reference" in checks and _reference(checks) is None:
        errors.append(FieldError(field="reference", message="Write the dataset and its column: customers.id"))
    return errors


def checks_of(spec: ColumnSpec) -> dict[str, str]:
    """The other way round."""
    texts = {name: getattr(spec, name) for name in ("min", "max", "min_length", "max_length", "pattern")}
    checks = {name: str(value) for name, value in texts.items() if value is not None}
    if spec.one_of is not None:
        checks["one_of"] = ", ".join(spec.one_of)
    if spec.reference is not None:
        owner = f"{spec.reference.owner}:" if spec.reference.owner else ""
        checks["reference"] = f"{owner}{spec.reference.dataset}.{spec.reference.column}"
    return checks


def _reference(checks: Mapping[str, str]) -> Reference | None:
    said = _REFERENCE.fullmatch(checks.get("reference", "").strip())
    return None if said is None else Reference(dataset=said["dataset"], column=said["column"], owner=said["owner"])
