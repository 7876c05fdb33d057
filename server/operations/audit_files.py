"""The audit log as a file: CSV that no spreadsheet program runs, or a JSON object a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from server.auth.audit import AuditLine
from server.clock import rfc3339
from server.datasets.formula_like import harmless
from server.operations.audited_things import thing_of

_ENCODER = msgspec.json.Encoder()


class AuditFormat(StrEnum):
    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def media_type(self) -> str:
        return {"csv": "text/csv", "jsonl": "application/x-ndjson"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEncoder:
    """`head` comes before all lines; `encode` may run in a thread."""

    head: bytes
    encode: Callable[[Sequence[AuditLine]], bytes]


def told_fields(line: AuditLine) -> dict[str, Any]:
    """A line by the names that the API, and the columns of a file, have for what is in it."""
    return {
        "id": line.id,
        "at": rfc3339(line.at),
        "via": line.via.value,
        "user_id": line.user_id,
        "user_name": line.user_name,
        "token_id": line.token_id,
        "action": line.action,
        "outcome": line.outcome.value,
        "thing": thing_of(line.action),
        "subject": line.subject,
        "subject_id": line.subject_id,
        "detail": line.detail,
        "address": line.address,
    }


_COLUMNS = (
    *("id", "at", "via", "user_id", "user_name", "token_id", "action", "outcome"),
    *("thing", "subject", "subject_id", "detail", "address"),
)


def encoder_of(file_format: AuditFormat) -> AuditEncoder:
    if file_format is AuditFormat.CSV:
        # With a mark of its encoding, without which Excel takes it for another one.
        return AuditEncoder(head=f"\ufeff{','.join(_COLUMNS)}\r\n".encode(), encode=_csv)
    return AuditEncoder(head=b"", encode=_json_lines)


def _csv(lines: Sequence[AuditLine]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for line in lines:
        writer.writerow([_cell(value) for value in told_fields(line).values()])
    return text.getvalue().encode()


def _cell(value: Any) -> str | int:
    if isinstance(value, int):
        return value
    if isinstance(value, dict):
        value = _ENCODER.encode(value).decode() if value else ""
    return harmless(value or "")


def _json_lines(lines: Sequence[AuditLine]) -> bytes:
    return b"".join(_ENCODER.encode(told_fields(line)) + b"\n" for line in lines)
