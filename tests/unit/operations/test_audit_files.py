"""The audit log as a file: every program that reads CSV or JSON lines gets what was done, and runs none of it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from server.auth.audit import AuditLine, AuditOutcome, Via
from server.clock import utc_now
from server.operations.audit_files import AuditFormat, encoder_of, told_fields


def line(subject: str, **detail: object) -> AuditLine:
    return AuditLine(
        id=7,
        at=utc_now(),
        via=Via.SESSION,
        user_id="u",
        user_name="@alice",
        token_id=None,
        action="dataset.change",
        outcome=AuditOutcome.DONE,
        subject=subject,
        subject_id="d",
        detail=detail,
        address="10.0.0.1",
    )


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "@SUM(1)", "-1+1", "\t=1", "'=1", "＝1"])
def test_no_cell_of_a_csv_file_is_a_formula(text: str) -> None:
    encoder = encoder_of(AuditFormat.CSV)
    told = (encoder.head + encoder.encode([line(text, fields=["name"])])).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(told, newline=""))
    assert row["subject"] == f"'{text}"
    assert row["user_name"] == "'@alice"
    assert json.loads(row["detail"]) == {"fields": ["name"]}
    assert list(row) == list(told_fields(line(text)))


def test_a_line_of_json_says_it_as_the_api_does() -> None:
    encoder = encoder_of(AuditFormat.JSON_LINES)
    told = encoder.head + encoder.encode([line("two\nlines"), line("=1+1")])
    first, second = map(json.loads, told.decode().splitlines())
    assert (first["subject"], first["detail"], first["thing"]) == ("two\nlines", {}, "dataset")
    assert (second["subject"], second["token_id"]) == ("=1+1", None)
