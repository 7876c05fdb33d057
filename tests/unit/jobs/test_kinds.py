"""Kinds of jobs: what each says of itself exists where it is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.app.parts import build_parts
from server.jobs.job import State
from server.jobs.kinds import JobKind, JobKinds
from server.places import STATIC
from server.realtime.protocol import SERVER_MESSAGES
from server.settings import Settings
from tests.unit.jobs.test_job import job

NAMES = [
    "demonstration",
    "external",
    "file_upload",
    "file_fetch",
    "data_import",
    "import_check",
    "import_correction",
    "batch_report",
    "scheduled_import",
    "scheduled_query",
    "scheduled_backup",
]


@pytest.fixture
def kinds(tmp_path: Path) -> JobKinds:
    return build_parts(Settings(data=tmp_path)).jobs.kinds


def test_the_house_knows_its_kinds(kinds: JobKinds) -> None:
    assert sorted(kinds.names()) == sorted(NAMES)
    assert [name for name in kinds.names() if kinds[name].is_external] == ["external"]


@pytest.mark.parametrize("name", NAMES)
def test_messages_and_icons_of_each_kind_exist(kinds: JobKinds, name: str) -> None:
    kind = kinds[name]
    assert kind.message in {message.__struct_config__.tag for message in SERVER_MESSAGES}
    done = job(kind=name, state=State.SUCCEEDED, parameters=PARAMETERS, result=RESULT)
    icons = {kind.icon, *(link.icon for link in kind.links(done))}
    assert [icon for icon in icons if not list(STATIC.glob(f"vendor/lucide-static-*/{icon}.svg"))] == []


PARAMETERS = {
    "batch_id": "b",
    "upload_id": "u",
    "import_id": "i",
    "dataset": "a b",
    "mode": "append",
    "rows": {"3": ["x", None]},
}
RESULT = {"dataset": "a b", "rejected_count": 3, "url": "https://example.com/r"}


@pytest.mark.parametrize(
    ("name", "urls"),
    [
        ("data_import", ["/datasets/a%20b", "/imports/j"]),
        ("import_check", ["/imports/j"]),
        ("import_correction", ["/datasets/a%20b", "/imports/i/correct"]),
        ("batch_report", ["/batches/b"]),
        ("file_upload", ["/imports/new?upload=u"]),
        ("external", ["https://example.com/r"]),
        ("demonstration", []),
    ],
)
def test_links_lead_to_what_was_made(kinds: JobKinds, name: str, urls: list[str]) -> None:
    done = job(kind=name, state=State.SUCCEEDED, parameters=PARAMETERS, result=RESULT)
    assert [link.url for link in kinds[name].links(done)] == urls


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//example.com", 5, None, ["https://example.com"]])
def test_a_script_cannot_make_a_link_of_anything_else(kinds: JobKinds, url: object) -> None:
    assert kinds["external"].links(job(kind="external", result={"url": url})) == []


def test_a_kind_that_is_gone_is_shown_by_its_name() -> None:
    gone = JobKinds().shown("old_kind")
    assert (gone.label, gone.message, gone.can_retry) == ("old_kind", "job", False)
    assert JobKinds().find("old_kind") is None


def test_no_two_kinds_have_one_name() -> None:
    kind = JobKind(name="a", label="A", unit="rows", function=None)
    with pytest.raises(ValueError, match="two kinds"):
        JobKinds([kind, kind])
